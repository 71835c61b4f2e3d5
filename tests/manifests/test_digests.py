"""Files are what was written: records, seals, and what is not read twice."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from manifests import digests
from manifests.digests import Checked, DamagedError, files_of, problem, read_sealed, sealed, write_sealed, written


def flip(path: Path, place: int) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)


def test_a_sealed_record_comes_back_and_any_other_content_does_not(tmp_path: Path) -> None:
    path, value = tmp_path / "a.json", {"b": 1.5, "a": [None, "é"], "tuple": (1, 2), "deep": {"10": 1, "9": 2}}
    write_sealed(path, value)
    assert read_sealed(path, go_on="") == json.loads(json.dumps(value))
    data = path.read_bytes()
    for place in range(len(data)):
        for bit in (1, 4, 64):
            path.write_bytes(data[:place] + bytes([data[place] ^ bit]) + data[place + 1 :])
            try:
                found = read_sealed(path, go_on="Go on.")
            except DamagedError as error:
                assert str(path) in str(error) and "Go on." in str(error)
            else:  # a space that is another one, or the seal has another name: then the reader knows no such key
                assert found == json.loads(json.dumps(value)) or set(found) != set(value)


def test_a_record_of_before_there_were_seals_is_read_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"a": 1}')
    assert read_sealed(tmp_path / "a.json", go_on="") == {"a": 1}
    assert sealed(sealed({"a": 1})) == sealed({"a": 1})


def test_what_is_wrong_with_a_file_is_said_with_both_values(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"abcd")
    record = written(path)
    assert problem(path, record) is None
    flip(path, 2)
    assert "found checksum" in str(problem(path, record)) and problem(path, record, whole=False) is None
    path.write_bytes(b"abc")
    assert problem(path, record) == "has 3 bytes, expected 4"
    path.unlink()
    assert "is missing" in str(problem(path, record))


def test_a_file_is_read_again_only_when_it_changed_and_a_change_cannot_hide(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"abcd")
    record = written(path)
    checked = Checked(tmp_path)
    assert checked.check({"a": record}) == {}
    checked.save({"a": record})
    read: list[Path] = []
    real = digests.checksum
    monkeypatch.setattr(digests, "checksum", lambda path: (read.append(path), real(path))[1])
    assert Checked(tmp_path).problem("a", record) is None and not read
    times = path.stat()
    flip(path, 0)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))  # size, inode and mtime are as they were
    assert "found checksum" in str(Checked(tmp_path).problem("a", record)) and read == [path]
    (tmp_path / digests.CHECKED).write_text("[")  # a damaged note costs a reading
    flip(path, 0)
    assert Checked(tmp_path).problem("a", record) is None


@pytest.mark.parametrize(
    "row", [{"bytes": float("inf")}, {"bytes": "1"}, {"bytes": True}, {"bytes": 1, "xxh3_128": 5}, {}, 7, None]
)
def test_a_record_of_files_has_whole_numbers_and_texts(tmp_path: Path, row: object) -> None:
    assert files_of(tmp_path, {"a": {"bytes": 1}, "b": {"bytes": 2, "xxh3_128": "f"}}, go_on="") == {
        "a": (1, None),
        "b": (2, "f"),
    }
    with pytest.raises(DamagedError, match=r"is not what was written\. Go on\."):
        files_of(tmp_path, {"a": row}, go_on="Go on.")
