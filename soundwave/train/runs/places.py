"""Where the catalog and the plan are that a run was trained on: as run.json says, or where they have moved with it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from curation.catalog import catalog_fingerprint
from curation.storage import is_remote
from manifests.errors import InputError, MissingFileError
from manifests.plans import LOCK, Lock, read_lock
from manifests.runs import RunInfo, read_run

OPTION = "Name it as `catalog`."


def recorded(folder: Path) -> str:
    """A folder as run.json keeps it: it means the same from everywhere."""
    return str(folder) if is_remote(folder) else str(folder.absolute())


def run_catalog(run: Path) -> tuple[Path, str | None]:
    """The catalog that a run was trained on, and what there is to say of it: that it has changed since.

    It is looked for where run.json says, and where it is if the run's folder and the catalog were moved together. Runs
    of earlier versions only have their plan's lock, which names it as it was typed.

    Raises:
        MissingFileError: no run there, or no catalog in any of those places; the message lists them.
    """
    info, lock = read_run(run), _lock(run)
    looked = list(dict.fromkeys(_places(run, info, lock)))
    if not looked:
        raise MissingFileError(f"{run} does not say which catalog it was trained on. {OPTION}")
    found = [(place, _fingerprint(place)) for place in looked]
    known = [(place, mark) for place, mark in found if mark is not None]
    if not known:
        raise MissingFileError(
            f"The catalog that {run} was trained on is not there; looked for {', '.join(map(str, looked))}. {OPTION}"
        )
    if lock is None:
        return known[0][0], None
    same = [place for place, mark in known if mark == lock.catalog_fingerprint]
    if same:
        return same[0], None
    return known[0][0], f"{known[0][0]} has changed since {run} was trained on it: its rows are others now"


def plans_folder(run: Path) -> Path | None:
    """The folder that holds a run's plan; None: it is not known, or not there any more."""
    said = read_run(run).plan_folder
    places = [] if said is None else [Path(said), _moved(run, Path(said))]
    return next((place.parent for place in places if place is not None and (place / LOCK).is_file()), None)


def _places(run: Path, info: RunInfo, lock: Lock | None) -> Iterator[Path]:
    """Where the catalog may be, likeliest first."""
    for said in (info.catalog, None if lock is None else lock.catalog):
        if said is None:
            continue
        yield Path(said)
        if (moved := _moved(run, Path(said))) is not None:
            yield moved


def _moved(run: Path, said: Path) -> Path | None:
    """Where a folder is if it lies beside a folder that holds the run, as it did: demo/catalog, of demo/runs/one."""
    if is_remote(said):
        return None
    above = run.absolute().parents
    beside = (folder / Path(*said.parts[-depth:]) for folder in above for depth in (1, 2))
    return next((Path(os.path.normpath(place)) for place in beside if place.is_dir() and place != said), None)


def _fingerprint(catalog: Path) -> str | None:
    """Of the catalog in a place; None: there is none."""
    if not is_remote(catalog) and not catalog.is_dir():
        return None
    try:
        return catalog_fingerprint(catalog)
    except MissingFileError:
        return None


def _lock(run: Path) -> Lock | None:
    """The lock of a run's plan, as the run keeps it; None: it has none that this version reads."""
    try:
        return read_lock(run)
    except InputError:
        return None
