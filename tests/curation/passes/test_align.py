"""The align pass: real prompts through PocketSphinx, and every way in which a cut ends as a reject."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile

from curation.align import load_aligner
from curation.align.base import AlignedWord
from curation.align.pronounce import by_letters, pronounce
from curation.passes.align import Align, export_alignments, summarise
from curation.passes.runner import run_pass
from curation.passes.shards import shard_key
from curation.text import Word, normalise
from manifests.audio import read_audio
from manifests.errors import MissingFileError, Rejected, SettingsError, StaleError
from tests.curation.labelling import cut, table, tone, write_made

LOGGED_ON = "That agent is already logged on. Please enter your agent number followed by the pound key."
WORDS = {"voice": "V OY S", "mail": "M EY L", "record": "R IH K AO R D", "cat": "K AE T", "match": "M AE CH", "a": "AH"}


@pytest.mark.parametrize(
    ("word", "phones"),
    [
        ("cat", "K AE T"),
        ("voicemail", "V OY S M EY L"),
        ("rerecord", "R IY R IH K AO R D"),
        ("cats", "K AE T S"),
        ("mail's", "M EY L Z"),
        ("matches", "M AE CH IH Z"),
        ("recorded", "R IH K AO R D IH D"),
        ("matching", "M AE CH IH NG"),
        ("umute", "AH M UW T"),
    ],
)
def test_words_that_the_dictionary_lacks_are_made_from_its_parts(word: str, phones: str) -> None:
    if word == "umute":  # no part fits: by letters
        assert pronounce(word, WORDS.get) == by_letters(word) == "AH M AH T"
    else:
        assert pronounce(word, WORDS.get) == phones
    assert pronounce("'", WORDS.get) is None


class Even:
    """Spreads the words evenly; knows no word `xyzzy`."""

    name, version, least_score = "pocketsphinx", "even", -3.5

    def check(self) -> None: ...

    def speaks(self, language: str) -> bool:
        return language == "en"

    def align(self, samples: np.ndarray, words: Sequence[Word]) -> list[AlignedWord]:
        from manifests.reasons import Reason

        if any(word.text == "xyzzy" for word in words):
            raise Rejected(Reason.oov_word, "xyzzy")
        step = len(samples) / 16000 / len(words)
        score = -9.0 if words[0].text == "bad" else -1.0
        if words[0].text == "short":
            return [AlignedWord(0, 0.1, 0.2, -1.0)]
        return [AlignedWord(n, n * step, (n + 1) * step, score) for n, word in enumerate(words) if word.readings]


def test_each_cut_is_aligned_or_rejected_with_its_reason(tmp_path: Path) -> None:
    audio, silent = tmp_path / "tone.wav", tmp_path / "silent.wav"
    soundfile.write(audio, tone(1.0), 16000)
    soundfile.write(silent, np.zeros(16000), 16000)
    rows = [
        cut("aligned", audio=audio, text="It costs — $5."),
        cut("bad", audio=audio, text="bad match"),
        cut("czech", audio=audio, language="cs"),
        cut("empty", audio=audio, text=""),
        cut("marks", audio=audio, text="... !"),
        cut("missing", text="hello"),
        cut("notext", audio=audio, text=None),
        cut("oov", audio=audio, text="xyzzy"),
        cut("short", audio=audio, text="short"),
        cut("silent", audio=silent),
        cut("sound", audio=audio, task="sound"),
    ]
    corpus = write_made(tmp_path / "made", rows)
    summary = run_pass(Align(Even()), corpus, tmp_path / "labels", workers=0)
    assert (summary.labelled, summary.rejected) == (1, 10)
    assert {row["cut_id"]: row["reason"] for row in table(summary.folder, "rejects")} == {
        "bad": "low_score",
        "czech": "unsupported_language",
        "empty": "empty_text",
        "marks": "empty_text",
        "missing": "audio_missing",
        "notext": "text_missing",
        "oov": "oov_word",
        "short": "low_score",
        "silent": "no_speech",
        "sound": "not_speech",
    }
    words = table(summary.folder, "words")
    assert [(row["position"], row["symbol"], row["start"], row["duration"]) for row in words] == [
        (0, "It", 0.0, 0.25),
        (1, "costs", 0.25, 0.25),
        (3, "$5", 0.75, 0.25),
    ]
    labels = {row["name"]: row["value"] for row in table(summary.folder, "labels")}
    assert labels == {"score": -1.0, "speech_rate": 3.0, "leading_silence": 0, "trailing_silence": 0, "coverage": 1.0}


def test_odd_files_and_odd_transcripts_end_as_designed(tmp_path: Path) -> None:

    def wav(name: str, rate: int = 16000, channels: int = 1) -> Path:
        path = tmp_path / f"{name}.flac"
        soundfile.write(path, np.stack([tone(1.0, rate)] * channels, axis=1), rate)
        return path

    noise = np.random.default_rng(0).standard_normal(16000) * 0.1  # a tone's FLAC is too small to be cut in two
    soundfile.write(tmp_path / "cut.flac", noise, 16000)
    data = (tmp_path / "cut.flac").read_bytes()
    (tmp_path / "cut.flac").write_bytes(data[: len(data) // 2])
    (tmp_path / "nothing.flac").touch()
    rows = [
        cut("cut", audio=tmp_path / "cut.flac", text="one two"),
        cut("high", audio=wav("high", 44100), text="one two"),
        cut("low", audio=wav("low", 8000), text="one two"),
        cut("nothing", audio=tmp_path / "nothing.flac", text="one two"),
        cut("stereo", audio=wav("stereo", channels=2), text="one two"),
        cut("told-empty", audio=wav("a"), text="  "),
        cut("told-money", audio=wav("b"), text="$5 in 1984"),
    ]
    summary = run_pass(Align(Even()), write_made(tmp_path / "made", rows), tmp_path / "labels", workers=0)
    rejects = {row["cut_id"]: row["reason"] for row in table(summary.folder, "rejects")}
    assert rejects == {"cut": "audio_unreadable", "nothing": "audio_unreadable", "told-empty": "empty_text"}
    words = table(summary.folder, "words")
    times = {row["cut_id"]: (row["start"], row["duration"]) for row in words if row["symbol"] == "two"}
    assert times == {name: pytest.approx((0.5, 0.5), abs=1e-3) for name in ("high", "low", "stereo")}
    said = [(row["symbol"], row["flag"]) for row in words if row["cut_id"] == "told-money"]
    assert said == [("$5", "number"), ("in", None), ("1984", "number")]


def test_summarise_weighs_scores_by_length_and_counts_what_is_missing() -> None:
    words = normalise("one two three")
    found = [AlignedWord(0, 0.5, 1.0, -1.0), AlignedWord(2, 1.0, 2.5, -2.0)]
    labels = summarise(words, found, 3.0)
    assert labels["score"] == pytest.approx(-1.75)
    assert labels["coverage"] == pytest.approx(2 / 3)
    assert (labels["leading_silence"], labels["trailing_silence"], labels["speech_rate"]) == (0.5, 0.5, 1.0)


def test_unknown_backends_are_named() -> None:
    with pytest.raises(SettingsError, match=r"`none`.*pocketsphinx"):
        load_aligner("none")


def test_export_needs_a_current_alignment(tmp_path: Path) -> None:
    from lhotse import CutSet

    audio = tmp_path / "tone.wav"
    soundfile.write(audio, tone(1.0), 16000)
    rows = [cut(f"c{n}", audio=audio, text="" if n == 3 else "two words") for n in range(10)]
    corpus, labels, output = write_made(tmp_path / "made", rows), tmp_path / "labels", tmp_path / "out.jsonl.gz"
    with pytest.raises(MissingFileError, match="soundwave label align"):
        export_alignments(corpus, labels, output)
    run_pass(Align(Even()), corpus, labels, workers=0, shard_size=3)
    assert export_alignments(corpus, labels, output) == 9
    first = next(iter(CutSet.from_file(output))).supervisions[0]
    assert first.text == "two words"
    items = [(item.symbol, item.start, item.duration, item.score) for item in first.alignment["word"]]
    assert items == [("two", 0.0, 0.5, -1.0), ("words", 0.5, 0.5, -1.0)]
    write_made(corpus, rows[1:])
    with pytest.raises(StaleError, match="again"):
        export_alignments(corpus, labels, tmp_path / "other.jsonl.gz")
    assert not (tmp_path / "other.jsonl.gz").exists()


@pytest.mark.assets
def test_a_prompt_is_aligned_in_its_own_words(asterisk_sounds: Path) -> None:
    samples = read_audio(asterisk_sounds / "agent-alreadyon.g722")
    words = normalise(LOGGED_ON)
    found = load_aligner("pocketsphinx").align(samples, words)
    assert [word.position for word in found] == list(range(16))
    assert all(before.end <= after.start + 1e-9 for before, after in itertools.pairwise(found))
    assert found[5].end == pytest.approx(2.2, abs=0.15)  # "on.", before the pause
    assert found[6].start == pytest.approx(2.33, abs=0.15)  # "Please"
    assert all(-4.0 < word.score <= 0.0 for word in found)


@pytest.mark.assets
def test_the_audio_chooses_among_a_numbers_readings(asterisk_sounds: Path) -> None:
    """16 is said `sixteen`: it must fit far better than `one six` alone would."""
    samples = read_audio(asterisk_sounds / "digits/16.g722")
    aligner = load_aligner("pocketsphinx")
    (number,) = aligner.align(samples, normalise("16"))
    (sixteen,) = aligner.align(samples, normalise("sixteen"))
    assert number.score == sixteen.score


@pytest.mark.assets
def test_results_do_not_depend_on_what_was_aligned_before(asterisk_sounds: Path) -> None:
    aligner = load_aligner("pocketsphinx")
    texts = {"agent-alreadyon": LOGGED_ON, "agent-newlocation": "Please enter a new extension, followed by pound."}
    clips = {name: read_audio(asterisk_sounds / f"{name}.g722") for name in texts}
    first = {name: aligner.align(clips[name], normalise(texts[name])) for name in texts}
    second = {name: aligner.align(clips[name], normalise(texts[name])) for name in reversed(texts)}
    assert first == second


@pytest.mark.assets
def test_texts_that_cannot_be_in_the_clip_are_refused(asterisk_sounds: Path) -> None:
    samples = read_audio(asterisk_sounds / "activated.g722")
    aligner = load_aligner("pocketsphinx")
    for text, reason in ((LOGGED_ON, "transcript_too_long"), ("日本", "oov_word"), ("—", "empty_text")):
        with pytest.raises(Rejected) as refused:
            aligner.align(samples, normalise(text))
        assert str(refused.value.reason) == reason


def test_only_words_of_other_languages_depend_on_the_reading_rule(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [cut("en", language="en"), cut("none", language=None), cut("hi", text="की", language="hi")]
    corpus = write_made(tmp_path / "made", rows)
    keys = [[shard_key(Align(), [row], corpus) for row in Align().rows(corpus)]]
    monkeypatch.setattr("curation.passes.align.READING_VERSION", 99)
    keys.append([shard_key(Align(), [row], corpus) for row in Align().rows(corpus)])
    assert [one == other for one, other in zip(*keys, strict=True)] == [True, True, False]
    assert keys[0][:2] == [shard_key(Align(), [row], corpus) for row in rows[:2]]  # as before there was a version
