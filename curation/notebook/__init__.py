"""A catalog in a notebook or a script: rows to Arrow, pandas and polars, and cuts to listen to."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from curation.catalog import connect
from curation.catalog.index import INDEX
from curation.catalog.studies import Studies, find_studies
from curation.duck import Limits, limited, memory_bytes, one_select, records
from curation.notebook.heard import HeardCut
from curation.notebook.rows import SqlRows
from curation.storage import is_remote, sibling
from manifests.errors import MissingFileError
from manifests.runs import read_run

if TYPE_CHECKING:
    import duckdb


class CatalogSession:
    """A connection that only reads. `sql` asks it, `cut` gives a cut to listen to; `with` closes it at the end."""

    def __init__(self, con: duckdb.DuckDBPyConnection, catalog: Path | None, limits: Limits) -> None:
        self._con = con
        self._limits = limits
        self.catalog = catalog
        """The catalog's folder; None: a workspace without one, whose tables of cuts are empty."""

    def sql(self, query: str) -> SqlRows:
        """The rows of one SELECT, as `soundwave sql` has its tables and macros.

        Raises:
            QueryError: it is not one SELECT, does not run, or takes more than the limits.
        """
        with limited(self._con, self._limits, where="query"):
            relation: Any = self._con.sql(one_select(self._con, query, where="query"))
            return SqlRows(relation.to_arrow_table(), self.cut)

    def cut(self, cut_id: str) -> HeardCut:
        """A cut with its words; in Jupyter it plays.

        Raises:
            MissingFileError: the catalog has no such cut.
        """
        rows = self._records("SELECT * FROM cuts WHERE cut_id = ?", cut_id)
        if not rows:
            raise MissingFileError(f"No cut {cut_id!r} in {self.catalog}. Ask for ids: SELECT cut_id FROM cuts.")
        words = self._records("SELECT * FROM words WHERE cut_id = ? ORDER BY backend, position", cut_id)
        return HeardCut(rows[0], [word for word in words if word["backend"] == words[0]["backend"]])

    def close(self) -> None:
        """Let the catalog go."""
        self._con.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"curation.open({str(self.catalog)!r})"

    def _records(self, query: str, *values: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = records(self._con.execute(query, list(values)))
        return found


def open_session(place: str | Path, *, catalog: str | Path | None, seconds: float, memory: str) -> CatalogSession:
    """As `curation.open`."""
    limits = Limits(seconds, memory_bytes(memory))
    where = place if is_remote(Path(place)) else Path(place).expanduser()
    folder, studies = Path(where), None
    if not is_remote(folder) and not (folder / INDEX).is_file():
        studies = find_studies([folder])
    found = folder if studies is None else Path(catalog) if catalog is not None else _catalog(studies)
    plans = None if found is None else sibling(found, "mixtures")
    return CatalogSession(connect(found, plans=plans, studies=studies, limits=limits), found, limits)


def _catalog(studies: Studies) -> Path | None:
    """The catalog that lies in a workspace, or else the first that a run of it names and that is still there."""
    trained: Sequence[str | None] = [read_run(run).catalog for run in studies.folders("runs")]
    said = [*studies.folders("catalogs"), *(Path(place) for place in trained if place is not None)]
    return next((place for place in said if is_remote(place) or (place / INDEX).is_file()), None)
