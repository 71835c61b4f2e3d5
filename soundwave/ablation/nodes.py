"""From cells to trainings: a node is one training, keyed on content, so that equal trainings happen once.

A node's key is that of a training (`soundwave.train.runs.identity`) whose plan and start are not made yet: in their
place stand the mixture with its query's text, the size and the catalog's fingerprint, and the key of the node that it
starts from. File names are not in it. Of a node that trains a part of its plan's steps (see the grid's `ladder`) the
part is in the key. A node's design is the same without the catalog: another machine's encoder rounds otherwise, so its
build of the same corpora has another fingerprint.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import manifests
from curation.plan import reads_marks
from curation.plan.mixture import MIXTURES, Mixture, load_mixture
from manifests.errors import MixtureError, SettingsError
from manifests.fingerprint import fingerprint
from manifests.settings import YAML_ENDINGS, Layer, SettingsFiles
from manifests.settings.beside import file_beside
from soundwave.ablation.axes.changes import (
    BaseStep,
    Chosen,
    mixture_overrides,
    need_touched,
    stage_overrides,
    touches,
    with_shares,
)
from soundwave.ablation.axes.kinds import Axis, axis_labels
from soundwave.ablation.grid import ArmStage, Grid
from soundwave.train.runs.identity import Training
from soundwave.train.settings import STAGES, StageSettings, load_stage

KEY_DIGITS = 12


@dataclass(frozen=True)
class PlanSpec:
    """What a plan is made from."""

    key: str
    mixture: Mixture  # with the cell's seed and size, and the query's text
    design: str  # the key without the catalog


@dataclass(frozen=True)
class Node:
    """One training."""

    key: str
    stage: str  # the stage's name in its settings: alignment | shrinking | sft
    settings: StageSettings  # with the cell's seed
    plan: PlanSpec
    parent: str | None  # key of the node whose weights it starts from
    title: str  # for people: the first cell that asked for it
    part: float = 1.0  # of the plan's steps, the first ones, that it trains
    design: str = ""  # the key without the catalog

    @property
    def run_name(self) -> str:
        """Name of its run folder."""
        return f"{self.stage}-{self.key}"


@dataclass(frozen=True)
class Cell:
    """One arm at one point of the axes with one seed."""

    grid: str
    arm: str
    fraction: float
    seed: int
    chain: tuple[str, ...]  # keys of its nodes, in order; empty: it cannot be had
    axes: Mapping[str, Any] = field(default_factory=dict)  # name -> JSON value
    repeats: str | None = None  # matched | free
    infeasible: str = ""  # why it cannot be had

    @property
    def name(self) -> str:
        """`full-50%-seed7`, with the axes' values between where there are any."""
        rest = {name: value for name, value in self.axes.items() if name != "size"}
        said = "".join(f"-{value if name == 'repeats' else f'{name}={_short(value)}'}" for name, value in rest.items())
        return f"{self.arm}-{self.fraction * 100:g}%{said}-seed{self.seed}"


@dataclass
class Expansion:
    """All cells of one or more grids, and the nodes they share."""

    cells: list[Cell] = field(default_factory=list)
    nodes: dict[str, Node] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)  # axes that change nothing in an arm

    def users(self, key: str) -> list[Cell]:
        """The cells that a node serves."""
        return [cell for cell in self.cells if key in cell.chain]


@dataclass(frozen=True)
class _Place:
    """What a cell's stages are made with."""

    chosen: tuple[Chosen, ...]
    fraction: float
    repeats: str | None
    seed: int


def expand(
    grids: Mapping[str, Grid], *, catalog_fingerprint: str, roots: Mapping[str, Path], marks: str = ""
) -> Expansion:
    """Every cell of `grids` (name -> grid); `roots` (name -> folder of its file) resolves relative paths in them.

    marks: fingerprint of listeners' marks, which is in the keys of those mixtures that read them.

    Raises:
        MissingFileError: a stage, mixture or query that is not there.
        SettingsError: an override that a stage or mixture does not have, or an axis of something that is not there.
    """
    expansion = Expansion()
    for name, grid in grids.items():
        _GridExpansion(name, grid, roots[name], (catalog_fingerprint, marks), expansion).run()
    return expansion


