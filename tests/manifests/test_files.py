from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests import files
from manifests.errors import ManifestError, MissingFileError

JSON_ROWS = st.lists(
    st.dictionaries(st.text(max_size=8), st.none() | st.booleans() | st.integers() | st.text(max_size=20), max_size=4),
    max_size=8,
)


def test_a_failed_write_leaves_the_old_file_and_no_temporary(tmp_path: Path) -> None:
    target = tmp_path / "a.json"
    files.write_json(target, {"old": 1})
    with pytest.raises(RuntimeError), files.atomic_path(target) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert files.read_json(target) == {"old": 1}
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.jsonl.gz"])
@given(rows=JSON_ROWS)
def test_jsonl_round_trip(tmp_path_factory: pytest.TempPathFactory, name: str, rows: list[dict[str, object]]) -> None:
    path = tmp_path_factory.mktemp("jsonl") / name
    files.write_jsonl(path, rows)
    if rows:
        assert list(files.read_jsonl(path)) == rows


def test_equal_rows_give_equal_bytes(tmp_path: Path) -> None:
    for name in ("a.jsonl.gz", "b.jsonl.gz"):
        files.write_jsonl(tmp_path / name, [{"x": 1}])
    assert (tmp_path / "a.jsonl.gz").read_bytes() == (tmp_path / "b.jsonl.gz").read_bytes()


def test_a_bad_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl.gz"
    with gzip.open(path, "wt") as stream:
        stream.write(json.dumps({"ok": 1}) + "\n{broken\n")
    with pytest.raises(ManifestError, match=r"rows\.jsonl\.gz:2"):
        list(files.read_jsonl(path))


def test_a_line_that_is_no_object_is_named(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text("[1]\n")
    with pytest.raises(ManifestError, match="found list"):
        list(files.read_jsonl(path))


def test_an_empty_file_is_a_missing_file(tmp_path: Path) -> None:
    (tmp_path / "x.json").touch()
    with pytest.raises(MissingFileError, match="0 bytes"):
        files.read_json(tmp_path / "x.json")
    with pytest.raises(MissingFileError, match="No such settings file"):
        files.need_file(tmp_path / "y", what="settings file")
    with pytest.raises(MissingFileError, match="No such folder"):
        files.need_folder(tmp_path / "y")


def test_broken_json_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("{")
    with pytest.raises(ManifestError, match="Delete it"):
        files.read_json(tmp_path / "x.json")


def test_cache_dir_follows_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SOUNDWAVE_CACHE", str(tmp_path))
    assert files.cache_dir() == tmp_path
    monkeypatch.delenv("SOUNDWAVE_CACHE")
    assert files.cache_dir().name == "soundwave"
