"""CTC targets that their frames cannot carry: refused before the pass, NULL in the ledger with a reason, in no mean."""

import json
from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest

from manifests.reasons import Reason
from manifests.runs import read_run
from soundwave.model.ctc.head import least_frames
from soundwave.train.batches.clips import HeardClip
from soundwave.train.batches.plan_data import Draw, PlanData
from soundwave.train.loop import train
from soundwave.train.settings import StageSettings
from soundwave.train.setup import make_maker, make_model
from tests.tolerance import half_the_digits

FEW = {"stack": 4, "dropout": 0.0}  # five frames a word: not enough for the longer ones


@pytest.mark.parametrize(
    ("target", "frames"), [([], 0), ([1], 1), ([1, 2, 3], 3), ([1, 1], 3), ([1, 1, 1], 5), ([1, 2, 2, 1], 5)]
)
def test_equal_neighbours_need_a_blank_between_them(target, frames):
    assert least_frames(target) == frames


@pytest.fixture(scope="module")
def trained(workspace, stage_values, tmp_path_factory):
    """Two steps of stage I: once as they come, once sample by sample."""
    root = tmp_path_factory.mktemp("unfit")
    for name, micro in (("whole", None), ("single", {"rows": 1})):
        settings = StageSettings(**stage_values("alignment", steps=2, model=FEW, micro_batch=micro))
        train(settings, plan=workspace / "mixtures" / "speech", output=root / name)
    return root


def ledger(run):
    return pq.read_table(run / "ledger.parquet").to_pylist()


def metrics(run):
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def test_the_ledger_says_which_and_why_and_no_mean_counts_them(trained):
    rows = ledger(trained / "whole")
    unfit, fit = ([row for row in rows if bool(row["reason"]) is wanted] for wanted in (True, False))
    assert unfit and fit and all(row["ctc_loss"] > 0 and row["detail"] is None for row in fit)
    for row in unfit:
        assert row["ctc_loss"] is None and row["frames"] > 0 and row["reason"] == Reason.transcript_too_long
        assert row["detail"].startswith("CTC needs ") and row["detail"].endswith(f", found {row['frames']}")
    for step, row in enumerate(metrics(trained / "whole")):
        own = [each["ctc_loss"] for each in fit if each["step"] == step]
        assert row["ctc_loss"] == pytest.approx(sum(own) / len(own), abs=1e-12)
        assert row["unfit"] == sum(each["step"] == step for each in unfit)
    assert read_run(trained / "whole").unfit == len(unfit)


def test_sums_over_passes_leave_them_out_too(trained):
    whole, single = metrics(trained / "whole")[0], metrics(trained / "single")[0]
    assert single["loss"] == pytest.approx(whole["loss"], rel=half_the_digits(np.float32))
    assert [row["reason"] for row in ledger(trained / "single")] == [row["reason"] for row in ledger(trained / "whole")]


def test_a_step_without_a_target_that_fits_is_a_step_of_nothing(workspace, stage_values, tmp_path, monkeypatch):
    monkeypatch.setattr("soundwave.train.batches.samples.target_text", lambda cut, languages: "message " * 40)
    settings = StageSettings(**stage_values("alignment", steps=1, model=FEW))
    info = train(settings, plan=workspace / "mixtures" / "speech", output=tmp_path / "run")
    (row,), rows = metrics(tmp_path / "run"), ledger(tmp_path / "run")
    assert (row["ctc_loss"], row["loss"], row["gradient_norm"]) == (None, 0.0, 0.0)
    assert info.unfit == len(rows) == row["unfit"] and {each["ctc_loss"] for each in rows} == {None}


@pytest.fixture(scope="module")
def maker(workspace, stage_values):
    data = PlanData(workspace / "mixtures" / "mixed", encoder="moonshine-tiny-en")

    def make(**changes):
        settings = StageSettings(**stage_values("shrinking", **{"model": FEW, **changes}))
        return make_maker(settings, data, make_model(settings, data, None, "fp32"), steps=9)

    return make


def speech(maker, **changes):
    cut = next(draw.cut for draw in maker.data.draws() if draw.cut.task == "asr")
    return [Draw(replace(cut, **changes), "asr", 0)]


def test_the_answer_is_learnt_all_the_same(maker):
    made = maker()
    (sample,) = made.samples(speech(made, text="message " * 40, words=()), 0)
    assert sample.target is None and sample.unfit and sample.answer and sample.prompt


def test_without_ctc_nothing_is_refused(maker):
    made = maker(ctc_weight=0.0)
    (sample,) = made.samples(speech(made, text="message " * 40, words=()), 0)
    assert not sample.unfit


@pytest.mark.parametrize(("text", "read"), [("one", 0), ("message " * 40, 1)])
def test_frames_that_are_not_stored_are_only_counted_where_they_may_be_too_few(maker, monkeypatch, text, read):
    made, reads = maker(), []
    cut = speech(made, text=text, words=(), features={})[0]
    monkeypatch.setattr(HeardClip, "frames", lambda _: reads.append(1) or np.zeros((20, 12), np.float32))
    (sample,) = made.samples([cut], 0)
    assert len(reads) == read and bool(sample.unfit) is bool(read)


def test_a_text_that_the_vocabulary_cannot_spell_is_no_shorter_target(maker):
    made = maker(model=FEW | {"ctc_vocabulary": "seen"})
    (sample,) = made.samples(speech(made, text="one ☃ ж", words=()), 0)
    assert sample.target is None and sample.unfit.reason == Reason.oov_word
    assert "cannot spell" in sample.unfit.detail and sample.answer
