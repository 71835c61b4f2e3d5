"""What came out: ablation grids, and the headline error rates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from manifests.plans import LOCK
from manifests.runs import examples_file
from soundwave.ablation.claims.claim import StudyClaim, claims_of
from soundwave.ablation.claims.measured import ARM, read_clips
from soundwave.ablation.results import GRID, METRICS, Pooled, pooled, read_results
from soundwave.evaluate.metric import Figure
from soundwave.evaluate.registry import find_figure
from soundwave.report.clips.marked import TranscriptSet
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


def grids(workspace: Workspace) -> list[GridResult]:
    """The workspace's grids: those with several arms first, then by name."""
    found = [
        GridResult(folder.name, folder, json_object(folder / GRID) or {}, read_results(folder))
        for folder in workspace.grid_folders()
    ]
    return sorted((grid for grid in found if grid.rows), key=lambda grid: (len(grid.arms) < 2, grid.name))


def whole_rows(grid: GridResult, arm: str, stage: str) -> list[Row]:
    """One arm's rows of one stage at the grid's largest size, all seeds."""
    largest = max(row["fraction"] for row in grid.rows)
    return [row for row in grid.rows if row["arm"] == arm and row["stage"] == stage and row["fraction"] == largest]


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
    if found := grid.report.get("claims"):
        return [str(sentence) for sentence in found["sentences"]]
    return claims_of(grid.rows, {grid.metric: grid.figure}, read_clips(grid.folder)).sentences()


def stage_one_claim(workspace: Workspace) -> StudyClaim | str:
    """Is the recipe with stage I better than the one without? Or why that is not tested, in a sentence."""
    found = grids(workspace)
    with_first, without = _arm(found, has_first=True), _arm(found, has_first=False)
    if with_first is None or without is None:
        return "One arm is missing, so nothing is compared."
    if with_first[0].name != without[0].name:
        return "The two are of different grids, so their difference is not tested."
    grid, name = with_first
    rows = whole_rows(grid, name, _last(grid, name)) + whole_rows(grid, without[1], _last(grid, without[1]))
    tested = claims_of(rows, {grid.metric: grid.figure}, read_clips(grid.folder)).claims
    return next((claim for claim in tested if claim.axis == ARM), "The arms have no figure in common to compare.")


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


def trained_plans(workspace: Workspace) -> list[Path]:
    """Plan folders that the recipe was trained on: of the arm with most stages, at the largest size, first seed."""
    arm = _arm(grids(workspace), has_first=True)
    if arm is None:
        return []
    grid, name = arm
    rows = [
        row for stage in dict.fromkeys(row["stage"] for row in grid.rows) for row in whole_rows(grid, name, stage)[:1]
    ]
    folders = [grid.folder.parent / "plans" / str(row.get("plan")) for row in rows]
    return [folder for folder in folders if (folder / LOCK).is_file()]


def transcript_sets(workspace: Workspace) -> list[TranscriptSet]:
    """Transcripts to compare: CTC after stage I, and the LLM after the last stage with and without stage I."""
    found = grids(workspace)
    sets = []
    for has_first, words in ((True, "with stage I"), (False, "without stage I")):
        arm = _arm(found, has_first=has_first)
        if arm is None:
            continue
        grid, name = arm
        split = (grid.report.get("evaluate") or {}).get("split", "test")
        for stage in dict.fromkeys(row["stage"] for row in grid.rows if row["arm"] == name):
            rows = whole_rows(grid, name, stage)
            path = grid.folder.parent / rows[0]["run"] / examples_file(split)
            if stage == FIRST_STAGE:
                sets.append(TranscriptSet("CTC after stage I", path, "ctc"))
            elif rows[0]["last"]:
                sets.append(TranscriptSet(f"LLM, {words}", path, "llm"))
    return sets
