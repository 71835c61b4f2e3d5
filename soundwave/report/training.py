"""Training curves, losses by stage and domain, and what was really trained of each domain."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import Any

import duckdb

from curation.catalog.ledger import loss_by_domain, open_ledger, planned_realised
from manifests.errors import InputError
from manifests.files import is_aside
from manifests.runs import LEDGER, LEDGER_ROWS, RUN
from soundwave.ablation.results import read_results
from soundwave.report.outcome import point
from soundwave.report.workspace import STAGES, Workspace, json_object, metrics_rows

Row = dict[str, Any]
MEASURES = ("lm_loss", "ctc_loss")  # next-token loss per answer token, CTC loss per target token
STRETCHES = 24  # of a run's steps, over which losses of domains are averaged
POINTS = 90  # of a drawn curve; each averages the steps between


def curves(workspace: Workspace) -> list[Row]:
    """One row per run that matters for the report: run, stage, arm, and its averaged points.

    Of an ablation, those are the arms of grids with several arms (or all, when there is none) at their largest size
    with their first seed; without one, the workspace's own runs. Points have steps, seconds and the measures there are.
    """
    rows = []
    for folder, arm in shown_runs(workspace):
        info = json_object(folder / RUN) or {}
        metrics = metrics_rows(folder, info)
        steps = [row for row in metrics if "step" in row and any(name in row for name in MEASURES)]
        if not steps:
            continue
        rows.append(
            {
                "run": folder.name,
                "folder": folder,
                "stage": str(info.get("stage") or folder.name.partition("-")[0]),
                "arm": arm or folder.name,
                "steps": len(steps),
                "points": averaged(steps, POINTS),
                "first": first_and_last(steps)[0],
                "final": first_and_last(steps)[1],
                "info": info,
            }
        )
    order = {stage: number for number, stage in enumerate(STAGES)}
    return sorted(rows, key=lambda row: (order.get(row["stage"], 9), row["arm"]))


def shown_runs(workspace: Workspace) -> list[tuple[Path, str]]:
    """(folder, arm) of the runs that matter for the report, see `curves`; the arm is empty where there is none."""
    own = (path for path in sorted(workspace.root.glob("runs/*")) if not is_aside(path))
    return _ablation_runs(workspace) or [(path, "") for path in own]


@dataclass
class Trained:
    """What the ledgers of runs say, by the run's folder."""

    losses: dict[Path, list[Row]] = field(default_factory=dict)
    """Rows of `loss_by_domain`: domain, first_step, last_step, draws, loss, ctc_loss, kept_share."""
    shares: dict[Path, dict[str, Row]] = field(default_factory=dict)
    """Domain -> its row of `planned_realised`: asked and realised share of units, draws."""


def trained(workspace: Workspace, runs: Sequence[Path]) -> Trained:
    """Losses by domain and realised shares of some runs; those without a ledger, or a damaged one, are left out."""
    found = Trained()
    for folder in dict.fromkeys(runs):
        if not any((folder / name).is_file() for name in (LEDGER, LEDGER_ROWS)):
            continue
        catalog = workspace.catalog if workspace.catalog.is_dir() else None
        try:
            with open_ledger([folder], catalog=catalog, plans=workspace.plans) as con:
                found.losses[folder] = loss_by_domain(con, bins=STRETCHES)
                found.shares[folder] = {row["domain"]: row for row in planned_realised(con)}
        except (InputError, duckdb.Error) as error:
            print(f"{error} The ledger of {folder.name} is left out.", file=sys.stderr)
    return found


def _ablation_runs(workspace: Workspace) -> list[tuple[Path, str]]:
    folders = workspace.grid_folders()
    grids = [read_results(folder) for folder in folders]
    several = [rows for rows in grids if len({row["arm"] for row in rows}) > 1]
    found: dict[Path, list[str]] = {}
    for rows in several or grids:
        largest, seed = (
            max((row["fraction"] for row in rows), default=1.0),
            min((row["seed"] for row in rows), default=0),
        )
        for row in rows:
            if row["fraction"] == largest and row["seed"] == seed and row.get("run"):
                arms = found.setdefault(workspace.study / row["run"], [])
                name = ", ".join(part for part in (row["arm"], point(row)) if part)
                if name not in arms:
                    arms.append(name)
    return [(folder, " and ".join(arms)) for folder, arms in found.items()]


def averaged(rows: Sequence[Mapping[str, Any]], points: int) -> list[Row]:
    """At most `points` rows, each the mean of the measures over an equal number of steps, at the last step's time."""
    size = max(1, -(-len(rows) // points))
    result = []
    for start in range(0, len(rows), size):
        part = rows[start : start + size]
        row: Row = {"step": part[-1]["step"], "seconds": part[-1].get("seconds"), "averaged": len(part)}
        for name in MEASURES:
            values = [float(item[name]) for item in part if item.get(name) is not None and isfinite(item[name])]
            if values:
                row[name] = sum(values) / len(values)
        result.append(row)
    return result


def first_and_last(rows: Sequence[Mapping[str, Any]]) -> tuple[Row, Row]:
    """Mean measures of the first and of the last tenth of the steps (at least one step each)."""
    tenth = max(1, len(rows) // 10)
    return averaged(rows[:tenth], 1)[0], averaged(rows[-tenth:], 1)[0]


def stage_losses(workspace: Workspace) -> dict[str, dict[str, Any]]:
    """Arm -> stage -> measures over the first and the last tenth of the run, its steps and seconds."""
    losses: dict[str, dict[str, Any]] = {}
    for row in curves(workspace):
        losses.setdefault(row["arm"], {})[row["stage"]] = {
            "run": row["run"],
            "steps": row["info"].get("steps") or row["steps"],
            "seconds": row["info"].get("seconds"),
            "first": {name: row["first"].get(name) for name in MEASURES},
            "last": {name: row["final"].get(name) for name in MEASURES},
        }
    return losses
