"""Axes as a grid's file says them: values, designs, shares; and what is wrong with them, in one sentence."""

import json

import pytest

from manifests.errors import MixtureError
from soundwave.ablation.axes.design import Sobol, design_points
from soundwave.ablation.axes.kinds import axis_labels, read_axis
from soundwave.ablation.axes.shares import set_shares, within


def values(name, said):
    return list(read_axis(name, said).values)


def test_values_are_a_list_or_a_range():
    assert values("share.sound", [0, 0.1, 0.4]) == [0, 0.1, 0.4]
    assert values("stage.sft.optimiser.learning_rate", {"range": [0.001, 0.1], "steps": 3, "scale": "log"}) == [
        0.001,
        0.01,
        0.1,
    ]
    assert values("rule.min_seconds", {"range": [0, 3], "steps": 4, "stage": "sft"}) == [0, 1, 2, 3]
    assert read_axis("mixture.sft.budget", {"range": [1, 3]}).at([0.25]) == 1.5
    assert values("leave_out", {"corpora": ["esc50"], "domains": ["st"]}) == [None, "corpus:esc50", "domain:st"]
    assert values("leave_out", {"corpora": ["esc50"], "nothing": False}) == ["corpus:esc50"]


def test_sizes_are_named_with_what_they_keep():
    both = read_axis("size", {"fractions": [0.5, 1], "repeats": ["matched", "free"]})
    labels = [axis_labels(both, value) for value in both.values]
    assert labels == [{"size": size, "repeats": kept} for kept in ("matched", "free") for size in (0.5, 1)]
    assert axis_labels(read_axis("size", [0.5]), (0.5, None)) == {"size": 0.5}


def test_a_line_and_a_lattice_of_shares():
    line = values("shares", {"line": [{"a": 1}, {"b": 3, "a": 1}], "steps": 3})
    assert line == [{"a": 1, "b": 0}, {"a": 0.625, "b": 0.375}, {"a": 0.25, "b": 0.75}]
    lattice = values("shares", {"domains": ["a", "b", "c"], "lattice": 4})
    assert len(lattice) == 15 and all(sum(point.values()) == pytest.approx(1, abs=1e-12) for point in lattice)
    assert {"a": 0.25, "b": 0.25, "c": 0.5} in lattice
    inner = values("shares", {"domains": ["a", "b"], "lattice": 2, "least": 0.1})
    assert inner == [{"a": 0.1, "b": 0.9}, {"a": 0.5, "b": 0.5}, {"a": 0.9, "b": 0.1}]


@pytest.mark.parametrize(
    ("name", "said", "message"),
    [
        ("shre.sound", [0], r"axis `shre.sound` is unknown \(nearest: share.DOMAIN"),
        ("tempratur", [1], "nearest: temperature"),
        ("stage.sft", [1], "unknown .*stage.STAGE.SETTING"),
        ("share", [1], "unknown .*share.DOMAIN"),
        ("share.a", [0, 1.5], "shares from 0 to 1"),
        ("share.a", [float("nan")], "shares from 0 to 1"),
        ("share.a", [0.1, 0.1], "holds 0.1 twice"),
        ("share.a", [], "values"),
        ("share.a", {"valus": [1]}, r"`valus`: unknown key \(nearest: values"),
        ("share.a", {"values": [0], "range": [0, 1]}, "one of the two"),
        ("rule.x", {"range": [0, 1], "scale": "log"}, "above 0"),
        ("rule.x", [[1]], "numbers or texts"),
        ("temperature", [0], "above 0"),
        ("size", {"fractions": [0, 1]}, "fractions hold 0"),
        ("size", {"fractions": [0.5], "repeats": "some"}, "repeats"),
        ("shares", {"values": [{"a": 0}]}, "one above it"),
        ("shares", {"values": [{"a": 1}], "lattice": 2}, "one of"),
        ("shares", {"domains": ["a"], "values": [{"b": 1}]}, "names b"),
        ("shares", {"domains": [str(n) for n in range(20)], "lattice": 50}, "more than 10,000"),
        ("leave_out", {}, "neither"),
    ],
)
def test_wrong_axes_are_refused(name, said, message):
    with pytest.raises(ValueError, match=message):
        read_axis(name, said)


