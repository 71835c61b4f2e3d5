"""Is a plan still the plan that was made, and its catalog the one that it was made from?"""

from __future__ import annotations

from pathlib import Path

from curation.catalog import catalog_fingerprint
from manifests.errors import StaleError
from manifests.files import need_file
from manifests.fingerprint import file_sha256
from manifests.plans import PLAN, Lock, read_lock


def check_plan(plan_dir: Path, catalog: Path) -> Lock:
    """The lock, if the plan is still the plan that was made and its catalog still holds the same rows.

    Raises:
        MissingFileError: no plan, or no catalog.
        StaleError: plan.parquet or the catalog's rows have changed since.
    """
    lock = read_lock(plan_dir)
    plan = need_file(plan_dir / PLAN, what="plan", hint="Run `soundwave mix plan` again.")
    found = file_sha256(plan)
    if found != lock.plan_sha256:
        if read_lock(plan_dir) != lock:  # another process has just made the plan again
            return check_plan(plan_dir, catalog)
        raise StaleError(
            f"{plan} is not the plan its lock was made for (found {found[:12]}, expected {lock.plan_sha256[:12]}). "
            "Run `soundwave mix plan` again."
        )
    current = catalog_fingerprint(catalog)
    if current != lock.catalog_fingerprint:
        raise StaleError(
            f"{catalog} has changed since {plan_dir} was planned (found {current[:12]}, expected "
            f"{lock.catalog_fingerprint[:12]}). Run `soundwave mix plan` again; `soundwave mix diff` shows what moves."
        )
    return lock
