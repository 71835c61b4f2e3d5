"""Where a number comes from: the chain from a row of results to corpora, each link looked at again.

links     a link of the chain, and what is found of it
results   a row of results, and the evaluation that it was taken from
trained   the run: its files, its key, what it began with; its plan, lock and rules
data      the catalog, labels and corpora
told      the same chain in short, as files tell it
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from manifests.errors import InputError, MissingFileError
from manifests.plans import LOCK, PLAN, Lock
from manifests.runs import GRID, PLANS, RESULTS, RUN, TABLE
from soundwave.provenance.data import DataPlaces as DataPlaces
from soundwave.provenance.data import data_links
from soundwave.provenance.links import Link as Link
from soundwave.provenance.results import (
    check_row,
    compare_evaluation,
    evaluated_run,
    grid_rows,
    look_at_evaluation,
    need_evaluation,
    row_evaluation,
)
from soundwave.provenance.trained import RunChecked, add_own_texts, check_plan, check_rules, check_run, look_at_plan
from soundwave.train.runs.places import run_catalog


def why(
    result: Path, *, cell: str | None = None, stage: str | None = None, places: DataPlaces | None = None
) -> list[Link]:
    """The chain of a result, and what is found of each link.

    Args:
        result: a grid's results (FOLDER/GRID, or FOLDER/GRID/CELL, or FOLDER/GRID/CELL/STAGE), a run, a file of an
            evaluation, or a plan.
        cell: of the grid; all cells by default.
        stage: of the cell; the last by default.
        places: where data lies, if it is not where it was.

    Raises:
        MissingFileError: none of these is there.
        SettingsError: no such cell or stage.
    """
    return _Chain(places or DataPlaces()).of(result, cell, stage)


class _Chain:
    """Links by what they are about: what several rows share is looked at once."""

    def __init__(self, places: DataPlaces) -> None:
        self.places = places
        self.links: list[Link] = []
        self.runs: dict[Path, RunChecked] = {}
        self.fingerprints: dict[Path, Any] = {}  # of catalogs

    def of(self, result: Path, cell: str | None, stage: str | None) -> list[Link]:
        if not result.exists():
            result, cell, stage = _grid_above(result, cell, stage)
        if (result / RUN).is_file():
            self._run(result)
        elif (result / LOCK).is_file() or (result / PLAN).is_file():
            self._plan(result)
        elif any((result / name).is_file() for name in (GRID, TABLE, RESULTS)):
            for row in grid_rows(result, cell, stage):
                self._row(result, row)
        elif result.is_file() and result.suffix == ".json":
            self._evaluation(result)
        else:
            raise MissingFileError(
                f"{result} is none of: results of a grid (a folder with {GRID}), a run ({RUN}), a plan ({LOCK}), an "
                "evaluation (.json)."
            )
        order = {kind: number for number, kind in enumerate(("row", "evaluation", "run", "plan", "rules"))}
        return sorted(self.links, key=lambda link: order.get(link.kind, len(order)))

    def _row(self, grid: Path, row: dict[str, Any]) -> None:
        evaluation, value = row_evaluation(grid, row)
        link = check_row(grid, row, value)
        self.links.append(link)
        if evaluation is None:
            link.unknown.append("it names no evaluation")
        place = grid.parent / str(row.get("run"))
        if not (place / RUN).is_file():
            link.missing.append(f"its run {place} is not there")
            return
        named = grid.parent / PLANS / str(row.get("plan"))
        self._run(place, evaluation, value, plan=named if named.is_dir() else None)

    def _evaluation(self, path: Path) -> None:
        link, value = look_at_evaluation(path)
        if value is None:
            self.links.append(link)
            return
        need_evaluation(value, path)
        self._run(evaluated_run(path, value), link, value)

    def _run(
        self,
        folder: Path,
        evaluation: Link | None = None,
        value: dict[str, Any] | None = None,
        *,
        plan: Path | None = None,
    ) -> None:
        folder = folder.resolve()
        new = folder not in self.runs
        found = self.runs.setdefault(folder, check_run(folder)) if new else self.runs[folder]
        catalog, why_not = self._catalog(folder)
        if new:
            self.links.append(found.link)
            for link in check_plan(found, self.places.plans, plan):
                add_own_texts(link, catalog)
                twin = any(one.path == link.path and one.row() == link.row() for one in self.links)
                self.links += [] if twin else [link]  # of runs on the same plan
            self._data(catalog, why_not, found.lock)
        if evaluation is not None:
            self.links.append(evaluation)
            if value is not None:
                mark = None if catalog is None else self.fingerprints.get(catalog)
                compare_evaluation(evaluation, value, found.link, mark)
        if new and found.parent is not None:
            self._run(found.parent)

    def _plan(self, folder: Path) -> None:
        link, lock = look_at_plan(folder)
        self.links += [link, check_rules(folder.name, lock, folder)]
        place = self.places.catalog or (None if lock is None else Path(lock.catalog))
        there = place if place is not None and place.is_dir() else None
        add_own_texts(link, there)
        self._data(there, f"The catalog {place} is not there. Name it as `catalog`.", lock)

    def _catalog(self, run: Path) -> tuple[Path | None, str]:
        if self.places.catalog is not None:
            return self.places.catalog, ""
        try:
            return run_catalog(run)[0], ""
        except InputError as error:
            return None, str(error)

    def _data(self, catalog: Path | None, why_not: str, lock: Lock | None) -> None:
        """The catalog and what it is made of; what was looked at before is only held against this lock."""
        known = next((link for link in self.links if link.kind == "catalog" and link.path == catalog), None)
        if known is not None:
            if lock is not None and "fingerprint" in known.facts:
                known.same(
                    f"the rows that {lock.name} was drawn from", known.facts["fingerprint"], lock.catalog_fingerprint
                )
            return
        links = list(data_links(catalog, why_not, lock, self.places))
        if catalog is not None:
            self.fingerprints[catalog] = links[0].facts.get("fingerprint")
        self.links += links


def _grid_above(result: Path, cell: str | None, stage: str | None) -> tuple[Path, str | None, str | None]:
    """FOLDER/GRID/CELL and FOLDER/GRID/CELL/STAGE; a cell's name may have slashes.

    Raises:
        MissingFileError: no such file or folder.
    """
    for grid, rest in _splits(result):
        if any((grid / name).is_file() for name in (GRID, TABLE, RESULTS)):
            if cell is not None:
                break
            cells = {str(row.get("cell")) for row in grid_rows(grid, None, None)}
            before, _, last = rest.rpartition("/")
            return (grid, before, last) if rest not in cells and before in cells else (grid, rest, stage)
    raise MissingFileError(f"No such result: {result}. Name a grid's results, a run, an evaluation or a plan.")


def _splits(result: Path) -> Iterator[tuple[Path, str]]:
    for above in result.parents:
        yield above, result.relative_to(above).as_posix()