def axes(**said):
    return [read_axis(name.replace("__", "."), value) for name, value in said.items()]


def test_full_and_paired_designs():
    both = axes(share__a=[0, 1], rule__x=[3, 4])
    assert [tuple(point.values()) for point in design_points(both, "full")] == [(0, 3), (0, 4), (1, 3), (1, 4)]
    assert [tuple(point.values()) for point in design_points(both, "paired")] == [(0, 3), (1, 4)]
    assert design_points([], "full") == design_points([], Sobol(kind="sobol", cells=3)) == [{}]
    with pytest.raises(ValueError, match="as many values of every axis"):
        design_points(axes(share__a=[0, 1], rule__x=[3]), "paired")
    with pytest.raises(ValueError, match="has no list of values"):
        design_points(axes(share__a={"range": [0, 1]}), "full")


def test_a_sobol_design_is_the_same_everywhere_and_fills_the_space():
    both = axes(share__a={"range": [0, 0.4]}, shares={"domains": ["x", "y", "z"], "least": 0.05}, rule__x=[1, 2])
    points = design_points(both, Sobol(kind="sobol", cells=24))
    # Written out: a grid's file must give these cells on every machine and with every version of scipy.
    assert json.loads(json.dumps(points[0])) == {
        "share.a": 0.382693,
        "shares": {"x": 0.218279, "y": 0.324276, "z": 0.457445},
        "rule.x": 2,
    }
    assert points == design_points(both, Sobol(kind="sobol", cells=24))
    assert points != design_points(both, Sobol(kind="sobol", cells=24, seed=1))
    assert points[:8] == design_points(both, Sobol(kind="sobol", cells=8))  # more cells only add some
    assert len(points) == 24
    quarters = [sum(low <= point["share.a"] / 0.4 * 4 < low + 1 for point in points) for low in range(4)]
    assert min(quarters) >= 5 and sum(quarters) == 24
    assert {point["rule.x"] for point in points} == {1, 2}
    for point in points:
        assert sum(point["shares"].values()) == pytest.approx(1, abs=1e-9) and min(point["shares"].values()) >= 0.049999


def test_one_share_moves_and_the_others_keep_their_ratio():
    shares = {"asr/read": 0.3, "asr/talk": 0.1, "sound": 0.4, "qa": 0.2}
    assert set_shares(shares, {"sound": 0.1}) == pytest.approx(
        {"asr/read": 0.45, "asr/talk": 0.15, "sound": 0.1, "qa": 0.3}
    )
    assert set_shares(shares, {"asr": 0.8}) == pytest.approx(
        {"asr/read": 0.6, "asr/talk": 0.2, "sound": 2 / 15, "qa": 1 / 15}
    )
    assert set_shares(shares, {"sound": 0.5, "qa": 0.5}) == {"asr/read": 0, "asr/talk": 0, "sound": 0.5, "qa": 0.5}
    assert set_shares({"a": 97, "b": 3}, {"b": 0}) == {"a": 1, "b": 0}
    assert set_shares({"a": 1, "b": 0}, {"b": 0.25}) == {"a": 0.75, "b": 0.25}
    assert within(shares, {"sound": 0.5, "qa": 0.5}) == pytest.approx(shares | {"sound": 0.3, "qa": 0.3})


@pytest.mark.parametrize(
    ("shares", "wanted", "message"),
    [
        ({"a": 1, "b": 1}, {"a": 0.7, "b": 0.4}, "sum to 1.1, expected at most 1"),
        ({"a": 1, "b": 0}, {"a": 0.7}, "no other domain has a share"),
        ({"a/x": 1, "a/y": 1}, {"a": 0.7, "a/x": 0.1}, "one of them is in another"),
        ({"a/x": 0, "a/y": 0, "b": 1}, {"a": 0.7}, "nothing says how to divide"),
    ],
)
def test_shares_that_cannot_be_had(shares, wanted, message):
    with pytest.raises(MixtureError, match=message):
        set_shares(shares, wanted)
