"""What makes two trainings the same: settings, data, start and version of the code. Nothing here needs torch.

The trainer asks before it goes on with a run, an ablation before it trains a cell again. Both ask here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import manifests
from manifests.errors import InputError
from manifests.files import read_object
from manifests.fingerprint import file_sha256, fingerprint
from manifests.plans import LOCK
from manifests.runs import RUN, WEIGHTS, RunInfo
from manifests.settings import stored
from manifests.settings.differences import Difference, compare
from soundwave.train.settings import RENAMED, RUNTIME_ONLY, StageSettings, identity, with_joins

VERSION = "version"
SHORT = 12  # hex digits of a fingerprint in a message


@dataclass(frozen=True)
class Training:
    """One training: equal keys, equal results."""

    settings: StageSettings
    data: str
    """Fingerprint of the plan, or of what the plan will be made from."""
    start: str | None
    """Fingerprint of the weights that it starts from, or of the training that will make them; None: a new model."""

    @property
    def key(self) -> str:
        """64 hex digits."""
        return fingerprint(manifests.__version__, identity(self.settings), self.data, self.start)


def planned_training(settings: StageSettings, plan_sha256: str, start: Path | None) -> Training:
    """A training whose plan and start are there.

    Args:
        settings: the stage.
        plan_sha256: of plan.parquet, as its lock says.
        start: folder of the model that it starts from; None: a new model.
    """
    return Training(settings, plan_sha256, None if start is None else file_sha256(start / WEIGHTS))


def differences(folder: Path, info: RunInfo, asked: Training, *, plan: Path, parent: Path | None) -> list[Difference]:
    """All in which the run in `folder` differs from `asked`; empty when they are the same training.

    Args:
        folder: the run's folder.
        info: its run.json.
        asked: the training.
        plan: folder of the plan that is asked for.
        parent: folder of the run that `asked` starts from.
    """
    if info.key == asked.key:
        return []
    rows = [*_in_settings(folder, info, asked.settings), *_in_plan(folder, info, asked, plan)]
    rows += _in_start(info, asked, parent)
    if info.version != manifests.__version__ and (info.version or not rows):
        rows.append(Difference(VERSION, info.version or "an earlier one", manifests.__version__))
    return rows or [Difference("start", "other weights", "these")]


def _in_settings(folder: Path, info: RunInfo, asked: StageSettings) -> Iterator[Difference]:
    try:  # what a run of an earlier version does not say has its default
        known = stored(StageSettings, with_joins(info.settings), where=str(folder / RUN), go_on="", renamed=RENAMED)
        found = known.model_dump(mode="json")
    except InputError:
        found = dict(info.settings)
    values = asked.model_dump(mode="json")
    for name in RUNTIME_ONLY:
        found.pop(name, None)
        values.pop(name, None)
    yield from compare(found, values)


def _in_plan(folder: Path, info: RunInfo, asked: Training, plan: Path) -> Iterator[Difference]:
    if info.plan == asked.data:
        return
    try:
        found = list(compare(_plan_facts(folder), _plan_facts(plan), prefix="plan."))
    except InputError:
        found = []
    yield from found or [Difference("plan", info.plan[:SHORT], asked.data[:SHORT])]


def _plan_facts(folder: Path) -> dict[str, Any]:
    """What a lock says that its plan was made from."""
    lock = read_object(folder / LOCK)
    facts = {"query": str(lock.get("query_sha256"))[:SHORT], "catalog": str(lock.get("catalog_fingerprint"))[:SHORT]}
    return dict(lock.get("settings") or {}) | facts


def _in_start(info: RunInfo, asked: Training, parent: Path | None) -> Iterator[Difference]:
    # A run of an earlier version says where it started, but not from which weights.
    new = (info.parent is None) != (parent is None)
    if new or (info.version is not None and info.start != asked.start):
        yield Difference("start", info.parent or "a new model", str(parent or "a new model"))