class _GridExpansion:
    """One grid's part of an expansion."""

    def __init__(self, name: str, grid: Grid, root: Path, data: tuple[str, str], into: Expansion) -> None:
        """data: fingerprints of the catalog and of the marks."""
        self.name, self.grid, self.root, self.into = name, grid, root, into
        self.catalog, self.marks = data
        self.bases = {arm: [self._base(step) for step in steps] for arm, steps in grid.arms.items()}
        every = [step for steps in self.bases.values() for step in steps]
        self.axes = [_with_domains(axis, every) for axis in grid.axis_list]
        for axis in self.axes:
            need_touched(axis, every)

    def run(self) -> None:
        """Add the cells and their nodes."""
        try:
            points = self.grid.points(self.axes)
        except ValueError as error:
            raise SettingsError(f"The grid {self.name}: {error}.") from error
        for arm, steps in self.grid.arms.items():
            mine = [axis for axis in self.axes if any(touches(axis, base) for base in self.bases[arm])]
            for axis in self.axes:
                if axis not in mine:
                    self.into.notes.append(f"{self.name}: the axis {axis.name} changes nothing in the arm {arm}")
            for chosen in _distinct([[(axis, point[axis.name]) for axis in mine] for point in points]):
                for fraction, repeats in self._sizes(chosen):
                    for seed in self.grid.seeds:
                        self._add(arm, steps, _Place(tuple(chosen), fraction, repeats, seed))

    def _sizes(self, chosen: Sequence[Chosen]) -> list[tuple[float, str | None]]:
        asked = [value for axis, value in chosen if axis.kind == "size"]
        return [(fraction, repeats or self.grid.repeats) for fraction, repeats in asked] or self.grid.sizes

    def _add(self, arm: str, steps: Sequence[ArmStage], place: _Place) -> None:
        grid, labels = self.grid, _labels(self.grid, place)
        size = f" {place.fraction * 100:g}%" if len(grid.sizes) > 1 else ""
        said = "".join(f" {name}={_short(value)}" for name, value in labels.items() if name not in {"size", "repeats"})
        title = f"{arm}{size}{said}" + (f" seed {place.seed}" if len(grid.seeds) > 1 else "")
        chain: list[Node] = []
        wrong = ""
        try:
            for step, base in zip(steps, self.bases[arm], strict=True):
                chain.append(self._node(step, base, place, chain[-1] if chain else None, title))
        except MixtureError as error:
            chain, wrong = [], str(error)
        for node in chain:
            self.into.nodes.setdefault(node.key, node)
        keys = tuple(node.key for node in chain)
        kept = place.repeats or ("free" if self.bases[arm][0].drawn.epochs is None else "matched")
        self.into.cells.append(Cell(self.name, arm, place.fraction, place.seed, keys, labels, kept, wrong))

    def _base(self, step: ArmStage) -> BaseStep:
        place = _Place((), 1.0, None, self.grid.seeds[0])
        settings = resolve_stage(self.grid, step, place.seed, self.root)
        return BaseStep(step.stage, step.mixture, settings, self._mixture(step, None, place))

    def _node(self, step: ArmStage, base: BaseStep, place: _Place, parent: Node | None, title: str) -> Node:
        more = stage_overrides(place.chosen, base)
        settings = resolve_stage(self.grid, step, place.seed, self.root, more=more)
        part = place.fraction if self.grid.ladder == "branches" and parent is None else 1.0
        if place.repeats == "matched" and settings.steps and part == 1.0:
            settings = settings.model_copy(update={"steps": max(1, round(settings.steps * place.fraction))})
        drawn = _Place(place.chosen, 1.0, None, place.seed) if part < 1 else place
        mixture = self._mixture(step, base, drawn)
        read = [self.marks] if self.marks and reads_marks(mixture) else []
        key, design = (
            fingerprint(manifests.__version__, mixture.sha256, *data)[:KEY_DIGITS]
            for data in ([self.catalog, *read], read)
        )
        return make_node(settings, PlanSpec(key, mixture, design), parent, title, part=part)

    def _mixture(self, step: ArmStage, base: BaseStep | None, place: _Place) -> Mixture:
        values: dict[str, Any] = {"seed": place.seed, "fraction": place.fraction}
        values |= {"repeats": place.repeats} if place.repeats else {}
        values |= {"folds": self.grid.folds.model_dump(mode="json")} if self.grid.folds else {}
        more = mixture_overrides(place.chosen, base) if base else []
        layers = [*self.grid.mixture_layers(step), *more, Layer(values, "the cell")]
        mixture = load_mixture(_beside(step.mixture, self.root, MIXTURES), layers)
        return with_shares(mixture, place.chosen, base) if base else mixture


