"""Kill -9 at moments at which a command changes the disk, and the same command twice at once.

Every so manieth moment, for the sake of time; with `stride` 1 all are tried.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import yaml

from curation.catalog import build
from curation.plan import make_plan
from curation.plan.mixture import load_mixture
from recipes import registry
from tests.curation.synthetic_catalog import mono_cut, write_corpus_lines
from tests.soundwave.disk.cases import run_cases

SAMPLES = "usr/share/sonic-pi/samples"
MIXTURE = """
name: small
stage: alignment
select: query.sql
unit: samples
budget: 6
max_repeats: 4
batch: {seconds: 4}
window: 2
shares: {asr: 1.0}
"""


def tried(words: list[str], folder: Path, result: str, look: str, stride: int = 1) -> int:
    """Run a case in a process of its own; the number of moments, after none of which anything was wrong."""
    case = {"words": words, "folder": str(folder), "result": result, "look": look, "stride": stride}
    *wrong, last = run_cases(folder.with_name("cases.json"), [case])
    assert not wrong, "\n".join([*wrong, last])
    return int(last.removeprefix("tried "))


def sounds(folder: Path, pitch: float) -> None:
    for name in ("ambi_choir", "bass_hit_c", "drum_bass_hard"):
        path = folder / SAMPLES / f"{name}.flac"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, 0.2 * np.sin(pitch * np.arange(8000)), 16000)


def corpora(folder: Path, texts: str) -> None:
    cuts = [mono_cut(f"syn-{n}", text=f"{texts} {n}") for n in range(4)]
    write_corpus_lines(folder / "corpora" / "syn", cuts)


def test_prepare(tmp_path: Path) -> None:
    folder = tmp_path / "w"
    sounds(folder / "source", 0.1)
    registry.prepare("sonicpi", folder / "corpora", source=folder / "source")
    sounds(folder / "source", 0.2)
    words = ["prepare", "sonicpi", "--source", str(folder / "source"), "--output", str(folder / "corpora"), "--force"]
    assert tried(words, folder, "corpora/sonicpi", "corpus", stride=10) >= 12


def test_label(tmp_path: Path) -> None:
    folder = tmp_path / "w"
    sounds(folder / "source", 0.1)
    registry.prepare("sonicpi", folder / "corpora", source=folder / "source")
    words = ["label", "quality", "--corpus", "sonicpi", "--corpora", str(folder / "corpora"), "--workers", "0"]
    words += ["--labels", str(folder / "labels"), "--shard-size", "2"]
    assert tried(words, folder, "labels", "nothing", stride=10) >= 6


def test_catalog_build(tmp_path: Path) -> None:
    folder = tmp_path / "w"
    corpora(folder, "old")
    build(folder / "corpora", folder / "labels", folder / "catalog")
    corpora(folder, "new")
    words = ["catalog", "build", "--corpora", str(folder / "corpora"), "--labels", str(folder / "labels")]
    assert tried([*words, "--catalog", str(folder / "catalog")], folder, "catalog", "catalog", stride=4) >= 6


def test_mix_plan(tmp_path: Path) -> None:
    folder = tmp_path / "w"
    corpora(folder, "old")
    build(folder / "corpora", folder / "labels", folder / "catalog")
    (folder / "query.sql").write_text("SELECT cut_id, 'asr' AS domain FROM cuts ORDER BY cut_id")
    (folder / "small.yaml").write_text(MIXTURE)
    make_plan(load_mixture(folder / "small.yaml"), folder / "catalog", folder / "mixtures" / "small")
    cuts = [mono_cut(f"syn-{n}", text=f"new {n}") for n in range(5)]
    write_corpus_lines(folder / "corpora" / "syn", cuts)
    build(folder / "corpora", folder / "labels", folder / "catalog")
    words = ["mix", "plan", str(folder / "small.yaml"), "--catalog", str(folder / "catalog")]
    assert tried(words, folder, "mixtures/small", "plan", stride=8) >= 6


def test_train(tmp_path: Path, workspace: Path, stage_values: Callable[..., dict[str, Any]]) -> None:
    folder = tmp_path / "w"
    shutil.copytree(workspace / "mixtures" / "speech", folder / "plan")
    settings = stage_values("alignment", steps=3, checkpoint_every=1, keep_checkpoints=[2])
    (folder / "stage.yaml").write_text(yaml.safe_dump(settings))
    words = ["train", str(folder / "stage.yaml"), "--plan", str(folder / "plan")]
    words += ["--output", str(folder / "runs" / "one")]
    assert tried(words, folder, "runs/one", "nothing", stride=60) >= 20
