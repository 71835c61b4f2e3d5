"""summary.json: the facts of the report, for programs."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import manifests
from curation.catalog import INDEX
from manifests.files import claim_file, read_json, write_json
from manifests.rows import PASS_FILE
from manifests.runs import ENVIRONMENT
from soundwave.report import data, outcome, training
from soundwave.report.workspace import Workspace, json_object, open_workspace

Row = dict[str, Any]


def summarise(workspace: Path) -> Row:
    """The facts of the workspace at `workspace`; parts that are not there are None and named under `missing`.

    Keys: soundwave, corpora, hours, clips (aligned, rejected, by reason), rejects, shares (by stage and domain), losses
    (by arm and stage), error_rates, ablation (by grid: cells, fits, next), seconds (by step of the way), missing.

    Raises:
        MissingFileError: no workspace there.
    """
    place = open_workspace(workspace)
    corpora = data.corpora(place)
    facts: Row = {
        "soundwave": manifests.__version__,
        "catalog_fingerprint": (json_object(place.catalog / INDEX) or {}).get("fingerprint"),
        "corpora": [
            {key: row[key] for key in ("name", "license", "cuts", "texts", "rejects", "hours")} for row in corpora
        ],
        "hours": sum(row["hours"] for row in corpora) if corpora else None,
        "clips": data.aligned(place),
        "rejects": _reject_counts(place),
        "shares": shares(place),
        "losses": training.stage_losses(place) or None,
        "error_rates": outcome.headline(place),
        "ablation": {grid.name: _grid(grid) for grid in outcome.grids(place)} or None,
        "seconds": {row["step"]: row["seconds"] for row in timings(place)} or None,
    }
    facts["missing"] = _missing(facts)
    clean: Row = _finite(facts)
    return clean


def write_summary(workspace: Path, output: Path) -> Row:
    """Write `summarise(workspace)` to `output`, and return it.

    Raises:
        OccupiedError: a file of another kind is there; it was not touched.
    """
    claim_summary(output)
    facts = summarise(workspace)
    write_json(output, facts)
    return facts


def claim_summary(output: Path) -> None:
    """Refuse to write a summary over a file of another kind.

    Raises:
        OccupiedError: there is one.
    """
    claim_file(output, "a report's summary", ours=lambda path: {"soundwave", "missing"} <= set(read_json(path)))


def shares(workspace: Workspace) -> Row | None:
    """Stage -> domain -> planned and realised share of units, repeats and draws."""
    kept = ("planned", "realised", "draws", "unique", "max_repeat")
    found: Row = {
        row["stage"]: {part["domain"]: {name: part.get(name) for name in kept} for part in row["domains"]}
        for row in data.mixtures(workspace, outcome.trained_plans(workspace))
    }
    return found or None


def timings(workspace: Workspace) -> list[Row]:
    """Seconds that each step of the way took to make, in order (timings.json, see soundwave.demo.phases)."""
    phases = (workspace.json("timings.json") or {}).get("phases") or []
    return [
        {
            "step": row["name"],
            "title": row.get("title", row["name"]),
            "note": row.get("note", ""),
            "seconds": row["seconds"],
        }
        for row in phases
    ]


def provenance(workspace: Workspace) -> list[tuple[str, str]]:
    """What made what: code and package versions, fingerprints of catalog and plans."""
    rows = [("soundwave", manifests.__version__)]
    if (index := json_object(workspace.catalog / INDEX)) is not None:
        rows.append(("catalog", str(index.get("fingerprint"))))
    for name, value in sorted(_environment(workspace).items()):
        if isinstance(value, str | int | float):
            rows.append((name, str(value)))
        elif isinstance(value, dict):
            rows += [(str(key), str(item)) for key, item in sorted(value.items())]
    rows += [
        (f"plan {row['name']}", str(row.get("plan_sha256")))
        for row in data.mixtures(workspace, outcome.trained_plans(workspace))
    ]
    for path in sorted(workspace.data.glob(f"labels/*/*/{PASS_FILE}")):
        value = json_object(path) or {}
        rows.append((f"pass {path.parent.parent.name}, {path.parent.name}", f"version {value.get('version', '?')}"))
    return rows


def _environment(workspace: Workspace) -> Row:
    """The environment.json of the last run by name, or nothing."""
    for folder in reversed(workspace.run_folders()):
        if (value := json_object(folder / ENVIRONMENT)) is not None:
            return value
    return {}


def _reject_counts(workspace: Workspace) -> dict[str, int] | None:
    if not (workspace.catalog / INDEX).is_file():
        return None
    counts: dict[str, int] = {}
    for row in data.rejects(workspace):
        counts[row["reason"]] = counts.get(row["reason"], 0) + row["items"]
    return dict(sorted(counts.items()))


def _grid(grid: outcome.GridResult) -> Row:
    return {
        "question": grid.report.get("question"),
        "metric": grid.metric,
        "seeds": sorted({row["seed"] for row in grid.rows}),
        "cells": grid.rows,
        "claims": outcome.claims(grid),
        "fits": grid.report.get("fits"),
        "next": grid.report.get("next"),
    }


def _missing(facts: Row) -> list[str]:
    names = [name for name, value in facts.items() if value in (None, [], {})]
    names += [f"error_rates.{name}" for name, value in facts["error_rates"].items() if value is None]
    return names


def _finite(value: Any) -> Any:
    """The value with NaN and infinities as None: JSON has no words for them."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
