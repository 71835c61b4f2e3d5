"""Is a plan still the plan that was made, and its catalog the one that it was made from?"""

from __future__ import annotations

from pathlib import Path

from curation.catalog import catalog_fingerprint
from manifests.errors import StaleError
from manifests.plans import Lock, read_whole


def check_plan(plan_dir: Path, catalog: Path) -> Lock:
    """The lock, if the plan is still the plan that was made and its catalog still holds the same rows.

    Raises:
        MissingFileError: no plan, or no catalog.
        StaleError: plan.parquet or the catalog's rows have changed since.
    """
    lock = read_whole(plan_dir)
    current = catalog_fingerprint(catalog)
    if current != lock.catalog_fingerprint:
        raise StaleError(
            f"{catalog} has changed since {plan_dir} was planned (found {current[:12]}, expected "
            f"{lock.catalog_fingerprint[:12]}). Run `soundwave mix plan` again; `soundwave mix diff` shows what moves."
        )
    return lock