def make_node(settings: StageSettings, plan: PlanSpec, parent: Node | None, label: str, *, part: float = 1.0) -> Node:
    """A node with its key and its design."""
    starts = (parent.key, parent.design) if parent else (None, None)
    wholes = [Training(settings, data, start).key for data, start in zip((plan.key, plan.design), starts, strict=True)]
    key, design = ((whole if part == 1.0 else fingerprint(whole, "part", part))[:KEY_DIGITS] for whole in wholes)
    return Node(key, settings.stage, settings, plan, starts[0], f"{label} {settings.stage}", part, design)


def resolve_stage(grid: Grid, step: ArmStage, seed: int, root: Path, *, more: Sequence[Any] = ()) -> StageSettings:
    """The stage's settings with the grid's and the arm's overrides, `more` of the axes, and the cell's seed.

    Raises:
        MissingFileError: no such stage.
        SettingsError: a key or value that a stage does not have.
    """
    cell = Layer({"seed": seed}, "the cell")
    return load_stage(_beside(step.stage, root, STAGES), [*grid.stage_layers(step), *more, cell])


def _with_domains(axis: Axis, steps: Sequence[BaseStep]) -> Axis:
    """An axis of shares that does not say of which domains: those of the mixtures that it is about."""
    if axis.kind != "shares" or axis.simplex:
        return axis
    found = {
        tuple(step.drawn.shares)
        for step in steps
        if step.drawn.shares and (axis.stage is None or axis.stage in step.names)
    }
    if len(found) != 1:
        said = "; ".join(", ".join(domains) for domains in sorted(found)) or "no shares"
        raise SettingsError(
            f"The axis {axis.name} does not say between which domains, and its mixtures have {said}. "
            "Name the `domains`, or the `stage` that it is about."
        )
    try:
        return axis.over(found.pop())
    except ValueError as error:
        raise SettingsError(f"The axis {axis.name}: {error}.") from error


def _labels(grid: Grid, place: _Place) -> dict[str, Any]:
    """What a row's `axes` say: all axes of its arm, and the size where there are several."""
    labels: dict[str, Any] = {}
    for axis, value in place.chosen:
        labels |= axis_labels(axis, value)
    if "size" not in labels and len(grid.fractions) > 1:
        labels["size"] = place.fraction
    return labels


def _distinct(points: Sequence[list[Chosen]]) -> Iterator[list[Chosen]]:
    """Without the axes that an arm does not have, points may meet."""
    seen: list[list[Any]] = []
    for point in points:
        values = [value for _, value in point]
        if values not in seen:
            seen.append(values)
            yield point


def _short(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, Mapping):
        return ",".join(f"{name}:{_short(part)}" for name, part in value.items())
    if isinstance(value, list | tuple):
        return ",".join(map(_short, value))
    return "none" if value is None else str(value)


def _beside(name: str, root: Path, files: SettingsFiles[Any]) -> str:
    """What a grid's file names: a bundled name, or a file in the grid's folder or below it."""
    if name in files.names():
        return name
    path = file_beside(root, name, where="the grid's file")
    # A word that is no file here either is left to the message that knows the bundled names.
    return str(path) if path.suffix in YAML_ENDINGS or path.exists() or Path(name).exists() else name
