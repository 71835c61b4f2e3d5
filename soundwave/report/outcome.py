"""What came out: ablation grids, and the headline error rates."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa

from manifests.errors import InputError
from manifests.plans import LOCK
from manifests.runs import PLANS
from soundwave.ablation.claims.claim import StudyClaim, claims_of
from soundwave.ablation.claims.measured import ARM, REPEATS, SIZE, cell_settings, read_clips, value_name
from soundwave.ablation.claims.secondary import study_claims
from soundwave.ablation.claims.study import Study, figures_of, next_folders, sources_of
from soundwave.ablation.next_cell import next_cell
from soundwave.ablation.results import GRID, METRICS, Pooled, columns, pooled, read_results
from soundwave.evaluate.metric import Figure
from soundwave.evaluate.registry import find_figure
from soundwave.report.workspace import STAGE_NUMERALS, Workspace, json_object

Row = dict[str, Any]
FIRST_STAGE, LLM_STAGES = "alignment", ("shrinking", "sft")


@dataclass(frozen=True)
class GridResult:
    """One ablation grid with its rows."""

    name: str
    folder: Path
    report: Row  # grid.json
    rows: list[Row]

    @property
    def arms(self) -> list[str]:
        """Arms in the grid's order."""
        return list(dict.fromkeys(row["arm"] for row in self.rows))

    @property
    def metric(self) -> str:
        """Name of the figure that answers the question."""
        return str(self.report.get("metric") or METRICS[0])

    @cached_property
    def figure(self) -> Figure:
        """The figure that answers the question, as grid.json says; looked up where an older version wrote that."""
        facts = self.report.get("figure")
        return Figure(**facts | {"needs": frozenset(facts["needs"])}) if facts else find_figure(self.metric)[1]

    @cached_property
    def study(self) -> Study:
        """The same, as claims and fits read it, with what each clip gave where that was written down."""
        folders = [self.folder, *next_folders(self.folder)]
        tables = [table for folder in folders if (table := _clips(folder)) is not None]
        try:
            figures = figures_of(self.report)
        except (InputError, KeyError, TypeError):  # of another version
            figures = {self.metric: self.figure}
        clips = pa.concat_tables(tables, promote_options="permissive") if tables else None
        return Study(self.folder, self.report, self.rows, clips, figures)


def _clips(folder: Path) -> pa.Table | None:
    """What each clip gave; None where that was not written down, or is damaged, which is said."""
    try:
        return read_clips(folder)
    except InputError as error:
        print(error, file=sys.stderr)
        return None


def grids(workspace: Workspace) -> list[GridResult]:
    """The workspace's grids: those with several arms first, then by name."""
    found = [_grid(folder) for folder in workspace.grid_folders()]
    return sorted((grid for grid in found if grid.rows), key=lambda grid: (len(grid.arms) < 2, grid.name))


def _grid(folder: Path) -> GridResult:
    """A grid with the cells that were added to it later; columns that its version did not have are None."""
    report = json_object(folder / GRID) or {}
    try:
        outcomes = list(sources_of(report))
    except (KeyError, TypeError):
        outcomes = []
    blank = dict.fromkeys(columns(*outcomes))
    rows = [blank | row for place in (folder, *next_folders(folder)) for row in read_results(place)]
    return GridResult(folder.name, folder, report, rows)


def point(row: Mapping[str, Any]) -> str:
    """For people: what a row's cell has along the axes beside arm and size; empty where it has none."""
    values = cell_settings(row).values
    return ", ".join(value_name(name, value) for name, value in values.items() if name not in (ARM, SIZE, REPEATS))


def whole_rows(grid: GridResult, arm: str, stage: str) -> list[Row]:
    """One arm's rows of one stage at the grid's largest size, all seeds; of a stage that it trains again, the last."""
    largest = max(row["fraction"] for row in grid.rows)
    found = [row for row in grid.rows if row["arm"] == arm and row["stage"] == stage and row["fraction"] == largest]
    last = max((row["position"] for row in found), default=0)
    return [row for row in found if row["position"] == last]


def headline(workspace: Workspace) -> dict[str, Row | None]:
    """Word error rates on held-out clips with and without stage I, and the ceiling; None where missing."""
    found = grids(workspace)
    with_first, without = _arm(found, has_first=True), _arm(found, has_first=False)
    rates: dict[str, Row | None] = {"ctc_after_stage_1": _rate(with_first, FIRST_STAGE, "ctc_wer")}
    for number, stage in enumerate(LLM_STAGES, 2):
        rates[f"llm_after_stage_{number}"] = _rate(with_first, stage, "llm_wer")
    for number, stage in enumerate(LLM_STAGES, 2):
        rates[f"without_stage_1_llm_after_stage_{number}"] = _rate(without, stage, "llm_wer")
    rates["ceiling"] = ceiling(workspace)
    return rates


def _arm(found: Sequence[GridResult], *, has_first: bool) -> tuple[GridResult, str] | None:
    """The arm with the most stages, among those that do (or do not) start with stage I."""
    arms = []
    for grid in found:
        for arm in grid.arms:
            stages = {row["stage"] for row in grid.rows if row["arm"] == arm}
            if (FIRST_STAGE in stages) == has_first:
                arms.append((len(stages), grid, arm))
    if not arms:
        return None
    _, grid, arm = max(arms, key=lambda item: item[0])
    return grid, arm


