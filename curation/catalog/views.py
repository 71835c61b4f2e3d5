"""A DuckDB connection over Parquet parts: views, macros, and the lock that keeps other people's SQL in its place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import manifests
from curation.catalog.parts import SQL
from curation.duck import quoted, short
from manifests.errors import ManifestError
from manifests.schema import columns

if TYPE_CHECKING:
    import duckdb

PAPER = Path(manifests.__file__).with_name("paper")
ONTOLOGY = Path(__file__).parents[1] / "audits" / "audioset.csv"


def create_views(
    con: duckdb.DuckDBPyConnection, files: Mapping[str, Sequence[Path]], plans: Sequence[Path] = ()
) -> None:
    """A view per catalog table (empty ones keep their columns), `plans`, and the views and macros of curation/sql.

    Beside them the tables `ontology` (names of AudioSet's ontology) and those of the paper.

    Raises:
        ManifestError: a table without a column of this version's.
    """
    import duckdb

    for table, paths in files.items():
        try:
            con.execute(f"CREATE VIEW {table} AS {_read(table, paths)}")
        except duckdb.BinderException as error:
            said = short(error).partition("\n")[0]
            raise ManifestError(
                f"{paths[0].parents[2]} was built by another version: its table `{table}` lacks a column ({said}). "
                "Run `soundwave catalog build` again."
            ) from error
    con.execute(f"CREATE VIEW plans AS {_read_plans(plans)}")
    create_paper(con)
    con.execute(
        f"CREATE TABLE ontology AS FROM read_csv({quoted(ONTOLOGY)}, header = true, columns = {{'name': 'VARCHAR'}})"
    )
    for name in ("views", "macros"):
        con.execute((SQL / f"{name}.sql").read_text(encoding="utf-8"))


def create_paper(con: duckdb.DuckDBPyConnection) -> None:
    """The paper's tables as `paper.stage_1`, ...: copied into memory, so that a locked connection has them."""
    con.execute("CREATE SCHEMA paper")
    for path in sorted(PAPER.glob("*.csv")):
        con.execute(f"CREATE TABLE paper.{path.stem} AS FROM read_csv({quoted(path)}, header = true)")


def _read(table: str, paths: Sequence[Path]) -> str:
    if not paths:
        return _empty(table)
    names = ", ".join(f'"{name}"' for name in columns(table))
    return f"SELECT {names} FROM read_parquet([{', '.join(quoted(path) for path in paths)}], union_by_name = true)"


def _read_plans(paths: Sequence[Path]) -> str:
    if not paths:
        return f"SELECT CAST(NULL AS VARCHAR) AS plan, * FROM ({_empty('plans')})"
    names = ", ".join(f'"{name}"' for name in columns("plans"))
    return (
        f"SELECT parse_path(filename)[-2] AS plan, {names} "
        f"FROM read_parquet([{', '.join(quoted(path) for path in paths)}], filename = true)"
    )


def _empty(table: str) -> str:
    nulls = ", ".join(f'CAST(NULL AS {kind}) AS "{name}"' for name, kind in columns(table).items())
    return f"SELECT {nulls} WHERE false"
