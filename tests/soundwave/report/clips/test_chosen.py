"""Which clips are chosen, against a plain search; what is compared in a study."""

import itertools
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manifests.files import write_jsonl
from soundwave.ablation.claims.study import read_study
from soundwave.report.clips.chosen import ClipScore, choose_clips
from soundwave.report.clips.compared import compare_clips, contenders
from soundwave.report.clips.shown import _in_turn
from tests.soundwave.ablation.small_study import clip_rows, grid, row, table, write_study

SCORES = st.builds(ClipScore, st.integers(0, 4).map(float), st.integers(1, 4).map(float))
CLIPS = st.dictionaries(st.sampled_from("abcdefghijkl"), SCORES, min_size=1)


def take(clips, count, before):
    """`count` clips, each time one that no other is `before`: a plain search without sorting."""
    left, taken = set(clips), []
    while left and len(taken) < count:
        (one,) = [clip for clip in left if not any(before(other, clip) for other in left - {clip})]
        taken.append(one)
        left.remove(one)
    return taken


def orders(first, loss):
    """Is one clip before another: less loss, or as much of more words, or the smaller id?"""

    def before(one, other):
        if loss(one) != loss(other):
            return loss(one) < loss(other)
        if first[one].weight != first[other].weight:
            return first[one].weight > first[other].weight
        return one < other

    return before


@settings(max_examples=150, deadline=None)
@given(first=CLIPS, second=CLIPS, better=st.sampled_from(["lower", "higher"]), each=st.integers(1, 4))
def test_choices_are_those_of_a_plain_search(first, second, better, each):
    def rate(scores, clip):
        return (scores[clip].value / scores[clip].weight) * (1 if better == "lower" else -1)

    def gain(clip):
        return rate(second, clip) - rate(first, clip)

    found = choose_clips(first, second, better=better, each=each).ids
    assert found["best"] == take(first, each, orders(first, lambda clip: rate(first, clip)))
    assert found["worst"] == take(first, each, orders(first, lambda clip: -rate(first, clip)))
    both = [clip for clip in first if clip in second]
    assert found["improved"] == take([c for c in both if gain(c) > 0], each, orders(first, lambda c: -gain(c)))
    assert found["worsened"] == take([c for c in both if gain(c) < 0], each, orders(first, gain))
    every = take(first, len(first), orders(first, lambda clip: rate(first, clip)))
    middle = found["median"]
    assert len(middle) == min(each, len(first)) and " ".join(middle) in " ".join(every)
    before, after = every.index(middle[0]), len(every) - 1 - every.index(middle[-1])
    assert abs(before - after) <= 1


def test_alone_nothing_improves():
    found = choose_clips({"a": ClipScore(1, 4)}, each=2)
    assert found.ids == {"best": ["a"], "median": ["a"], "worst": ["a"]}
    assert found.kinds() == {"a": ["worst", "median", "best"]}


@pytest.fixture
def folder(tmp_path):
    """A study of two arms and two seeds, whose clips were written down; each clip has four words."""
    rows = [row(arm, value, seed) for arm, value in (("poor", 0.8), ("good", 0.3)) for seed in (7, 8)]
    errors = {("poor", 7): (4, 3, 0), ("poor", 8): (4, 4, 0), ("good", 7): (0, 1, 2), ("good", 8): (0, 0, 2)}
    clips = [one for row in rows for one in clip_rows(row, errors[row["arm"], row["seed"]], (4, 4, 4))]
    return write_study(tmp_path / "out" / "g", grid(("poor", "good"), seeds=(7, 8)), rows, table(clips))


def test_arms_are_compared_over_their_seeds(folder):
    (found,) = compare_clips(read_study(folder), each=1)
    assert [(line.name, line.seeds) for line in found.lines] == [("good", 2), ("poor", 2)]
    assert found.lines[0].scores["clip-1"] == ClipScore(1, 8)
    ids = found.chosen.ids
    assert (ids["improved"], ids["worsened"], ids["worst"], ids["best"]) == (
        ["clip-0"],
        ["clip-2"],
        ["clip-2"],
        ["clip-0"],
    )