def claims(grid: GridResult) -> list[str]:
    """What a grid may claim, in sentences: as grid.json says, else of its rows, as of earlier versions."""
    if next_folders(grid.folder):  # what grid.json says does not know of them
        study = grid.study
        return study_claims(study.rows, study.figures, study.clips).sentences()
    if found := grid.report.get("claims"):
        return [str(sentence) for sentence in found["sentences"]]
    return claims_of(grid.rows, {grid.metric: grid.figure}, read_clips(grid.folder)).sentences()


def next_sentence(grid: GridResult) -> str | None:
    """Which cell to run next: as grid.json says, unless cells were added since."""
    if next_folders(grid.folder):
        cell = next_cell(grid.study)
        return None if cell is None else cell.sentence
    said = grid.report.get("next")
    return None if said is None else str(said)


def stage_one_claim(workspace: Workspace) -> StudyClaim | str:
    """Is the recipe with stage I better than the one without? Or why that is not tested, in a sentence."""
    found = grids(workspace)
    with_first, without = _arm(found, has_first=True), _arm(found, has_first=False)
    if with_first is None or without is None:
        return "One arm is missing, so nothing is compared."
    if with_first[0].name != without[0].name:
        return "The two are of different grids, so their difference is not tested."
    grid, name = with_first
    # Of all arms, so that the band is the one that the list of claims has.
    rows = [row for arm in grid.arms for row in whole_rows(grid, arm, _last(grid, arm))]
    tested = claims_of(rows, {grid.metric: grid.figure}, read_clips(grid.folder)).claims
    pair = {name, without[1]}
    nothing = "The arms have no figure in common to compare."
    return next((claim for claim in tested if claim.axis == ARM and {claim.first, claim.second} == pair), nothing)


def _last(grid: GridResult, arm: str) -> str:
    """The last stage of an arm."""
    return next((str(row["stage"]) for row in grid.rows if row["arm"] == arm and row["last"]), "")


def _rate(arm: tuple[GridResult, str] | None, stage: str, metric: str) -> Row | None:
    if arm is None:
        return None
    grid, name = arm
    rows = whole_rows(grid, name, stage)
    value = pooled(rows, metric)
    return None if value is None else as_row(value, rows)


def as_row(value: Pooled, rows: Sequence[Mapping[str, Any]]) -> Row:
    """A pooled error rate with its band, seeds, and what it was measured on."""
    return {
        "wer": value.mean,
        "low": value.low,
        "high": value.high,
        "seeds": list(value.seeds),
        "clips": rows[0].get("clips"),
        "words": rows[0].get("words"),
        "unit": rows[0].get("wer_unit") or "words",
        "training_seconds": mean_or_none([row.get("wall_seconds") for row in rows]),  # of the chain, over seeds
    }


def mean_or_none(values: Sequence[float | None]) -> float | None:
    """The mean, or None when a value is missing."""
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known and len(known) == len(values) else None


def ceiling(workspace: Workspace) -> Row | None:
    """Error rate of the encoder's own decoder on the same clips (ceiling.json, as `soundwave.evaluate` writes it)."""
    value = workspace.json("ceiling.json")
    if value is None or value.get("wer") is None:
        return None
    low, high = value.get("wer_band") or (None, None)
    return (
        {"wer": value["wer"], "low": low, "high": high, "seeds": []}
        | {name: value.get(name) for name in ("clips", "words")}
        | {"unit": value.get("unit") or "words"}
    )


def arm_values(grid: GridResult) -> list[Row]:
    """What the comparison of arms shows, in their order and over all seeds, after each stage: the grid's figure; of
    grids on error rates CTC's after stage I, and the LLM's after the others.
    """
    values = []
    for arm in grid.arms:
        for stage in dict.fromkeys(row["stage"] for row in grid.rows if row["arm"] == arm):
            after = STAGE_NUMERALS.get(stage, stage)
            if grid.metric in METRICS:
                metric, name = ("ctc_wer", "CTC") if stage == FIRST_STAGE else ("llm_wer", "LLM")
                value, name = pooled(whole_rows(grid, arm, stage), metric), f"{arm}: {name} after {after}"
            else:
                value, name = pooled(whole_rows(grid, arm, stage), grid.metric, grid.figure), f"{arm} after {after}"
            if value is not None:
                values.append({"name": name, "arm": arm, "value": value.mean, "low": value.low, "high": value.high})
    return values


def trained_runs(workspace: Workspace) -> list[tuple[Path, Path]]:
    """(plan, run) folders of the recipe: of the arm with most stages, largest size, first seed; plans with a lock."""
    arm = _arm(grids(workspace), has_first=True)
    if arm is None:
        return []
    grid, name = arm
    rows = [
        row for stage in dict.fromkeys(row["stage"] for row in grid.rows) for row in whole_rows(grid, name, stage)[:1]
    ]
    above = grid.folder.parent
    folders = [(above / PLANS / str(row.get("plan")), above / str(row.get("run"))) for row in rows]
    return [(plan, run) for plan, run in folders if (plan / LOCK).is_file()]


def trained_plans(workspace: Workspace) -> list[Path]:
    """The plans of `trained_runs`."""
    return [plan for plan, _ in trained_runs(workspace)]
