"""What people query: views, macros, and the paper's tables beside their own."""

from pathlib import Path

import pytest

from curation.catalog import connect
from curation.duck import records, run_select
from curation.text import is_unspaced
from curation.text.forms import UNSPACED
from manifests.errors import QueryError
from manifests.ontology import is_a, ontology
from manifests.schema import columns
from tests.curation.synthetic_catalog import cut, text_row, write_catalog


def test_ratio_to_paper_stands_our_hours_beside_the_papers(tmp_path: Path) -> None:
    cuts = [cut("a", duration=5400.0), cut("s", task="st", duration=1800.0), cut("t", split="test", duration=9e5)]
    write_catalog(tmp_path, [*cuts, cut("own", task="mine", duration=3600.0)])
    with connect(tmp_path) as con:
        found = {row["task"]: row for row in records(con.execute("FROM ratio_to_paper()"))}
        (total,) = con.execute("SELECT sum(hours) FROM paper.stage_1").fetchall()[0]
        (asr,) = con.execute("SELECT sum(hours) FROM paper.stage_1 WHERE task = 'asr'").fetchall()[0]
    assert (found["asr"]["hours"], found["asr"]["share"]) == (1.5, 0.5)
    assert found["asr"]["paper_stage_1"] == pytest.approx(asr / total)
    assert found["mine"]["paper_stage_1"] is None
    assert sum(row["paper_stage_2"] or 0 for row in found.values()) == pytest.approx(1)


def test_every_table_has_its_view_even_when_empty(tmp_path: Path) -> None:
    write_catalog(tmp_path, [cut("a")])
    with connect(tmp_path) as con:
        for table in ("cuts", "words", "labels", "rejects", "features"):
            assert [row[0] for row in con.execute(f"DESCRIBE {table}").fetchall()] == list(columns(table))
        assert [row[0] for row in con.execute("DESCRIBE plans").fetchall()] == ["plan", *columns("plans")]


def test_macros_and_views(tmp_path: Path) -> None:
    write_catalog(
        tmp_path, [cut("a", duration=1800.0, corpus="x"), cut("b", duration=5400.0, corpus="y"), text_row("t")]
    )
    with connect(tmp_path) as con:
        assert con.execute("SELECT hours()").fetchall() == [(2.0,)]
        assert con.execute("SELECT hours(duration) FROM cuts WHERE corpus = 'x'").fetchall() == [(0.5,)]
        found = con.execute("SELECT name, cuts, share_of_hours FROM share_by(corpus)").fetchall()
        assert found == [("y", 1, 0.75), ("x", 1, 0.25), ("syn", 1, 0.0)]
        assert con.execute("SELECT plain_text('  Don''t — STOP, ünïque  9!')").fetchall() == [("dontstopünïque9",)]
        assert con.execute("SELECT plain_words('  Don''t — STOP, ünïque  9!')").fetchall() == [("don t stop ünïque 9",)]
        assert con.execute("SELECT plain_text('it''s  12 Words')").fetchall() == [("its12words",)]
        assert con.execute("SELECT cut_id FROM texts").fetchall() == [("t",)]


def test_words_are_counted_by_language_as_the_reading_rule_does(tmp_path: Path) -> None:
    write_catalog(tmp_path, [cut("a")])
    with connect(tmp_path) as con:
        tags = [*UNSPACED, "en", "zh-TW", "cmn", "ko"]
        found = {tag for tag in tags if con.execute("SELECT unspaced(?)", [tag]).fetchone() == (True,)}
        assert found == {tag for tag in tags if is_unspaced(tag)} == {*UNSPACED, "zh-TW", "cmn"}
        count = "SELECT spoken_words(?, ?), written_words(?, ?)"
        for text, code, spoken, written in [
            ("हिन्दी की किताबें हैं।", "hi", 4, 4),
            ("it's a well-known café", "en", 5, 4),
            ("今天天气，很好。", "zh", 6, 6),
            ("ที่นี่", "th", 2, 2),
        ]:
            assert con.execute(count, [text, code, text, code]).fetchone() == (spoken, written)


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("is_a('Bark', 'Animal')", True),
        ("is_a('Song', 'Animal')", False),
        ("is_a('bark', 'Animal')", None),
        ("is_a(['Song', 'Bark'], 'Animal')", True),
        ("is_a(['Song', 'bark'], 'Animal')", False),
        ("is_a(['bark'], 'Animal')", None),
        ("is_a(NULL, 'Animal')", None),
        ("(SELECT count(*) FROM ontology WHERE is_a(name, 'Dog'))", 8),
        ("sounds_of('esc50', 'dog')", ["Dog", "Bark"]),
        ("sounds_of('sonicpi', 'drum_cymbal_open')", ["Hi-hat"]),
        ("sounds_of('esc50', 'zap')", None),
    ],
)
def test_the_ontology_is_asked_in_sql(tmp_path: Path, asked: str, found: object) -> None:
    write_catalog(tmp_path, [cut("a")])
    with connect(tmp_path) as con:
        assert run_select(con, f"SELECT {asked}", where="query").fetchall() == [(found,)]


def test_sql_and_python_agree_on_what_is_a_kind_of_what(tmp_path: Path) -> None:
    write_catalog(tmp_path, [cut("a")])
    with connect(tmp_path) as con:
        rows = con.execute("SELECT name, kind, is_a(name, kind) FROM ontology, unnest(['Music', 'Vehicle']) t(kind)")
        found = rows.fetchall()
    assert len(found) == 2 * len(ontology())
    assert all(yes is is_a(name, kind) for name, kind, yes in found)


def test_a_kind_that_the_ontology_lacks_is_an_error_with_the_nearest_name(tmp_path: Path) -> None:
    write_catalog(tmp_path, [cut("a", task="sound", sound=["Dog"])])
    with connect(tmp_path) as con, pytest.raises(QueryError, match=r"Anmial is no name.*nearest: Animal"):
        run_select(con, "SELECT cut_id FROM cuts WHERE is_a(sound, 'Anmial')", where="query").fetchall()
