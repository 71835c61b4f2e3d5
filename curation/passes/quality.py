"""How long, loud, silent and clipped each cut is; whether it is a copy.

Measured on the file's own samples before any resampling, which would hide clipping.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from curation.catalog.lines import lines_of
from curation.catalog.parts import LENIENT, cuts_query, map_splits
from curation.duck import open_memory
from curation.passes.base import SettledPass, label
from curation.passes.shards import Row, ShardResult, corpus_rows
from manifests.audio import CutSound, decode_channels, heard, seconds_after
from manifests.errors import AudioError, Rejected
from manifests.reasons import Reason
from manifests.rows import CUTS, row_files
from manifests.settings.makers import Maker
from manifests.units import SLACK, Seconds

FULL_SCALE = 0.99  # where flat tops are looked for: files are often turned down a little after clipping
FLAT = 1e-4  # neighbours this close at full scale are a flat top; a wave's crest is round
FLAT_RUN = 3  # samples
FRAME = 0.02  # seconds, of the silence measure
QUIETER = 10 ** (-40 / 20)  # a frame this far below the clip's loud frames is silent
LEAST_DBFS = -120.0  # stands for digital silence in tables


class Quality(SettledPass):
    """Labels duration, peak, rms_dbfs, silence_share, leading_silence, trailing_silence, clipped_share.

    Rejects silent, too_short, duplicate and clipped cuts; their labels are kept.
    """

    least_seconds: Seconds = 0.05
    """Shorter cuts are rejected."""
    floor_dbfs: float = -60.0
    """A cut without a sample above this level (dBFS) is silent."""
    most_clipped: float = 0.01
    """The largest share of clipped samples that is accepted."""

    name: ClassVar[str] = "quality"
    version: ClassVar[str] = "1"

    def rows(self, corpus_dir: Path) -> Iterator[Row]:
        """The corpus's cuts; a copy carries the id of its original as `custom["duplicate_of"]`."""
        kept = duplicates(corpus_dir)
        for row in corpus_rows(corpus_dir):
            original = kept.get(str(row.get("id")))
            if original is None:
                yield row
            else:
                yield {**row, "custom": {**(row.get("custom") or {}), "duplicate_of": original}}

    def label_shard(self, rows: list[Row]) -> ShardResult:
        """Measure each row."""
        return self.each(rows, self._measure)

    def _measure(self, row: Row, result: ShardResult) -> None:
        sound = CutSound.of_manifest(row)
        try:
            channels, rate = decode_channels(sound)
        except AudioError as error:
            if error.decoded is not None:  # short of what is claimed: the audit `duration_mismatch` shows both
                result.labels.append(label(self.name, row, "duration", error.decoded))
            raise
        samples = heard(sound, channels, rate)
        if len(samples) == 0:
            raise Rejected(Reason.too_short, "no samples")
        found = measure(samples[:, None], rate, channels)
        found["duration"] += _unclaimed(row, sound)
        result.labels += [label(self.name, row, name, value) for name, value in found.items()]
        self._judge(row, found, swing=float(np.ptp(samples)) / 2)

    def _judge(self, row: Row, found: dict[str, float], swing: float) -> None:
        floor = 10 ** (self.floor_dbfs / 20)
        if found["peak"] < floor:
            raise Rejected(Reason.silent, f"peak {dbfs(found['peak']):.0f} dBFS, the floor is {self.floor_dbfs:g}")
        if swing < floor:
            raise Rejected(Reason.silent, f"a constant of about {found['peak']:.3g}, it moves {dbfs(swing):.0f} dBFS")
        if found["duration"] < self.least_seconds:
            raise Rejected(Reason.too_short, f"{found['duration']:.3f} s, at least {self.least_seconds:g} s")
        if original := (row.get("custom") or {}).get("duplicate_of"):
            raise Rejected(Reason.duplicate, f"the same audio as {original}")
        if found["clipped_share"] > self.most_clipped:
            share = found["clipped_share"]
            raise Rejected(Reason.clipped, f"{share:.2%} of the samples clipped, at most {self.most_clipped:.2%}")