def test_without_a_table_of_clips_transcripts_are_counted(folder):
    (folder / "clips.parquet").unlink()
    assert compare_clips(read_study(folder), each=1) == []
    heard = {"poor": "please press", "good": "please press any key"}
    rows = [json.loads(line) for line in (folder / "results.jsonl").read_text().splitlines()]
    for one in rows:
        one["run"] = f"runs/{one['arm']}-{one['seed']}"
        text = {"id": "x", "reference": "Please, press any key!", "llm": heard[one["arm"]]}
        write_jsonl(folder.parent / one["run"] / "examples-test.jsonl", [text])
    write_jsonl(folder / "results.jsonl", rows)
    (found,) = compare_clips(read_study(folder), each=1)
    assert [line.scores["x"] for line in found.lines] == [ClipScore(0, 8), ClipScore(4, 8)]
    assert found.lines[1].texts["x"].heard == "please press" and found.chosen.ids["improved"] == ["x"]


def test_of_one_arm_its_cells_are_compared_and_of_several_arms_the_largest_size(tmp_path):
    alone = [row("full", 0.5 / size, fraction=size) for size in (0.25, 0.5, 1.0)]
    study = read_study(write_study(tmp_path / "one", grid(seeds=(7,), fractions=[0.25, 0.5, 1.0]), alone))
    assert [name for name, _, _ in contenders(study, "llm_wer")] == [
        "100 % of the data",
        "50 % of the data",
        "25 % of the data",
    ]
    two = [row(arm, value * size, fraction=size) for arm, value in (("a", 0.9), ("b", 0.3)) for size in (0.5, 1.0)]
    study = read_study(write_study(tmp_path / "two", grid(("a", "b"), seeds=(7,), fractions=[0.5, 1.0]), two))
    found = contenders(study, "llm_wer")
    assert [(name, rows[0]["fraction"]) for name, _, rows in found] == [("b", 1.0), ("a", 1.0)]


def test_room_is_given_to_the_first_of_each_kind_before_the_second_of_any(folder):
    found = compare_clips(read_study(folder), each=2)
    order = list(_in_turn(found))
    ids = found[0].chosen.ids
    firsts = [ids[kind][0] for kind in ("improved", "worsened", "worst", "median", "best")]
    assert order[: len(firsts)] == firsts
    assert set(order) == set(itertools.chain(*ids.values()))


def test_sounds_are_compared_by_what_was_named(tmp_path):
    from soundwave.report.clips.shown import ShownClips
    from soundwave.report.clips.sounds import PageClip

    rows = [row(arm, 0.5, seed, named=value) for arm, value in (("a", 1.0), ("b", 0.5)) for seed in (7, 8)]
    right = {("a", 7): (1, 1), ("a", 8): (1, 1), ("b", 7): (0, 1), ("b", 8): (0, 1)}
    clips = [one | {"outcome": "named"} for of in rows for one in clip_rows(of, right[of["arm"], of["seed"]], (1, 1))]
    asked = grid(("a", "b"), seeds=(7, 8), outcomes={"named": "sound.kind_accuracy"})
    study = read_study(write_study(tmp_path / "g", asked, rows, table(clips)))
    (found,) = compare_clips(study, each=1)
    assert not found.is_speech and [line.name for line in found.lines] == ["a", "b"]
    assert found.chosen.ids["improved"] == ["clip-0"] and found.chosen.ids["worsened"] == []
    shown = ShownClips([found], [], {name: PageClip({"cut_id": name}) for name in ("clip-0", "clip-1")})
    (group, *_) = shown.page()["sets"][0]["groups"]
    assert [line["said"] for line in group["clips"][0]["lines"]] == ["named", "not named"]
