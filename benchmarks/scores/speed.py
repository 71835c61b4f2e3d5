"""Audio hours that a pass labels in an hour, on 1 and on 2 workers, their start left out by a first small run."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile

from benchmarks.rows import Row, row
from curation.passes import make_pass
from curation.passes.runner import run_pass
from curation.passes.workers import WorkerPool
from manifests import CorpusInfo
from manifests.files import write_json, write_jsonl

PASSES = ("quality", "fingerprint", "hallucination", "language", "speech", "tag", "speaker", "agree", "mos")
WORKERS = (1, 2)


def made_corpus(folder: Path, sounds: Sequence[np.ndarray], texts: Sequence[str]) -> Path:
    """A prepared corpus of these clips (N,), 16 kHz, and what is said in them."""
    rows = []
    folder.mkdir(parents=True)
    for number, (samples, text) in enumerate(zip(sounds, texts, strict=True)):
        name, seconds = f"{folder.name}-{number:04}", len(samples) / 16_000
        soundfile.write(folder / f"{name}.wav", samples, 16_000)
        recording = {"id": name, "sampling_rate": 16_000, "num_samples": len(samples), "duration": seconds}
        source = {"type": "file", "channels": [0], "source": str(folder / f"{name}.wav")}
        said = {"id": name, "recording_id": name, "start": 0.0, "duration": seconds, "channel": 0}
        custom = {"corpus": folder.name, "split": "train", "task": "asr", "domain": "asr", "license": "CC-BY-SA-3.0"}
        rows.append(
            {"id": name, "start": 0.0, "duration": seconds, "channel": 0, "type": "MonoCut", "custom": custom}
            | {"supervisions": [said | {"text": text, "language": "en"}]}
            | {"recording": recording | {"sources": [source], "channel_ids": [0]}}
        )
    write_jsonl(folder / "cuts.jsonl.gz", rows)
    hours = sum(map(len, sounds)) / 16_000 / 3600
    info = CorpusInfo(folder.name, folder.name, "CC-BY-SA-3.0", "nobody", len(rows), 0, 0, hours)
    write_json(folder / "corpus.json", info.row())
    return folder


def measure_speed(sounds: Sequence[np.ndarray], texts: Sequence[str], passes: Sequence[str] = PASSES) -> list[Row]:
    """PASS_hours_WORKERS."""
    rows = []
    with tempfile.TemporaryDirectory() as place:
        small = made_corpus(Path(place) / "small", sounds[:4], texts[:4])
        whole = made_corpus(Path(place) / "whole", sounds, texts)
        for workers in WORKERS:
            with WorkerPool(workers=workers) as pool:
                for name in passes:
                    labels = Path(place) / f"labels-{workers}"
                    run_pass(make_pass(name), small, labels, shard_size=1, pool=pool)  # loads the models
                    done = run_pass(make_pass(name), whole, labels, shard_size=8, pool=pool)
                    speed = done.seconds / done.wall_seconds
                    rows.append(row(f"{name}_hours_{workers}", speed, None, "audio hours an hour", better="high"))
    return rows
