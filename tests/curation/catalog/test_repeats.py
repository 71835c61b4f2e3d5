"""Ids that stand for two things: refused with both places, never replaced in silence."""

from __future__ import annotations

import gzip
import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from curation.catalog import build, connect
from curation.catalog.repeats import places
from curation.duck import open_memory
from tests.curation.synthetic_catalog import mono_cut, write_corpus_lines


def built(folder: Path) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Cuts and rejects of a catalog of all corpora there."""
    build(folder / "corpora", folder / "labels", folder / "catalog")
    with connect(folder / "catalog") as con:
        tables = [con.sql(f"FROM {name} ORDER BY ALL").to_arrow_table().to_pylist() for name in ("cuts", "rejects")]
    return tables[0], tables[1]


def recorded(cut_id: str, recording: str, source: str, **custom: Any) -> dict[str, Any]:
    row = mono_cut(cut_id)
    row["recording"] = row["recording"] | {"id": recording}
    row["recording"]["sources"] = [{"type": "file", "channels": [0], "source": source}]
    row["custom"] = row["custom"] | custom
    return row


def test_two_cut_sets_of_one_corpus_with_the_same_id(tmp_path: Path) -> None:
    corpus = tmp_path / "corpora" / "syn"
    write_corpus_lines(corpus, [mono_cut("syn-b"), mono_cut("syn-a", text="one")])
    (corpus / "cuts.jsonl").write_text(json.dumps(mono_cut("syn-a", text="two")) + "\n")
    cuts, rejects = built(tmp_path)
    assert [(row["cut_id"], row["text"]) for row in cuts if row["cut_id"] == "syn-a"] == [("syn-a", "one")]
    (found,) = rejects
    assert (found["cut_id"], found["reason"], found["pass"]) == ("syn-a", "duplicate_id", "catalog")
    assert "cuts.jsonl:1: the id is that of cuts.jsonl.gz:2" in found["detail"]


def test_every_further_line_is_a_reject_even_of_the_same_text(tmp_path: Path) -> None:
    write_corpus_lines(tmp_path / "corpora" / "syn", [mono_cut("syn-a")] * 3)
    cuts, rejects = built(tmp_path)
    assert len(cuts) == 1
    assert [row["detail"].partition(":the")[0][:15] for row in rejects] == ["cuts.jsonl.gz:2", "cuts.jsonl.gz:3"]


def test_one_recording_id_for_two_audio_files(tmp_path: Path) -> None:
    lines = [recorded("syn-1", "rec", "/data/a.wav"), recorded("syn-2", "rec", "/data/b.wav")]
    write_corpus_lines(tmp_path / "corpora" / "syn", [*lines, recorded("syn-3", "rec", "/data/a.wav")])
    cuts, rejects = built(tmp_path)
    assert [row["cut_id"] for row in cuts] == ["syn-1", "syn-3"]
    (found,) = rejects
    assert (found["cut_id"], found["reason"]) == ("syn-2", "duplicate_id")
    for part in ("cuts.jsonl.gz:2", "cuts.jsonl.gz:1", "/data/a.wav", "/data/b.wav"):
        assert part in found["detail"]


@pytest.mark.parametrize(
    "audio",
    [
        [("/data/a.wav", "one"), ("/copy/a.wav", "one")],  # the same bytes
        [("/data/a.wav", "piece 1"), ("/data/a.wav", "piece 2")],  # pieces of one file
        [("/data/a.wav", None), ("/data/a.wav", "one")],
    ],
)
def test_one_recording_id_for_the_same_audio_is_as_it_should_be(tmp_path: Path, audio: list[tuple[str, Any]]) -> None:
    rows = [recorded(f"syn-{n}", "rec", path, audio_sha256=digest) for n, (path, digest) in enumerate(audio)]
    write_corpus_lines(tmp_path / "corpora" / "syn", rows)
    cuts, rejects = built(tmp_path)
    assert (len(cuts), rejects) == (2, [])


def test_a_corpus_joined_with_itself_takes_no_more_of_pythons_memory(tmp_path: Path) -> None:
    """20 MB of lines, each of them twice: what is said of them is made by DuckDB, which spills."""
    lines = [json.dumps(mono_cut(f"syn-{number}", text="word " * 2000)) for number in range(1000)]
    write_corpus_lines(tmp_path / "corpora" / "syn", lines * 2)
    tracemalloc.start()
    try:
        summary = build(tmp_path / "corpora", tmp_path / "labels", tmp_path / "catalog")
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (summary.rows("cuts"), summary.rows("rejects")) == (1000, 1000)
    assert most < 15e6


def test_places_of_ids_however_the_line_is_written(tmp_path: Path) -> None:
    lines = ['{"type": "Text", "id": "a"}', "{broken", '  {"id" :"a"}', '{"id": "\\u0061"}', '{"id": "b"}', "", "[1]"]
    plain, packed = tmp_path / "cuts.jsonl", tmp_path / "texts.jsonl.gz"
    plain.write_text("\n".join(lines))
    packed.write_bytes(gzip.compress(b'{"id": "a"}\r\n'))
    with open_memory() as con:
        found = places(con, [plain, packed], "a")
    assert found == ["cuts.jsonl:1", "cuts.jsonl:3", "cuts.jsonl:4", "texts.jsonl.gz:1"]
