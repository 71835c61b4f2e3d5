"""The contract of rows is stated once: what is read of a manifest, and what breaks it, in Python and in SQL."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from curation.catalog import build, connect
from curation.catalog.lines import lines_of
from curation.catalog.parts import LENIENT, cuts_query
from curation.duck import open_memory
from manifests import schema
from manifests.rows.validate import row_problems
from manifests.schema import SCHEMA_SQL
from soundwave.cli import build_app
from tests.curation.synthetic_catalog import mono_cut, write_corpus_lines

TEXT = {"id": "t", "type": "Text", "split": "dev", "task": "qa", "text": "2 + 2?", "target_text": "4", "license": "MIT"}
MULTI = mono_cut("multi") | {"type": "MultiCut", "channel": [0, 1]}
PADDING = {"id": "p", "type": "PaddingCut", "duration": 1.0}
MIXED = {
    "id": "mixed",
    "type": "MixedCut",
    "tracks": [
        {"type": "PaddingCut", "offset": 0.0, "cut": PADDING},
        {"type": "MonoCut", "offset": 1.0, "cut": mono_cut("first")},
        {"type": "MonoCut", "offset": 2.5, "cut": mono_cut("second")},
    ],
}
PATHS = (
    *(("id",), ("type",), ("start",), ("duration",), ("custom",), ("supervisions",), ("recording",), ("tracks",)),
    *(("custom", name) for name in ("corpus", "split", "task", "domain", "license")),
    *(("recording", name) for name in ("id", "duration", "sampling_rate", "channel_ids", "sources")),
    *(("supervisions", 0, name) for name in ("text", "language", "custom")),
    ("supervisions", 0, "custom", "sound"),
    *(("split",), ("task",), ("text",), ("target_text",), ("language",)),
    *(("tracks", 1, name) for name in ("type", "offset", "cut")),
    *(("tracks", 1, "cut", name) for name in ("duration", "supervisions", "custom", "recording")),
)
WORDS = st.sampled_from(["", "train", "asr", "Text", "MonoCut", "MixedCut", "PaddingCut", "a", "é \"'", "1.5", "NaN"])
NUMBERS = st.one_of(
    st.integers(-3, 3), st.sampled_from([2**31, -(2**31), 2**63, 10**30, 1.5, -0.5, 1.56, 16000.0, 1e300]), st.floats()
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, WORDS),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(["id", "custom", "sound", "x"]), inner, max_size=2)
    ),
    max_leaves=4,
)


def changed(row: dict[str, Any], path: tuple[str | int, ...], value: Any, *, gone: bool) -> dict[str, Any]:
    """The row with a value put at a path, or taken away; as it is where the path leads nowhere."""
    row = copy.deepcopy(row)
    place: Any = row
    for step in path[:-1]:
        inside = place.get(step) if isinstance(place, dict) else place[step] if step < len(place) else None
        if not isinstance(inside, dict | list):
            return row
        place = inside
    if isinstance(place, dict):
        place[path[-1]] = value
        if gone:
            del place[path[-1]]
    return row


@st.composite
def broken_rows(draw: st.DrawFn) -> dict[str, Any]:
    row = draw(st.sampled_from([mono_cut("mono"), MULTI, MIXED, TEXT]))
    for _ in range(draw(st.integers(1, 4))):
        row = changed(row, draw(st.sampled_from(PATHS)), draw(VALUES), gone=draw(st.integers(0, 3)) == 0)
    if draw(st.booleans()) and isinstance(row.get("supervisions"), list):
        row["supervisions"] = row["supervisions"] * 2
    return row


def sql_verdicts(folder: Path, rows: list[dict[str, Any]]) -> list[str | None]:
    """What SQL says of each row of a file."""
    lines = folder / "cuts.jsonl"
    lines.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    with open_memory(threads=1) as con:
        query = f"SELECT problem FROM ({cuts_query(con, 'syn', LENIENT)})"
        with lines_of(con, [lines]):
            return [row[0] for row in con.execute(query).fetchall()]


def python_verdicts(rows: list[dict[str, Any]]) -> list[str | None]:
    """What Python says first of each row."""
    return [next(row_problems(row), None) for row in rows]


def rule(verdict: str | None) -> str | None:
    """A verdict without the value that was found: DuckDB and Python write large numbers inside a value differently."""
    return verdict and re.sub(r" is .*, expected", " is X, expected", verdict, flags=re.DOTALL)


@settings(max_examples=25, deadline=None)
@given(rows=st.lists(broken_rows(), min_size=1, max_size=40))
def test_a_row_and_a_file_get_the_same_verdict(rows: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory):
    found = sql_verdicts(tmp_path_factory.mktemp("rows"), rows)
    assert list(map(rule, found)) == list(map(rule, python_verdicts(rows)))


@pytest.mark.parametrize("row", [mono_cut("mono"), MULTI, MIXED, TEXT], ids=lambda row: str(row["type"]))
def test_rows_that_keep_the_contract_are_kept_by_both(tmp_path: Path, row: dict[str, Any]) -> None:
    assert sql_verdicts(tmp_path, [row]) == python_verdicts([row]) == [None]


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("id",), "", "no `id`"),
        (("type",), "Alien", "type is Alien, expected MonoCut, MultiCut, MixedCut or Text"),
        (("custom", "split"), None, "split is missing, expected train, dev or test"),
        (("custom", "task"), "", "no `task`"),
        (("start",), "1.5", "start is no number, expected seconds >= 0"),
        (("start",), True, "start is no number, expected seconds >= 0"),
        (("duration",), float("inf"), "duration is inf, expected seconds > 0"),
        (("duration",), 1.56, "the cut ends at 1.560 s, its recording at 1.500 s"),
        (("duration",), 1.54, None),  # no further than a decoder may be off
        (("recording", "id"), None, "no `recording`"),
        (("recording", "sampling_rate"), 16000.5, "sampling_rate is 16000.5, expected a whole number of 32 bits"),
        (("supervisions", 0, "custom"), {"sound": "Dog"}, 'sound is "Dog", expected a list'),
        (("custom", "license"), None, None),
        (("custom", "corpus"), None, None),
        (("supervisions",), [], None),
    ],
)
def test_both_say_what_they_found_and_expected(tmp_path: Path, path: tuple, value: Any, said: str | None) -> None:
    row = changed(mono_cut("mono"), path, value, gone=False)
    assert sql_verdicts(tmp_path, [row]) == [said]
    if path[-1] != "custom":  # a value inside quotes is written as JSON by one of the two
        assert python_verdicts([row]) == [said]


@pytest.fixture
def one_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """schema.sql with one more line."""
    line = "  snr               DOUBLE,            -- [supervision.custom.snr] (dB) signal-to-noise ratio\n"
    manifest = "  manifest          VARCHAR"
    more = tmp_path / "schema.sql"
    more.write_text(SCHEMA_SQL.read_text(encoding="utf-8").replace(manifest, line + manifest), encoding="utf-8")
    monkeypatch.setattr(schema, "SCHEMA_SQL", more)


def noisy(cut_id: str, snr: Any) -> dict[str, Any]:
    row = mono_cut(cut_id)
    row["supervisions"][0]["custom"] = {"snr": snr}
    return row


@pytest.mark.usefixtures("one_more")
def test_a_new_field_is_one_line_of_the_schema(tmp_path: Path) -> None:
    rows = [noisy("syn-a", 12.5), mono_cut("syn-b"), noisy("syn-c", "loud")]
    write_corpus_lines(tmp_path / "corpora" / "syn", rows)
    build(tmp_path / "corpora", tmp_path / "labels", tmp_path / "catalog")
    asked = ["sql", "SELECT cut_id, snr FROM cuts ORDER BY cut_id", "--catalog", str(tmp_path / "catalog"), "--json"]
    answer = CliRunner().invoke(build_app(), asked)
    assert json.loads(answer.output) == [{"cut_id": "syn-a", "snr": 12.5}, {"cut_id": "syn-b", "snr": None}]
    refused = 'snr is "loud", expected a finite number'
    asked[1] = "SELECT cut_id, detail FROM rejects"
    assert json.loads(CliRunner().invoke(build_app(), asked).output) == [
        {"cut_id": "syn-c", "detail": f"{refused} (cuts.jsonl.gz:3)"}
    ]
    assert [rule(found) for found in python_verdicts(rows)] == [None, None, rule(refused)]
    assert "| `snr` | DOUBLE | `supervision.custom.snr` | (dB) signal-to-noise ratio |" in schema.markdown()
    assert str(schema.arrow_schema("cuts").field("snr").type) == "double"


def test_what_none_of_several_supervisions_says_is_null(tmp_path: Path) -> None:
    """As of one supervision: an empty text would be a translation, and an empty list labels."""
    row = mono_cut("syn-a")
    (said,) = row["supervisions"]
    half = said["duration"] / 2
    parts = [{"id": "a", "duration": half}, {"id": "b", "start": half, "duration": half}]
    row["supervisions"] = [{**said, **part} for part in parts]
    bare = copy.deepcopy(row) | {"id": "syn-b"}
    for part in bare["supervisions"]:
        part.pop("text")
        part.pop("custom", None)
    write_corpus_lines(tmp_path / "corpora" / "syn", [row, bare])
    build(tmp_path / "corpora", tmp_path / "labels", tmp_path / "catalog")
    with connect(tmp_path / "catalog") as con:
        found = con.execute("SELECT text, target_text, sound, sound_original FROM cuts ORDER BY cut_id").fetchall()
    assert found == [(f"{said['text']} {said['text']}", None, None, None), (None, None, None, None)]


def test_duckdb_itself_understands_the_checks(tmp_path: Path) -> None:
    """schema.sql is SQL: a table made from it refuses what the check of rows refuses."""
    write_corpus_lines(tmp_path / "corpora" / "syn", [mono_cut("syn-a"), TEXT])
    catalog = build(tmp_path / "corpora", tmp_path / "labels", tmp_path / "catalog")
    (part,) = [part for part in catalog.parts if part.table == "cuts"]
    with open_memory(threads=1) as con:
        con.execute(SCHEMA_SQL.read_text(encoding="utf-8"))
        con.execute("INSERT INTO cuts FROM read_parquet(?)", [str(tmp_path / "catalog" / part.path)])
        for change in ("split = 'training'", "task = 'arr'", "start = -1", "duration = 0", "cut_id = NULL"):
            with pytest.raises(duckdb.ConstraintException):
                con.execute(f"UPDATE cuts SET {change} WHERE cut_id = 'syn-a'")
