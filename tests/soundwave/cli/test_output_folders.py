"""Every command that writes a folder or a file leaves alone what it did not make, as a user runs it."""

from __future__ import annotations

import importlib
import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import typer
import yaml
from typer.testing import CliRunner

from manifests.errors import OccupiedError
from manifests.files import MARK
from recipes.debian_sonicpi import SAMPLES
from soundwave.cli import build_app, flags, with_flags

Call = tuple[object, ...]
MIXTURE = {
    "stage": "alignment",
    "query": "SELECT cut_id, task AS domain FROM cuts",
    "unit": "samples",
    "budget": 2,
    "shares": {"asr": 1.0},
    "batch": {"seconds": 4},
    "window": 1,
}


def soundwave(*words: object) -> str | None:
    """Run a command; the message when its place for output was occupied, as users read it."""
    app = typer.Typer()
    app.callback()(lambda: None)
    importlib.import_module(f"soundwave.cli.{words[0]}").register(app)
    result = CliRunner().invoke(app, [str(word) for word in words])
    if isinstance(result.exception, OccupiedError):
        return with_flags(str(result.exception), flags(build_app(), [str(word) for word in words]))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return None


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the commands read: sounds, a NeMo manifest, corpora/mine, a catalog, a mixture, a grid, a text."""
    root = tmp_path_factory.mktemp("place")
    rng = np.random.default_rng(0)
    (root / "source" / SAMPLES).mkdir(parents=True)
    for name in ("one.wav", "two.wav", f"source/{SAMPLES}/bd_one.flac"):
        soundfile.write(root / name, 0.1 * rng.normal(size=32000), 16000)
    rows = [{"audio_filepath": f"{name}.wav", "text": f"number {name}"} for name in ("one", "two")]
    (root / "train.json").write_text("\n".join(map(json.dumps, rows)))
    (root / "mixture.yaml").write_text(yaml.safe_dump(MIXTURE))
    (root / "text.txt").write_text("number one")
    for name in ("corpora", "labels"):
        (root / name).mkdir()
    soundwave(*import_(root, root / "corpora"))
    soundwave(*build(root, root / "catalog"))
    return root


def import_(root: Path, output: Path) -> Call:
    told = ("--corpus", "mine", "--license", "CC0-1.0", "--language", "en")
    return ("catalog", "import", "nemo", root / "train.json", *told, "--output", output)


def build(root: Path, output: Path) -> Call:
    return ("catalog", "build", "--corpora", root / "corpora", "--labels", root / "labels", "--catalog", output)


def plan(root: Path, output: Path, *more: object) -> Call:
    return ("mix", "plan", root / "mixture.yaml", "--catalog", root / "catalog", "--output", output, *more)


def label(root: Path, output: Path) -> Call:
    return ("label", "quality", "--corpora", root / "corpora", "--labels", output, "--workers", 0)


def prepare(root: Path, output: Path) -> Call:
    return ("prepare", "sonicpi", "--source", root / "source", "--output", output)


# Name -> the call, and the folder under the output that it writes.
FOLDERS: dict[str, tuple[Callable[[Path, Path], Call], str]] = {
    "prepare": (prepare, "sonicpi"),
    "import": (import_, "mine"),
    "build": (build, ""),
    "label": (label, "quality/mine"),
    "plan": (plan, ""),
    "segment": (lambda root, out: ("segment", root / "one.wav", root / "text.txt", "--output", out), ""),
    "ablate": (lambda root, out: ("ablate", "demo", "--catalog", root / "catalog", "--output", out), ""),
    "demo": (lambda root, out: ("demo", "--output", out), ""),
}


@pytest.mark.parametrize("name", FOLDERS)
def test_a_folder_with_other_files_is_not_touched(name: str, place: Path, tmp_path: Path) -> None:
    call, inside = FOLDERS[name]
    folder = tmp_path / "out" / inside
    for path in ("notes-2019.txt", "audio/song.wav", "cuts/mine/x-1.parquet", "cuts.jsonl.gz"):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text("mine")
    before = tree(tmp_path)
    said = soundwave(*call(place, tmp_path / "out"))
    assert said is not None and str(folder) in said and "Nothing was touched. Name another folder" in said
    assert tree(tmp_path) == before


@pytest.mark.parametrize("name", FOLDERS)
def test_a_file_in_the_place_of_the_folder_is_not_touched(name: str, place: Path, tmp_path: Path) -> None:
    call, inside = FOLDERS[name]
    folder = tmp_path / "out" / inside
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.write_text("mine")
    said = soundwave(*call(place, tmp_path / "out"))
    assert said is not None and f"{folder} is a file, expected a folder" in said
    assert folder.read_text() == "mine"


@pytest.mark.parametrize("name", ["prepare", "import", "build", "label", "plan"])
def test_a_folder_that_the_command_made_is_used_again_also_without_its_mark(
    name: str, place: Path, tmp_path: Path
) -> None:
    call, inside = FOLDERS[name]
    folder = tmp_path / "out" / inside
    assert soundwave(*call(place, tmp_path / "out")) is None
    (folder / MARK).unlink()  # earlier versions left none
    (folder / "plan.parquet").unlink(missing_ok=True)  # else the plan is kept as it is
    assert soundwave(*call(place, tmp_path / "out"), *(["--force"] if name == "prepare" else [])) is None
    assert (folder / MARK).is_file()


@pytest.mark.parametrize("name", ["import", "prepare"])
def test_a_corpus_made_another_way_is_kept(name: str, place: Path, tmp_path: Path) -> None:
    """A corpus of that name, whose header says that something else made it."""
    call, inside = FOLDERS[name]
    assert soundwave(*call(place, tmp_path / "out")) is None
    header = tmp_path / "out" / inside / "corpus.json"
    facts = json.loads(header.read_text())
    facts["provenance"]["settings"] = {"step": "segment"}
    header.write_text(json.dumps(facts))
    before = tree(tmp_path)
    said = soundwave(*call(place, tmp_path / "out"))
    assert said is not None and "holds another corpus" in said and "found nothing, asked" in said
    assert tree(tmp_path) == before


def test_another_mixtures_plan_is_refused_or_moved_aside(place: Path, tmp_path: Path) -> None:
    assert soundwave(*plan(place, tmp_path / "plan")) is None
    before = tree(tmp_path)
    said = soundwave(*plan(place, tmp_path / "plan", "--set", "seed=5", "--set", "batch.seconds=2"))
    assert said is not None and "holds the plan of another mixture" in said and "--force" in said
    assert "batch.seconds: found 4.0, asked 2.0\n  seed: found 0, asked 5\n" in said
    assert tree(tmp_path) == before
    assert soundwave(*plan(place, tmp_path / "plan", "--set", "seed=5", "--force")) is None
    assert tree(tmp_path / "plan.old-1") == tree(tmp_path / "plan.old-1") | {
        name.removeprefix("plan/"): data for name, data in before.items()
    }
    assert json.loads((tmp_path / "plan" / "lock.json").read_text())["seed"] == 5


def test_a_build_removes_only_parts_that_an_index_named(place: Path, tmp_path: Path) -> None:
    catalog = tmp_path / "catalog"
    assert soundwave(*build(place, catalog)) is None
    (old,) = catalog.glob("cuts/mine/*.parquet")
    foreign = [catalog / "cuts" / "mine" / "mine-too.parquet", catalog / "words" / "x" / "y.parquet"]
    for path in foreign:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("mine")
    manifest = place / "corpora" / "mine" / "cuts.jsonl.gz"
    os.utime(manifest, ns=(1, manifest.stat().st_mtime_ns + 10**9))  # its part is made again under another name
    assert soundwave(*build(place, catalog)) is None
    assert not old.exists() and all(path.read_text() == "mine" for path in foreign)


def test_stale_labels_go_and_a_users_files_stay(place: Path, tmp_path: Path) -> None:
    assert soundwave(*label(place, tmp_path)) is None
    folder = tmp_path / "quality" / "mine"
    mine, stale = folder / "notes-2019.txt", folder / "labels-0123456789abcdef.parquet"
    for path in (mine, stale):
        path.write_text("x")
        os.utime(path, (1, 1))  # long before this run, so nobody is at work on it
    assert soundwave(*label(place, tmp_path)) is None
    assert mine.read_text() == "x" and not stale.exists()


def test_a_file_is_written_over_only_by_its_own_kind(place: Path, tmp_path: Path) -> None:
    target = tmp_path / "train.jsonl"
    export = ("catalog", "export", target, "--catalog", place / "catalog")
    target.write_text("my notes")
    said = soundwave(*export)
    assert said is not None and "is not a manifest of cuts" in said and target.read_text() == "my notes"
    target.unlink()
    assert soundwave(*export) is None and soundwave(*export) is None


@pytest.mark.parametrize("held", [b"5", b"[]", b"\x1f\x8b\x08cut", b"\xff\xfe", b"{"])
def test_a_file_of_no_kind_is_left_alone(held: bytes, place: Path, tmp_path: Path) -> None:
    target = tmp_path / "train.jsonl.gz"
    target.write_bytes(held)
    said = soundwave("catalog", "export", target, "--catalog", place / "catalog")
    assert said is not None and "is not a manifest of cuts. Nothing was touched" in said
    assert target.read_bytes() == held


def test_rows_and_pictures_are_written_over_only_when_asked(place: Path, tmp_path: Path) -> None:
    assert soundwave(*plan(place, tmp_path / "plan")) is None
    rows = ("sql", "SELECT 1 AS one", "--catalog", place / "catalog", "--format", "csv", "--output")
    for call, target in (
        (rows, tmp_path / "rows.csv"),
        (("mix", "show", tmp_path / "plan", "--picture"), tmp_path / "a.html"),
    ):
        target.write_text("mine")
        said = soundwave(*call, target)
        assert said is not None and f"{target} is there already. Nothing was touched." in said and "--force" in said
        assert target.read_text() == "mine"
        assert soundwave(*call, target, "--force") is None
        assert target.read_text() != "mine"


@pytest.mark.parametrize("name", ["page.html", "summary.json"])
def test_a_report_writes_over_nothing_else_beside_it(name: str, place: Path, tmp_path: Path) -> None:
    (tmp_path / name).write_text('{"a": "web site"}')
    before = tree(tmp_path)
    said = soundwave("report", place, "--output", tmp_path / "page.html")
    assert said is not None and "Nothing was touched" in said and tree(tmp_path) == before
    (tmp_path / name).unlink()
    for _ in range(2):
        assert soundwave("report", place, "--output", tmp_path / "page.html") is None
