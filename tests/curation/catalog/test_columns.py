"""The contract of rows is stated once: what is read of a manifest, and what breaks it, in Python and in SQL."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.catalog.parts import cuts_query
from curation.duck import open_memory
from manifests.validate import row_problems
from tests.curation.synthetic_catalog import mono_cut

TEXT = {"id": "t", "type": "Text", "split": "dev", "task": "qa", "text": "2 + 2?", "target_text": "4", "license": "MIT"}
MULTI = mono_cut("multi") | {"type": "MultiCut", "channel": [0, 1]}
PADDING = {"id": "p", "type": "PaddingCut", "duration": 1.0}
MIXED = {
    "id": "mixed",
    "type": "MixedCut",
    "tracks": [
        {"type": "PaddingCut", "offset": 0.0, "cut": PADDING},
        {"type": "MonoCut", "offset": 1.0, "cut": mono_cut("first")},
        {"type": "MonoCut", "cut": mono_cut("second")},
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
    for _ in range(draw(st.integers(0, 3))):
        row = changed(row, draw(st.sampled_from(PATHS)), draw(VALUES), gone=draw(st.booleans()))
    if draw(st.booleans()) and isinstance(row.get("supervisions"), list):
        row["supervisions"] = row["supervisions"] * 2
    return row


def sql_verdicts(folder: Path, rows: list[dict[str, Any]]) -> list[str | None]:
    """What SQL says of each row of a file."""
    lines = folder / "cuts.jsonl"
    lines.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    with open_memory(threads=1) as con:
        return [row[0] for row in con.execute(f"SELECT problem FROM ({cuts_query(con, 'syn', [lines])})").fetchall()]


def python_verdicts(rows: list[dict[str, Any]]) -> list[str | None]:
    """What Python says first of each row."""
    return [next(row_problems(row), None) for row in rows]


@settings(max_examples=80, deadline=None)
@given(rows=st.lists(broken_rows(), min_size=1, max_size=40))
def test_a_row_and_a_file_get_the_same_verdict(rows: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory):
    assert sql_verdicts(tmp_path_factory.mktemp("rows"), rows) == python_verdicts(rows)
