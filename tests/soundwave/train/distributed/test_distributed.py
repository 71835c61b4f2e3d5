"""Several processes train as one: the same curve, a whole ledger, and no waiting for a process that has nothing."""

import json
import re
import shutil

import pyarrow.parquet as pq
import pytest

from curation.plan import make_plan
from curation.plan.mixture import Mixture
from manifests.errors import SettingsError
from manifests.runs import read_run
from soundwave.train.batches.samples import Sample
from soundwave.train.distributed.fsdp import fill_up
from soundwave.train.distributed.processes import Ranks, check_kind
from soundwave.train.loop import train
from soundwave.train.micro_batches import split
from soundwave.train.settings import MicroBatch, StageSettings
from tests.soundwave.train.heard_workspace import make_heard_workspace, sound_of
from tests.soundwave.train.train_processes import assert_close, launch
from tests.tolerance import llm_rounding

STEPS, KILL = 10, 5
BAD = "tiny-02"  # a cut whose sound is gone
ROUNDING = llm_rounding(STEPS)
TIMES = ("seconds", "cpu_seconds", "wait_seconds", "encode_seconds", "padding")


def metrics(run):
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [{name: value for name, value in row.items() if name not in TIMES} for row in rows]


def ledger(run):
    return [row | {"run": ""} for row in pq.read_table(run / "ledger.parquet").to_pylist()]


@pytest.fixture(scope="module")
def thin(workspace, tmp_path_factory):
    """A plan whose steps are single draws."""
    folder = tmp_path_factory.mktemp("plans") / "thin"
    mixture = Mixture(
        name="thin",
        stage="shrinking",
        query="SELECT cut_id, task AS domain FROM cuts WHERE split = 'train' AND task IN ('asr', 'qa')",
        shares={"asr": 0.7, "qa": 0.3},
        unit="samples",
        budget=8,
        batch={"seconds": 0.1, "rows": 1},
        window=4,
        seed=1,
    )
    make_plan(mixture, workspace / "catalog", folder)
    return folder


@pytest.fixture(scope="module")
def values(stage_values):
    """Settings with all that draws chance while samples are made, and nothing that draws it in the model.

    float64, for Adam divides a gradient by its own size: what float32 rounds grows with every step.
    """
    return stage_values(
        "shrinking",
        steps=STEPS,
        ema=0.5,
        spec_augment={},
        speeds=[0.9, 1.0],
        splice={"share": 0.5},
        normalise_features=True,
        precision="fp64",
        checkpoint_every=2,
        model={"dropout": 0.0},
    )


@pytest.fixture(scope="module")
def runs(values, workspace, thin, tmp_path_factory):
    """`one`: by one process. `two`, `thin`, `killed` (at step KILL): by two."""
    root = tmp_path_factory.mktemp("runs")
    mixed = workspace / "mixtures" / "mixed"
    train(StageSettings(**values), plan=mixed, output=root / "one")
    few = values | {"steps": 4}
    train(StageSettings(**few), plan=thin, output=root / "thin-one")
    sharded = {"shard_llm": True, "gradient_checkpointing": True, "micro_batch": {"rows": 1}}
    jobs = [
        {"settings": values, "plan": mixed, "output": root / "two"},
        {"settings": few | {"micro_batch": {"rows": 1}}, "plan": thin, "output": root / "thin"},
        {"settings": values | sharded, "plan": mixed, "output": root / "sharded"},
        {"settings": few | sharded, "plan": thin, "output": root / "thin-sharded"},
        {"settings": values, "plan": mixed, "output": root / "killed", "kill": KILL},
    ]
    heard = make_heard_workspace(root / "heard")
    sound_of(heard, BAD).unlink()
    skipping = {"settings": values | {"on_bad_cut": "skip"}, "plan": heard / "mixtures" / "mixed"}
    train(StageSettings(**skipping["settings"]), plan=skipping["plan"], output=root / "heard-one")
    jobs.insert(0, skipping | {"output": root / "heard-two"})
    codes = launch(jobs, 2, root / "launch")
    log = (root / "launch" / "log-0.txt").read_text()
    assert codes[1] == -9 and codes[0] not in (0, None), log  # the other one fails, it does not wait
    assert read_run(root / "two").status == "done", log
    return root


def test_two_processes_give_the_curve_and_ledger_of_one(runs):
    assert_close(metrics(runs / "two"), metrics(runs / "one"), ROUNDING)
    assert_close(ledger(runs / "two"), ledger(runs / "one"), ROUNDING)


