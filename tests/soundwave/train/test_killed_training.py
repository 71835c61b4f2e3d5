"""Kill -9 at five moments of a stage II that encodes while it trains, with a cache of frames: nothing is different."""

import json
import multiprocessing
import os
import random
import signal
import sys

import pyarrow.parquet as pq

from manifests.disk.faults import TEMPORARY
from manifests.runs import WEIGHTS
from soundwave.train.batches.frame_cache import FrameCache
from soundwave.train.settings import StageSettings
from tests.soundwave.train.heard_workspace import make_heard_workspace
from tests.soundwave.train.train_processes import IMPORTS

STEPS = 14  # a death costs two of them at most, and a step that is made may be four before the one that is computed
MOMENTS = {  # what is going on -> the function at whose start the process dies
    "a step's rows are being written": "soundwave.train.runs.ledger:Log.write",
    "the optimiser's step is done": "soundwave.train.loop:Trainer.update_ema",
    "clips are on their way into the encoder": "soundwave.train.batches.ahead:encode_clips",
    "frames are written and not yet counted": "soundwave.train.batches.frame_cache:FrameCache._make_room",
    "a file is written and has not its name yet": "manifests.files:sync",
}


def die_at(moment, count):
    """Kill this process at the `count`-th call."""
    module, _, path = MOMENTS[moment].partition(":")
    owner = __import__(module, fromlist=["_"])
    *outer, name = path.split(".")
    for part in outer:
        owner = getattr(owner, part)
    real, calls = getattr(owner, name), iter(range(1, 1_000_000))

    def dying(*given, **named):
        if next(calls) == count:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*given, **named)

    setattr(owner, name, dying)


def work(values, plan, output, log, death):
    """Be the process: the first of a group of its own."""
    os.setpgid(0, 0)
    sys.stdout = sys.stderr = log.open("a", buffering=1)
    os.environ |= {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    from soundwave.train.loop import train

    if death is not None:
        die_at(*death)
    train(StageSettings(**values), plan=plan, output=output)


def run(values, plan, output, death=None):
    """Train in a process; how it ended. No process of its group is left."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(IMPORTS)
    log = output.with_suffix(".log")
    process = context.Process(target=work, args=(values, plan, output, log, death))
    process.start()
    process.join(600)
    try:
        os.killpg(process.pid, 0)
    except ProcessLookupError:
        return process.exitcode
    raise AssertionError(f"a process of {output} goes on: {log.read_text()}")


def results(run_folder):
    lines = (run_folder / "metrics.jsonl").read_text().splitlines()
    times = ("seconds", "cpu_seconds", "wait_seconds", "encode_seconds", "recalled", "encoded")
    rows = [{name: value for name, value in json.loads(line).items() if name not in times} for line in lines]
    ledger = pq.read_table(run_folder / "ledger.parquet").drop_columns(["run"]).to_pylist()
    return rows, ledger, (run_folder / "final" / WEIGHTS).read_bytes()


def test_a_training_killed_five_times_is_the_training(stage_values, tmp_path):
    plan = make_heard_workspace(tmp_path / "heard") / "mixtures" / "mixed"
    more = {"checkpoint_every": 2, "tensorboard": False, "spec_augment": {}, "splice": {"share": 0.5}}
    values = stage_values("shrinking", steps=STEPS, model={"dropout": 0.1, "ctc_vocabulary": "full"}, **more)
    cache = tmp_path / "cache"
    kept = values | {"frame_cache": {"folder": str(cache), "size": "50MB"}}
    assert run(values, plan, tmp_path / "whole") == 0, (tmp_path / "whole.log").read_text()
    rng, killed = random.Random(14), tmp_path / "killed"
    moments = rng.sample(sorted(MOMENTS), len(MOMENTS))
    for moment in moments:
        death = moment, rng.randint(2, 4)
        assert run(kept, plan, killed, death) == -signal.SIGKILL, (death, killed.with_suffix(".log").read_text())
    assert run(kept, plan, killed) == 0, killed.with_suffix(".log").read_text()
    assert results(killed) == results(tmp_path / "whole")
    left = [path for place in (killed, cache) for path in place.rglob("*") if TEMPORARY.fullmatch(path.name)]
    assert left == []
    entries = list(cache.rglob("*.frames"))
    opened = FrameCache.__new__(FrameCache)  # to read alone
    opened.folder = cache
    assert len(entries) > 10 and all(opened.get(path.stem) is not None for path in entries)
