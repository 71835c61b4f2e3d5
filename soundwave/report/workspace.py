"""Where files are in a workspace, and reading what may not be there.

corpora/  labels/  catalog/  mixtures/  runs/  ablation/GRID/  timings.json  ceiling.json
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from curation.catalog import connect
from curation.duck import records
from manifests.digests import files_of, need_written, read_sealed
from manifests.errors import InputError, MissingFileError
from manifests.files import is_aside, need_folder, read_jsonl
from manifests.runs import METRICS, RUN
from manifests.switch import settle_inside
from soundwave.ablation.results import RESULTS

STAGES = ("alignment", "shrinking", "sft")
STAGE_NUMERALS = {"alignment": "I", "shrinking": "II", "sft": "III"}
STAGE_TITLES = {"alignment": "Stage I, alignment", "shrinking": "Stage II, shrinking", "sft": "Stage III, fine-tuning"}


@dataclass(frozen=True)
class Workspace:
    """A folder with everything one pipeline built (the demo's is `demo/`)."""

    root: Path

    @property
    def catalog(self) -> Path:
        """The catalog's folder."""
        return self.root / "catalog"

    @contextmanager
    def connection(self) -> Iterator[duckdb.DuckDBPyConnection | None]:
        """A locked connection to the catalog, or None when there is none."""
        try:
            connection = connect(self.catalog)
        except MissingFileError:
            yield None
            return
        with connection:
            yield connection

    def rows(self, query: str, parameters: list[Any] | None = None) -> list[dict[str, Any]]:
        """Rows of one query over the catalog; none when there is no catalog."""
        with self.connection() as connection:
            return [] if connection is None else records(connection.execute(query, parameters or []))

    def json(self, *parts: str) -> dict[str, Any] | None:
        """The JSON object in a file of the workspace, or None when it is missing or broken."""
        return json_object(self.root.joinpath(*parts))

    def grid_folders(self) -> list[Path]:
        """Folders of ablation grids with results, by name."""
        return sorted(path.parent for path in self.root.glob(f"ablation/*/{RESULTS}") if not is_aside(path.parent))

    def run_folders(self) -> list[Path]:
        """Folders of runs, the workspace's own and the ablation's."""
        places = (f"runs/*/{RUN}", f"ablation/runs/*/{RUN}")
        return sorted({path.parent for place in places for path in self.root.glob(place) if not is_aside(path.parent)})


def open_workspace(root: Path) -> Workspace:
    """The workspace at `root`.

    Raises:
        MissingFileError: no such folder, or nothing in it that a pipeline leaves.
    """
    need_folder(
        root, what="workspace", hint="Run `soundwave demo` first, or name the folder with catalog/ and ablation/."
    )
    if not any((root / name).is_dir() for name in ("corpora", "catalog", "mixtures", "runs", "ablation")):
        raise MissingFileError(
            f"{root} is no workspace: it has none of corpora/, catalog/, mixtures/, runs/, ablation/. "
            "Run `soundwave demo` first, or name the folder that holds them."
        )
    for name in ("runs", "mixtures", "ablation", "ablation/runs", "ablation/plans"):
        settle_inside(root / name)
    return Workspace(root)


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
