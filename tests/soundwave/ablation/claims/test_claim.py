"""What is said of a study: claims with their bands, what is missing to make one, and what one seed cannot show."""

import pyarrow as pa
import pytest

from soundwave.ablation.claims.claim import claims_of
from soundwave.ablation.claims.study import figures_of
from soundwave.evaluate.registry import find_figure
from tests.soundwave.ablation.small_study import LLM_WER, row, shares, study

FIGURES = {"llm_wer": LLM_WER}


def said(effects, **more):
    rows, clips = study(effects, **more)
    return claims_of(rows, FIGURES, clips)


def test_a_difference_is_claimed_with_its_band():
    (claim,) = said({"full": 0.0, "without": 0.3}).claims
    assert claim.verdict == "better" and claim.low < -0.3 < claim.high < 0
    assert claim.sentence.startswith("LLM word error rate: full is better than without by 0.3")


def test_worse_is_said_as_no():
    (claim,) = said({"full": 0.3, "without": 0.0}).claims
    assert claim.verdict == "worse"
    assert ": no, full is worse than without by 0.29 (0.2" in claim.sentence


def test_a_score_is_better_when_it_is_higher():
    rows, clips = study({"full": 0.3, "without": 0.0})
    figure = next(figure for figure in (find_figure(name)[1] for name in ("bleu",)) if figure.better == "higher")
    renamed = [one | {"llm_wer": one["llm_wer"]} for one in rows]
    (claim,) = claims_of(renamed, {"llm_wer": figure}, clips).claims
    assert claim.verdict == "better" and claim.ahead == "full"


def test_what_nobody_can_tell_says_what_would_show_it():
    (claim,) = said({"full": 0.0, "without": 0.03}, clips=2000, random=1).claims
    assert claim.verdict == "not distinguishable" and claim.low < 0 < claim.high
    assert f"about {claim.more_seeds} more seed" in claim.sentence and "would show 0.0" in claim.sentence


def test_one_seed_says_what_it_cannot_show():
    found = said({"full": 0.0, "without": 0.3}, seeds=(7,))
    (claim,) = found.claims
    assert claim.verdict == "one seed" and claim.smallest is None
    assert "this run of full is better than this run of without" in claim.sentence
    assert "one seed cannot show" in claim.sentence
    assert any("nobody knows how far" in note for note in found.notes)


def test_seeds_that_changed_nothing_are_no_seeds():
    rows = [row(arm, error, seed, half=0.0) for arm, error in (("a", 0.3), ("b", 0.4)) for seed in (7, 8)]
    (claim,) = claims_of(rows, FIGURES).claims
    assert claim.verdict == "one seed" and "say nothing on chance" in claim.sentence


def test_clips_of_one_speaker_count_as_one():
    by_clip = said({"full": 0.0, "without": 0.1}, clips=120, each_sd=0.02).claims[0]
    rows, clips = study({"full": 0.0, "without": 0.1}, clips=120, each_sd=0.02, speakers=6)
    by_speaker = claims_of(rows, FIGURES, clips).claims[0]
    assert by_speaker.difference == pytest.approx(by_clip.difference)
    assert by_speaker.high - by_speaker.low > by_clip.high - by_clip.low


def test_rows_without_clips_are_compared_by_their_bands():
    rows, clips = study({"full": 0.0, "without": 0.3})
    paired, alone = claims_of(rows, FIGURES, clips), claims_of(rows, FIGURES)
    assert alone.claims[0].verdict == "better"
    assert any("not paired clip by clip" in note for note in alone.notes)
    assert not any("not paired" in note for note in paired.notes)


def test_clips_that_give_another_figure_are_not_used():
    rows, clips = study({"full": 0.0, "without": 0.3})
    found = claims_of([one | {"llm_wer": one["llm_wer"] * 2} for one in rows], FIGURES, clips)
    assert any("do not add up" in note for note in found.notes)


def test_an_axis_of_many_values_is_told_by_its_best_and_counts_every_pair():
    found = claims_of(shares(noise=0.001), FIGURES)
    assert len(found.claims) == 15
    told = [line for line in found.sentences() if line.startswith("LLM")]
    assert len(told) == 5 and all("share.sound 0.2" in line for line in told)
    assert any("10 more comparisons" in line for line in found.sentences())


def test_two_axes_are_compared_over_each_other_or_each_alone():
    rows = [
        row(arm, 0.5 + add - 0.1 * size, seed, fraction=size)
        for arm, add in (("a", 0.0), ("b", 0.2))
        for size in (0.5, 1.0)
        for seed in (7, 8, 9)
    ]
    over = claims_of(rows, FIGURES).claims
    assert [(claim.axis, claim.settings) for claim in over] == [("arm", 2), ("size", 2)]
    each = claims_of(rows, FIGURES, each=True).claims
    assert [claim.first for claim in each if claim.axis == "arm"] == ["a (50 % of the data)", "a (100 % of the data)"]


def test_cells_of_a_design_are_compared_as_they_are():
    rows = [row("a", 0.3 + x, seed, axes={"x": x, "y": 1 - x}) for x in (0.1, 0.2, 0.3) for seed in (7, 8)]
    found = claims_of(rows, FIGURES).claims
    assert [claim.axis for claim in found] == ["", "", ""]
    assert found[0].first == "x 0.1, y 0.9"


