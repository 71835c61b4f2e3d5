"""Long recordings: pieces tile, words keep their order and their times, memory stays, strangers are left out."""

from __future__ import annotations

import itertools
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.align.base import AlignedWord
from curation.ctc.long import BUDGET, align_long
from curation.segment.long_form import HOP, segment
from curation.segment.silences import PAUSE, PieceLimits, cut_pieces
from manifests.errors import InputError, SettingsError
from manifests.reasons import Reason
from tests.curation.spoken import VOCABULARY, Reader, Spoken, say


def check_tiling(pieces, gaps, duration):
    spans = sorted([(p.start, p.end) for p in pieces] + [(g.start, g.end) for g in gaps])
    assert spans[0][0] == 0.0
    assert spans[-1][1] == pytest.approx(duration)
    for (_, end), (start, _) in itertools.pairwise(spans):
        assert start == end


@given(
    lengths=st.lists(st.integers(10, 90), min_size=1, max_size=120),
    pauses=st.lists(st.sampled_from([0, 0, 5, 20, 60, 299, 301, 900]), min_size=121, max_size=121),
)
def test_pieces_and_gaps_tile_the_recording_and_keep_the_words(lengths, pauses):
    starts, ends, at = [], [], pauses[0] / 100
    for length, pause in zip(lengths, pauses[1:], strict=False):
        starts.append(at)
        ends.append(at + length / 100)
        at = ends[-1] + pause / 100
    energy = np.ones(round(at / HOP), np.float32)
    for start, end in zip([0.0, *ends], [*starts, at], strict=True):
        energy[round(start / HOP) : round(end / HOP)] = 0
    limits = PieceLimits(2.0, 8.0)
    pieces, gaps = cut_pieces(starts, ends, energy, at, limits)
    check_tiling(pieces, gaps, at)
    assert [word for piece in pieces for word in range(piece.first, piece.last)] == list(range(len(starts)))
    for piece in pieces:
        assert piece.start <= starts[piece.first] + 1e-9
        assert piece.end >= ends[piece.last - 1] - 1e-9
        assert piece.duration <= limits.longest + 1e-6
    for gap in gaps:
        assert not any(
            start < gap.end - 1e-9 and end > gap.start + 1e-9 for start, end in zip(starts, ends, strict=True)
        )


def test_cuts_fall_into_silences_where_there_are_any():
    starts = np.arange(60) * 0.5
    ends = starts + 0.5
    starts[[20, 40]] += 0.3  # the only silences
    energy = np.ones(3000, np.float32)
    energy[[*range(1000, 1030), *range(2000, 2030)]] = 0
    pieces, gaps = cut_pieces(starts.tolist(), ends.tolist(), energy, 30.0, PieceLimits(3, 15))
    assert [(piece.first, piece.last, piece.in_speech) for piece in pieces] == [(0, 20, 0), (20, 40, 0), (40, 60, 0)]
    assert [piece.start for piece in pieces] == pytest.approx([0.0, 10.15, 20.15], abs=0.02)
    assert not gaps


def test_no_words_leave_one_gap():
    assert cut_pieces([], [], np.zeros(100, np.float32), 1.0)[1][0].end == 1.0


def test_limits_that_cannot_be_kept_are_refused():
    with pytest.raises(SettingsError, match="twice the shortest"):
        PieceLimits(10, 15)


@settings(max_examples=25)
@given(st.lists(st.sampled_from(VOCABULARY), min_size=2, max_size=80), st.data())
def test_words_keep_their_order_and_times(words, data):
    gaps = [data.draw(st.sampled_from([0.06, 0.1, 0.3, 1.0, 4.0])) for _ in words]
    said, duration = say(words, gap=gaps)
    found = segment(Spoken(said, duration), " ".join(words), Reader())
    aligned = [word for piece in found.pieces for word in piece.words]
    assert [word.position for word in aligned] == list(range(len(words)))
    assert [word.start for word in aligned] == pytest.approx([start for _, start, _ in said], abs=0.05)
    check_tiling([piece.span for piece in found.pieces], [gap for gap, _ in found.gaps], duration)
    assert not found.unsaid
    for piece in found.pieces:
        assert (piece.reason is Reason.too_short) == (piece.span.duration < 3.0)


def test_a_text_that_says_more_and_less_than_the_recording():
    rng = np.random.default_rng(3)
    words = [str(word) for word in rng.choice(VOCABULARY, 200)]
    strange = [str(word) for word in rng.choice(["zzxz", "qqxq", "xqzq"], 30)]
    said, duration = say([*words[:100], *strange, *words[100:]])
    missing = ["vuvw"] * 25  # between two sentences, and nowhere in the audio
    text = (
        " ".join(words[:50]) + ". " + " ".join(missing) + ". " + " ".join(words[50:100]) + ". " + " ".join(words[100:])
    )
    found = segment(Spoken(said, duration), text, Reader())
    assert found.unsaid == list(range(50, 75))
    true = {position if position < 50 else position + 25: start for position, (_, start, _) in enumerate(said[:100])}
    true |= {position + 125: start for position, (_, start, _) in enumerate(said[130:])}
    times = {word.position: word.start for piece in found.kept for word in piece.words}
    near = [abs(times[position] - start) < 0.1 for position, start in true.items() if position in times]
    assert len(near) >= 190
    assert np.mean(near) > 0.98
    [(gap, sounds)] = found.gaps
    assert sounds
    assert gap.start == pytest.approx(said[100][1], abs=1.0)
    assert gap.end == pytest.approx(said[129][2], abs=1.0)


