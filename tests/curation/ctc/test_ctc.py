"""The aligner against oracles: every path there is, torchaudio, and itself in other shapes."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.ctc import WILDCARD, forced_align, forced_align_batch
from tests.tolerance import rounding


def noise(rng, frames, width, scale=1.0):
    out = scale * rng.standard_normal((frames, width))
    return (out - np.log(np.exp(out).sum(axis=1, keepdims=True))).astype(np.float32)


def least_frames(targets):
    return len(targets) + int((targets[1:] == targets[:-1]).sum())


def random_case(rng, *, most=60, spare=150, wild=0.0):
    """A third with many repeats, a quarter with no frame to spare."""
    width = int(rng.choice([2, 28, 29, 32, 33, 64, 4096], p=[0.05, 0.2, 0.2, 0.2, 0.15, 0.15, 0.05]))
    count = int(rng.integers(1, most))
    targets = rng.integers(1, min(width, 4) if rng.random() < 1 / 3 else width, count)
    targets[rng.random(count) < wild] = WILDCARD
    frames = least_frames(targets) + (0 if rng.random() < 1 / 4 else int(rng.integers(0, spare)))
    return noise(rng, frames, width, scale=float(rng.choice([1, 4]))), targets


def collapse(path, blank):
    """What a path says: repeats merged, blanks removed."""
    return [token for token, _ in itertools.groupby(path) if token != blank]


def assert_consistent(alignment, log_probs, blank=0):
    """Path, scores and spans say the same."""
    path = alignment.path.tolist()
    assert collapse(path, blank) == alignment.tokens.tolist()
    for t, token in enumerate(path):
        if token != WILDCARD:
            assert alignment.scores[t] == log_probs[t, token]
    assert len(alignment.spans) == len(alignment.tokens)
    inside = np.zeros(len(path), bool)
    before = 0
    for span in alignment.spans:
        assert before <= span.start < span.end <= len(path)
        assert path[span.start : span.end] == [span.token] * (span.end - span.start)
        scores = alignment.scores[span.start : span.end]
        assert span.score == pytest.approx(scores.mean(dtype=np.float64), rel=rounding(len(scores) + 1, np.float32))
        inside[span.start : span.end] = True
        before = span.end
    assert all(token == blank for token, covered in zip(path, inside, strict=True) if not covered)


@st.composite
def tiny_problems(draw):
    """Log-probabilities in eighths (sums are exact, ties are common), -inf among them."""
    width, blank = draw(st.integers(2, 4)), draw(st.integers(0, 1))
    tokens = st.sampled_from([WILDCARD, *(v for v in range(width) if v != blank)])
    targets = np.array(draw(st.lists(tokens, max_size=3)), np.int64)
    least = least_frames(targets)
    frames = draw(st.integers(least, max(least, 5 if width < 4 else 4)))
    value = st.one_of(st.integers(-40, 0).map(lambda n: n / 8), st.just(-np.inf))
    rows = draw(st.lists(st.lists(value, min_size=width, max_size=width), min_size=frames, max_size=frames))
    wildcard = draw(st.one_of(st.none(), st.integers(-8, 0).map(lambda n: n / 8)))
    return np.array(rows, np.float32).reshape(frames, width), targets, blank, wildcard


@settings(max_examples=250, deadline=None, derandomize=True)
@given(tiny_problems())
def test_no_path_is_better(problem):
    log_probs, targets, blank, wildcard = problem
    frames, width = log_probs.shape
    others = np.delete(log_probs, blank, axis=1).max(axis=1)
    star = others if wildcard is None else np.full(frames, wildcard, np.float32)
    extended = np.concatenate([log_probs, star[:, None]], axis=1)  # the wildcard as one more token
    wanted = np.where(targets == WILDCARD, width, targets).tolist()
    sums = [
        extended[range(frames), path].sum(dtype=np.float64)
        for path in itertools.product(range(width + 1), repeat=frames)
        if collapse(path, blank) == wanted
    ]
    alignment = forced_align(log_probs, targets, blank=blank, wildcard=wildcard)
    assert alignment.scores.sum(dtype=np.float64) == max(sums)
    assert_consistent(alignment, log_probs, blank)


def test_two_thousand_random_cases_give_the_path_of_torchaudio():
    import torch
    from torchaudio.functional import forced_align as peer

    rng, different = np.random.default_rng(0), 0
    for _ in range(2000):
        log_probs, targets = random_case(rng)
        ours = forced_align(log_probs, targets)
        path, scores = peer(torch.from_numpy(log_probs)[None], torch.from_numpy(targets)[None].int(), blank=0)
        if (ours.path == path[0].numpy()).all():
            np.testing.assert_array_equal(ours.scores, scores[0].numpy())
        else:  # an exact tie of sums, on which torchaudio leaves the best path
            different += 1
            assert ours.scores.sum(dtype=np.float64) > scores.double().sum().item()
    assert different <= 2


@pytest.mark.parametrize("count", [0, 1, 14, 15, 16, 17, 31, 32, 33, 64])
@pytest.mark.parametrize("spare", [0, 1, 3, 16, 40])
def test_the_edges_of_chunks_against_a_plain_loop(count, spare):
    rng = np.random.default_rng(count * 100 + spare)
    targets = rng.integers(1, 5, count)
    log_probs = np.round(noise(rng, least_frames(targets) + spare, 29) * 64) / 64  # sums are exact
    alignment = forced_align(log_probs, targets)
    assert alignment.scores.sum(dtype=np.float64) == plain_viterbi(log_probs, targets)
    assert_consistent(alignment, log_probs)


def plain_viterbi(log_probs, targets, blank=0):
    """The best sum, by the textbook's recursion over 2L + 1 states in float64."""
    tokens = [blank] * (2 * len(targets) + 1)
    tokens[1::2] = targets.tolist()
    sums = np.full(len(tokens), -np.inf)
    sums[0] = 0.0  # the state before the first frame
    for frame in log_probs.astype(np.float64):
        new = np.empty_like(sums)
        for s, token in enumerate(tokens):
            ways = sums[max(0, s - 1) : s + 1].max()
            if s > 1 and token not in (blank, tokens[s - 2]):
                ways = max(ways, sums[s - 2])
            new[s] = ways + frame[token]
        sums = new
    return sums[-2:].max()


