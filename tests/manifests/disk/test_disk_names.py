from __future__ import annotations

import tarfile
from pathlib import Path, PurePosixPath, PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests.disk.names import MOST, FileNames, file_name, need_name
from manifests.errors import SettingsError

ORDINARY = [
    "asterisk-agent-pass",
    "1089-134686-0000",
    "fillets-A.1_b",
    "Häuser-ß",
    "日本語-3",
    "a b",
    "x~y",
    "a,b;c=d'(e)",
]
PATHS = ["../../../x", "/etc/passwd", "a/b", "a\\b", "C:\\x", "C:x", "..", ".", "", ".hidden", "~/x/", "a/../b"]
ELSEWHERE = ["con", "NUL.txt", "com1", "LPT9.x.y", "a.", "a ", " a", "a:b", "a*", "a?", 'a"b', "a<b", "a|b", "CONIN$"]
UNSEEN = ["a\nb", "a\0b", "a\x1b[31m", "a\u202eb", "a\u200bb", "\ud800", "\u2028", "e\u0301"]
SHAPES = st.text(max_size=12) | st.sampled_from(PATHS + ELSEWHERE + UNSEEN) | st.text(min_size=190, max_size=400)


@pytest.mark.parametrize("identifier", ORDINARY)
def test_an_ordinary_id_is_its_own_name(identifier: str) -> None:
    assert file_name(identifier) == FileNames().of(identifier) == need_name(identifier, setting="x") == identifier


@pytest.mark.parametrize("identifier", [*PATHS, *ELSEWHERE, *UNSEEN, "x" * 201, "é" * 101])
def test_any_other_id_gets_a_name_that_every_system_takes(identifier: str) -> None:
    name = file_name(identifier)
    assert name == PurePosixPath(name).name == PureWindowsPath(name).name
    assert name.isascii() and not set(name) & set('<>:"|?*\0') and len(name) <= MOST
    with pytest.raises(SettingsError, match="expected the name of a folder"):
        need_name(identifier, setting="corpus")


@given(one=SHAPES, other=SHAPES)
def test_two_ids_never_share_a_name(one: str, other: str) -> None:
    assert (file_name(one) == file_name(other)) == (one == other)
    assert len(file_name(one).encode()) <= MOST
    assert file_name(file_name(one)) != file_name(one) or file_name(one) == one  # the name of another id, too


@given(ids=st.lists(st.sampled_from(["A", "a", "Straße", "STRASSE", "é", "É", "../a", "../A"]), max_size=12))
def test_names_of_a_folder_differ_where_letter_case_does_not_count(ids: list[str]) -> None:
    names = FileNames()
    found = {identifier: names.of(identifier) for identifier in ids}
    assert len({name.casefold() for name in found.values()}) == len(found)
    assert all(names.of(identifier) == name for identifier, name in found.items())


def test_an_archive_of_such_names_stays_in_its_folder(tmp_path: Path) -> None:
    ids = [*PATHS, *ELSEWHERE, *UNSEEN]
    with tarfile.open(tmp_path / "x.tar", "w") as tar:
        for identifier in ids:
            tar.addfile(tarfile.TarInfo(f"{file_name(identifier)}.flac"))
    (tmp_path / "out").mkdir()
    with tarfile.open(tmp_path / "x.tar") as tar:
        tar.extractall(tmp_path / "out", filter="data")
    assert len(list((tmp_path / "out").iterdir())) == len(ids)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "x.tar"]
