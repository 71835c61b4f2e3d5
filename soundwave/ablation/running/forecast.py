"""What a grid would cost, before anything trains: cells, trainings, hours of audio, time, memory, and power."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import Any

from curation.plan import make_plan, plan_schedule
from curation.plan.mixture import Mixture
from manifests.errors import MixtureError
from manifests.fingerprint import fingerprint
from manifests.plans import LOCK, Lock, read_lock
from manifests.runs import RUN
from manifests.settings.core_yaml import yaml_text
from manifests.units import Hours, Seconds
from soundwave.ablation.axes.kinds import axis_labels
from soundwave.ablation.claims.power import smallest_difference
from soundwave.ablation.commands import CHILD, one_thread, read_or_none
from soundwave.ablation.grid import Grid
from soundwave.ablation.nodes import Cell, Node, expand
from soundwave.ablation.running.branches import Branch, whole_settings
from soundwave.ablation.running.held_out import refuse_any_held_out
from soundwave.ablation.running.noise import outcome_noise
from soundwave.ablation.running.spent import spend
from soundwave.train.settings import StageSettings

FIRST_STEPS = 3  # of a training that is measured; the first one, which also warms up, is not counted
HALVINGS = 8  # of the search for the nearest value that can be had
SEARCHED = 6  # points that cannot be had, for which it is searched


@dataclass
class StageCost:
    """What a stage costs, from steps that were measured."""

    rate: float | None = None
    """Seconds of training per second of audio."""
    start: Seconds = 0.0
    """Until the first step."""
    memory: int | None = None
    """Bytes of a process, at most."""
    source: str = "not measured"


@dataclass
class Forecast:
    """What a grid would cost."""

    cells: list[dict[str, Any]]
    """Grid, cell, axes, seed; `feasible`, and where it is not, `why` and the `nearest` that is."""
    trainings: int
    """Distinct ones."""
    trained: int
    """Of them, those that are there."""
    taken: int
    """Cells of another table."""
    audio_hours: Hours
    """That are still to be drawn, repeats included."""
    seconds: Seconds | None
    """Of processor time still to be spent, one thread each; None: nothing was measured."""
    wall_seconds: Seconds | None
    """The same with as many processes side by side as there will be."""
    memory: int | None
    """Bytes of all of them together."""
    costs: dict[str, StageCost]
    """Stage -> what was measured of it."""
    power: dict[str, dict[str, Any]]
    """Outcome -> seeds, clips, their noise, and the smallest difference that could be claimed."""
    notes: list[str] = field(default_factory=list)

    def row(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


class Forecaster:
    """Makes the plans of one seed in a folder of its own, and counts."""

    def __init__(self, ablation: Any, folder: Path) -> None:
        """ablation: of `soundwave.ablation.run`, not claimed; folder: for what is thrown away."""
        self.ablation, self.folder = ablation, folder
        self.locks: dict[str, Lock] = {}  # by the mixture without its seed
        self.wrong: dict[str, str] = {}  # likewise: why it cannot be had
        self.notes: list[str] = []
        self.searched: dict[str, dict[str, float]] = {}  # points that cannot be had -> what could

    def run(self, workers: int, *, measure: bool) -> Forecast:
        """The forecast."""
        ablation = self.ablation
        nodes: dict[str, Node] = dict(ablation.nodes)
        for node in nodes.values():
            self._plan(node)
        uses = ((self._kind(plan.mixture), folds) for plan, folds in ablation.plan_uses())
        made = ((kind, folds) for kind, folds in uses if kind in self.locks)
        refuse_any_held_out(self.folder / "plans", made, ablation.catalog)
        bad = {key for key, node in nodes.items() if self._kind(node.plan.mixture) in self.wrong}
        cells = [self._cell(cell, bad) for cell in ablation.expansion.cells]
        served = {
            key
            for cell, row in zip(ablation.expansion.cells, cells, strict=True)
            if row["feasible"]
            for key in cell.chain
        }
        nodes = {key: node for key, node in nodes.items() if key in served and key not in bad}
        locks = {node.plan.key: self.locks[self._kind(node.plan.mixture)] for node in nodes.values()}
        settings, branches = whole_settings(nodes, locks)
        done = {key for key, node in nodes.items() if _finished(ablation.output, node)}
        costs = self._costs([node for key, node in nodes.items() if key not in done], settings, measure=measure)
        audio = {
            key: _audio(settings[key], locks[node.plan.key], branches.get(key))
            for key, node in nodes.items()
            if key not in done
        }
        seconds = {key: _seconds(costs[nodes[key].stage], amount) for key, amount in audio.items()}
        total = (
            None
            if any(value is None for value in seconds.values())
            else sum(value or 0.0 for value in seconds.values())
        )
        memory = max((cost.memory or 0 for cost in costs.values()), default=0) * min(workers, max(1, len(seconds)))
        return Forecast(
            cells, len(nodes), len(done), len(ablation.taken), sum(audio.values()) / 3600, total,
            None if total is None else max(total / workers, _longest(nodes, seconds, branches)), memory or None, costs,
            power_of(ablation), [*ablation.notes(), *self.notes],
        )  # fmt: skip

    def _kind(self, mixture: Mixture) -> str:
        held = mixture.held_fold
        fold = [] if held is None else [held.fold]  # another seed holds out another one
        return fingerprint(mixture.stated(exclude={"name", "select", "rules", "seed"}), *fold)[:12]

    def _plan(self, node: Node) -> None:
        kind = self._kind(node.plan.mixture)
        if kind in self.locks or kind in self.wrong:
            return
        try:
            self.locks[kind] = make_plan(node.plan.mixture, self.ablation.catalog, self.folder / "plans" / kind)
        except MixtureError as error:
            self.wrong[kind] = str(error)

    def _cell(self, cell: Cell, bad: set[str]) -> dict[str, Any]:
        wrong = [self.wrong[self._kind(self.ablation.nodes[key].plan.mixture)] for key in cell.chain if key in bad]
        why = cell.infeasible or "; ".join(dict.fromkeys(wrong))
        row = {"grid": cell.grid, "cell": cell.name, "arm": cell.arm, "axes": dict(cell.axes), "seed": cell.seed}
        row |= {"trainings": list(cell.chain), "feasible": not why}
        return row | ({"why": why, "nearest": self._nearest(cell)} if why else {})

    def _nearest(self, cell: Cell) -> dict[str, float]:
        """Axis -> the nearest value with which the cell could be had, all else as it is."""
        grid = self.ablation.grids[cell.grid]
        key = fingerprint(cell.grid, cell.arm, dict(cell.axes), cell.fraction, cell.repeats)
        if key in self.searched or len(self.searched) >= SEARCHED:
            return self.searched.get(key, {})
        root = self.ablation.roots[cell.grid]
        found = {}
        for name, value in _movable(cell):
            nearest = _nearest_value(grid, cell, name, value, lambda other: self._feasible(other, root))
            if nearest is not None:
                found[name] = nearest
        self.searched[key] = found
        return found

    def _feasible(self, grid: Grid, root: Path) -> bool:
        found = expand({"one": grid}, catalog_fingerprint="", roots={"one": root})
        if any(cell.infeasible for cell in found.cells):
            return False
        try:
            for node in found.nodes.values():
                plan_schedule(node.plan.mixture, self.ablation.catalog)
        except MixtureError:
            return False
        return True

    def _costs(
        self, nodes: Sequence[Node], settings: Mapping[str, StageSettings], *, measure: bool
    ) -> dict[str, StageCost]:
        found: dict[str, StageCost] = {}
        for node in nodes:
            if node.stage in found:
                continue
            cost = _of_runs(self.ablation.output, node.stage)
            if measure:
                measured = self._first_steps(node, settings[node.key])
                cost = measured if cost.rate is None else replace(cost, memory=measured.memory, start=measured.start)
            found[node.stage] = cost
        return found

    def _first_steps(self, node: Node, settings: StageSettings) -> StageCost:
        """The cost of a stage by training its first steps, from a new model."""
        place, plan = self.folder / "first" / node.stage, self.folder / "plans" / self._kind(node.plan.mixture)
        place.mkdir(parents=True)
        short = settings.model_copy(update={"steps": FIRST_STEPS, "tensorboard": False, "keep_checkpoints": ()})
        (place / "stage.yaml").write_text(yaml_text(short.model_dump(mode="json")), encoding="utf-8")
        command = [*CHILD, "train", str(place / "stage.yaml"), "--plan", str(plan), "--output", str(place / "run")]
        with (place / "log").open("wb") as log:
            spent = spend(command, output=log, environment=one_thread())
        info = read_or_none(place / "run" / RUN) or {}
        if spent.code or info.get("status") != "done":
            self.notes.append(
                f"{node.stage}: its first steps could not be measured; {place / 'log'} is gone, train it to see why"
            )
            return StageCost()
        lock = read_lock(plan)
        rows = _steps(place / "run" / "metrics.jsonl")
        later = rows[-1]["seconds"] - rows[0]["seconds"]
        audio = lock.seconds / lock.steps * max(1, len(rows) - 1)
        start = max(0.0, spent.cpu_seconds - float(info["cpu_seconds"]))
        return StageCost(later / audio, start, spent.peak, f"{len(rows) - 1} measured steps of a new model")


def forecast(ablation: Any, *, workers: int | None = None, measure: bool = True) -> Forecast:
    """What the grids of an ablation would cost; nothing is written beside a temporary folder.

    Args:
        ablation: `soundwave.ablation.run.Ablation`.
        workers: processes side by side; None: as the grids say.
        measure: train the first steps of each stage, to see what they take.

    Raises:
        MixtureError: a plan draws held-out clips.
        InputError: as the ablation would.
    """
    width = workers or max(grid.workers for grid in ablation.grids.values())
    with tempfile.TemporaryDirectory(prefix="soundwave-") as folder:
        return Forecaster(ablation, Path(folder)).run(width, measure=measure)


def power_of(ablation: Any) -> dict[str, dict[str, Any]]:
    """For each outcome the smallest difference that could be claimed, where earlier rows say what its noise is."""
    found: dict[str, dict[str, Any]] = {}
    for name, grid in ablation.grids.items():
        cells = len({cell.name.rpartition("-seed")[0] for cell in ablation.expansion.cells if cell.grid == name})
        for outcome in grid.wanted:
            folds = [grid.folds.of_seed(seed) for seed in grid.seeds] if grid.folds else ()
            noise = outcome_noise(ablation.output / name, outcome, ablation.catalog, folds)
            key = outcome.name if len(ablation.grids) == 1 else f"{name}.{outcome.name}"
            found[key] = {"seeds": len(grid.seeds), **asdict(noise), "smallest_difference": None}
            if noise.clips and noise.seed_sd is not None and noise.clip_sd is not None and len(grid.seeds) > 1:
                found[key]["smallest_difference"] = smallest_difference(
                    len(grid.seeds), noise.clips, noise.seed_sd, noise.clip_sd, cells=max(2, cells)
                )
    return found


def _movable(cell: Cell) -> Iterator[tuple[str, float]]:
    """Axes with a number between 0 and 1 that the search may move."""
    shares = sum(name.startswith("share.") for name in cell.axes)
    for name, value in cell.axes.items():
        if isinstance(value, float | int) and (name == "size" or (name.startswith("share.") and shares == 1)):
            yield name, float(value)


def _nearest_value(grid: Grid, cell: Cell, name: str, value: float, feasible: Callable[[Grid], bool]) -> float | None:
    """The value nearest to `value` with which the cell can be had; None: none was found."""
    ends = (1.0,) if name == "size" else (0.0, 1.0)
    found = []
    for end in ends:
        if end == value or not feasible(_one_cell(grid, cell, name, end)):
            continue
        bad, good = value, end
        for _ in range(HALVINGS):
            middle = (bad + good) / 2
            if feasible(_one_cell(grid, cell, name, middle)):
                good = middle
            else:
                bad = middle
        found.append(good)
    return min(found, key=lambda other: abs(other - value), default=None)


def _one_cell(grid: Grid, cell: Cell, moved: str, value: float) -> Grid:
    """A grid of the cell alone, with another value of one axis."""
    axes: dict[str, Any] = {}
    for axis in grid.axis_list:
        options = [axis_labels(axis, one) for one in axis.values] or [{}]
        labels = next((one for one in options if one.items() <= cell.axes.items()), {})
        stage = {} if axis.stage is None else {"stage": axis.stage}
        if axis.kind == "size":
            continue
        if axis.kind == "shares":
            point = {key.removeprefix("share."): cell.axes[key] for key in cell.axes if key.startswith("share.")}
            axes[axis.name] = {"values": [point], **stage}
        elif axis.kind == "leave_out":
            kind, _, left = str(labels.get(axis.name)).partition(":")
            if left:
                axes[axis.name] = {"corpora" if kind == "corpus" else "domains": [left], "nothing": False, **stage}
        elif axis.name in cell.axes:
            axes[axis.name] = {"values": [value if axis.name == moved else cell.axes[axis.name]], **stage}
    size = value if moved == "size" else cell.fraction
    changes = {"axes": axes, "design": "full", "fractions": (size,), "repeats": cell.repeats, "seeds": (cell.seed,)}
    return grid.model_copy(update=changes | {"arms": {cell.arm: grid.arms[cell.arm]}, "ladder": "independent"})


def _finished(output: Path, node: Node) -> bool:
    return (read_or_none(output / "runs" / node.run_name / RUN) or {}).get("status") == "done"


def _audio(settings: StageSettings, lock: Lock, branch: Branch | None) -> Seconds:
    """Seconds of audio that a training still draws: of a branch, after it begins."""
    steps = (settings.steps or lock.steps) - (branch.step if branch else 0)
    return lock.seconds / lock.steps * steps


def _seconds(cost: StageCost, audio: Seconds) -> Seconds | None:
    return None if cost.rate is None else cost.rate * audio + cost.start


def _longest(
    nodes: Mapping[str, Node], seconds: Mapping[str, Seconds | None], branches: Mapping[str, Branch]
) -> Seconds:
    """Of the longest chain of trainings that need each other."""
    ends: dict[str, Seconds] = {}

    def end(key: str) -> Seconds:
        if key not in ends:
            before = [name for name in (nodes[key].parent, branches[key].trunk if key in branches else None) if name]
            ends[key] = (seconds.get(key) or 0.0) + max((end(name) for name in before), default=0.0)
        return ends[key]

    return max((end(key) for key in nodes), default=0.0)


def _of_runs(output: Path, stage: str) -> StageCost:
    """What runs of a stage in the output folder took."""
    rates = []
    for path in sorted(output.glob(f"runs/*/{RUN}")):
        info, lock = read_or_none(path) or {}, read_or_none(path.parent / LOCK) or {}
        if info.get("stage") == stage and info.get("status") == "done" and lock.get("steps") and info.get("steps"):
            rates.append(float(info["seconds"]) / (float(lock["seconds"]) / int(lock["steps"]) * int(info["steps"])))
    said = f"{len(rates)} runs in {output}"
    return StageCost(median(rates), source=said) if rates else StageCost()


def _steps(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