def test_a_cut_that_one_process_cannot_read_is_left_out_by_all(runs):
    """Sound is encoded while training; a step of the plan is spliced, so that all processes meet the cut, or it is not.

    Their batches differ, but Moonshine encodes each clip by itself.
    """
    assert_close(metrics(runs / "heard-two"), metrics(runs / "heard-one"), ROUNDING)
    assert_close(ledger(runs / "heard-two"), ledger(runs / "heard-one"), ROUNDING)
    out = [row for row in ledger(runs / "heard-two") if row["reason"] == "audio_missing"]
    assert out and {row["cut_id"] for row in out} == {BAD} and all(row["loss"] is None for row in out)
    assert sum(row.get("bad", 0) for row in metrics(runs / "heard-two")) == len(out) > 1


def test_a_step_with_fewer_draws_than_processes_waits_for_nobody(runs, thin):
    assert {row["draws"] for row in metrics(runs / "thin")} == {1}
    assert_close(metrics(runs / "thin"), metrics(runs / "thin-one"), ROUNDING)
    assert len(ledger(runs / "thin")) == 4


def test_the_llm_divided_between_processes_changes_nothing(runs):
    assert_close(metrics(runs / "sharded"), metrics(runs / "one"), ROUNDING)
    assert_close(ledger(runs / "sharded"), ledger(runs / "one"), ROUNDING)
    assert_close(metrics(runs / "thin-sharded"), metrics(runs / "thin-one"), ROUNDING)
    for rank in range(2):
        log = (runs / "launch" / f"log-{rank}.txt").read_text()
        assert "two: 1.00 of the layers" in log
        held = float(re.search(r"^sharded: ([\d.]+) of the layers", log, re.MULTILINE)[1])
        assert 0.5 <= held < 0.6  # half of the frozen part, and LoRA


def test_a_killed_run_goes_on_with_any_number_of_processes(runs, values, workspace, tmp_path):
    assert [row["step"] for row in metrics(runs / "killed")] == list(range(KILL))
    mixed = workspace / "mixtures" / "mixed"
    for name in ("again", "alone"):
        shutil.copytree(runs / "killed", tmp_path / name)
    codes = launch([{"settings": values, "plan": mixed, "output": tmp_path / "again"}], 2, tmp_path / "launch")
    log = (tmp_path / "launch" / "log-0.txt").read_text()
    assert codes == [0, 0], log
    assert f"resumed after step {KILL - 1} of {STEPS}" in log
    assert "resumed" not in (tmp_path / "launch" / "log-1.txt").read_text()
    assert metrics(tmp_path / "again") == metrics(runs / "two")
    assert ledger(tmp_path / "again") == ledger(runs / "two")
    train(StageSettings(**values), plan=mixed, output=tmp_path / "alone")
    assert_close(metrics(tmp_path / "alone"), metrics(runs / "one"), ROUNDING)
    assert_close(ledger(tmp_path / "alone"), ledger(runs / "one"), ROUNDING)


def test_all_processes_refuse_a_folder_together(values, workspace, tmp_path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("mine")
    job = {"settings": values, "plan": workspace / "mixtures" / "mixed", "output": tmp_path / "thesis"}
    assert launch([job], 2, tmp_path / "launch") == [1, 1]
    for rank in range(2):
        assert "OccupiedError" in (tmp_path / "launch" / f"log-{rank}.txt").read_text()
    assert [path.name for path in (tmp_path / "thesis").iterdir()] == ["chapter.txt"]


@pytest.mark.parametrize("world", [1, 2, 3, 7])
@pytest.mark.parametrize("count", [0, 1, 5, 14])
def test_every_sample_has_one_process(world, count):
    shares = [Ranks(rank, world).local_indices(count) for rank in range(world)]
    assert sorted(number for share in shares for number in share) == list(range(count))
    assert all(share == sorted(share) for share in shares)
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


class Launched:
    """As accelerate says how it was started."""

    def __init__(self, kind):
        self.distributed_type = type("Kind", (), {"value": kind})


def test_other_ways_of_training_are_refused():
    check_kind(Launched("MULTI_GPU"))
    with pytest.raises(SettingsError, match=r"FSDP; expected plain processes.*torchrun.*shard_llm"):
        check_kind(Launched("FSDP"))


@pytest.mark.parametrize("changes", [{}, {"gradient_checkpointing": True, "train": ["shrinking"]}])
def test_sharding_wants_all_processes_to_gather_the_same_layers(stage_values, changes):
    with pytest.raises(ValueError, match="shard_llm needs gradient_checkpointing"):
        StageSettings(**stage_values(shard_llm=True, **changes))


@pytest.mark.parametrize("rows", [None, 1, 2])
def test_processes_have_as_many_passes_as_the_busiest(rows):
    samples = [Sample((0,), None, None, [1], [2])] * 5
    micro = None if rows is None else MicroBatch(rows=rows)
    shares = [split(Ranks(rank, 3).local_indices(5), samples, micro, 40.0) for rank in range(3)]
    filled = [fill_up(share, samples, micro, 40.0, 3) for share in shares]
    assert {len(parts) for parts in filled} == {max(map(len, shares))}
    assert all(parts[: len(share)] == share for parts, share in zip(filled, shares, strict=True))
