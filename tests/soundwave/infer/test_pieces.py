"""Cutting long audio: nothing lost, nothing twice, no piece too long, cuts in silence where there is one."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests.errors import SettingsError
from manifests.units import SAMPLE_RATE
from soundwave.infer.pieces import STEP, cut_at_silences, power


def tiles(spans, total):
    assert spans[0][0] == 0 and spans[-1][1] == total
    assert all(left[1] == right[0] for left, right in itertools.pairwise(spans))


@given(total=st.integers(0, 12 * SAMPLE_RATE), longest=st.floats(1, 4), seed=st.integers(0, 99), silent=st.booleans())
def test_pieces_tile_every_recording(total, longest, seed, silent):
    rng = np.random.default_rng(seed)
    samples = np.zeros(total, np.float32) if silent else rng.normal(size=total).astype(np.float32)
    spans = cut_at_silences(samples, longest)
    tiles(spans, total)
    most = round(longest * SAMPLE_RATE)
    sizes = [last - first for first, last in spans]
    assert max(sizes) <= most
    assert len(spans) == 1 or min(sizes) >= most // 4
    assert (len(spans) == 1) == (total <= most)


def test_cuts_fall_into_the_longest_silence():
    rng = np.random.default_rng(0)
    samples = rng.normal(size=10 * SAMPLE_RATE).astype(np.float32)
    for start, end in ((2.5, 2.6), (3.2, 3.6), (6.0, 6.4)):
        samples[round(start * SAMPLE_RATE) : round(end * SAMPLE_RATE)] = 0
    cuts = [last / SAMPLE_RATE for _, last in cut_at_silences(samples, 4.0)[:-1]]
    assert cuts == [pytest.approx(3.4, abs=0.02), pytest.approx(6.2, abs=0.02)]


def test_without_silence_it_cuts_where_it_is_least_loud():
    samples = np.ones(6 * SAMPLE_RATE, np.float32)
    samples[round(2.9 * SAMPLE_RATE) : round(3.1 * SAMPLE_RATE)] = 0.9
    assert cut_at_silences(samples, 4.0)[0][1] / SAMPLE_RATE == pytest.approx(3.0, abs=0.1)


def test_power_of_whole_hops():
    assert power(np.full(2 * STEP + 5, 0.5, np.float32)).tolist() == [0.25, 0.25]


def test_too_short_a_limit_is_refused():
    with pytest.raises(SettingsError, match="expected 1 s or more"):
        cut_at_silences(np.zeros(10, np.float32), 0.5)
