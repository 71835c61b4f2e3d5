"""Where files are in a workspace, and reading what may not be there.

corpora/  labels/  catalog/  mixtures/  runs/  ablation/GRID/  timings.json  ceiling.json

The output folder of `soundwave ablate` (GRID/ runs/ plans/), and one grid's results in it, are workspaces, too. Their
catalog is the one that the runs name.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb

from curation.catalog import connect
from curation.duck import records
from manifests.digests import files_of, need_written, read_sealed
from manifests.errors import InputError, MissingFileError
from manifests.files import is_aside, need_folder, read_jsonl
from manifests.runs import METRICS, PLANS, RUN, RUNS
from manifests.switch import settle_inside
from soundwave.ablation.claims.study import is_next
from soundwave.ablation.results import RESULTS
from soundwave.train.runs.places import run_catalog

STAGES = ("alignment", "shrinking", "sft")
STAGE_NUMERALS = {"alignment": "I", "shrinking": "II", "sft": "III"}
STAGE_TITLES = {"alignment": "Stage I, alignment", "shrinking": "Stage II, shrinking", "sft": "Stage III, fine-tuning"}


@dataclass(frozen=True)
class Workspace:
    """A folder with everything one pipeline built (the demo's is `demo/`)."""

    root: Path

    @cached_property
    def catalog(self) -> Path:
        """The catalog's folder: the workspace's, or the one that its runs took their data from."""
        own = self.root / "catalog"
        if own.is_dir() or (self.root / "corpora").is_dir():
            return own
        for run in self.run_folders():
            try:
                return run_catalog(run)[0]
            except InputError:
                continue
        return own

    @property
    def data(self) -> Path:
        """The folder with catalog/, corpora/ and labels/."""
        return self.catalog.parent

    @cached_property
    def study(self) -> Path:
        """The output folder of `soundwave ablate`, with runs/, plans/ and a folder a grid."""
        if (self.root / "ablation").is_dir():
            return self.root / "ablation"
        if (self.root / RESULTS).is_file():
            return self.root.absolute().parent if self.root.name in ("", "..") else self.root.parent
        return self.root if next(self.root.glob(f"*/{RESULTS}"), None) else self.root / "ablation"

    @property
    def plans(self) -> Path | None:
        """The folder of plans: the study's, or else mixtures/."""
        places = (self.study / PLANS, self.root / "mixtures")
        return next((place for place in places if place.is_dir()), None)

    @cached_property
    def connection(self) -> duckdb.DuckDBPyConnection | None:
        """A locked connection to the catalog, made once; None: there is no catalog."""
        try:
            return connect(self.catalog)
        except MissingFileError:
            return None

    def rows(self, query: str, parameters: list[Any] | None = None) -> list[dict[str, Any]]:
        """Rows of one query over the catalog; none when there is no catalog."""
        return [] if self.connection is None else records(self.connection.execute(query, parameters or []))

    def json(self, *parts: str) -> dict[str, Any] | None:
        """The JSON object in a file of the workspace, or None when it is missing or broken."""
        return json_object(self.root.joinpath(*parts))

    def grid_folders(self) -> list[Path]:
        """Folders of ablation grids with results, by name; cells that were added to a grid later are part of it."""
        if (self.root / RESULTS).is_file():
            return [self.root]
        found = (path.parent for path in self.study.glob(f"*/{RESULTS}"))
        return sorted(folder for folder in found if not is_aside(folder) and not is_next(folder))

    def run_folders(self) -> list[Path]:
        """Folders of runs, the workspace's own and the ablation's."""
        places = {self.root / RUNS, self.study / RUNS}
        found = (path.parent for place in places for path in place.glob(f"*/{RUN}"))
        return sorted(folder for folder in found if not is_aside(folder))


def open_workspace(root: Path) -> Workspace:
    """The workspace at `root`.

    Raises:
        MissingFileError: no such folder, or nothing in it that a pipeline leaves.
    """
    need_folder(
        root, what="workspace", hint="Run `soundwave demo` first, or name the folder with catalog/ and ablation/."
    )
    workspace = Workspace(root)
    parts = ("corpora", "catalog", "mixtures", "runs", "ablation")
    if not any((root / name).is_dir() for name in parts) and not workspace.grid_folders():
        raise MissingFileError(
            f"{root} is no workspace: it has none of {', '.join(f'{name}/' for name in parts)}, and no results of "
            f"`soundwave ablate` (GRID/{RESULTS}). Run `soundwave demo` first, or name the folder that holds them."
        )
    study = workspace.study
    for folder in (root / RUNS, root / "mixtures", study, study / RUNS, study / PLANS):
        settle_inside(folder)
    return workspace


def json_object(path: Path) -> dict[str, Any] | None:
    """The JSON object in a file, or None when it is missing, or damaged, which is said."""
    try:
        value = read_sealed(path, go_on="It is left out.")
    except MissingFileError:
        return None
    except InputError as error:
        print(error, file=sys.stderr)
        return None
    return value if isinstance(value, dict) else None


def metrics_rows(run: Path, info: dict[str, Any]) -> list[dict[str, Any]]:
    """A run's rows of metrics; none where they are not what was written, which is said. info: its run.json."""
    try:
        record = files_of(run / RUN, info.get("files") or {}, go_on="")
        if METRICS in record:
            need_written(run / METRICS, record[METRICS], go_on="They are left out.")
    except InputError as error:
        print(error, file=sys.stderr)
        return []
    return json_rows(run / METRICS)


def json_rows(path: Path) -> list[dict[str, Any]]:
    """The whole rows of a JSONL file: none when it is missing; a torn last line is left out."""
    rows: list[dict[str, Any]] = []
    try:
        rows.extend(read_jsonl(path))
    except InputError:
        return rows
    return rows
