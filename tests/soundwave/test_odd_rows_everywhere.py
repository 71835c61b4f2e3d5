"""Odd rows and relative audio paths through every command, run from another folder: one verdict, one sound."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml
from typer.testing import CliRunner

from curation.catalog import connect
from curation.duck import records
from curation.reader import PlanReader
from curation.reader.rows import decoded_audio, lhotse_cuts
from manifests.files import write_json
from soundwave.cli import build_app
from soundwave.train.batches.plan_data import PlanData
from tests.curation.catalog.test_one_reader import BAD, GOOD, INFO, corpus, lines_of_all, text_of
from tests.curation.encoders.test_encoders import make_whisper

KEPT = {"g0", *GOOD, "twice"}
MIXTURE = {
    "stage": "alignment",
    "query": "SELECT cut_id, task AS domain FROM cuts",
    "unit": "samples",
    "budget": 24,
    "shares": {"asr": 1.0},
    "max_repeats": 3,
    "batch": {"seconds": 18},
    "window": 2,
}


def soundwave(*words: object) -> str:
    """What a command prints; errors are raised."""
    result = CliRunner().invoke(build_app(), [str(word) for word in words])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


class Workspace:
    """A corpus of odd rows whose audio is `a.wav` in its folder, and what commands make of it."""

    def __init__(self, root: Path, *, clashing: bool = False) -> None:
        self.root = root
        twice = [text_of("twice", text="kept"), text_of("twice", text="refused")]
        clash = text_of("z", recording=json.loads(text_of("g1"))["recording"]).replace("a.wav", "b.wav")
        more = [*reversed(twice), *([clash] if clashing else [])]
        data = b"\n".join([lines_of_all(), *(line.encode() for line in more)])
        self.folder = corpus(root, "cuts.jsonl", data)
        write_json(self.folder / "corpus.json", INFO)
        (root / "mixture.yaml").write_text(yaml.safe_dump(MIXTURE))

    def build(self) -> dict[str, Any]:
        at = ("--corpora", self.folder.parent, "--labels", self.root / "labels", "--catalog", self.root / "catalog")
        return json.loads(soundwave("catalog", "build", *at, "--json"))

    def rejects(self, name: str) -> list[tuple[str, str, str]]:
        with connect(self.root / "catalog") as con:
            found = records(con.execute("SELECT * FROM rejects WHERE pass = ? ORDER BY ALL", [name]))
        return [(row["cut_id"], row["reason"], row["detail"]) for row in found]

    def label(self, *words: object) -> dict[str, Any]:
        at = ("--corpora", self.folder.parent, "--labels", self.root / "labels", "--workers", 0, "--json")
        return json.loads(soundwave("label", *words, *at))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """With labels, a catalog and a plan. Every test runs in a folder that has nothing to do with it."""
    made = Workspace(tmp_path_factory.mktemp("odd"), clashing=True)
    made.label("quality")
    made.build()
    at = ("--catalog", made.root / "catalog", "--output", made.root / "plan")
    soundwave("mix", "plan", made.root / "mixture.yaml", *at)
    return made


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_passes_refuse_the_same_rows_with_the_same_words(made: Workspace) -> None:
    refused = made.rejects("catalog")
    assert len(refused) == len(BAD) + 2
    assert [(row[0], row[1]) for row in refused if row[1] == "duplicate_id"] == [
        ("twice", "duplicate_id"),
        ("z", "duplicate_id"),
    ]
    assert made.rejects("quality") == refused
    with connect(made.root / "catalog") as con:
        accepted = con.execute("SELECT cut_id FROM accepted").fetchall()
        labelled = con.execute("SELECT DISTINCT cut_id FROM labels WHERE name = 'peak'").fetchall()
    assert {row[0] for row in accepted} == {row[0] for row in labelled} == KEPT


def test_the_trainer_reads_the_same_rows(made: Workspace) -> None:
    data = PlanData(made.root / "plan", encoder="none")
    assert {draw.cut.cut_id for draw in data.draws()} == KEPT
    heard = [samples for _, pairs in decoded_audio(PlanReader(made.root / "plan")) for _, samples in pairs]
    assert all(samples is not None and len(samples) == 24_000 for samples in heard)
    for cut in lhotse_cuts(made.root / "plan"):
        assert cut.load_audio().shape == (1, 24_000)


def test_train_and_eval_hear_them_from_any_folder(made: Workspace, stage_values: Any, tmp_path: Path) -> None:
    stage = stage_values("alignment", encoder=str(make_whisper(tmp_path / "whisper")))
    Path("stage.yaml").write_text(yaml.safe_dump(stage))
    at = ("--plan", made.root / "plan", "--output", "run", "--steps", 1, "--json")
    assert json.loads(soundwave("train", "stage.yaml", *at))["status"] == "done"
    words = ("--catalog", made.root / "catalog", "--corpus", "syn", "--split", "train", "--decode", "ctc", "--json")
    assert (
        json.loads(soundwave("eval", "run", *words, "--min-words", 1))["clips"] == len(KEPT) - 1
    )  # one says nothing but an emoji


@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # of Lhotse's reader
def test_every_export_has_the_same_rows(made: Workspace) -> None:
    from lhotse import CutSet

    for kind, target in (("jsonl", "a.jsonl"), ("shar", "shar"), ("huggingface", "hf"), ("webdataset", "wds")):
        at = ("--catalog", made.root / "catalog", "--format", kind)
        assert f"{len(KEPT)} rows" in soundwave("catalog", "export", target, *at)
    assert {cut.id for cut in CutSet.from_file("a.jsonl")} == KEPT
    shar = list(CutSet.from_shar(in_dir="shar"))
    assert {cut.id for cut in shar} == KEPT
    assert all(cut.load_audio().shape == (1, 24_000) for cut in shar)
    table = pq.read_table("hf/data").to_pylist()
    assert {row["id"] for row in table} == KEPT
    with tarfile.open("wds/shard-000000.tar") as tar:
        facts = [json.load(tar.extractfile(name)) for name in tar.getnames() if name.endswith(".json")]  # type: ignore[arg-type]
    assert {row["cut_id"] for row in facts} == KEPT


def test_a_corpus_that_moved_is_found_when_the_catalog_is_built_again(tmp_path: Path) -> None:
    made = Workspace(tmp_path / "before")
    before = made.build()
    made.label("quality")
    (tmp_path / "before").rename(tmp_path / "after")
    moved = Workspace.__new__(Workspace)
    moved.root, moved.folder = tmp_path / "after", tmp_path / "after" / "corpora" / "syn"
    (again,) = moved.label("quality")
    assert again["shards_reused"] == again["shards"] > 0
    at = ("--corpora", moved.folder.parent, "--labels", tmp_path / "none", "--catalog", moved.root / "catalog")
    assert json.loads(soundwave("catalog", "build", *at, "--json"))["fingerprint"] == before["fingerprint"]
    with connect(moved.root / "catalog") as con:
        paths = con.execute("SELECT DISTINCT source_path FROM cuts").fetchall()
    assert paths == [(str(moved.folder / "a.wav"),)]


def test_the_corpus_folder_goes_before_the_working_folder(tmp_path: Path) -> None:
    made = Workspace(tmp_path / "root")
    (tmp_path / "a.wav").write_bytes(b"nothing")
    (tmp_path / "b.wav").write_bytes(b"nothing")
    odd = [text_of("here"), text_of("there").replace("a.wav", "b.wav"), text_of("nowhere").replace("a.wav", "c.wav")]
    (made.folder / "cuts.jsonl").write_text("\n".join(odd))
    made.build()
    with connect(made.root / "catalog") as con:
        found = dict(con.execute("SELECT cut_id, source_path FROM cuts").fetchall())
    assert found == {
        "here": str(made.folder / "a.wav"),
        "there": str(tmp_path / "b.wav"),
        "nowhere": str(made.folder / "c.wav"),
    }


def test_nemo_lines_are_refused_in_the_same_words(tmp_path: Path) -> None:
    lines = {what: line for what, (line, said) in BAD.items() if what in NO_ROWS}
    good = json.dumps({"audio_filepath": "a.wav", "text": "turn left"})
    data = [line if isinstance(line, bytes) else line.encode() for line in lines.values()]
    Workspace(tmp_path / "root").folder.joinpath("a.wav").rename(tmp_path / "a.wav")
    (tmp_path / "train.json").write_bytes(b"\xef\xbb\xbf" + b"\n".join([good.encode(), *data, good.encode()]))
    soundwave("catalog", "import", "nemo", tmp_path / "train.json", "--corpus", "n", "--license", "CC0-1.0",
              "--output", tmp_path / "corpora")  # fmt: skip
    made = Workspace.__new__(Workspace)
    made.root, made.folder = tmp_path, tmp_path / "corpora" / "n"
    made.build()
    found = made.rejects("prepare")
    assert [row[1] for row in found] == ["bad_row"] * len(lines)
    for (_, _, detail), what in zip(found, lines, strict=True):
        assert BAD[what][1] in detail, what
    with connect(tmp_path / "catalog") as con:
        assert len(con.execute("FROM cuts").fetchall()) == 2


NO_ROWS = (
    "broken", "list", "null", "text", "true", "number", "two", "comma", "comma and spaces", "comma in a list", "nan",
    "inf", "deep", "surrogate", "bytes", "control", "nul", "quotes", "comment", "form feed",
)  # fmt: skip
