"""Facts of audio files, split keys, label tables."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests.errors import AudioError, MissingFileError
from manifests.fingerprint import file_sha256
from recipes.common import (
    CorpusRows,
    Recipe,
    audio_facts,
    file_cut,
    in_parallel,
    need_parts,
    normalise,
    slug,
    text_split,
)

Tone = Callable[..., Path]


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg"])
def test_audio_facts_are_those_of_the_file(tmp_path: Path, suffix: str, tone: Tone) -> None:
    path = tone(tmp_path / f"a.{suffix}", seconds=0.5, rate=22_050, channels=2)
    facts = audio_facts(path)
    assert (facts.sampling_rate, facts.channels, facts.samples) == (22_050, 2, 11_025)
    assert facts.sha256 == file_sha256(path)
    recording = facts.recording("r")
    assert recording.duration == pytest.approx(0.5)
    assert recording.load_audio().shape == (2, 11_025)


def test_a_missing_file_is_told_from_an_empty_one(tmp_path: Path) -> None:
    (tmp_path / "empty.flac").touch()
    with pytest.raises(AudioError, match="No such audio file") as missing:
        audio_facts(tmp_path / "none.flac")
    with pytest.raises(AudioError, match="0 bytes") as empty:
        audio_facts(tmp_path / "empty.flac")
    assert (missing.value.reason, empty.value.reason) == ("audio_missing", "audio_unreadable")


@pytest.mark.parametrize("kept", [0.02, 0.5, 0.9])
def test_a_truncated_file_is_unreadable(tmp_path: Path, kept: float, tone: Tone) -> None:
    path = tone(tmp_path / "a.flac", seconds=2.0)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * kept)])
    with pytest.raises(AudioError):
        audio_facts(path)


def test_a_header_without_samples_is_unreadable(tmp_path: Path, tone: Tone) -> None:
    with pytest.raises(AudioError, match="0 declared"):
        audio_facts(tone(tmp_path / "a.wav", seconds=0.0))


def test_text_that_is_no_audio_is_unreadable(tmp_path: Path) -> None:
    (tmp_path / "a.ogg").write_text("not audio at all" * 10)
    with pytest.raises(AudioError, match="does not decode"):
        audio_facts(tmp_path / "a.ogg")


@pytest.mark.parametrize("text", ["Hello, world!", "HELLO WORLD", "hello   world...", "“Hello” – world", "hello-world"])
def test_case_and_punctuation_do_not_make_another_text(text: str) -> None:
    assert normalise(text) == "hello world"


@pytest.mark.parametrize(("text", "key"), [("Ďábel!", "ďábel"), ("C++", "c"), ("...", "..."), ("ﬁn", "fin")])
def test_normalise_keeps_letters_of_every_language_and_never_returns_nothing(text: str, key: str) -> None:
    assert normalise(text) == key


@given(st.text(alphabet="abc ,.!?'ABC", max_size=12), st.text(alphabet="abc ,.!?'ABC", max_size=12))
def test_equal_texts_are_never_in_different_splits(one: str, other: str) -> None:
    if normalise(one) == normalise(other):
        assert text_split(one) == text_split(other)


def test_the_splits_have_the_shares_that_were_asked_for() -> None:
    splits = [text_split(f"sentence number {number}") for number in range(5000)]
    assert splits.count("test") / 5000 == pytest.approx(0.10, abs=0.015)
    assert splits.count("dev") / 5000 == pytest.approx(0.08, abs=0.015)


def test_results_keep_the_order_of_the_items() -> None:
    assert in_parallel(lambda n: n * n, list(range(50)), title="squares", workers=4) == [n * n for n in range(50)]


def test_an_id_part_is_plain_ascii() -> None:
    assert slug("letters/at") == "letters-at"
    assert slug("Žába (small)") == "Zaba-small"


def test_a_source_that_lacks_a_part_is_refused_with_its_name(tmp_path: Path) -> None:
    recipe = Recipe(
        corpus="c",
        title="t",
        task="asr",
        license="MIT",
        makers="m",
        read=lambda source, folder: CorpusRows(),
        parts=("usr/share/c",),
        packages=("c-data",),
    )
    with pytest.raises(MissingFileError, match=r"lacks usr/share/c, which the corpus `c` needs.*c-data"):
        need_parts(tmp_path, recipe)


def test_a_file_that_may_not_be_read_is_unreadable(tmp_path: Path, tone: Tone, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(path: Path) -> str:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("manifests.audio.facts.file_sha256", denied)
    with pytest.raises(AudioError, match="Permission denied"):
        audio_facts(tone(tmp_path / "a.wav"))


def test_a_file_becomes_a_cut_or_a_reject(tmp_path: Path, tone: Tone) -> None:
    options = {"cut_id": "made-a", "corpus": "made", "split": "train", "task": "asr", "license": "CC0-1.0"}
    made = file_cut(tone(tmp_path / "a.wav", seconds=0.5), **options, text="one", language="en")
    assert (made.id, made.duration, made.supervisions[0].text) == ("made-a", 0.5, "one")
    assert made.custom["audio_sha256"] == audio_facts(tmp_path / "a.wav").sha256
    missing = file_cut(tmp_path / "b.wav", **options)
    assert (missing.cut_id, missing.step, str(missing.reason)) == ("made-a", "prepare", "audio_missing")
    converted = file_cut(tmp_path / "b.wav", **options, convert=lambda path: path.with_stem("a"))
    assert converted.recording.sources[0].source == str(tmp_path / "a.wav")
