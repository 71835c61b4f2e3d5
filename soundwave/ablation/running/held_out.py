"""No plan of an ablation draws what its trainings are measured on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from curation.catalog import connect
from manifests.errors import MixtureError

HELD_OUT = """
SELECT plan, cuts.cut_id, split, count(DISTINCT cuts.cut_id) OVER (PARTITION BY plan) AS cuts
FROM plans LEFT JOIN cuts USING (cut_id)
WHERE list_contains($plans, plan) AND split IS DISTINCT FROM 'train'
ORDER BY plan, cut_id
LIMIT 1
"""


def refuse_held_out(folder: Path, plans: Sequence[str], catalog: Path) -> None:
    """Refuse plans that draw cuts of the dev or test split.

    Args:
        folder: of the plans.
        plans: their names in it.
        catalog: which says in what split a cut is.

    Raises:
        MixtureError: one does: which, what, and how many.
    """
    if not plans:
        return
    with connect(catalog, plans=folder) as con:
        found = con.execute(HELD_OUT, {"plans": list(plans)}).fetchone()
    if found:
        plan, cut, split, count = found
        raise MixtureError(
            f"{folder / plan} draws {cut}, a cut of the split {split} ({count:,} such cuts): nothing is trained "
            "on what it is measured on. Add WHERE split = 'train' to the query of the mixture, which is mixture.yaml "
            "beside the plan."
        )
