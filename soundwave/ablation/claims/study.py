"""A study as it lies in its folder: rows, clips, and which figures they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from manifests.errors import MissingFileError, SettingsError
from manifests.files import is_aside, read_object
from manifests.names import hint
from soundwave.ablation.claims.measured import MeasuredOutcome, measure, read_clips
from soundwave.ablation.results import GRID, METRICS, RESULTS, read_results
from soundwave.evaluate.metric import Figure
from soundwave.evaluate.registry import find_figure

NEXT = "-next-"  # between a grid's name and a number: cells that `soundwave ablate next` asked for


@dataclass(frozen=True)
class Study:
    """What one grid found, with the cells that were added to it later."""

    folder: Path
    report: dict[str, Any]
    """What grid.json says."""
    rows: list[dict[str, Any]]
    clips: pa.Table | None
    figures: dict[str, Figure]
    """Outcome -> figure; the first one answers the question."""

    @property
    def name(self) -> str:
        """The grid's name."""
        return self.folder.name

    def measured(self) -> list[MeasuredOutcome]:
        """The outcomes that the rows have, as arrays."""
        found = [measure(self.rows, name, figure, self.clips) for name, figure in self.figures.items()]
        return [one for one in found if one is not None]


def read_study(folder: Path, outcome: str | None = None) -> Study:
    """The study in OUTPUT/GRID, and the cells in OUTPUT/GRID-next-1 and so on.

    outcome: this one alone; None: all.

    Raises:
        MissingFileError: no results there.
        InputError: results, clips or grid.json that cannot be read.
        SettingsError: an outcome that the study does not have.
    """
    if not (folder / RESULTS).is_file():
        raise MissingFileError(
            f"{folder} holds no {RESULTS}: expected the folder of a grid, OUTPUT/GRID as `soundwave ablate` writes it."
        )
    report = read_object(folder / GRID)
    folders = [folder, *next_folders(folder)]
    rows = [row for path in folders for row in read_results(path)]
    tables = [table for path in folders if (table := read_clips(path)) is not None]
    figures = figures_of(report)
    if outcome is not None and outcome not in figures:
        raise SettingsError(f"{folder} has no outcome {outcome!r} ({hint(outcome, list(figures))}).")
    chosen = figures if outcome is None else {outcome: figures[outcome]}
    clips = pa.concat_tables(tables, promote_options="permissive") if tables else None
    return Study(folder, report, rows, clips, chosen)


def next_folders(folder: Path) -> list[Path]:
    """Results of the cells that were added to a study later."""
    more = sorted(path for path in folder.parent.glob(f"{folder.name}{NEXT}*") if not is_aside(path))
    return [path for path in more if (path / RESULTS).is_file()]


def is_next(folder: Path) -> bool:
    """Are these results of cells that were added to a study which lies beside them?"""
    name, mark, _ = folder.name.rpartition(NEXT)
    return bool(mark) and (folder.parent / name / RESULTS).is_file()


def sources_of(report: Mapping[str, Any]) -> dict[str, str]:
    """Outcome -> the figure that it is, as a grid.json says it."""
    outcomes = report.get("outcomes") or {}
    named = {name: said if isinstance(said, str) else str(said["metric"]) for name, said in outcomes.items()}
    metric = str(report.get("metric") or METRICS[0])
    return named or {metric: metric}


def figures_of(report: Mapping[str, Any]) -> dict[str, Figure]:
    """Outcome -> figure of a grid.json: its `outcomes`, or the one figure of its `metric`."""
    if report.get("outcomes"):
        figures = {name: find_figure(source)[1] for name, source in sources_of(report).items()}
        titles = Counter(figure.title for figure in figures.values())
        return {
            name: replace(
                figure, name=name, title=f"{name}, {figure.title}" if titles[figure.title] > 1 else figure.title
            )
            for name, figure in figures.items()
        }
    metric, facts = str(report.get("metric") or METRICS[0]), report.get("figure")
    return {metric: Figure(**facts | {"needs": frozenset(facts["needs"])}) if facts else find_figure(metric)[1]}
