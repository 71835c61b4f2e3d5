"""No plan of an ablation draws what its trainings are measured on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from curation.catalog import connect
from curation.catalog.folds import Folds, fold_splits
from manifests.errors import MixtureError

HELD_OUT = """
SELECT plan, cuts.cut_id, split, count(DISTINCT cuts.cut_id) OVER (PARTITION BY plan) AS cuts
FROM plans LEFT JOIN cuts USING (cut_id)
WHERE list_contains($plans, plan) AND split IS DISTINCT FROM 'train'
ORDER BY plan, cut_id
LIMIT 1
"""


def refuse_any_held_out(folder: Path, uses: Iterable[tuple[str, Folds | None]], catalog: Path) -> None:
    """`refuse_held_out` of plans, each with the folds of a cell that trains on it.

    Raises:
        MixtureError: see there.
    """
    plans: dict[Folds | None, set[str]] = {}
    for plan, folds in uses:
        plans.setdefault(folds, set()).add(plan)
    for folds, names in plans.items():
        refuse_held_out(folder, sorted(names), catalog, folds)


def refuse_held_out(folder: Path, plans: Sequence[str], catalog: Path, folds: Folds | None = None) -> None:
    """Refuse plans that draw cuts of the dev or test split, or of the fold that is held out, or what is linked with it.

    Args:
        folder: of the plans.
        plans: their names in it.
        catalog: which says in what split a cut is.
        folds: with the one that all cells of these plans hold out; None: the catalog's splits stand.

    Raises:
        MixtureError: one does: which, what, and how many.
    """
    if not plans:
        return
    splits = None if folds is None else fold_splits(catalog, folds).table()
    with connect(catalog, plans=folder, splits=splits) as con:
        found = con.execute(HELD_OUT, {"plans": list(plans)}).fetchone()
    if found:
        plan, cut, split, count = found
        what = f"a cut of the split {split}"
        if folds is not None:
            what = f"which is of {folds.said}, shares something with a cut of it, or is of the dev or test split"
        raise MixtureError(
            f"{folder / plan} draws {cut}, {what} ({count:,} such cuts): nothing is trained "
            "on what it is measured on. Add WHERE split = 'train' to the query of the mixture, which is mixture.yaml "
            "beside the plan."
        )
