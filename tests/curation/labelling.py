"""Small corpora and passes for the tests of the labelling passes. Importable, so that Dask workers can load them."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow.parquet as pq

from curation.passes.base import CorpusPass, label
from curation.passes.shards import Row, ShardResult
from manifests.errors import Rejected
from manifests.files import read_json, write_json, write_jsonl, write_text
from manifests.fingerprint import file_sha256
from manifests.reasons import Reason


def cut(
    cut_id: str,
    *,
    audio: Path | None = None,
    seconds: float = 1.0,
    text: str | None = "one",
    language: str | None = "en",
    task: str = "asr",
    sha256: str | None = "",
    **custom: Any,
) -> Row:
    """One manifest row, as Lhotse writes a MonoCut. `sha256`: "" takes the file's, None leaves it out."""
    fingerprint = (file_sha256(audio) if audio and audio.is_file() else "0" * 64) if sha256 == "" else sha256
    source = str(audio or f"/nowhere/{cut_id}.wav")
    supervision = {"id": cut_id, "recording_id": cut_id, "start": 0.0, "duration": seconds, "channel": 0}
    return {
        "id": cut_id,
        "start": 0.0,
        "duration": seconds,
        "channel": 0,
        "supervisions": [supervision | {"text": text, "language": language}],
        "recording": {
            "id": cut_id,
            "sources": [{"type": "file", "channels": [0], "source": source}],
            "sampling_rate": 16000,
            "num_samples": round(seconds * 16000),
            "duration": seconds,
            "channel_ids": [0],
        },
        "custom": {
            "corpus": "made",
            "split": "train",
            "task": task,
            "domain": task,
            "license": "CC0-1.0",
            **({} if fingerprint is None else {"audio_sha256": fingerprint}),
            **custom,
        },
        "type": "MonoCut",
    }


def of_channels(row: Row, channel: int | list[int], *, count: int = 2, mode: str | None = None) -> Row:
    """The row as one of a recording with `count` channels, of which it hears `channel`."""
    source = {**row["recording"]["sources"][0], "channels": list(range(count))}
    recording = {**row["recording"], "sources": [source], "channel_ids": list(range(count))}
    said = [{**supervision, "channel": channel} for supervision in row["supervisions"]]
    custom = row["custom"] if mode is None else {**row["custom"], "channel_mode": mode}
    kind = "MultiCut" if isinstance(channel, list) else "MonoCut"
    facts = {"type": kind, "channel": channel, "supervisions": said, "recording": recording, "custom": custom}
    return {**row, **facts}


def write_made(folder: Path, rows: Iterable[Row]) -> Path:
    """A prepared corpus with these cuts."""
    rows = list(rows)
    write_jsonl(folder / "cuts.jsonl.gz", rows)
    info = {"name": folder.name, "title": "made", "license": "CC0-1.0", "makers": "tests"}
    write_json(folder / "corpus.json", info | {"cuts": len(rows), "texts": 0, "rejects": 0, "hours": 0.0})
    return folder


def table(folder: Path, name: str) -> list[Row]:
    """All rows of a pass's table, in corpus order."""
    keys = read_json(folder / "pass.json")["shards"]
    paths = [folder / f"{name}-{key}.parquet" for key in keys]
    return [row for path in paths if path.is_file() for row in pq.read_table(path).to_pylist()]


def tone(seconds: float, rate: int = 16000, *, level: float = 0.5) -> np.ndarray:
    """A sine at 220 Hz, float32."""
    times = np.arange(round(seconds * rate)) / rate
    return (level * np.sin(2 * np.pi * 220 * times)).astype(np.float32)


@dataclass(frozen=True)
class Counting(CorpusPass):
    """Labels a cut with the length of its id; odd things happen to cuts that `fates` names.

    Every labelled cut is noted in `log`. Fates: reject, raise, forget, die_once, die, kill_driver, hold_once (until
    it is killed: its process is in ID.flag).
    """

    log: Path
    fates: Mapping[str, str]
    tune: int = 0
    name: ClassVar[str] = "counting"
    version: ClassVar[str] = "1"

    @property
    def settings(self) -> dict[str, Any]:
        return {"tune": self.tune}

    def label_shard(self, rows: list[Row]) -> ShardResult:
        result = ShardResult()
        for row in rows:
            reject = self.attempt(row, lambda row: self._label(row, result))
            if reject:
                result.rejects.append(reject)
        return result

    def _label(self, row: Row, result: ShardResult) -> None:
        fate = self.fates.get(row["id"])
        flag = self.log.with_name(f"{row['id']}.flag")
        with self.log.open("a") as stream:
            stream.write(row["id"] + "\n")
        if fate == "reject":
            raise Rejected(Reason.too_short, "as told")
        if fate == "raise":
            raise RuntimeError("as told")
        if fate == "die" or (fate == "die_once" and not flag.exists()):
            flag.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if fate == "kill_driver" and not flag.exists():
            flag.touch()
            os.kill(os.getppid(), signal.SIGKILL)
        if fate == "hold_once" and not flag.exists():
            write_text(flag, str(os.getpid()))
            while True:
                time.sleep(60)
        if fate != "forget":
            result.labels.append(label(self.name, row, "length", float(len(row["id"]) + self.tune)))


def plain_rows(count: int) -> Iterator[Row]:
    """Cuts whose audio nobody reads."""
    return (cut(f"made-{number:04}") for number in range(count))
