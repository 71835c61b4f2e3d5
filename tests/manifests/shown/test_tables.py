"""Tables fit the terminal, and no id, number or word breaks for it."""

import pytest
from rich.cells import cell_len

from manifests.shown.tables import print_rows, table_lines

PATH = "/corpora/a-long-name/audio/and-a-file-of-a-long-name.flac"
PASSES = [
    {"pass": "hallucination", "what it does": "Whether a text looks invented: loops, phrases, too long.", "takes": "a"},
    {"pass": "align", "what it does": "Where each word is said.", "takes": "backend, wildcard, least_score, model"},
]


def text(rows, width=80, **options):
    return [line.plain for line in table_lines(rows, width=width, **options)]


def words(lines):
    return {word for line in lines for word in line.split()}


def test_a_table_that_fits_is_one_line_a_row_and_numbers_stand_right():
    assert text([{"corpus": "a", "cuts": 12345, "hours": 0.5}, {"corpus": "bcd", "cuts": None, "hours": 1234.56}]) == [
        "corpus    cuts    hours",
        "------  ------  -------",
        "a       12,345   0.5000",
        "bcd             1,234.6",
    ]


@pytest.mark.parametrize("width", [60, 80])
def test_texts_wrap_at_spaces(width):
    lines = text(PASSES, width)
    assert max(map(len, lines)) <= width
    assert {"hallucination", "least_score,", "invented:", "phrases,"} <= words(lines)
    assert lines[0].split() == ["pass", "what", "it", "does", "takes"]


def test_a_column_too_wide_stands_below_its_row_and_is_whole():
    lines = text([{"cut_id": "a-cut-of-a-corpus", "source_path": PATH, "text": "one two three", "duration": 1.5}])
    assert lines[2].split() == ["a-cut-of-a-corpus", "one", "two", "three", "1.5000"]
    assert lines[3] == f"    source_path  {PATH}"


def test_what_is_empty_below_a_row_is_left_out():
    rows = [{"id": "a", "path": PATH, "n": 1, "text": "x " * 20}, {"id": "b", "path": None, "n": 2, "text": "y"}]
    assert sum("path" in line for line in text(rows, 60)) == 1


def test_many_columns_become_a_block_a_row():
    lines = text([{f"column_{number}": f"value-{number}" for number in range(30)}])
    assert lines[:3] == ["row 1", "  column_0   value-0", "  column_1   value-1"]
    assert len(lines) == 31


def test_a_wide_terminal_is_used():
    lines = text(PASSES, 200)
    assert len(lines) == 4
    assert max(map(len, lines)) > 80


def test_wide_letters_are_measured_in_cells_and_break_where_a_line_is_full():
    lines = text([{"id": "a", "text": "これは長い文章です" * 8, "n": 3}])
    assert max(map(cell_len, lines)) <= 80
    assert sum(line.count("長") for line in lines) == 8


def test_long_texts_end_in_dots_but_ids_do_not():
    identity = "x" * 90
    lines = text([{"id": identity, "said": "word " * 40}])
    assert identity in words(lines)
    assert text([{"said": "word " * 40}])[-1].endswith("…")


def test_text_that_would_steer_the_terminal_is_shown(capsys):
    print_rows([{"id": "a\x1b[31m", "text": "[bold]x[/bold]"}], title="\x1b[2J", names=())
    printed = capsys.readouterr().out
    assert "\x1b" not in printed
    assert r"a\x1b[31m" in printed
    assert "[bold]x[/bold]" in printed


def test_no_rows_and_no_columns():
    assert text([], names=("a", "b")) == ["a  b", "-  -"]
    assert text([]) == [""]
