"""Sentences of `fortunes`, and the two corpora in which synthesisers say them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from manifests.errors import DownloadError, MissingFileError, SettingsError
from manifests.files import cache_dir
from manifests.rows import cut_rows, read_corpus
from recipes import registry
from recipes.apt import fetch_debian
from recipes.synthetic import flite
from recipes.synthetic._fortunes import BOOKS, read_out, sentences

BOOK = """A day without sunshine is like night.
%
\tTwo  lines make
one sentence here. Yes! This, too, is one: it's well-kept; isn't it?
\t\t-- Somebody Who Said It Once.
%
Only two words: no. lower case begins this one.
It costs 5 dollars in the shop. Ask (politely) for it. ALL OF IT IS LOUD.
This one has far more words than a voice should ever say without taking one breath.
A day without sunshine is like night.
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    books = tmp_path / "root" / BOOKS
    books.mkdir(parents=True)
    (books / "wisdom").write_text(BOOK, encoding="utf-8")
    (books / "zippy").write_bytes(b"A day without sunshine is like night.\n%\nAm I in \xff here now?\n")
    (books / "wisdom.dat").write_bytes(b"\0\0\0\2An index is no book.")
    return tmp_path / "root"


def test_sentences_are_whole_speakable_and_different(source: Path) -> None:
    found = sentences(source)
    assert {sentence.text for sentence in found} == {
        "A day without sunshine is like night.",
        "Two lines make one sentence here.",
        "This, too, is one: it's well-kept; isn't it?",
        "Only two words: no.",
    }
    assert {sentence.book for sentence in found} == {"wisdom"}  # the first that has it
    assert [sentence.key for sentence in found] == sorted(sentence.key for sentence in found)


@pytest.mark.parametrize("samples", [np.zeros(0, np.float32), np.array([0.1, np.nan], np.float32)])
def test_what_a_voice_cannot_say_is_a_reject(source: Path, tmp_path: Path, samples: np.ndarray) -> None:
    made = read_out(
        sentences(source)[0], lambda text: (samples, 16_000), tmp_path, corpus="heart", speaker="x", made_by="y"
    )
    assert made.reason == "audio_unreadable" and "expected some, all finite" in made.detail
    assert not (tmp_path / "audio").exists()


@pytest.mark.assets
def test_the_neural_voice_says_the_sentences_the_same_way_each_time(source: Path, tmp_path: Path) -> None:
    pytest.importorskip("hibari")
    for out in ("one", "two"):
        registry.prepare("heart", tmp_path / out, source=source)
    one, two = ([row["custom"]["audio_sha256"] for row in cut_rows(tmp_path / out / "heart")] for out in ("one", "two"))
    assert one == two and len(set(one)) == 4
    row = next(row for row in cut_rows(tmp_path / "one" / "heart") if "sunshine" in row["supervisions"][0]["text"])
    assert (row["custom"]["split"], row["custom"]["synthetic"]) == ("train", "hibari-tts==0.2.1")
    assert row["custom"]["text_source"] == "fortunes/wisdom"
    assert 1.5 < row["duration"] < 5 and row["recording"]["sampling_rate"] == 24_000
    samples, _ = soundfile.read(row["recording"]["sources"][0]["source"])
    assert np.sqrt(np.mean(samples**2)) > 0.01  # somebody speaks


@pytest.mark.assets
def test_flite_says_them_in_its_voices(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        root = fetch_debian(("flite", "libflite1"), cache_dir())
    except DownloadError as error:
        pytest.skip(str(error))
    for part in ("usr/bin", "usr/lib"):
        (source / part).symlink_to(root / part)
    registry.prepare("flite", tmp_path / "out", source=source, follow_links=True)
    rows = list(cut_rows(tmp_path / "out" / "flite"))
    assert {row["supervisions"][0]["speaker"] for row in rows} == {f"flite-{voice}" for voice in flite.VOICES}
    assert {row["custom"]["split"] for row in rows} == {"train"} and read_corpus(
        tmp_path / "out" / "flite"
    ).rejects == 0
    assert all(1 < row["duration"] < 6 for row in rows)


def test_a_program_of_another_machine_is_said(source: Path, tmp_path: Path) -> None:
    program = source / flite.PROGRAM
    program.parent.mkdir(parents=True)
    program.write_bytes(b"\x7fELF of another machine")
    program.chmod(0o755)
    with pytest.raises(MissingFileError, match="does not run here"):
        registry.prepare("flite", tmp_path / "out", source=source)
    assert not (tmp_path / "out" / "flite" / "corpus.json").exists()


@pytest.mark.assets
def test_a_smaller_corpus_is_the_beginning_of_a_larger_one(source: Path, tmp_path: Path) -> None:
    pytest.importorskip("hibari")
    two = registry.prepare("heart", tmp_path / "out", source=source, count=2)
    first = {row["id"] for row in cut_rows(tmp_path / "out" / "heart")}
    assert first == {f"heart-{sentence.key}" for sentence in sentences(source)[:2]}
    assert registry.prepare("heart", tmp_path / "out", source=source, count=2) == two
    three = registry.prepare("heart", tmp_path / "out", source=source, count=3)
    assert three.cuts == 3 and first < {row["id"] for row in cut_rows(tmp_path / "out" / "heart")}


@pytest.mark.parametrize(
    ("recipe", "count", "said"),
    [
        ("heart", 0, "`count` is 0, expected 1 or more"),
        ("asterisk", 5, r"flite, heart.*asterisk has a size of its own"),
    ],
)
def test_a_count_is_for_what_a_synthesiser_speaks(tmp_path: Path, recipe: str, count: int, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        registry.prepare(recipe, tmp_path / "out", count=count)
    assert not (tmp_path / "out").exists()
