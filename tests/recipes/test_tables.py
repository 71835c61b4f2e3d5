"""Tables with quotes, and JSON files of a corpus."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from manifests.errors import ManifestError
from manifests.items import Item
from manifests.reasons import Reason
from manifests.rows import Reject
from recipes.speech.sources import SourceTree
from recipes.tables import file_name, json_object, quoted


def record(place: str, row: Mapping[str, str]) -> Item | None:
    if not row["text"]:
        raise ValueError("no text")
    return Item(key=row["id"], place=place, recording=row["id"], audio=Path("a.wav"), text=row["text"])


def read(table: Path) -> dict[str, str]:
    """Id -> text of an item, or reason of a reject."""
    found = quoted(SourceTree("c", table.parent), table, record, need=("id", "text"))
    return dict((one.cut_id, one.reason) if isinstance(one, Reject) else (one.key, one.text or "") for one in found)


def test_values_may_stand_in_quotes_and_bad_records_are_rejects(
    tmp_path: Path, write: Callable[[Path, str], Path]
) -> None:
    table = write(
        tmp_path / "t.csv",
        'id, more,text\r\n1,,"He said ""no"", twice"\r\n2,,\n3\n4,,"open\n5,,"a"b\n\n6,x, spaced \n',
    )
    assert read(table) == {
        "1": 'He said "no", twice',
        "6": "spaced",
        "c-t.csv:3": Reason.bad_row,
        "c-t.csv:4": Reason.bad_row,
        "c-t.csv:5": Reason.bad_row,
        "c-t.csv:6": Reason.bad_row,
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty .0 bytes.. Was its download cut short"),
        ("id,words\n1,a\n", "has no column text. It has id, words"),
    ],
)
def test_an_empty_table_or_another_version_is_an_error(
    tmp_path: Path, write: Callable[[Path, str], Path], text: str, said: str
) -> None:
    with pytest.raises(ManifestError, match=said):
        read(write(tmp_path / "t.csv", text))


@pytest.mark.parametrize("value", ["", "..", ".hidden", "a/b", "a\\b", "/a", "a\0"])
def test_a_file_is_named_without_a_path(value: str) -> None:
    with pytest.raises(ValueError, match="is no name of a file"):
        file_name(value)
    assert file_name("a b (1).wav") == "a b (1).wav"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is empty"),
        (b'{"a": 1', "is not valid JSON .*cut short"),
        (b"[1]", "holds no JSON object"),
        (b'{"a": "\xe9"}', "is not UTF-8"),
        (b'{"a": 1, "a": 2}', "occurs twice"),
    ],
)
def test_a_json_file_that_cannot_be_read_is_an_error_that_deletes_nothing(
    tmp_path: Path, data: bytes, said: str
) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(data)
    with pytest.raises(ManifestError, match=said) as error:
        json_object(path)
    assert "Delete" not in str(error.value)


def test_a_byte_order_mark_is_no_part_of_json(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b'\xef\xbb\xbf{"a": 1}')
    assert json_object(path) == {"a": 1}
