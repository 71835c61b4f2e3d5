"""Which cuts an export takes: a SQL condition of the user's, behind the same lock as all SQL of users."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from curation.catalog import connect
from curation.duck import Limits, limited, one_condition
from manifests.errors import QueryError

WHERE = "setting `where`"


@contextmanager
def chosen_cuts(catalog: Path, where: str, limits: Limits | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
    """A locked connection with a table `chosen` (cut_id, split) of the cuts for which `where` holds.

    Raises:
        MissingFileError: no catalog there.
        QueryError: `where` is no condition over `cuts`, does more than read, passes its limits, or selects nothing.
    """
    limits = limits or Limits()
    with connect(catalog, limits=limits) as con:
        condition = one_condition(con, where, where=f"{WHERE} is {where}")
        with limited(con, limits, where=f"{WHERE} is {where}"):
            con.execute(f"CREATE TEMP TABLE chosen AS SELECT cut_id, split FROM cuts WHERE {condition}")
        if not con.execute("SELECT count(*) FROM chosen").fetchall()[0][0]:
            raise QueryError(f"The {WHERE} is {where}: no cut matches.")
        yield con
