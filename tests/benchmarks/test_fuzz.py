"""The fuzzer: a few inputs of every cheap kind end well; what it must find, it finds; a case is the same every time."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

import pytest

from benchmarks.fuzz.__main__ import cause, rows
from benchmarks.fuzz.kinds import KINDS, Kind
from benchmarks.fuzz.mutate import mutate
from benchmarks.fuzz.worker import Bench, Verdict
from benchmarks.fuzz.workspace import make_workspace

QUICK = ("audit", "cuts", "kaldi", "librispeech", "lock", "mixture", "nemo")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("base")
    make_workspace(folder)
    return folder


@pytest.fixture
def bench(base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.chdir(tmp_path)  # and back at the end
    return Bench(base, tmp_path / "scratch", 0, tmp_path / "kept")


def test_a_few_inputs_of_each_kind_end_well(bench: Bench) -> None:
    found = [bench.attempt(name, 0) for name in QUICK]
    assert [verdict for verdict in found if verdict.fault] == []
    assert all(verdict.target and verdict.peak > 0 for verdict in found)


def test_what_must_be_found_is_found_and_kept(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def careless() -> None:
        json.loads(Path("calibration.json").read_bytes())

    def commands(*words: object) -> Kind:
        return Kind(("calibration.json",), "bytes", lambda _: list(words), lambda case, done: "taken")  # type: ignore[arg-type]

    monkeypatch.setitem(KINDS, "careless", commands(careless))
    with pytest.raises(RuntimeError, match="the oracle refuses the workspace itself: taken"):
        bench.attempt("careless", 0)
    lenient = lambda case, done: "taken" if case.data != case.original else ""  # noqa: E731
    monkeypatch.setitem(KINDS, "careless", Kind(("calibration.json",), "bytes", lambda _: [careless], lenient))
    found = [bench.attempt("careless", case) for case in range(30)]
    assert {verdict.fault for verdict in found} >= {"traceback", "wrong_acceptance"}
    first = next(verdict for verdict in found if verdict.fault == "traceback")
    said = (tmp_path / "kept" / f"careless-{first.case:06}" / "said.txt").read_text()
    assert "seed 0" in said and "Traceback" in said
    assert cause(first.detail).endswith("careless]")
    figures = {row["name"]: row["ours"] for row in rows(found)}
    assert figures["inputs"] == figures["inputs_careless"] == 30
    assert figures["tracebacks"] + figures["wrong_acceptances"] == sum(bool(verdict.fault) for verdict in found)
    assert Path("calibration.json").read_bytes() == (bench.base / "calibration.json").read_bytes()


@pytest.mark.parametrize("form", ["bytes", "text", "json", "jsonl", "yaml"])
def test_a_mutation_follows_from_its_random_alone(form: str) -> None:
    data = b'{"a": 1, "b": [1, {"c": "x"}], "d": "words"}\n'
    made = [[mutate(data, form, False, Random(f"{form}/{case}")) for case in range(60)] for _ in range(2)]
    assert made[0] == made[1]
    assert len(set(made[0])) > 30


def test_rows_say_what_verdicts_say() -> None:
    found = [Verdict("x", 0, fault="hang"), Verdict("x", 1, unnamed=True, peak=5.0), Verdict("y", 0, seconds=1.5)]
    figures = {row["name"]: row["ours"] for row in rows(found)}
    assert (figures["inputs"], figures["hangs_x"], figures["unnamed"], figures["peak_mb_x"]) == (3, 1, 1, 5.0)
    assert (figures["seconds"], figures["hangs_y"]) == (1.5, 0)
