"""From cells to trainings: a node is one training, keyed on content, so that equal trainings happen once.

A node's key is that of a training (`soundwave.train.runs.identity`) whose plan and start are not made yet: in their
place stand the mixture with its query's text, the size and the catalog's fingerprint, and the key of the node that it
starts from. File names are not in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

import manifests
from curation.plan.mixture import MIXTURES, Mixture, load_mixture
from manifests.fingerprint import fingerprint
from manifests.settings import YAML_ENDINGS, Layer, SettingsFiles
from manifests.settings.beside import file_beside
from soundwave.ablation.grid import ArmStage, Grid
from soundwave.train.runs.identity import Training
from soundwave.train.settings import STAGES, StageSettings, load_stage

KEY_DIGITS = 12


@dataclass(frozen=True)
class PlanSpec:
    """What a plan is made from."""

    key: str
    mixture: Mixture  # with the cell's seed and size, and the query's text


@dataclass(frozen=True)
class Node:
    """One training."""

    key: str
    stage: str  # the stage's name in its settings: alignment | shrinking | sft
    settings: StageSettings  # with the cell's seed
    plan: PlanSpec
    parent: str | None  # key of the node whose weights it starts from
    title: str  # for people: the first cell that asked for it

    @property
    def run_name(self) -> str:
        """Name of its run folder."""
        return f"{self.stage}-{self.key}"


@dataclass(frozen=True)
class Cell:
    """One arm at one size with one seed."""

    grid: str
    arm: str
    fraction: float
    seed: int
    chain: tuple[str, ...]  # keys of its nodes, in order

    @property
    def name(self) -> str:
        """`full-50%-seed7`."""
        return f"{self.arm}-{self.fraction * 100:g}%-seed{self.seed}"


@dataclass
class Expansion:
    """All cells of one or more grids, and the nodes they share."""

    cells: list[Cell] = field(default_factory=list)
    nodes: dict[str, Node] = field(default_factory=dict)

    def users(self, key: str) -> list[Cell]:
        """The cells that a node serves."""
        return [cell for cell in self.cells if key in cell.chain]


def expand(grids: Mapping[str, Grid], *, catalog_fingerprint: str, roots: Mapping[str, Path]) -> Expansion:
    """Every cell of `grids` (name -> grid); `roots` (name -> folder of its file) resolves relative paths in them.

    Raises:
        MissingFileError: a stage, mixture or query that is not there.
        SettingsError: an override that a stage or mixture does not have.
    """
    expansion = Expansion()
    for name, grid in grids.items():
        for (arm, steps), fraction, seed in product(grid.arms.items(), grid.fractions, grid.seeds):
            size = f" {fraction * 100:g}%" if len(grid.fractions) > 1 else ""
            label = f"{arm}{size}" + (f" seed {seed}" if len(grid.seeds) > 1 else "")
            chain: list[str] = []
            for step in steps:
                settings = resolve_stage(grid, step, seed, roots[name])
                plan = resolve_plan(grid, step, fraction, seed, roots[name], catalog_fingerprint=catalog_fingerprint)
                node = _node(settings, plan, chain[-1] if chain else None, label)
                expansion.nodes.setdefault(node.key, node)
                chain.append(node.key)
            expansion.cells.append(Cell(name, arm, fraction, seed, tuple(chain)))
    return expansion


def _node(settings: StageSettings, plan: PlanSpec, parent: str | None, label: str) -> Node:
    key = Training(settings, plan.key, parent).key[:KEY_DIGITS]
    return Node(key, settings.stage, settings, plan, parent, f"{label} {settings.stage}")


def resolve_stage(grid: Grid, step: ArmStage, seed: int, root: Path) -> StageSettings:
    """The stage's settings with the grid's and the arm's overrides and the cell's seed.

    Raises:
        MissingFileError: no such stage.
        SettingsError: a key or value that a stage does not have.
    """
    cell = Layer({"seed": seed}, "the cell")
    return load_stage(_beside(step.stage, root, STAGES), [*grid.stage_layers(step), cell])


def resolve_plan(
    grid: Grid, step: ArmStage, fraction: float, seed: int, root: Path, *, catalog_fingerprint: str
) -> PlanSpec:
    """The mixture with the grid's and the arm's overrides, the cell's seed and size.

    Raises:
        MissingFileError: no such mixture, or no such query.
        SettingsError: a key or value that a mixture does not have.
    """
    cell = Layer({"seed": seed, "fraction": fraction}, "the cell")
    mixture = load_mixture(_beside(step.mixture, root, MIXTURES), [*grid.mixture_layers(step), cell])
    key = fingerprint(manifests.__version__, mixture.sha256, catalog_fingerprint)[:KEY_DIGITS]
    return PlanSpec(key, mixture)


def _beside(name: str, root: Path, files: SettingsFiles[Any]) -> str:
    """What a grid's file names: a bundled name, or a file in the grid's folder or below it."""
    if name in files.names():
        return name
    path = file_beside(root, name, where="the grid's file")
    # A word that is no file here either is left to the message that knows the bundled names.
    return str(path) if path.suffix in YAML_ENDINGS or path.exists() or Path(name).exists() else name
