"""Runs against a loop that says what they are; the adapter's two behaviours."""

import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from manifests.errors import SettingsError
from soundwave.model.alignment_adapter import AlignmentAdapter
from soundwave.model.shrinking_adapter import (
    PlainAdapter,
    ShrinkingAdapter,
    even_runs,
    find_runs,
    merge_runs,
    run_means,
)

BLANK = 3


def oracle(classes, scores, keep, blank_runs):
    kept, place = [], 0
    for label, group in itertools.groupby(classes):
        size = len(list(group))
        if label != BLANK or blank_runs == "keep":
            inside = range(place, place + size)
            kept.append(place if keep == "first" else max(inside, key=lambda t: (scores[t], -t)))
        place += size
    return kept or [0]


@given(
    st.lists(st.lists(st.integers(0, BLANK), min_size=1, max_size=9), min_size=1, max_size=4),
    st.sampled_from(["first", "peak"]),
    st.sampled_from(["keep", "drop"]),
    st.randoms(use_true_random=False),
)
def test_runs_are_those_of_the_loop(rows, keep, blank_runs, rng):
    longest = max(map(len, rows))
    classes = torch.tensor([row + [0] * (longest - len(row)) for row in rows])
    scores = torch.tensor([[rng.random() for _ in range(longest)] for _ in rows])
    lengths = torch.tensor([len(row) for row in rows])
    runs = find_runs(classes, scores, lengths, blank=BLANK, keep=keep, blank_runs=blank_runs)
    for n, row in enumerate(rows):
        expected = oracle(row, scores[n].tolist(), keep, blank_runs)
        assert runs.kept[n, : runs.counts[n]].tolist() == expected


def test_run_means_average_over_a_run_and_merging_joins_runs():
    classes = torch.tensor([[0, 0, 1, BLANK, 2]])
    scores = torch.zeros(1, 5)
    runs = find_runs(classes, scores, torch.tensor([5]), blank=BLANK, blank_runs="drop")
    values = torch.tensor([[[1.0], [3.0], [5.0], [100.0], [7.0]]])
    assert run_means(values, torch.ones(1, 5), runs)[0, :, 0].tolist() == [2.0, 5.0, 7.0]
    merged = merge_runs(runs, [[0, 0, 1]], scores, "first")
    assert merged.counts.tolist() == [2] and merged.kept.tolist() == [[0, 4]]
    assert run_means(values, torch.ones(1, 5), merged)[0, :, 0].tolist() == [3.0, 7.0]


@given(st.lists(st.integers(0, 17), min_size=1, max_size=4), st.integers(1, 5), st.integers(0, 3))
def test_even_runs_are_pieces_of_equal_length(sizes, size, extra):
    count = max(*sizes, 1) + extra
    runs = even_runs(torch.tensor(sizes), count, size)
    for n, own in enumerate(sizes):
        pieces = [list(range(max(own, 1)))[at : at + size] for at in range(0, max(own, 1), size)]
        assert runs.kept[n, : runs.counts[n]].tolist() == [piece[0] for piece in pieces]
        assert runs.of_frame[n, :own].tolist() == [k for k, piece in enumerate(pieces) for _ in piece][:own]
        assert (runs.of_frame[n, max(own, 1) :] == -1).all()


@pytest.mark.parametrize("size", [3, 4])
def test_plain_adapter_joins_neighbours_and_padding_changes_nothing(size):
    torch.manual_seed(0)
    adapter = PlainAdapter(8, size=size).double()
    one, lengths = torch.randn(1, 10, 8).double(), torch.tensor([10])
    alone = adapter(one, lengths, even_runs(lengths, 10, size))
    rows = torch.cat([torch.cat([one, torch.full((1, 5, 8), 9.0)], dim=1), torch.randn(1, 15, 8)]).double()
    both = torch.tensor([10, 15])
    together = adapter(rows, both, even_runs(both, 15, size))
    assert alone.shape[1] == -(-10 // size)
    torch.testing.assert_close(together[0, : alone.shape[1]], alone[0])
    joined = torch.nn.functional.pad(one[0], (0, 0, 0, -10 % size)).reshape(-1, size * 8)
    torch.testing.assert_close(alone[0], adapter.norm(adapter.project(joined)))


@pytest.mark.parametrize("sees_all", [True, False])
def test_unselected_frames_matter_in_paper_and_not_in_reference(sees_all):
    torch.manual_seed(0)
    adapter = ShrinkingAdapter(16, heads=2, sees_all=sees_all)
    frames = torch.randn(1, 6, 16)
    runs = find_runs(torch.tensor([[0, 0, 0, 1, 1, 2]]), torch.zeros(1, 6), torch.tensor([6]), blank=BLANK)
    scrambled = frames.clone()
    scrambled[0, [1, 2, 4]] = torch.randn(3, 16)
    difference = (adapter(frames, torch.tensor([6]), runs) - adapter(scrambled, torch.tensor([6]), runs)).abs().max()
    assert (difference > 1e-3) if sees_all else (difference == 0)


@pytest.mark.parametrize("mixes_time", [True, False])
def test_one_frame_reaches_others_in_paper_and_not_in_reference(mixes_time):
    torch.manual_seed(0)
    adapter = AlignmentAdapter(8, 16, stack=1, heads=2, feed_forward=32, mixes_time=mixes_time).double().eval()
    frames, lengths = torch.randn(1, 5, 8).double(), torch.tensor([5])
    changed = frames.clone()
    changed[0, 0] += 1.0
    difference = (adapter(frames, lengths)[0] - adapter(changed, lengths)[0]).abs().amax(-1)[0]
    assert difference[0] > 1e-3
    assert (difference[1:] > 1e-6).all() if mixes_time else (difference[1:] == 0).all()


@pytest.mark.parametrize(("rotary", "window"), [(True, None), (False, None), (True, 2)])
@pytest.mark.parametrize("stack", [1, 2, 3])
def test_padding_changes_nothing(stack, rotary, window):
    torch.manual_seed(0)
    adapter = AlignmentAdapter(8, 16, stack=stack, heads=2, feed_forward=32, rotary=rotary, window=window)
    adapter = adapter.double().eval()
    one = torch.randn(1, 7, 8).double()
    padded = torch.cat([one, torch.full((1, 4, 8), 9.0)], dim=1)
    alone, count = adapter(one, torch.tensor([7]))
    beside, counts = adapter(torch.cat([padded, torch.randn(1, 11, 8).double()]), torch.tensor([7, 11]))
    assert count.tolist() == [-(-7 // stack)] and counts[0] == count[0]
    torch.testing.assert_close(alone[0], beside[0, : count[0]])


def test_heads_that_do_not_fit_are_refused_with_those_that_do():
    with pytest.raises(SettingsError, match=r"these fit: \[1, 2, 4, 8\]"):
        ShrinkingAdapter(16, heads=3)