NOTHING = row("a", 0.3) | {"llm_wer": None}


@pytest.mark.parametrize("rows", [[], [row("a", 0.3)], [row("a", float("nan")), row("b", 0.2)], [NOTHING]])
def test_nothing_to_compare_is_said(rows):
    found = claims_of(rows, FIGURES)
    assert found.claims == () and "nothing to compare" in found.notes[0]


def test_only_seeds_that_both_have_count():
    rows, clips = study({"full": 0.0, "without": 0.3}, seeds=(7, 8, 9))
    (claim,) = claims_of([one for one in rows if (one["arm"], one["seed"]) != ("full", 9)], FIGURES, clips).claims
    assert claim.seeds == 2


HALF_DONE = {"a": (7, 8), "b": (7, 8), "c": (9,)}  # a study in which the third arm has begun with another seed


def test_arms_without_a_seed_in_common_are_not_compared():
    rows, clips = study({"a": 0.0, "b": 0.3, "c": 0.3}, seeds=(7, 8, 9))
    found = claims_of([one for one in rows if one["seed"] in HALF_DONE[one["arm"]]], FIGURES, clips)
    assert [(claim.first, claim.second) for claim in found.claims] == [("a", "b")]
    assert found.notes[:2] == tuple(f"{arm} and c have no seed in common: they are not compared." for arm in "ab")


def test_a_study_whose_arms_have_no_seed_in_common_claims_nothing():
    rows, clips = study({"a": 0.0, "c": 0.3}, seeds=(7, 9))
    found = claims_of([one for one in rows if one["seed"] in HALF_DONE[one["arm"]]], FIGURES, clips)
    assert found.claims == () and found.notes == ("a and c have no seed in common: they are not compared.",)


def test_clips_of_one_speaker_alone_say_nothing_of_others():
    rows, clips = study({"full": 0.0, "without": 0.3}, speakers=1)
    found = claims_of(rows, FIGURES, clips)
    assert any("of one group (speaker-0)" in note for note in found.notes)
    assert not any("written down" in note for note in found.notes)
    each, others = study({"full": 0.0, "without": 0.3})  # then every clip is a group of its own
    column = others.schema.get_field_index("group")
    alone = others.set_column(column, "group", others["item"])
    assert [(one.low, one.high) for one in found.claims] == [
        (one.low, one.high) for one in claims_of(each, FIGURES, alone).claims
    ]


def test_outcomes_of_one_figure_are_told_apart_by_name():
    found = figures_of(
        {"outcomes": {"three": "ctc_wer", "all": {"metric": "ctc_wer", "min_words": 1}, "llm": "llm_wer"}}
    )
    assert [figure.title for figure in found.values()] == [
        "three, CTC word error rate",
        "all, CTC word error rate",
        "LLM word error rate",
    ]


def test_a_difference_of_nothing_has_no_sign():
    rows, clips = study({"full": 0.0, "without": 0.0})
    assert not any("-0.0 " in said or "-0.00 " in said for said in claims_of(rows, FIGURES, clips).sentences())


@pytest.mark.parametrize("speakers", [2, 3, 5])
def test_bands_of_few_speakers_are_numbers(speakers):
    rows, clips = study({"full": 0.0, "without": 0.3, "other": 0.0}, speakers=speakers)
    assert all(0 < claim.high - claim.low < 100 for claim in claims_of(rows, FIGURES, clips).claims)


def test_clips_that_a_cell_lacks_or_that_are_no_numbers_are_said():
    rows, clips = study({"full": 0.0, "without": 0.3})
    some = clips.slice(29)  # the first cell has none
    assert any("missing in some cells" in note for note in claims_of(rows, FIGURES, some).notes)
    values = [float("nan"), *clips["value"].to_pylist()[1:]]
    broken = clips.set_column(clips.column_names.index("value"), "value", [values])
    assert any("missing in some cells" in note for note in claims_of(rows, FIGURES, broken).notes)


@pytest.mark.parametrize("different", [2, 9])
def test_a_difference_on_hardly_a_clip_says_so(different):
    rows, clips = [], []
    for arm, seed in [("full", 7), ("full", 8), ("without", 7), ("without", 8)]:
        wrong = [float(arm == "without" and n < different) for n in range(16)]
        place = {"grid": "g", "cell": f"{arm}-{seed}", "stage": "sft", "arm": arm, "seed": seed}
        value = sum(wrong) / 16 + (seed - 7) / 1000  # seeds were at work
        rows.append(place | {"fraction": 1.0, "last": True, "llm_wer": value, "axes": None})
        told = {"outcome": "llm_wer", "group": None, "weight": 1.0}
        clips += [place | told | {"item": str(n), "value": one + (seed - 7) / 1000} for n, one in enumerate(wrong)]
    (claim,) = claims_of(rows, FIGURES, pa.Table.from_pylist(clips)).claims
    assert (claim.low is None) == (different < 6)
    assert claim.sentence.endswith("on so few clips that nothing is said of others.") == (different < 6)
