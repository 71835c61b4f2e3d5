"""Rows of `benchmarks.plan` about reading a plan: resume and throughput, beside Lhotse's DynamicBucketingSampler.

Lhotse gets the plan's own draws as cuts in memory, batches of the same length, and one rank; its resume is
`load_state_dict` and one batch. Ours opens the plan at the step and gives one batch; neither decodes audio.
"""

from __future__ import annotations

import time
import warnings
from itertools import islice
from pathlib import Path
from statistics import median

from benchmarks.rows import Row, row
from curation.reader import PlanReader

RESUME_AT = 3_000  # steps; half the plan if that is shorter
REPEATS = 7


def reading(plan: Path, batch_seconds: float) -> list[Row]:
    """The rows resume_seconds, cuts_per_second, cuts_per_second_8_ranks and check_seconds."""
    start = time.perf_counter()
    steps = PlanReader(plan).lock.steps
    checked = time.perf_counter() - start
    at = min(RESUME_AT, steps // 2)
    resumed = [_resume(plan, at) for _ in range(REPEATS)]
    peer_resume, peer_speed = lhotse_sampler(plan, at, batch_seconds)
    return [
        row("resume_seconds", median(resumed), peer_resume, f"s after {at} steps"),
        row("cuts_per_second", _speed(plan, 1), peer_speed, "cuts/s", better="high"),
        row("cuts_per_second_8_ranks", _speed(plan, 8), None, "cuts of the plan/s"),
        row("check_seconds", checked, None, "s"),
    ]


def _resume(plan: Path, at: int) -> float:
    start = time.perf_counter()
    batch = next(iter(PlanReader(plan, start=at, check=False)))
    seconds = time.perf_counter() - start
    assert batch.step == at
    return seconds


def _speed(plan: Path, world: int) -> float:
    """Cuts of the plan a second that rank 0 of `world` gets through, of at most two million."""
    start = time.perf_counter()
    cuts = 0
    for batch in PlanReader(plan, world=world, check=False):
        cuts += batch.step_draws
        if cuts > 2_000_000:
            break
    return cuts / (time.perf_counter() - start)


def lhotse_sampler(plan: Path, at: int, batch_seconds: float) -> tuple[float, float]:
    """Seconds of a resume after `at` batches, and cuts a second up to there."""
    from lhotse import CutSet, MonoCut  # not while the memory of planning is measured
    from lhotse.dataset import DynamicBucketingSampler

    steps = islice(PlanReader(plan, check=False), at + at // 10 + 100)
    cuts = CutSet.from_cuts(
        MonoCut(id=f"{draw.cut_id}-{draw.repeat}", start=0.0, duration=draw.seconds, channel=0)
        for batch in steps
        for draw in batch.draws
    )

    def sampler() -> DynamicBucketingSampler:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that cuts in memory save no memory; they are the faster way
            return DynamicBucketingSampler(cuts, max_duration=batch_seconds, shuffle=True, world_size=1, rank=0)

    first = sampler()
    start = time.perf_counter()
    passed = sum(len(batch) for batch in islice(iter(first), at))
    speed = passed / (time.perf_counter() - start)
    second = sampler()
    start = time.perf_counter()
    second.load_state_dict(first.state_dict())
    next(iter(second))
    return time.perf_counter() - start, speed
