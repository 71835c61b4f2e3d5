"""A disk that takes no more: one message, exit 2, the old result as it was, and nothing left over."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import yaml

from curation.catalog import build
from curation.interchange.jsonl import export_jsonl
from curation.plan import make_plan
from curation.plan.mixture import load_mixture
from recipes import registry
from tests.soundwave.conftest import make_workspace
from tests.soundwave.disk.cases import run_cases

SAMPLES = "usr/share/sonic-pi/samples"
MIXTURE = """
name: small
stage: alignment
select: query.sql
unit: samples
budget: 60
max_repeats: 40
batch: {seconds: 4}
window: 2
shares: {asr: 1.0}
"""
LIMITS = (400,)  # bytes that a file may have
FREE = (0,)  # bytes that a small disk has left
MEGABYTES = 4


def make_folder(folder: Path) -> Path:
    """Corpora, labels, a catalog and plans, and older results of every command that the tests run."""
    make_workspace(folder)
    (folder / "query.sql").write_text("SELECT cut_id, 'asr' AS domain FROM cuts WHERE task = 'asr' ORDER BY cut_id")
    (folder / "small.yaml").write_text(MIXTURE)
    make_plan(load_mixture(folder / "small.yaml"), folder / "catalog", folder / "mixtures" / "small")
    rng = np.random.default_rng(0)
    for name in ("ambi_choir", "bass_hit_c", "drum_bass_hard"):
        path = folder / "source" / SAMPLES / f"{name}.flac"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, 0.1 * rng.normal(size=4000), 16000)
    registry.prepare("sonicpi", folder / "corpora", source=folder / "source")
    build(folder / "corpora", folder / "labels", folder / "catalog")  # so that the plan is out of date
    make_plan(load_mixture(folder / "small.yaml"), folder / "catalog", folder / "mixtures" / "now")  # to train on
    os.utime(folder / "corpora" / "tiny" / "cuts.jsonl.gz", (1, 1))  # and the catalog, too
    export_jsonl(folder / "catalog", folder / "cuts.jsonl")
    (folder / "rows.parquet").write_bytes(b"old")
    (folder / "report.html").write_text("<title>Soundwave: old")
    return folder


def commands(folder: Path, settings: Path) -> list[dict[str, Any]]:
    """The commands that write, as cases of `kill_points`."""
    place = {name: str(folder / name) for name in ("corpora", "labels", "catalog", "runs/one", "cuts.jsonl")}
    catalog = ("--catalog", place["catalog"])
    export = ("catalog", "export")
    made = {
        "prepare": (["prepare", "sonicpi", "--source", str(folder / "source"), "--output", place["corpora"], "--force"],
                    "corpora/sonicpi"),
        "label": (["label", "quality", "--corpus", "sonicpi", "--corpora", place["corpora"], "--labels",
                   place["labels"], "--workers", "0"], "labels/quality"),
        "build": (["catalog", "build", "--corpora", place["corpora"], "--labels", place["labels"], *catalog],
                  "catalog"),
        "plan": (["mix", "plan", str(folder / "small.yaml"), *catalog, "--output", str(folder / "mixtures/small")],
                 "mixtures/small"),
        "sql": (["sql", "SELECT * FROM cuts", *catalog, "--format", "parquet", "--output",
                 str(folder / "rows.parquet"), "--force"], "rows.parquet"),
        "jsonl": ([*export, place["cuts.jsonl"], *catalog], "cuts.jsonl"),
        "huggingface": ([*export, str(folder / "hf"), *catalog, "--format", "huggingface", "--where",
                         "corpus = 'sonicpi'"], "hf"),
        "report": (["report", str(folder)], "report.html"),
        "train": (["train", str(settings), "--plan", str(folder / "mixtures/now"), "--output", place["runs/one"]],
                  "runs"),
    }  # fmt: skip
    looks = {"prepare": "corpus", "label": "finished", "train": "finished", "build": "catalog", "plan": "plan"}
    return [
        {"words": words, "folder": str(folder), "result": result, "look": looks.get(name, "files")}
        for name, (words, result) in made.items()
    ]


@pytest.fixture(scope="module")
def settings(stage_values, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("settings") / "stage.yaml"
    path.write_text(yaml.safe_dump(stage_values("alignment", steps=3, checkpoint_every=1)))
    return path


def test_a_limit_of_file_sizes(tmp_path: Path, settings: Path) -> None:
    folder = make_folder(tmp_path / "place" / "w")
    cases = [{**case, "room": LIMITS} for case in commands(folder, settings)]
    assert run_cases(tmp_path / "cases.json", cases) == []


def test_a_full_disk(tmp_path: Path, settings: Path) -> None:
    place = tmp_path / "place"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={MEGABYTES}m", "soundwave-test", str(place)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a small disk can be mounted by root alone")
    try:
        folder = make_folder(place / "w")
        few = [case for case in commands(folder, settings) if case["words"][0] in ("prepare", "mix", "sql")]
        cases = [{**case, "room": FREE, "mounted": True} for case in few]
        assert run_cases(tmp_path / "cases.json", cases) == []
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)
