"""The fold that a run's training held out, and that it is measured on nothing else of its corpus."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq

from curation.catalog import connect
from curation.catalog.folds import Folds
from curation.plan.mixture import Mixture
from manifests.errors import InputError, reading
from manifests.files import read_object
from manifests.linked.groups import TRAIN
from manifests.plans import LOCK
from manifests.runs import LEDGER, RUN, read_run
from manifests.settings import stored
from soundwave.evaluate.held_out import EvalOptions

DRAWN = """
SELECT count(*), min(cut_id) FROM accepted
WHERE split = $split AND ($corpus IS NULL OR corpus = $corpus) AND list_contains($drawn, cut_id)
"""


def with_fold(run: Path, catalog: Path, options: EvalOptions) -> EvalOptions:
    """The options with the run's own fold, where they ask for it.

    With folds a run is trained on cuts that the catalog holds out. So one that was trained so is not measured on rows
    that it has drawn, unless they are asked for as the split `train`.

    Raises:
        InputError: it was trained without folds, or its stages held out several; or see above.
    """
    runs = list(_chain(run))
    found = list(dict.fromkeys(folds for one in runs if (folds := _folds(one)) is not None))
    if options.own_fold:
        if len(found) != 1:
            several = f"the stages before {run} held out several folds: {', '.join(folds.said for folds in found)}"
            raise InputError(
                f"own_fold: {several if found else f'{run} was trained without folds'}. Say which rows as `folds`."
            )
        return replace(options, folds=found[0], own_fold=False)
    if found and found != [options.folds] and options.split != TRAIN:
        _refuse_drawn(run, runs, catalog, options, found[0])
    return options


def _refuse_drawn(run: Path, runs: list[Path], catalog: Path, options: EvalOptions, own: Folds) -> None:
    drawn: set[str] = set()
    for path in (one / LEDGER for one in runs):
        if path.is_file():
            with reading(path, "a ledger"):
                drawn.update(pc.unique(pq.read_table(path, columns=["cut_id"])["cut_id"]).to_pylist())
    values = {"split": options.split, "corpus": options.corpus, "drawn": sorted(drawn)}
    with connect(catalog, threads=1, splits=options.splits(catalog)) as con:
        count, first = con.execute(DRAWN, values).fetchall()[0]
    if count:
        raise InputError(
            f"{run} was trained on {count:,} of the rows that are asked for, e.g. {first}: its mixture has folds, and "
            f"{own.said} is what it held out. Ask for that: `own_fold: true`."
        )


def _chain(run: Path) -> Iterator[Path]:
    """A run, the one that it branched off, and those that it started from, as far as they are there."""
    left, seen = [run], set[Path]()
    while left:
        one = left.pop()
        if one in seen or not (one / RUN).is_file():
            continue
        seen.add(one)
        yield one
        info = read_run(one)
        before = [Path(info.parent)] if info.parent else []
        before += [Path(info.branch).parents[1]] if info.branch else []
        left += [place if (place / RUN).is_file() else one.parent / place.name for place in before]  # moved together


def _folds(run: Path) -> Folds | None:
    """The fold that the mixture of a run's plan held out; None: the catalog's splits stood, or there is no lock."""
    path = run / LOCK
    lock = read_object(path) if path.is_file() else {}
    settings = lock.get("settings") or {}
    if not settings.get("folds"):
        return None
    values = {**settings, "select": None, "rules": None, "query": lock.get("query")}
    return stored(Mixture, values, where=str(path), go_on="Train the run again.").held_fold
