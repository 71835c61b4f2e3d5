from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests import files
from manifests.errors import ManifestError, MissingFileError, OccupiedError

JSON_ROWS = st.lists(
    st.dictionaries(st.text(max_size=8), st.none() | st.booleans() | st.integers() | st.text(max_size=20), max_size=4),
    max_size=8,
)


def test_a_failed_write_leaves_the_old_file_and_no_temporary(tmp_path: Path) -> None:
    target = tmp_path / "a.json"
    files.write_json(target, {"old": 1})
    with pytest.raises(RuntimeError), files.atomic_write(target) as temporary:
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
    with pytest.raises(ManifestError, match="the line is a list"):
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


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_new_or_empty_folder_is_taken_and_stays_taken(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for name in ("new/inside", "empty"):
        files.claim_folder(tmp_path / name, "a catalog")
        (tmp_path / name / "half.parquet").write_text("x")  # what an interrupted command leaves
        files.claim_folder(tmp_path / name, "a catalog")


def test_a_folder_that_somebody_else_made_is_left_as_it_is(tmp_path: Path) -> None:
    for name in ("a", "b", "c", "d"):
        (tmp_path / f"{name}.txt").write_text("mine")
    before = tree(tmp_path)
    with pytest.raises(OccupiedError, match=r"is not a catalog, but it holds a.txt, b.txt, c.txt and 1 more\. Nothing"):
        files.claim_folder(tmp_path, "a catalog", known=["catalog.json"])
    with pytest.raises(OccupiedError, match=r"a\.txt is a file, expected a folder for a catalog"):
        files.claim_folder(tmp_path / "a.txt", "a catalog")
    assert tree(tmp_path) == before


def test_a_folder_for_one_kind_of_output_is_not_taken_for_another(tmp_path: Path) -> None:
    files.claim_folder(tmp_path, "a corpus")
    with pytest.raises(OccupiedError, match="is not a catalog"):
        files.claim_folder(tmp_path, "a catalog")


def test_a_folder_without_a_mark_is_known_by_its_files(tmp_path: Path) -> None:
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "deep" / "er" / "pass.json").write_text("{}")
    files.claim_folder(tmp_path, "labels", known=["nothing", "*/*/pass.json"])


def test_temporary_files_of_a_killed_writer_are_nobodys(tmp_path: Path) -> None:
    (tmp_path / ".0123abcd.lock.json").write_text("{")
    files.claim_folder(tmp_path, "a plan")


def test_a_file_is_written_over_only_by_its_kind(tmp_path: Path) -> None:
    target = tmp_path / "out.json"

    def ours(path: Path) -> bool:
        return "made" in files.read_json(path)

    files.claim_file(target, "a calibration", ours=ours)
    for text, fits in (("", True), ('{"made": 1}', True), ('{"x": 1}', False), ("# notes", False), ("\xff", False)):
        target.write_text(text, encoding="latin-1")
        if fits:
            files.claim_file(target, "a calibration", ours=ours)
            continue
        with pytest.raises(OccupiedError, match=r"is there already and is not a calibration\. Nothing was touched"):
            files.claim_file(target, "a calibration", ours=ours)
    with pytest.raises(OccupiedError, match="is not a calibration"):
        files.claim_file(tmp_path, "a calibration", ours=ours)


def test_what_is_moved_aside_gets_the_first_free_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in (1, 2):
        (tmp_path / "run").mkdir()
        (tmp_path / "run" / "x").write_text(str(number))
        monkeypatch.chdir(tmp_path / "run")
        moved = files.move_aside(Path())  # `--output .`
        assert moved == tmp_path / f"run.old-{number}" and (moved / "x").read_text() == str(number)
    assert not (tmp_path / "run").exists()
    assert files.is_aside(moved) and not files.is_aside(tmp_path / "run.old")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b'{"a": 1, "a": 2}', "the key `a` occurs twice"),
        (b'{"a": ' + b"[" * 5000 + b"]" * 5000 + b"}", "nested too deep"),
        (b'{"a": "\\ud800"}', "half a surrogate pair"),
        (b'{"a": "\xff"}', "utf-8"),
        (b"\xef\xbb\xbf{}", "BOM"),
        (b'{"a": 1', "delimiter"),
    ],
)
def test_json_that_is_odd_is_told_with_the_files_name(tmp_path: Path, data: bytes, said: str) -> None:
    (tmp_path / "x.json").write_bytes(data)
    with pytest.raises(ManifestError, match=rf"x\.json is not valid JSON \(.*{said}"):
        files.read_json(tmp_path / "x.json")


def test_json_of_before_is_read_as_it_was(tmp_path: Path) -> None:
    value = {"nan": float("inf"), "pair": "\U0001f600", "deep": [[[[1]]]], "long": 10**400}
    (tmp_path / "x.json").write_text(json.dumps(value))  # the pair is written as two halves
    assert files.read_json(tmp_path / "x.json") == value | {"long": float("inf")}


def test_a_name_that_no_file_can_have_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    names = ["a", "b", "x" * 5000, "x\0", "a/b"]
    assert [files.has_file(tmp_path / name) for name in names] == [True, False, False, False, False]


def test_a_mark_that_is_no_text_is_no_mark_of_ours(tmp_path: Path) -> None:
    (tmp_path / files.MARK).write_bytes(b"a catalog\xff\n")
    with pytest.raises(OccupiedError, match="is not a catalog"):
        files.claim_folder(tmp_path, "a catalog")


@pytest.mark.parametrize("text", ["[]", "5", "null", '"a"', "{}", '{"b": 1}'])
def test_an_object_has_the_keys_that_are_asked_for(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(ManifestError, match=r"x\.json has no `a`\. Delete it"):
        files.read_object(path, "a")
    path.write_text('{"a": 1}')
    assert files.read_object(path, "a") == files.read_object(path) == {"a": 1}