def _unclaimed(row: Row, sound: CutSound) -> Seconds:
    """Audio after the end of a cut that claims to end with its recording, up to a second: a manifest may lie."""
    claimed, end = (row.get("recording") or {}).get("duration"), sound.start + sound.duration
    if claimed is None or sound.transforms or end < float(claimed) - SLACK:
        return 0.0
    after = max(seconds_after(file.path, end) for file in sound.files)
    return after if after > SLACK else 0.0


PASS = Maker(Quality, lambda job: job)


def duplicates(corpus_dir: Path) -> dict[str, str]:
    """Cut id -> id of the first cut (by id) with the same bytes, heard the same way; copies only, so it is small."""
    files = row_files(corpus_dir, CUTS)
    with open_memory() as connection:
        map_splits(connection, corpus_dir.name, files)
        query = f"""
            WITH cuts AS (
              SELECT
                cut_id,
                manifest->>'$.custom.audio_sha256' AS sha256,
                [start::VARCHAR, duration::VARCHAR, manifest->>'channel', manifest->>'$.recording.transforms',
                  manifest->>'$.custom.channel_mode'] AS heard
              FROM ({cuts_query(connection, corpus_dir.name, LENIENT)})
              WHERE problem IS NULL AND sha256 IS NOT NULL
            ),
            firsts AS (
              SELECT cut_id, min(cut_id) OVER (PARTITION BY sha256, heard) AS original FROM cuts
            )
            SELECT cut_id, original FROM firsts WHERE cut_id <> original
        """
        with lines_of(connection, files):
            found: list[tuple[str, str]] = connection.execute(query).fetchall()
    return dict(found)


def measure(samples: NDArray[np.float32], rate: int, channels: NDArray[np.float32] | None = None) -> dict[str, float]:
    """The labels of a clip (N, 1) at `rate` Hz, N > 0; `peak` of a float or lossy file may be above 1.

    channels: (N, C) of a mixture, in which clipping shows before they are mixed.
    """
    loudness = frame_loudness(samples.mean(axis=1), rate)
    floor = max(10 ** (-60 / 20), QUIETER * float(np.percentile(loudness, 95)))
    silent = loudness < floor
    loud = np.flatnonzero(~silent)
    first, last = (loud[0], loud[-1] + 1) if len(loud) else (len(loudness), len(loudness))
    seconds = len(samples) / rate
    return {
        "duration": seconds,
        "peak": float(np.abs(samples).max()),
        "rms_dbfs": dbfs(float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))),
        "silence_share": float(silent.mean()),
        "leading_silence": min(seconds, float(first) * FRAME),
        "trailing_silence": max(0.0, seconds - float(last) * FRAME) if len(loud) else 0.0,
        "clipped_share": max(clipped_share(channel) for channel in (samples if channels is None else channels).T),
    }


def frame_loudness(mono: NDArray[np.float32], rate: int) -> NDArray[np.float64]:
    """Root mean square of each 20 ms of (N,); the last frame may be shorter."""
    width = max(1, round(FRAME * rate))
    borders = np.arange(0, len(mono), width)
    energy = np.add.reduceat(np.square(mono, dtype=np.float64), borders)
    lengths = np.diff(np.append(borders, len(mono)))
    loudness: NDArray[np.float64] = np.sqrt(energy / lengths)
    return loudness


def clipped_share(channel: NDArray[np.float32]) -> float:
    """Share of samples (N,) that are clipped: in flat tops at full scale, or beyond it.

    A lossy codec turns flat tops into wiggles that reach beyond full scale, so both count.
    """
    size = np.abs(channel)
    high = size >= FULL_SCALE
    flat = np.zeros(len(channel) + 1, dtype=np.int8)  # edge i stands between samples i - 1 and i
    flat[1:-1] = high[1:] & high[:-1] & (np.abs(np.diff(channel)) < FLAT)
    steps = np.diff(flat, append=0)
    starts, ends = np.flatnonzero(steps == 1), np.flatnonzero(steps == -1)  # samples start .. end of a flat top
    clipped = size > 1.0
    for start, end in zip(starts, ends, strict=True):
        if end - start + 1 >= FLAT_RUN:
            clipped[start : end + 1] = True
    return float(clipped.mean())


def dbfs(amplitude: float) -> float:
    """Decibels relative to full scale."""
    return max(LEAST_DBFS, 20.0 * float(np.log10(max(amplitude, 1e-12))))
