"""How much an outcome varies: over seeds and over clips, as far as earlier results of a grid say it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow.compute as pc

from curation.catalog.folds import Folds
from manifests.errors import InputError
from soundwave.ablation.claims.measured import read_clips
from soundwave.ablation.outcomes import GridOutcome
from soundwave.ablation.results import read_results
from soundwave.evaluate.held_out import EvalOptions, select_ids
from soundwave.evaluate.registry import METRICS


@dataclass(frozen=True)
class OutcomeNoise:
    """Standard deviations of an outcome."""

    clips: int | None
    """Held-out rows that it is measured on."""
    seed_sd: float | None
    """Over seeds of the same cell; None: no cell has two yet."""
    clip_sd: float | None
    """Of one clip's difference between two cells, its weight included; of two that know nothing of each other where
    there is one cell. None: not known yet."""
    source: str
    """Where it comes from."""


def outcome_noise(folder: Path, outcome: GridOutcome, catalog: Path, folds: Sequence[Folds] = ()) -> OutcomeNoise:
    """The noise of an outcome in the results of a grid's folder, and the clips that the catalog has for it.

    folds: that the seeds hold out, whose clips count together; none: all seeds are measured on the same clips.
    """
    rows = [row for row in read_results(folder) if row.get("last") and row.get(outcome.name) is not None]
    by_cell = defaultdict(list)
    for row in rows:
        by_cell[row["arm"], row["fraction"], row.get("axes"), row.get("repeats")].append(float(row[outcome.name]))
    several = [np.var(values, ddof=1) for values in by_cell.values() if len(values) > 1]
    seed_sd = float(np.sqrt(np.mean(several))) if several else None
    clip_sd, clips = _clip_sd(folder, outcome.name)
    count = clips if clips and not folds else _held_out(outcome, catalog, folds)
    said = f"{len(rows)} rows of {folder.name}" if rows else "no results yet: a first run of two seeds shows it"
    return OutcomeNoise(count, seed_sd, clip_sd, said)


def _clip_sd(folder: Path, name: str) -> tuple[float | None, int | None]:
    """Mean over pairs of cells of the sd of a clip's difference, and the clips of a cell."""
    table = read_clips(folder)
    if table is None:
        return None, None
    table = table.filter(pc.equal(table["outcome"], name))
    cells: dict[tuple[str, str], dict[str, tuple[float, float]]] = defaultdict(dict)
    columns = (table[column].to_pylist() for column in ("cell", "stage", "item", "value", "weight"))
    for cell, stage, item, value, weight in zip(*columns, strict=True):
        cells[cell, stage][item] = value, weight
    parts = [part for pairs in cells.values() if (part := _parts(pairs))]
    shared = [(one, two, sorted(one.keys() & two.keys())) for one, two in pairwise(parts)]
    found = [np.std([one[item] - two[item] for item in items], ddof=1) for one, two, items in shared if len(items) > 1]
    if not found:
        found = [2**0.5 * np.std([*part.values()], ddof=1) for part in parts]
    return (float(np.mean(found)) if found else None), max(map(len, cells.values()), default=None)


def _parts(pairs: Mapping[str, tuple[float, float]]) -> dict[str, float]:
    """Item -> (value - figure x weight) / mean weight; none where that says nothing."""
    values, weights = np.array([*pairs.values()]).T
    if len(values) < 2 or weights.sum() <= 0:
        return {}
    parts = (values - values.sum() / weights.sum() * weights) / weights.mean()
    return dict(zip(pairs, parts.tolist(), strict=True))


def _held_out(outcome: GridOutcome, catalog: Path, folds: Sequence[Folds]) -> int | None:
    rows = outcome.rows
    found = set[tuple[str, str]]()
    for kind in METRICS.find(outcome.metric).rows:
        for held in dict.fromkeys(folds) or [None]:
            options = EvalOptions(split=rows.split, corpus=rows.corpus, min_words=rows.min_words, folds=held)
            with suppress(InputError):
                found.update((kind, item) for item in select_ids(catalog, kind, options)[: rows.limit])
    return len(found) or None
