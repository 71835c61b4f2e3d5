"""A small workspace that the real steps made, ways to damage a file of it, and what the commands then say."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from lhotse import AudioSource, Recording

from curation.catalog import build
from curation.passes.base import label
from curation.passes.runner import run_pass
from curation.passes.shards import Row, ShardResult, corpus_rows
from curation.plan import make_plan
from curation.plan.mixture import Mixture
from manifests.reasons import Reason
from manifests.rows import CorpusInfo, Reject, TextRow, speech_cut, write_corpus
from soundwave import cli
from soundwave.train.loop import train
from soundwave.train.settings import StageSettings
from tests.soundwave.train.stopping import Killed, kill_at

ENCODER = "moonshine-tiny-en"
WORDS = ("press", "one", "to", "hear", "the", "message", "pound", "key")
CORPORA = ("one", "two")
APP = functools.cache(cli.build_app)  # it takes longer to make than most commands here take to run


@dataclass(frozen=True)
class Everything:
    """A pass that writes every kind of part: words, labels, rejects, features and a matrix."""

    name: ClassVar[str] = "encode"
    version: ClassVar[str] = "1"
    settings: ClassVar[Mapping[str, Any]] = {}

    def check(self) -> None:
        pass

    def rows(self, corpus_dir: Path) -> Iterator[Row]:
        return corpus_rows(corpus_dir)

    def label_shard(self, rows: list[Row]) -> ShardResult:
        found = ShardResult(rejects=[Reject(rows[0]["id"], "one", self.name, Reason.silent, "told")])
        matrices = []
        for number, row in enumerate(rows[1:]):
            word = {"cut_id": row["id"], "backend": "test", "symbol": "one", "score": -1.0}
            found.words.append(word | {"position": 0, "start": 0.0, "duration": 0.5})
            found.labels.append(label(self.name, row, "frames", 40.0))
            place = {"cut_id": row["id"], "encoder": ENCODER, "variant": "plain", "offset": 40 * number}
            found.features.append(place | {"frames": 40, "dim": 12, "frame_rate": 40.0})
            matrices.append(np.random.default_rng(len(row["id"]) + number).normal(size=(40, 12)))
        found.matrix = np.concatenate(matrices).astype(np.float16)
        return found


def make(root: Path, stage_values: Callable[..., dict[str, Any]]) -> Path:
    """Two corpora, their labels, a catalog, two plans, two finished runs and two that were stopped."""
    for number, name in enumerate(CORPORA):
        _write_corpus(root / "corpora" / name, name, cuts=10 + number)
    label_again(root)
    build(root / "corpora", root / "labels", root / "catalog")
    for seed, name in enumerate(CORPORA):
        plan_again(root, name, seed)
    for seed, name in enumerate(CORPORA):
        values = {"steps": 3, "checkpoint_every": 1, "seed": seed}
        settings = StageSettings(**stage_values("alignment", **values))
        plan = root / "mixtures" / name
        train(settings, plan=plan, output=root / "runs" / name)
        with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):
            kill_at(patch, 2)
            train(settings, plan=plan, output=root / "stopped" / name)
    return root


def label_again(root: Path) -> None:
    """Run the pass over both corpora."""
    for name in CORPORA:
        run_pass(Everything(), root / "corpora" / name, root / "labels", workers=0)


def plan_again(root: Path, name: str, seed: int, *, aside: bool = False) -> None:
    """Make a plan, or find that it is there; aside: one of another mixture is moved away."""
    query = "SELECT cut_id, task AS domain FROM accepted WHERE split = 'train' AND task = 'asr'"
    asked = {"name": name, "stage": "alignment", "query": query, "shares": {"asr": 1.0}, "unit": "samples"}
    asked |= {"budget": 12, "max_repeats": 8, "batch": {"seconds": 4}, "window": 2, "seed": seed}
    make_plan(Mixture.model_validate(asked), root / "catalog", root / "mixtures" / name, aside=aside)


def _write_corpus(folder: Path, name: str, *, cuts: int) -> None:
    rows = []
    for number in range(cuts):
        key = f"{name}-{number:02d}"
        source = AudioSource(type="file", channels=[0], source=f"{key}.wav")
        recording = Recording(id=key, sources=[source], sampling_rate=16000, num_samples=16000, duration=1.0)
        text = " ".join(WORDS[(number + place) % len(WORDS)] for place in range(3))
        facts = {"corpus": name, "split": "train", "task": "asr", "license": "CC0-1.0", "audio_sha256": "0" * 64}
        rows.append(speech_cut(cut_id=key, recording=recording, text=text, language="en", **facts))
    texts = [TextRow(f"{name}-text", name, "train", "what to press", "one", "CC0-1.0")]
    rejects = [Reject(f"{name}-x", name, "prepare", Reason.silent, "told")]
    write_corpus(folder, CorpusInfo(name, name, "CC0-1.0", "the tests"), rows, texts, rejects)


def soundwave(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a command; an exception that is no exit goes on."""
    capsys.readouterr()
    code: Any = 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["soundwave", *map(str, words)])
        patch.setattr(cli, "build_app", APP)
        try:
            cli.main()
        except SystemExit as end:
            code = end.code or 0
    said = capsys.readouterr()
    return int(code), said.out, said.err


def _flip(path: Path, place: int) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 4
    path.write_bytes(data)


def _swap(path: Path, other: Path) -> None:
    mine, theirs = path.read_bytes(), other.read_bytes()
    path.write_bytes(theirs)
    other.write_bytes(mine)


def ways(path: Path, other: Path) -> Iterator[tuple[str, Callable[[], object]]]:
    """Each way to damage a file, by its name; other: one of the same kind."""
    size = path.stat().st_size
    yield "empty", lambda: path.write_bytes(b"")
    yield "truncated", lambda: path.write_bytes(path.read_bytes()[: size // 2])
    yield "zeroed", lambda: path.write_bytes(bytes(size))
    for share in (0.3, 0.999):
        yield "one bit", lambda share=share: _flip(path, int(size * share))  # type: ignore[misc]
    yield "swapped", lambda: _swap(path, other)
    yield "deleted", path.unlink


@contextmanager
def restored(root: Path, kept: Mapping[Path, tuple[bytes, int]]) -> Iterator[None]:
    """Put every file back afterwards, with its time; kept: what `snapshot` gave."""
    try:
        yield
    finally:
        for path in [path for path in root.rglob("*") if path.is_file() and path not in kept]:
            path.unlink()
        for path, (data, time) in kept.items():
            if not path.is_file() or path.stat().st_mtime_ns != time or path.read_bytes() != data:
                path.write_bytes(data)
                os.utime(path, ns=(time, time))


def snapshot(root: Path) -> dict[Path, tuple[bytes, int]]:
    """Every file's bytes and time (ns)."""
    return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in root.rglob("*") if path.is_file()}
