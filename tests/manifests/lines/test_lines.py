"""What ends a line, and what is said of lines that cannot be read."""

from __future__ import annotations

import bz2
import gzip
import lzma
from pathlib import Path

import pytest

from manifests.errors import ManifestError
from manifests.lines import BLOCK, LONGEST, blocks, lines, split_lines, texts

TEXT = "one\u2028a\u2029b\u0085c\x0bd\x0ce\x1cf\x1dg\x1eh\ri\r\n\ufefftwo\n\nlast"
EXPECTED = ["one\u2028a\u2029b\u0085c\x0bd\x0ce\x1cf\x1dg\x1eh\ri", "two", "", "last"]


@pytest.mark.parametrize(
    ("name", "pack"),
    [("t", bytes), ("t.gz", gzip.compress), ("t.bz2", bz2.compress), ("t.xz", lzma.compress)],
)
def test_only_line_feeds_end_lines(tmp_path: Path, name: str, pack) -> None:
    (tmp_path / name).write_bytes(pack(b"\xef\xbb\xbf" + TEXT.encode()))
    found = list(lines(tmp_path / name))
    assert [line.text for line in found] == EXPECTED == split_lines(TEXT)
    assert [line.number for line in found] == [1, 2, 3, 4]


def test_a_line_that_is_no_utf8_says_which_byte_and_its_neighbours_stay(tmp_path: Path) -> None:
    (tmp_path / "t").write_bytes(b"a\ncaf\xe9\nb\xed\xa0\x80\nc\n")
    found = [(line.text, line.problem) for line in lines(tmp_path / "t")]
    assert found == [("a", ""), ("", "not UTF-8: byte 0xe9 at 3"), ("", "not UTF-8: byte 0xed at 1"), ("c", "")]
    with pytest.raises(ManifestError, match=r"t:2: not UTF-8: byte 0xe9"):
        list(texts(tmp_path / "t"))


@pytest.mark.parametrize("size", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK])
def test_lines_are_the_same_wherever_a_block_ends(tmp_path: Path, size: int) -> None:
    whole = ["x" * size, "ä" * 3, "", "y"]
    (tmp_path / "t").write_text("\n".join(whole), encoding="utf-8")
    assert [line.text for line in lines(tmp_path / "t")] == whole


def test_a_line_that_is_too_long_is_not_kept_and_the_next_has_its_number(tmp_path: Path) -> None:
    (tmp_path / "t").write_bytes(b"a\n" + b"x" * (LONGEST + 1) + b"\nb\n" + b"y" * (LONGEST * 2))
    found = [(line.number, line.text, line.problem) for line in lines(tmp_path / "t")]
    assert found[0] == (1, "a", "") and found[2] == (3, "b", "")
    assert [line[2] for line in found if line[2]] == [
        "the line has 16.0 MB, expected at most 16 MB",
        "the line has 32.0 MB, expected at most 16 MB",
    ]
    assert max(len(block.data) for block in blocks(tmp_path / "t")) <= LONGEST + 2 * BLOCK
