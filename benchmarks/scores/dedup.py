"""What finding copies costs as the corpus grows: the audit `sound_copies` over catalogs of 1 k, 10 k, ... fingerprints.

Fingerprints are real ones, perturbed: the spectral peaks of two real prompts, one after the other, each with its steps
in time in another order and its pitches moved a little, so that no two are alike and all are as crowded as real ones.
Of every hundred one is planted again with a tenth of its peaks lost.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.rows import Row, row
from curation.audit import run_audits
from manifests.audio import landmarks as marks
from manifests.schema import arrow_schema

EVERY = 100  # so many fingerprints have one copy
JITTER = 8  # bins
Peaks = tuple[np.ndarray, np.ndarray]


def perturbed(peaks: Sequence[Peaks], random: np.random.Generator) -> Peaks:
    """Frames and bins of a clip that nobody recorded: steps in time in another order, pitches moved one by one."""
    parts, begins = [], 0
    for times, pitches in (peaks[int(at)] for at in random.integers(len(peaks), size=2)):
        moved = np.clip(pitches + random.integers(-JITTER, JITTER + 1, len(pitches)), 0, marks.HIGH - marks.LOW - 1)
        steps = random.permutation(np.diff(times, prepend=0))
        parts.append((np.cumsum(steps) + begins, moved))
        begins = int(parts[-1][0].max(initial=0)) + 10
    return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])


def fingerprints(peaks: Sequence[Peaks], count: int, random: np.random.Generator) -> Iterator[tuple[str, str, str]]:
    """Id, marks and keys of so many clips; a copy's id ends in -copy."""
    for number in range(count):
        times, pitches = perturbed(peaks, random)
        yield f"c{number:07}", *_texts(times, pitches)
        if number % EVERY == 0:
            kept = random.random(len(times)) < 0.9
            yield f"c{number:07}-copy", *_texts(times[kept], pitches[kept])


def _texts(times: np.ndarray, pitches: np.ndarray) -> tuple[str, str]:
    pairs, at = marks._pairs(times, pitches)
    hashes, halved = marks._mixed(pairs), 0
    while np.count_nonzero(hashes % (1 << halved) == 0) > marks.KEPT:
        halved += 1
    kept = hashes % (1 << halved) == 0
    whole = marks.Landmarks(pairs[kept], at[kept], halved, marks._keys(times, pitches))
    return whole.text(), whole.key_text()


def measure_dedup(sounds: Sequence[np.ndarray], counts: Sequence[int], seed: int) -> list[Row]:
    """dedup_seconds_N, dedup_recall_N, dedup_false_N, and dedup_growth: seconds a fingerprint, last over first."""
    peaks = [marks._peaks(marks.soxr.resample(clip, 16_000, marks.RATE)) for clip in sounds]
    rows: list[Row] = []
    seconds = []
    for count in counts:
        with tempfile.TemporaryDirectory() as folder:
            copies = _write(Path(folder), fingerprints(peaks, count, np.random.default_rng(seed)))
            begun = time.process_time()
            (finding,) = run_audits(Path(folder), only=["sound_copies"], examples=count)
            seconds.append(time.process_time() - begun)
        found = {str(one["cut_id"]) for one in finding.examples}
        rows += [
            row(f"dedup_seconds_{count}", seconds[-1], None, "s of processor time"),
            row(f"dedup_recall_{count}", len(found & copies) / len(copies), None, "share of copies", better="high"),
            row(f"dedup_false_{count}", len(found - copies), None, "clips"),
        ]
    growth = (seconds[-1] / counts[-1]) / (seconds[0] / counts[0])
    return [*rows, row("dedup_growth", growth, None, "times as long a fingerprint")]


def _write(catalog: Path, rows: Iterator[tuple[str, str, str]]) -> set[str]:
    """A catalog of these fingerprints; ids of the copies."""
    cuts, labels = [], []
    for cut_id, whole, keys in rows:
        facts = {"corpus": "made", "split": "train", "domain": "asr", "task": "asr", "start": 0.0, "duration": 4.0}
        cuts.append(facts | {"cut_id": cut_id, "recording_id": cut_id, "manifest": "{}"})
        for name, text in (("landmarks", whole), ("landmark_keys", keys)):
            labels.append({"pass": "fingerprint", "cut_id": cut_id, "name": name, "text": text})
    for table, found in (("cuts", cuts), ("labels", labels)):
        path = catalog / table / "made" / "part.parquet"
        path.parent.mkdir(parents=True)
        pq.write_table(pa.Table.from_pylist(found, schema=arrow_schema(table)), path)
    return {one["cut_id"] for one in cuts if one["cut_id"].endswith("-copy")}