@pytest.mark.parametrize(
    "text",
    [
        "wxzv vwzx xvwz zzwx wvxz xwvz vzxw zxwv",  # nothing of it is heard
        "wxzv " * 900,  # more than the recording could hold
    ],
)
def test_of_a_stranger_text_nothing_is_kept(text):
    said, duration = say(list(VOCABULARY) * 3)
    found = segment(Spoken(said, duration), text, Reader(), limits=PieceLimits(0.1, 30))
    assert found.unrelated and not found.pieces and list(found.unsaid) == list(range(len(text.split())))
    ((gap, sounds),) = found.gaps
    assert sounds and (gap.start, gap.end) == (0.0, pytest.approx(duration))


class Doubtful(Reader):
    """Reads every second stretch of 4 s wrongly, so that its words score low there."""

    least_score = -0.5

    def __init__(self, wrong):
        self.wrong = wrong

    def emit(self, samples, tokens):
        scores = super().emit(samples, tokens)
        return np.where(self.wrong, np.maximum(scores - 2.0, -3.9), scores).astype(np.float32)


@pytest.mark.parametrize("wrong", [True, False])
def test_the_models_own_least_score_holds_unless_another_is_given(wrong):
    said, duration = say(list(VOCABULARY) * 3)
    source, text = Spoken(said, duration), " ".join(VOCABULARY * 3)
    found = segment(source, text, Doubtful(wrong))
    assert found.unrelated is wrong and bool(found.kept) is not wrong
    reasons = {piece.reason for piece in found.pieces if piece.span.duration >= 3}
    assert reasons == ({Reason.low_score} if wrong else {None})
    assert segment(source, text, Doubtful(wrong), least_score=-9.0).kept


class Picky:
    """An aligner that hears only the pieces whose number is in `heard`."""

    name, version, least_score = "picky", "1", -1.0

    def __init__(self, heard):
        self.heard, self.calls = heard, 0

    def align(self, samples, words):
        self.calls += 1
        score = 0.0 if self.calls - 1 in self.heard else -9.0
        return [AlignedWord(n, 0.1 * n, 0.1 * n + 0.1, score) for n in range(len(words))]


@pytest.mark.parametrize(("heard", "kept"), [((), 0), ((1,), 0), ((0, 1, 2), 3), (range(5), 5)])
def test_a_few_pieces_that_score_well_by_chance_do_not_make_a_text_right(heard, kept):
    said, duration = say(list(VOCABULARY) * 4)
    text = " ".join(VOCABULARY * 4)
    found = segment(Spoken(said, duration), text, Reader(), limits=PieceLimits(2, 6), refine=Picky(heard))
    assert len(found.pieces) == 5 and len(found.kept) == kept and found.unrelated is (kept == 0)
    if heard == (1,):
        assert "but 32 of the text's words are not heard, 8 are" in found.pieces[1].detail


@pytest.mark.parametrize(("text", "language", "match"), [("...", "en", "nothing to say"), ("a", "xx", "speak 'xx'")])
def test_bad_calls_are_one_sentence(text, language, match):
    said, duration = say(["able"])
    with pytest.raises(InputError, match=match):
        segment(Spoken(said, duration), text, Reader(), language=language)


def test_memory_does_not_grow_with_the_samples():
    def peak(repeats):
        said, duration = say([*VOCABULARY] * repeats)
        source = Spoken(said, duration)
        text = " ".join(word for word, _, _ in said)
        tracemalloc.start()
        try:
            found = segment(source, text, Reader())
            return tracemalloc.get_traced_memory()[1], duration, source.longest_read, found
        finally:
            tracemalloc.stop()

    # Compiles every kernel, for both precisions: a compiler's memory is none of the search's.
    segment(Spoken(*say(["able"] * 9)), "able " * 9, Reader())
    for kind in (np.float32, np.float64):
        align_long(np.zeros((999, 9), np.float32), np.ones(99, np.int64), 0, -1, -1.0, np.empty(0, kind), budget=9)
    large, duration, read, found = peak(400)
    assert duration > 2000
    assert read <= 34.0 + 1e-6
    assert all(piece.reason is None for piece in found.pieces)
    # The search has its budget; the samples alone would be 64 kB a second.
    assert large < BUDGET + 10_000 * duration


def test_the_longest_pause_inside_a_piece():
    said, duration = say(["able"] * 6 + ["brown"] * 6, gap=[0.1] * 5 + [PAUSE - 0.1] + [0.1] * 6)
    found = segment(Spoken(said, duration), " ".join(word for word, _, _ in said), Reader())
    assert not found.gaps
