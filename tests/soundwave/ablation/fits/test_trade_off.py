"""The front of several outcomes, and ranks of small sizes against large ones."""

from soundwave.ablation.claims.measured import measure
from soundwave.ablation.fits.trade_off import pareto, rank_agreement
from soundwave.evaluate.registry import find_figure
from tests.soundwave.ablation.small_study import LLM_WER, row

BLEU = find_figure("bleu")[1]


def two_outcomes(cells):
    rows = [
        row(arm, wer + 0.001 * seed, seed, bleu=bleu + (0.1 if (seed + n) % 2 else 0.0))
        for n, (arm, wer, bleu) in enumerate(cells)
        for seed in (7, 8, 9)
    ]
    return [measure(rows, "llm_wer", LLM_WER), measure(rows, "bleu", BLEU)]


def test_cells_that_another_beats_in_everything_are_not_on_the_front():
    found = pareto(two_outcomes([("a", 0.2, 10.0), ("b", 0.3, 20.0), ("c", 0.4, 5.0)]))
    assert {cell.cell: cell.on_front for cell in found} == {"a": True, "b": True, "c": False}
    assert all(0 <= cell.certainty <= 1 for cell in found)
    assert found[2].certainty == 0.0


def test_one_outcome_or_cells_without_both_have_no_front():
    wer, bleu = two_outcomes([("a", 0.2, 10.0), ("b", 0.3, 20.0)])
    assert "no trade-off" in pareto([wer])
    other = measure([row("z", 0.2, bleu=1.0)], "bleu", BLEU)
    assert "No two cells" in pareto([wer, other])
    assert bleu is not None


def ladder(orders):
    return measure(
        [
            row(f"arm-{n}", place / 10, seed, fraction=size)
            for size, places in orders.items()
            for n, place in enumerate(places)
            for seed in (7, 8)
        ],
        "llm_wer",
        LLM_WER,
    )


def test_ranks_of_small_sizes_are_held_against_large_ones():
    same = rank_agreement(ladder({0.1: range(1, 9), 1.0: range(1, 9)}))
    assert "1.00" in same and "orders recipes as the large one does" in same
    mixed = rank_agreement(ladder({0.1: (1, 2, 3, 4, 5, 6), 1.0: (3, 1, 6, 2, 5, 4)}))
    assert "does not show how" in mixed


def test_too_few_recipes_or_one_size_or_no_difference_is_said():
    assert "at least 4" in rank_agreement(ladder({0.1: (1, 2), 1.0: (1, 2)}))
    assert "one size" in rank_agreement(ladder({1.0: (1, 2, 3, 4)}))
    assert "no ranks" in rank_agreement(ladder({0.1: (1, 1, 1, 1), 1.0: (1, 2, 3, 4)}))


def test_clips_that_might_have_been_others_are_in_how_sure_the_front_is():
    """Seeds agree to four digits, and the bands over clips are wide."""
    rows = [
        row(arm, error + 1e-4 * seed, seed, half=0.06, bleu=bleu + 1e-3 * seed)
        for arm, error, bleu in (("a", 0.30, 20.0), ("b", 0.31, 19.9), ("c", 0.9, 1.0))
        for seed in (1, 2, 3)
    ]
    first, second, _ = pareto([measure(rows, "llm_wer", LLM_WER), measure(rows, "bleu", BLEU)])
    assert first.on_front and not second.on_front and second.certainty > 0.2