def test_float32_and_float64_agree_away_from_ties():
    rng = np.random.default_rng(3)
    for _ in range(100):
        log_probs, targets = random_case(rng, wild=0.1)
        log_probs = np.round(log_probs * 256) / 256  # both kinds of sums are exact, so only equal sums tie
        single = forced_align(log_probs, targets, precision="float32")
        double = forced_align(log_probs, targets, precision="float64")
        np.testing.assert_array_equal(single.path, double.path)
        np.testing.assert_array_equal(single.scores, double.scores)


def test_the_register_look_up_and_the_plain_one_agree():
    rng = np.random.default_rng(4)
    for width in (2, 16, 17, 31, 32):
        targets = rng.integers(1, width, 40)
        log_probs = noise(rng, 130, width)
        wide = np.concatenate([log_probs, np.full((130, 40), -1000, np.float32)], axis=1)
        narrow, padded = forced_align(log_probs, targets), forced_align(wide, targets)
        np.testing.assert_array_equal(narrow.path, padded.path)
        np.testing.assert_array_equal(narrow.scores, padded.scores)


@pytest.mark.parametrize("budget", [1, 5_000, 50_000])
def test_long_form_in_any_memory_gives_the_same(budget):
    from curation.ctc.kernels import OK, align
    from curation.ctc.long import align_long

    rng = np.random.default_rng(5)
    for case in range(40):
        log_probs, targets = random_case(rng, most=120, spare=500, wild=0.1 * (case % 2))
        problem = log_probs, targets, 0, WILDCARD, np.nan, np.empty(0, np.float32)
        status, _, expected = align(*problem)
        assert status == OK
        status, _, found = align_long(*problem, budget=budget)
        assert status == OK
        for one, other in zip(expected, found, strict=True):
            np.testing.assert_array_equal(one, other)


def test_long_form_takes_over_by_itself_and_agrees(monkeypatch):
    rng = np.random.default_rng(6)
    log_probs, targets = noise(rng, 3000, 30), rng.integers(1, 30, 300)
    expected = forced_align(log_probs, targets)
    monkeypatch.setattr("curation.ctc.SHORT_BYTES", 1000)
    monkeypatch.setattr("curation.ctc.kernels.align", None)  # would fail if it were called
    np.testing.assert_array_equal(forced_align(log_probs, targets).path, expected.path)


def test_batch_equals_single_in_any_order():
    rng = np.random.default_rng(7)
    items = [random_case(rng, wild=0.05) for _ in range(40)]
    single = [forced_align(*item) for item in items]
    for order in (np.arange(40), rng.permutation(40)):
        batch = forced_align_batch([items[i][0] for i in order], [items[i][1] for i in order])
        for place, i in enumerate(order):
            np.testing.assert_array_equal(batch[place].path, single[i].path)
            np.testing.assert_array_equal(batch[place].scores, single[i].scores)
            assert batch[place].spans == single[i].spans


def test_threads_do_not_disturb_each_other():
    rng = np.random.default_rng(8)
    items = [random_case(rng) for _ in range(60)]
    expected = [forced_align(*item).path for item in items]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda item: forced_align(*item).path, items))
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_wildcard_stands_for_speech_that_the_transcript_lacks():
    spoken = [5, 6, 7, 1, 2, 3, 8, 9, 4, 5, 6]  # the transcript has only 1 2 3 and 4
    log_probs = np.full((2 * len(spoken), 10), -8.0, np.float32)
    for place, token in enumerate(spoken):
        log_probs[2 * place, token] = log_probs[2 * place + 1, 0] = -0.01
    alignment = forced_align(log_probs, [WILDCARD, 1, 2, 3, WILDCARD, 4, WILDCARD], wildcard=-0.02)
    starts = {span.token: span.start for span in alignment.spans if span.token != WILDCARD}
    assert starts == {1: 6, 2: 8, 3: 10, 4: 16}
    first, between, last = (span for span in alignment.spans if span.token == WILDCARD)
    assert (first.start, first.end <= 6) == (0, True)
    assert 11 <= between.start <= 12 and between.end >= 15
    assert last.end >= 21
    assert alignment.scores[first.start] == np.float32(-0.02)


def test_a_wildcard_is_worth_the_best_token_but_the_blank_unless_told():
    rng = np.random.default_rng(9)
    log_probs = noise(rng, 30, 12)
    alignment = forced_align(log_probs, [WILDCARD, 3, WILDCARD], blank=5)
    best = np.delete(log_probs, 5, axis=1).max(axis=1)
    at_wildcard = alignment.path == WILDCARD
    np.testing.assert_array_equal(alignment.scores[at_wildcard], best[at_wildcard])
    assert_consistent(alignment, log_probs, blank=5)
