"""What recipes read a corpus with: bad lines, links, names outside; and what each recipe says of a wrong folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import get_args

import pytest

from manifests.errors import ManifestError, MissingFileError
from manifests.items import Item
from manifests.reasons import Reason
from manifests.rows import Reject
from manifests.rows.splits import known_split
from recipes import registry
from recipes.common import SOURCE, Access, Recipe
from recipes.speech.sources import SourceTree, gender_of, span
from soundwave.cli import main
from tests.recipes.speech.conftest import Prepared

SPEECH = sorted(path.stem for path in Path(registry.__file__).with_name("speech").glob("[!_]*.py"))
NAMES = [name for name in SPEECH if name in registry.names() and not registry.find(name).packages]


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[SourceTree]:
    (tmp_path / "corpus").mkdir()
    token = SOURCE.set(tmp_path / "corpus")
    yield SourceTree("demo", tmp_path / "corpus")
    SOURCE.reset(token)


def item(place: str, text: str) -> Item:
    if text == "odd":
        raise ValueError("it is odd")
    return Item(key=text, place=place, recording=text, audio=Path("x"))


def seen(found: Iterator[Item | Reject]) -> list[tuple[str, str]]:
    return [(one.cut_id, one.reason) if isinstance(one, Reject) else (one.key, one.place) for one in found]


def test_lines_keep_their_place_and_bad_ones_are_rejects(tree: SourceTree) -> None:
    path = tree.root / "part" / "lines.txt"
    path.parent.mkdir()
    path.write_bytes(b"\xef\xbb\xbfone\r\n\n\xff\nodd\nfive")
    assert seen(tree.each(path, item)) == [
        ("one", "part/lines.txt:1"),
        ("demo-part/lines.txt:3", Reason.bad_row),
        ("demo-part/lines.txt:4", Reason.bad_row),
        ("five", "part/lines.txt:5"),
    ]


def test_files_that_are_links_out_of_the_corpus_are_not_read(tree: SourceTree, tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("secret\n", encoding="utf-8")
    (tree.root / "lines.txt").symlink_to(tmp_path / "secret.txt")
    assert seen(tree.each(tree.root / "lines.txt", item)) == [("demo-lines.txt", Reason.outside_corpus)]
    with pytest.raises(ManifestError, match="is a link to"):
        list(tree.facts(tree.root / "lines.txt", "|"))


@pytest.mark.parametrize("name", ["/etc/other.wav", "no\0name.wav"])
def test_audio_that_a_row_names_must_be_in_the_corpus(tree: SourceTree, name: str) -> None:
    with pytest.raises(ValueError, match="is no file in the corpus's folder"):
        tree.audio(tree.root / name)


def test_audio_that_no_line_names_is_found_and_hidden_files_are_not(tree: SourceTree) -> None:
    for name in ("a/named.wav", "a/other.wav", "a/._named.wav", "b/other.flac", "a/other.txt"):
        (tree.root / name).parent.mkdir(exist_ok=True)
        (tree.root / name).touch()
    tree.audio(tree.root / "a" / "named.wav")
    assert seen(tree.unnamed(tree.root, ".wav", ".flac")) == [("demo-other", Reason.text_missing)] * 2


@pytest.mark.parametrize(("end", "said"), [("nan", "it spans 0 to nan"), ("1e400", "1e400"), ("x", "'x'")])
def test_spans_are_finite_numbers(end: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        span("0", end)


def test_genders_are_named_alike() -> None:
    words = ["F", "female_feminine", " male ", "M", "Other", "N/A", "none", ""]
    assert [gender_of(word) for word in words] == ["female", "female", "male", "male", "other", None, None, None]


@pytest.mark.parametrize("name", NAMES)
def test_each_recipe_says_what_is_expected_and_where_to_get_it(name: str, tmp_path: Path) -> None:
    recipe: Recipe = registry.find(name)
    assert recipe.corpus == name
    assert recipe.access in get_args(Access)
    assert "https://" in recipe.obtain or "Linguistic Data Consortium" in recipe.obtain
    parts = [*recipe.expected, *recipe.splits]
    assert [part for part in parts if known_split(part) is None and part not in recipe.splits] == []
    (tmp_path / "elsewhere" / "music").mkdir(parents=True)
    with pytest.raises(MissingFileError, match=r"elsewhere holds no .*It holds music\. ") as error:
        registry.prepare(name, tmp_path / "out", source=tmp_path / "elsewhere")
    assert recipe.obtain in str(error.value)
    assert [path for path in (tmp_path / "out").rglob("*") if path.name == "corpus.json"] == []


def test_the_command_says_the_same_without_a_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "elsewhere").mkdir()
    command = ["prepare", "mls", "--source", str(tmp_path / "elsewhere"), "--output", str(tmp_path / "out")]
    monkeypatch.setattr("sys.argv", ["soundwave", *command])
    with pytest.raises(SystemExit) as left:
        main()
    said = capsys.readouterr().err
    assert left.value.code == 2
    assert "holds no language of MLS" in " ".join(said.split())
    assert "Traceback" not in said


def test_every_speech_corpus_of_the_papers_first_mixture_has_a_recipe() -> None:
    corpora = {recipe.corpus for recipe in map(registry.find, NAMES)}
    assert {"mls", "gigaspeech", "europarl_asr", "librispeech", "tedlium", "libritts"} <= corpora
    assert len(NAMES) >= 13


def test_a_place_outside_is_a_reject_of_its_row(
    tmp_path: Path, prepared: Callable[..., Prepared], write: Callable[[Path, str], Path], tone: Callable[..., Path]
) -> None:
    folder = tmp_path / "corpus" / "en-de" / "data" / "dev"
    rows = [f"- {{duration: 0.2, offset: 0, speaker_id: s, wav: {wav}}}\n" for wav in ("in.wav", tmp_path / "out.wav")]
    for end, text in (("yaml", "".join(rows)), ("en", "one\ntwo\n"), ("de", "eins\nzwei\n")):
        write(folder / "txt" / f"dev.{end}", text)
    tone(folder / "wav" / "in.wav")
    tone(tmp_path / "out.wav")
    found = prepared("mustc", tmp_path / "corpus")
    assert list(found.cuts) == ["en-de-in-1"]
    assert found.reasons == {"en-de/data/dev/txt/dev.yaml:2": Reason.bad_row}
