"""Steps dealt anew by length: the same draws in each window, less padding, and a training that goes on bitwise."""

import json
from collections import Counter

import numpy as np
import pytest
from typer.testing import CliRunner

from curation.catalog.ledger import off_plan, open_ledger
from manifests.runs import WEIGHTS
from soundwave.cli import build_app
from soundwave.train.batches.hearing import hear
from soundwave.train.batches.length_windows import LengthWindows, length
from soundwave.train.batches.plan_data import Cut, Draw, PlanData
from soundwave.train.loop import train
from soundwave.train.settings import StageSettings, identity
from tests.soundwave.train.stopping import Killed, kill_at

NOTHING = dict.fromkeys(("language", "target_language", "text", "target_text", "source_path"))


def draw(number, seconds, **facts):
    values = {"cut_id": f"c-{number}", "corpus": "c", "split": "train", "task": "asr", "start": 0.0, "sound": ()}
    return Draw(Cut(**NOTHING | values | {"duration": seconds} | facts), "asr", 0)


def plan_of(steps=23, seed=0):
    """Steps of different sizes and lengths, a very long draw and one of text among them."""
    rng = np.random.default_rng(seed)
    found, number = [], 0
    for _ in range(steps):
        count = int(rng.integers(1, 9))
        found.append([draw(number + at, float(rng.choice([0.4, 1.0, 3.0, 9.0, 9.0, 25.0]))) for at in range(count)])
        number += count
    found[3].append(draw(number, 400.0))
    found[5].append(draw(number + 1, 0.0, text="what to press", target_text="one"))
    return found


@pytest.mark.parametrize("window", [1, 2, 5, 23, 4096])
def test_each_window_has_its_draws_once(window):
    steps = plan_of()
    dealt = LengthWindows(lambda number: steps[number % len(steps)], len(steps), window=window, seed=3)
    for epoch in range(2):
        for first in range(0, len(steps), window):
            numbers = range(first, min(first + window, len(steps)))
            found = [dealt(epoch * len(steps) + number) for number in numbers]
            assert all(found)
            planned = [one for number in numbers for one in steps[number]]
            assert Counter(one.cut.cut_id for step in found for one in step) == Counter(
                one.cut.cut_id for one in planned
            )
            if window == 1:
                assert found == [planned]
            else:
                assert all(list(map(length, step)) == sorted(map(length, step)) for step in found)


def test_steps_have_about_as_much_sound_and_like_lengths():
    rng = np.random.default_rng(0)
    steps = [[draw(8 * n + at, float(rng.uniform(1, 20))) for at in range(8)] for n in range(64)]
    dealt = LengthWindows(lambda number: steps[number], 64, window=16, seed=0)
    mean = sum(length(one) for step in steps for one in step) / 64

    def padding(found):
        total = sum(len(step) * max(map(length, step)) for step in found)
        return 1 - sum(length(one) for step in found for one in step) / total

    found = [dealt(number) for number in range(64)]
    assert max(abs(sum(map(length, step)) / mean - 1) for step in found) < 0.25
    assert padding(found) < 0.1 < 0.35 < padding(steps)
    firsts = [length(step[0]) for step in found[:16]]
    assert firsts != sorted(firsts)  # a window does not begin with its short draws


def test_a_step_is_the_same_wherever_one_begins():
    steps = plan_of()

    def make(seed=1):
        return LengthWindows(lambda number: steps[number % len(steps)], len(steps), window=5, seed=seed)

    one = make()
    expected = [one(number) for number in range(2 * len(steps))]
    for number in (0, 7, 22, 23, 30, 45, 2):
        assert make()(number) == expected[number]
    other = make(seed=2)
    assert [other(number) for number in range(23)] != expected[:23]


def test_the_default_tells_no_runs_apart(stage_values):
    one, other = (StageSettings(**stage_values("alignment", **more)) for more in ({}, {"length_window": 4}))
    assert "length_window" not in identity(one) and identity(other)["length_window"] == 4


def rows_of(run):
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [{name: value for name, value in row.items() if "seconds" not in name} for row in rows]


def test_a_training_with_windows_goes_on_bitwise_and_keeps_to_the_plan(workspace, stage_values, tmp_path, monkeypatch):
    plan = workspace / "mixtures" / "mixed"
    more = {"steps": 6, "checkpoint_every": 1, "tensorboard": False}
    plain = StageSettings(**stage_values("shrinking", **more))
    values = StageSettings(**stage_values("shrinking", length_window=3, **more))
    for name, settings in (("plain", plain), ("whole", values)):
        train(settings, plan=plan, output=tmp_path / "runs" / name)
    with monkeypatch.context() as patch, pytest.raises(Killed):
        kill_at(patch, 2)  # in the middle of a window
        train(values, plan=plan, output=tmp_path / "runs" / "stopped")
    train(values, plan=plan, output=tmp_path / "runs" / "stopped")
    whole, stopped = (tmp_path / "runs" / name for name in ("whole", "stopped"))
    assert rows_of(stopped) == rows_of(whole)
    assert (stopped / "final" / WEIGHTS).read_bytes() == (whole / "final" / WEIGHTS).read_bytes()
    paddings = [np.mean([row["padding"] for row in rows_of(tmp_path / "runs" / name)]) for name in ("plain", "whole")]
    assert 0 <= paddings[1] < paddings[0]
    with open_ledger([tmp_path / "runs"], plans=workspace / "mixtures") as con:
        assert con.execute("SELECT count(DISTINCT run) FROM ledger").fetchone() == (3,)
        assert off_plan(con) == []
    dealt = PlanData(plan, encoder="moonshine-tiny-en")
    windows = LengthWindows(dealt.step, len(dealt), window=3, seed=values.seed)
    heard = [
        (place, step, one.cut.cut_id)
        for step in range(3)
        for place, one in windows.numbered(step)
        if not one.cut.has_audio  # which needs no file
    ]
    assert heard
    for place, step, cut_id in heard:
        found = hear(plan, values, place)
        assert (found.row, found.step, found.cut_ids) == (place, step, (cut_id,))


def test_the_setting_is_shown_and_checked(tmp_path):
    shown = CliRunner().invoke(build_app(), ["train", "alignment", "--show", "--set", "length_window=8"])
    assert "length_window: 8" in shown.output
    wrong = CliRunner().invoke(build_app(), ["train", "alignment", "--show", "--set", "length_window=0"])
    assert "length_window" in str(wrong.exception)
