"""A source folder: known by its files as ever, and told apart from another one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from manifests.errors import MissingFileError
from manifests.fingerprint import fingerprint
from manifests.rows import CorpusInfo, Reject, TextRow
from recipes import registry
from recipes.common import Expected, Item, Recipe, need_parts
from recipes.expected import compare, totals
from recipes.trees import tree_fingerprint

NAMES = ("b/x.wav", "b/x-y/1.wav", "b/x/2.wav", "b.txt", "a b/ü.wav", "Z.wav", 'q"uote.txt', "b/.hidden", "c/d/e/f")


@pytest.mark.parametrize("parts", [(".",), ("b", "b.txt", "a b"), ("c", "b")])
def test_a_tree_is_known_by_the_same_fingerprint_as_ever(tmp_path: Path, parts: tuple[str, ...]) -> None:
    for number, name in enumerate(NAMES):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        if not (tmp_path / name).is_dir():
            (tmp_path / name).write_bytes(b"x" * number)
    (tmp_path / "b" / "loop").symlink_to(tmp_path / "a b")
    (tmp_path / "b" / "link.wav").symlink_to(tmp_path / "Z.wav")
    (tmp_path / "b" / "dangling").symlink_to(tmp_path / "none")
    found = [tmp_path / part for part in parts]
    files = sorted(path for part in found for path in (part.rglob("*") if part.is_dir() else [part]) if path.is_file())
    stats = [(str(path.relative_to(tmp_path)), path.stat().st_size, path.stat().st_mtime_ns) for path in files]
    assert len(stats) >= 3
    assert tree_fingerprint(tmp_path, parts) == fingerprint(str(tmp_path), stats)


def made(source: Path) -> Iterator[Item | TextRow | Reject]:
    for path in sorted(source.rglob("*.wav")):
        split = path.parent.name
        yield Item(key=path.stem, place=path.name, recording=path.stem, audio=path, text="words", split=split)


RECIPE = Recipe(
    "made",
    "made",
    "asr",
    "CC0-1.0",
    "tests",
    items=made,
    obtain="Get it from the tests.",
    expected={"train": Expected(2, 0.5), "dev": Expected(3), "odd-100": Expected(4)},
    splits={"odd-100": "test"},
)


@pytest.fixture
def tree(tmp_path: Path, tone: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(registry, "_recipes", lambda: {"made": RECIPE})
    for number, name in enumerate(("train/a", "train/b", "dev/c")):
        tone(tmp_path / "tree" / f"{name}.wav", pitch=200.0 + number)
    (tmp_path / "tree" / "dev" / "d.wav").touch()
    return tmp_path / "tree"


def test_what_was_found_is_compared_part_by_part(tree: Path, tmp_path: Path) -> None:
    info = registry.prepare("made", tmp_path / "out", source=tree)
    assert info.splits == {"train": "train", "dev": "dev"}  # a part that is not there needs no meaning
    assert {row["part"]: (row["cuts"], row["rejects"], row["note"]) for row in compare(RECIPE, info)} == {
        "train": (2, 0, ""),
        "dev": (1, 1, "counts differ by -1 (half a download, or another version?)"),
        "odd-100": (0, 0, "not there"),
    }
    assert totals(RECIPE) == (9, 0.5)
    assert registry.prepare("made", tmp_path / "out", source=tree) == info  # as it is on disk
    more = CorpusInfo("made", "made", "CC0-1.0", "x", parts={"train": {"cuts": 5, "rejects": 0, "hours": 1.0}})
    assert compare(RECIPE, more)[0]["note"] == "counts differ by +3 (another version?)"


def test_a_wrong_tree_says_what_was_looked_for_and_what_is_there(tree: Path, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong"
    for number in range(9):
        (wrong / f"folder{number}").mkdir(parents=True)
    said = r"nothing usable of the corpus `made` \(0 rejects; there: folder0/, .*folder5/ and 3 more\)\. Looked for "
    with pytest.raises(MissingFileError, match=said + r"the parts train, dev, odd-100\. Get it from the tests\."):
        registry.prepare("made", tmp_path / "out", source=wrong)
    assert not (tmp_path / "out" / "made" / "corpus.json").exists()
    recipe = registry.find("made")
    with pytest.raises(MissingFileError, match=r"lacks wav, which the corpus `made` needs \(it is empty\)"):
        need_parts(wrong / "folder0", Recipe(**{**vars(recipe), "parts": ("wav",)}))
