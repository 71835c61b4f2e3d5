"""What a plan is on disk: plan.parquet (every draw, in order) and lock.json, its fingerprint and certificate."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from manifests.errors import StaleError, reading
from manifests.files import is_aside, need_file
from manifests.fingerprint import file_sha256
from manifests.settings import read_stored
from manifests.switch import settle, settle_inside
from manifests.units import Seconds

PLAN, LOCK = "plan.parquet", "lock.json"
TRAINED_TEXT = "trained_text"  # column of plan.parquet; only where a mixture gives some cut another text
PLAN_AGAIN = "Run `soundwave mix plan` again."


@dataclass(frozen=True)
class DomainShare:
    """One domain of a plan. Amounts are in the plan's unit."""

    share: float  # asked, of the whole plan
    planned: float
    realised: float
    realised_share: float
    draws: int
    unique: int  # different cuts
    candidates: int  # cuts that could have been drawn
    max_repeat: int  # the most uses of one cut
    seconds: Seconds  # audio, and the equivalent of text-only rows


@dataclass(frozen=True)
class WorstWindow:
    """The window of steps in which a domain is furthest from its share."""

    window: int
    domain: str
    share: float  # realised in the window
    error: float  # realised share minus the share asked at that point of the plan
    off_by: float  # the same in units
    longest: float  # the longest row of the domain, in units: the bound to hold `off_by` against


@dataclass(frozen=True)
class Lock:
    """A plan's fingerprint and certificate."""

    name: str
    stage: str
    catalog: str
    catalog_fingerprint: str
    query: str
    query_sha256: str
    mixture_sha256: str
    code: str  # of plan.sql and pool.sql
    seed: int
    unit: str
    budget: float
    batch_seconds: Seconds
    window: int
    steps: int
    draws: int
    seconds: Seconds
    longest_step: Seconds
    plan_sha256: str
    domains: dict[str, DomainShare]
    schedule: list[dict[str, Any]]  # shares by epoch; one entry without a temperature
    worst_window: WorstWindow | None
    max_repeats: int
    passes: list[str] | None = (
        None  # those that had run and refused no candidate; None: made when only `quality` counted
    )
    settings: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    relabelled: int | None = None  # cuts that are trained on another text than the catalog's; None: none is

    def row(self) -> dict[str, Any]:
        """As written to lock.json; a plan of the catalog's own texts is written as it was before there were others."""
        return {name: value for name, value in asdict(self).items() if name != "relabelled" or value}


def gives_texts(plan: Path) -> bool:
    """Whether a plan.parquet has texts in place of some cuts' own, in the column TRAINED_TEXT.

    Raises:
        DamagedError: it cannot be read.
    """
    with reading(plan, "a plan", go_on=PLAN_AGAIN):
        return TRAINED_TEXT in pq.read_schema(plan).names


def plan_files(folder: Path) -> list[Path]:
    """The plans (FOLDER/NAME/plan.parquet) of a folder, without those that were moved aside for another."""
    settle_inside(folder)
    return sorted(path for path in folder.glob(f"*/{PLAN}") if not is_aside(path.parent))


def read_lock(plan_dir: Path) -> Lock:
    """The lock of a plan.

    Raises:
        MissingFileError: no plan there.
        ManifestError: half a lock.json, or one without what this version needs; the message says what and how to go on.
    """
    settle(plan_dir)
    path = need_file(plan_dir / LOCK, what="plan", hint="Run `soundwave mix plan` first.")
    return read_stored(Lock, path, go_on=PLAN_AGAIN)


def read_whole(plan_dir: Path) -> Lock:
    """The lock of a plan whose plan.parquet is the one that it was made for.

    Raises:
        MissingFileError: no plan there.
        DamagedError: half a lock.json, or one that is not what was written.
        ManifestError: one without what this version needs.
        StaleError: another plan.parquet.
    """
    lock = read_lock(plan_dir)
    plan = need_file(plan_dir / PLAN, what="plan", hint=PLAN_AGAIN)
    found = file_sha256(plan)
    if found != lock.plan_sha256:
        if read_lock(plan_dir) != lock:  # another process has just made the plan again
            return read_whole(plan_dir)
        raise StaleError(
            f"{plan} is not the plan its lock was made for (found {found[:12]}, expected {lock.plan_sha256[:12]}). "
            f"{PLAN_AGAIN}"
        )
    return lock
