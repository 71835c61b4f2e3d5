"""A wildcard for speech that the transcript lacks: at its start, at its end, between words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from curation.align.calibration import ANY, Calibration, Offset
from curation.align.ctc_aligner import CTCAligner
from curation.passes import make_pass
from curation.passes.align import Align
from curation.passes.runner import run_pass
from curation.text import normalise
from manifests.errors import SettingsError
from tests.curation.labelling import cut, table, tone, write_made
from tests.curation.written import FRAME, Written_, heard

WHOLE = "..dd.oo.gg....cc.aa.tt...hh.oo.rr.ss.ee...."
CALIBRATION = Calibration(
    backend="written",
    model="1",
    reference="made",
    words=50,
    starts={ANY: Offset(-0.02, 0.01)},
    ends={ANY: Offset(0.02, 0.01)},
    levels=((0.0,) * 24,) * 3,
    weight=0.0,
    joint=0.0,
)


def align(text: str, where: Any, frames: str = WHOLE, **options: Any) -> tuple[list[Any], list[tuple[int, int]]]:
    words = normalise(text)
    found, spans = CTCAligner(Written_(**options)).align_untranscribed(heard(frames), words, where)
    said = [(words[word.position].text, round(word.start / FRAME), round(word.end / FRAME)) for word in found]
    return said, [(round(start / FRAME), round(end / FRAME)) for start, end in spans]


DOG, CAT, HORSE = ("dog", 2, 10), ("cat", 14, 22), ("horse", 25, 39)


def test_speech_at_the_ends_is_taken_and_told() -> None:
    assert align("cat", "ends") == ([CAT], [DOG[1:], HORSE[1:]])
    assert align("dog cat", "ends") == ([DOG, CAT], [HORSE[1:]])
    assert align("cat horse", "ends") == ([CAT, HORSE], [DOG[1:]])


def test_speech_between_words_is_taken_where_that_is_asked_for() -> None:
    assert align("dog horse", "words") == ([DOG, HORSE], [CAT[1:]])
    # Nothing is left over, and "none" looks nowhere.
    assert align("dog cat horse", "words")[1] == []
    assert align("dog horse", "none")[1] == []


def test_it_works_beside_separators_readings_and_what_cannot_be_spelled() -> None:
    frames = "..dd.oo.gg.|.cc.aa.t.|.hh.oo.rr.ss.ee.."
    assert align("cat", "ends", frames, separator=True)[0] == [("cat", 13, 20)]
    assert len(align("cat", "ends", frames, separator=True)[1]) == 2
    assert align("dog #", "words", "..dd.oo.gg..xx.yy.zz.xx.yy..h.aa.sh..")[0] == [("dog", 2, 10), ("#", 28, 35)]
    said, spans = align("日 cat", "words", "..dd.oo.gg....cc.aa.t....zz.yy.zz.yy.")
    assert said[1:] == [("cat", 14, 21)]
    assert said[0][1] >= 2 and said[0][2] <= 14
    assert spans == [(25, 36)]


def test_without_it_the_word_is_torn_apart() -> None:
    """What it is for: the word's first letters are also in what was not transcribed, and louder there."""
    frames = "..cccc.aaa....cc.aa.tt.."
    assert align("cat", "none", frames)[0] == [("cat", 2, 22)]
    assert align("cat", "ends", frames) == ([CAT], [(2, 10)])


@given(
    st.lists(st.sampled_from(["able", "be", "cat", "dog", "5"]), min_size=1, max_size=5),
    st.sampled_from(["ends", "words"]),
    st.booleans(),
    st.integers(0, 3),
)
def test_a_complete_transcript_is_aligned_as_without(said: list[str], where: str, separator: bool, pause: int) -> None:
    gap = "." * pause + ("|" if separator else ".")
    frames = gap.join(".".join("five" if word == "5" else word) for word in said)
    text = " ".join(said)
    assert align(text, where, frames, separator=separator) == (align(text, "none", frames, separator=separator)[0], [])


def test_a_clip_without_a_frame_to_spare_is_aligned_all_the_same() -> None:
    assert align("cat dog", "words", "catdog") == align("cat dog", "none", "catdog")


class Fixed(Written_):
    """The written model on clips of real length: each second says the same."""

    def __call__(self) -> Any:
        model = super().__call__()
        emit = model.emit
        model.emit = lambda samples, tokens: emit(heard(WHOLE), tokens)
        return model


def test_calibrated_words_keep_out_of_it() -> None:
    found, spans = CTCAligner(Fixed(), CALIBRATION).align_untranscribed(tone(1.0), normalise("cat"), "ends")
    edges = [edge for span in (spans[0], (found[0].start, found[0].end), spans[1]) for edge in span]
    assert edges == pytest.approx([0.02, 0.22, 0.26, 0.46, 0.48, 0.80], abs=0.006)


def test_the_pass_counts_it_and_flags_words(tmp_path: Path) -> None:
    audio = tmp_path / "tone.wav"
    soundfile.write(audio, tone(1.0), 16000)
    rows = [cut("lacks", audio=audio, text="dog, horse!"), cut("odd", audio=audio, text="dog 日 horse #")]
    corpus = write_made(tmp_path / "made", rows)
    job = Align(CTCAligner(Fixed()), least_score=-99.0, wildcard="words")
    summary = run_pass(job, corpus, tmp_path / "labels", workers=0)
    flags = [(row["cut_id"], row["symbol"], row["flag"]) for row in table(summary.folder, "words")]
    assert flags == [
        ("lacks", "dog", None),
        ("lacks", "horse", None),
        ("odd", "dog", None),
        ("odd", "日", "wildcard"),
        ("odd", "horse", None),
        ("odd", "#", "symbol"),
    ]
    labels = {(row["cut_id"], row["name"]): row for row in table(summary.folder, "labels")}
    found = labels["lacks", "untranscribed"]
    assert found["value"] == pytest.approx(8 * FRAME)
    assert found["text"] == "0.28-0.44"
    plain = run_pass(Align(CTCAligner(Fixed())), corpus, tmp_path / "plain", workers=0)
    assert "untranscribed" not in {row["name"] for row in table(plain.folder, "labels")}


def test_silence_is_what_nobody_speaks_in(tmp_path: Path) -> None:
    audio = tmp_path / "tone.wav"
    soundfile.write(audio, tone(1.0), 16000)
    corpus = write_made(tmp_path / "made", [cut("a", audio=audio, text="cat")])
    silences = {}
    for wildcard in ("none", "ends"):
        job = Align(CTCAligner(Fixed()), least_score=-99.0, wildcard=wildcard)
        folder = run_pass(job, corpus, tmp_path / wildcard, workers=0).folder
        silences[wildcard] = {row["name"]: row["value"] for row in table(folder, "labels")}["leading_silence"]
    assert silences == {"none": pytest.approx(14 * FRAME), "ends": pytest.approx(2 * FRAME)}


def test_aligners_without_it_and_other_places_are_refused() -> None:
    with pytest.raises(SettingsError, match=r"`pocketsphinx` has no wildcard.*hf-ctc"):
        make_pass("align", {"wildcard": "ends"}).check()
    with pytest.raises(SettingsError, match=r"`wildcard`: found 'middle', expected one of none, ends, words"):
        make_pass("align", {"wildcard": "middle"})
    with pytest.raises(SettingsError, match="the pass `quality`: unknown key `wildcard`"):
        make_pass("quality", {"wildcard": "ends"})
