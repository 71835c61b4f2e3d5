"""Facts on the data: corpora and hours, rejects, labelling passes, mixtures, audits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from curation.audit import run_audits
from manifests.errors import MissingFileError
from manifests.plans import LOCK, plan_files
from manifests.rows import PASS_FILE, corpus_folders, read_corpus
from soundwave.report.workspace import STAGES, Workspace, json_object

Row = dict[str, Any]


def corpora(workspace: Workspace) -> list[Row]:
    """One row per prepared corpus: what its corpus.json says, and its hours by split from the catalog."""
    root = workspace.data / "corpora"
    rows = [asdict(read_corpus(folder)) for folder in corpus_folders(root)] if root.is_dir() else []
    splits = workspace.rows(
        "SELECT corpus, split, sum(duration) / 3600 AS hours, count(*) AS cuts FROM cuts GROUP BY ALL"
    )
    for row in rows:
        row["splits"] = {part["split"]: part for part in splits if part["corpus"] == row["name"]}
    return rows


def overview(workspace: Workspace) -> list[Row]:
    """One row per corpus and split: cuts and hours."""
    return workspace.rows(
        "SELECT corpus, split, count(*) AS cuts, sum(duration) / 3600 AS hours FROM cuts GROUP BY ALL ORDER BY ALL"
    )


def rejects(workspace: Workspace) -> list[Row]:
    """One row per corpus, pass and reason: how many, and one example's detail."""
    return workspace.rows(
        "SELECT corpus, pass, reason, count(*) AS items, min(nullif(detail, '')) AS example "
        "FROM rejects GROUP BY ALL ORDER BY corpus, items DESC, pass, reason"
    )


def passes(workspace: Workspace) -> list[Row]:
    """One row per labelling pass and corpus: what its pass.json counts."""
    rows = []
    for path in sorted(workspace.data.glob(f"labels/*/*/{PASS_FILE}")):
        if (value := json_object(path)) is not None:
            counts = value.get("counts") or {}
            rows.append({"pass": path.parent.parent.name, "corpus": path.parent.name} | counts)
    return rows


def aligned(workspace: Workspace) -> Row | None:
    """Clips that the alignment pass gave words to and clips it refused, or None when it has not run."""
    counts = [row for row in passes(workspace) if row["pass"] == "align"]
    if not counts:
        return None
    (words,) = workspace.rows("SELECT count(DISTINCT cut_id) AS clips, count(*) AS words FROM words") or [
        {"clips": 0, "words": 0}
    ]
    refused = workspace.rows(
        "SELECT reason, count(DISTINCT cut_id) AS clips FROM rejects WHERE pass = 'align' GROUP BY ALL ORDER BY ALL"
    )
    reasons = {row["reason"]: row["clips"] for row in refused}
    return {"aligned": words["clips"], "words": words["words"], "rejected": sum(reasons.values()), "reasons": reasons}


def mixtures(workspace: Workspace, trained: Sequence[Path] = ()) -> list[Row]:
    """One row per stage's mixture, stages in order: its lock, with domains as a list (planned, realised: shares).

    Of the plans `trained` on when there are any, else of those in mixtures/.
    """
    folders = trained or sorted(path.parent for path in plan_files(workspace.root / "mixtures"))
    rows = []
    for folder in folders:
        lock = json_object(folder / LOCK)
        if lock is not None and isinstance(lock.get("domains"), dict):
            domains = [
                facts | {"domain": name, "planned": facts["share"], "realised": facts["realised_share"]}
                for name, facts in lock["domains"].items()
            ]
            rows.append(lock | {"domains": domains, "folder": folder})
    order = {stage: number for number, stage in enumerate(STAGES)}
    return sorted(rows, key=lambda row: (order.get(row["stage"], 9), row["name"]))


def audits(workspace: Workspace) -> list[Row] | None:
    """One row per audit: name, severity, what it means and what to do, rows found, examples; None without a catalog."""
    try:
        return [finding.row() for finding in run_audits(workspace.catalog, plans=workspace.plans)]
    except MissingFileError:
        return None
