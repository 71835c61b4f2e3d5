"""All fits of a study: what they say, and why there is none where there is none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from soundwave.ablation.claims.measured import ARM, SIZE, MeasuredOutcome, cell_settings
from soundwave.ablation.claims.study import Study
from soundwave.ablation.fits.choose import ChosenFit, choose_fit
from soundwave.ablation.fits.frame import CellFrame, frames
from soundwave.ablation.fits.optimum import Optimum, Prediction, find_optimum, propose_check
from soundwave.ablation.fits.repeats import RepeatFit, fit_repeats, heard_hours
from soundwave.ablation.fits.size import FitResult, fit_arm
from soundwave.ablation.fits.trade_off import FrontCell, pareto, rank_agreement
from soundwave.evaluate.metric import Figure


@dataclass
class ResponseFit:
    """One outcome along the number axes of cells that are alike in all else."""

    outcome: str
    frame: CellFrame
    fit: ChosenFit | str
    """Or why there is none."""
    optimum: Optimum | None = None
    checks: list[Prediction] = field(default_factory=list)

    @property
    def title(self) -> str:
        """For people: what was fitted."""
        along = ", ".join(axis.name for axis in self.frame.axes)
        return f"{self.outcome} along {along}" + (f" ({self.frame.title})" if self.frame.title else "")

    def sentences(self) -> list[str]:
        """For people."""
        if isinstance(self.fit, str):
            return [f"{self.title}: no curve. {self.fit}"]
        said = [f"{self.title}: {self.fit.sentence}."]
        if self.optimum is not None:
            said.append(f"{self.title}: {self.optimum.sentence}.")
        for one in self.checks:
            where = self.frame.named(np.array([one.at[axis.name] for axis in self.frame.axes]))
            said.append(
                f"To check it: {where} ({one.why}); predicted {one.value:.3g} ({one.low:.3g} to {one.high:.3g})."
            )
        return said

    def row(self) -> dict[str, Any]:
        """As written to JSON."""
        fitted = isinstance(self.fit, ChosenFit)
        return {
            "outcome": self.outcome,
            "axes": [axis.name for axis in self.frame.axes],
            "fixed": dict(self.frame.fixed),
            "function": self.fit.response.name if isinstance(self.fit, ChosenFit) else None,
            "errors": self.fit.errors if isinstance(self.fit, ChosenFit) else {},
            "reason": "" if fitted else self.fit,
            "optimum": None if self.optimum is None else self.optimum.row(),
            "checks": [one.row() for one in self.checks],
        }


@dataclass
class StudyFits:
    """What the fits of a study say."""

    sizes: dict[str, dict[str, tuple[FitResult, Figure]]]
    """Outcome -> arm -> error against hours."""
    responses: list[ResponseFit]
    repeats: dict[str, RepeatFit | str]
    """Arm -> what a pass is worth, or why nobody can say; of studies with both kinds of repeats."""
    front: list[FrontCell] | str
    ranks: dict[str, str]
    """Outcome -> whether small sizes order recipes as large ones do."""

    def sentences(self) -> list[str]:
        """For people."""
        said = []
        for outcome, arms in self.sizes.items():
            for arm, (fit, figure) in arms.items():
                said.append(f"{outcome} of {arm} against hours: {_size_said(fit, figure)}.")
        said += [sentence for response in self.responses for sentence in response.sentences()]
        for arm, worth in self.repeats.items():
            said.append(f"Passes of {arm}: {worth if isinstance(worth, str) else worth.sentence + '.'}")
        if not isinstance(self.front, str):
            best = [cell for cell in self.front if cell.on_front]
            named = "; ".join(f"{cell.cell} ({_values(cell)}{_sure(cell)})" for cell in best)
            said.append(f"No cell beats these in every outcome: {named}.")
        return [*said, *self.ranks.values()]

    def report(self) -> dict[str, Any]:
        """As written to JSON."""
        return {
            "sizes": {
                outcome: {arm: _size_said(fit, figure) for arm, (fit, figure) in arms.items()}
                for outcome, arms in self.sizes.items()
            },
            "responses": [response.row() for response in self.responses],
            "repeats": {arm: one if isinstance(one, str) else one.row() for arm, one in self.repeats.items()},
            "front": self.front if isinstance(self.front, str) else [cell.row() for cell in self.front],
            "ranks": self.ranks,
            "sentences": self.sentences(),
        }


def fits_of(study: Study) -> StudyFits:
    """Fit all that a study's rows allow."""
    measured = study.measured()
    several = [one for one in measured if len({cell.values.get(SIZE) for cell in one.cells}) > 1]
    return StudyFits(
        sizes={one.outcome: _sizes(study.rows, one) for one in several},
        responses=[_response(one, frame) for one in measured for frame in response_frames(one)],
        repeats=_repeats(study, measured),
        front=pareto(measured),
        ranks={one.outcome: rank_agreement(one) for one in several},
    )


def response_frames(measured: MeasuredOutcome) -> list[CellFrame]:
    """The frames with an axis beside size: along size alone the size law holds."""
    return [frame for frame in frames(measured) if any(axis.name != SIZE for axis in frame.axes)]


def _sizes(rows: Sequence[Mapping[str, Any]], measured: MeasuredOutcome) -> dict[str, tuple[FitResult, Figure]]:
    arms = dict.fromkeys(str(cell.values.get(ARM)) for cell in measured.cells)
    return {arm: (fit_arm(rows, arm, measured.figure), measured.figure) for arm in arms}


def _size_said(fit: FitResult, figure: Figure) -> str:
    if fit.curve is None:
        return f"no curve, {fit.reason}"
    left_out = f" ({fit.reason})" if fit.reason else ""
    return f"{figure.formula(fit.curve.formula)}{left_out}"


def _response(measured: MeasuredOutcome, frame: CellFrame) -> ResponseFit:
    found = ResponseFit(measured.outcome, frame, choose_fit(frame))
    if isinstance(found.fit, ChosenFit) and found.fit.response.name != "no response":
        found.optimum = find_optimum(found.fit, measured.figure.better)
        found.checks = propose_check(found.fit, measured.figure.better)
    return found


def _repeats(study: Study, measured: Sequence[MeasuredOutcome]) -> dict[str, RepeatFit | str]:
    kinds = {row.get("repeats") for row in study.rows}
    first = next((one for one in measured if one.figure.best is not None), None)
    if first is None or not {"matched", "free"} <= kinds:
        return {}
    heard = heard_hours(study.rows, study.folder.parent / "plans")
    found: dict[str, RepeatFit | str] = {}
    for arm in dict.fromkeys(cell_settings(row).values[ARM] for row in study.rows):
        rows = [row for row in study.rows if row["arm"] == arm and row["last"] and row["cell"] in heard]
        rows = [row for row in rows if row.get(first.outcome) is not None and row["hours"] > 0]
        hours = np.array([row["hours"] for row in rows], dtype=np.float64)
        passes = np.array([heard[row["cell"]] for row in rows], dtype=np.float64) / hours
        errors = np.array([first.figure.error(row[first.outcome]) for row in rows], dtype=np.float64)
        found[str(arm)] = fit_repeats(hours, np.maximum(1.0, passes), errors)
    return found


def _values(cell: FrontCell) -> str:
    return ", ".join(f"{name} {value:.3g}" for name, value in cell.values.items())


def _sure(cell: FrontCell) -> str:
    return "" if cell.certainty is None else f"; so in {100 * cell.certainty:.0f} % of draws"
