"""A DuckDB connection over Parquet parts: views, macros, and the lock that keeps other people's SQL in its place."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from pathlib import Path
from types import MappingProxyType

import duckdb
import pyarrow as pa

import manifests
from curation.catalog.columns import empty
from curation.catalog.parts import SQL
from curation.duck import Listed, quoted, quoted_list, short
from manifests.errors import ManifestError
from manifests.linked.same import same_text
from manifests.ontology import ancestors, ontology, vocabularies, vocabulary
from manifests.plans import TRAINED_TEXT
from manifests.schema import columns

PAPER = Path(manifests.__file__).with_name("paper")
# Columns that catalogs of earlier versions lack: there they are NULL. All sounds were one mono file then, or averaged.
LATER = {"cuts": {"channel", "decoding"}}


def create_tables(
    con: duckdb.DuckDBPyConnection,
    files: Mapping[str, Sequence[Path]],
    listed: Listed = quoted_list,
    splits: pa.Table | None = None,
) -> None:
    """A view per catalog table (empty ones keep their columns), and those of sql/views.sql and macros.sql.

    `listed` says by which names the connection reads files, `splits` (cut_id, split) which cuts are in another split
    than their files say.

    Raises:
        ManifestError: a table without a column of this version's.
    """
    for table, paths in files.items():
        try:
            _create(con, table, paths, listed)
        except duckdb.BinderException as error:
            said = short(error).partition("\n")[0]
            raise ManifestError(
                f"{paths[0].parents[2]} was built by another version: its table `{table}` lacks a column ({said}). "
                "Run `soundwave catalog build` again."
            ) from error
    if splits is not None:
        _change_splits(con, splits)
    con.create_function("same_text", same_text, ["VARCHAR"], "VARCHAR")
    for name in ("views", "macros"):
        con.execute((SQL / f"{name}.sql").read_text(encoding="utf-8"))


def create_views(
    con: duckdb.DuckDBPyConnection,
    plans: Sequence[Path] = (),
    *,
    listed: Listed = quoted_list,
    names: Mapping[Path, str] = MappingProxyType({}),
) -> None:
    """`plans`, and the views and macros of sql/ beside those of `create_tables`.

    Beside them the tables of AudioSet's ontology and those of the paper. `listed`: as there; `names`: what SQL calls
    the folder of a plan where that is not its name.
    """
    con.execute(f"CREATE VIEW plans AS {_read_plans(con, plans, listed, names)}")
    create_paper(con)
    create_ontology(con)
    for name in ("paper", "ontology", "leakage"):
        con.execute((SQL / f"{name}.sql").read_text(encoding="utf-8"))


def _change_splits(con: duckdb.DuckDBPyConnection, splits: pa.Table) -> None:
    """Put cuts in other splits: for all that reads `cuts` from here on."""
    con.register("given", splits)
    con.execute("CREATE TABLE split_changes AS SELECT cut_id, split AS now FROM given")
    con.unregister("given")
    con.execute("ALTER VIEW cuts RENAME TO filed_cuts")
    con.execute(
        "CREATE VIEW cuts AS SELECT filed_cuts.* REPLACE "
        "(CASE WHEN split_changes.cut_id IS NULL THEN filed_cuts.split ELSE now END AS split) "
        "FROM filed_cuts LEFT JOIN split_changes ON split_changes.cut_id = filed_cuts.cut_id"
    )


def create_paper(con: duckdb.DuckDBPyConnection) -> None:
    """The paper's tables as `paper.stage_1`, ...: copied into memory, so that a locked connection has them."""
    con.execute("CREATE SCHEMA paper")
    for path in sorted(PAPER.glob("*.csv")):
        con.execute(f"CREATE TABLE paper.{path.stem} AS FROM read_csv({quoted(path)}, header = true)")


def create_ontology(con: duckdb.DuckDBPyConnection) -> None:
    """The tables `ontology` and `ontology_labels`, in memory; sql/ontology.sql adds the macros that ask them."""
    for table, (kinds, rows) in _ontology_rows().items():
        con.execute(f"CREATE TABLE {table} AS SELECT unnest(from_json(?, '[{kinds}]'), max_depth := 2)", [rows])


@cache
def _ontology_rows() -> dict[str, tuple[str, str]]:
    """Table -> its columns and its rows, as JSON, which DuckDB takes in faster than CSV: every connection has them."""
    names = [vars(sound) | {"ancestors": ancestors(sound.name)} for sound in ontology().values()]
    labels = [
        {"vocabulary": name, "label": label, "sounds": sounds}
        for name in vocabularies()
        for label, sounds in vocabulary(name).items()
    ]
    words = ["VARCHAR"]
    kinds = {"name": "VARCHAR", "id": "VARCHAR", "parents": words, "ancestors": words}
    label_kinds = {"vocabulary": "VARCHAR", "label": "VARCHAR", "sounds": words}
    return {
        "ontology": (json.dumps(kinds), json.dumps(names)),
        "ontology_labels": (json.dumps(label_kinds), json.dumps(labels)),
    }


def _create(con: duckdb.DuckDBPyConnection, table: str, paths: Sequence[Path], listed: Listed) -> None:
    try:
        con.execute(f"CREATE VIEW {table} AS {_read(table, paths, listed)}")
    except duckdb.BinderException:
        absent = _absent(con, table, paths, listed)
        if not absent:
            raise
        con.execute(f"CREATE VIEW {table} AS {_read(table, paths, listed, absent)}")


def _absent(con: duckdb.DuckDBPyConnection, table: str, paths: Sequence[Path], listed: Listed) -> set[str]:
    """Columns of LATER that no part has."""
    later = LATER.get(table, set())
    found = con.execute(f"SELECT DISTINCT name FROM parquet_schema({listed(paths)})").fetchall()
    return later - {name for (name,) in found}


def _read(table: str, paths: Sequence[Path], listed: Listed, absent: Collection[str] = ()) -> str:
    if not paths:
        return empty(table)
    return f"SELECT {_chosen(table, absent)} FROM read_parquet({listed(paths)}, union_by_name = true)"


def _chosen(table: str, absent: Collection[str]) -> str:
    """Select list of a table's columns, NULL for those that its files do not have."""
    kinds = columns(table)
    return ", ".join(f'CAST(NULL AS {kinds[name]}) AS "{name}"' if name in absent else f'"{name}"' for name in kinds)


def _read_plans(
    con: duckdb.DuckDBPyConnection, paths: Sequence[Path], listed: Listed, called: Mapping[Path, str]
) -> str:
    if not paths:
        return f"SELECT CAST(NULL AS VARCHAR) AS plan, * FROM ({empty('plans')})"
    found = {name for (name,) in con.execute(f"SELECT name FROM parquet_schema({listed(paths)})").fetchall()}
    united = ", union_by_name = true" if TRAINED_TEXT in found else ""
    rows, whose = f"read_parquet({listed(paths)}, filename = true{united})", "parse_path(filename)[-2] AS plan"
    if any(called.get(path.parent, path.parent.name) != path.parent.name for path in paths):
        con.execute("CREATE TABLE plan_names (filename VARCHAR, plan VARCHAR)")
        for path in paths:
            name = called.get(path.parent, path.parent.name)
            con.execute(f"INSERT INTO plan_names SELECT unnest({listed([path])}), ?", [name])
        rows, whose = f"{rows} JOIN plan_names USING (filename)", "plan"
    return f"SELECT {whose}, {_chosen('plans', {TRAINED_TEXT} - found)} FROM {rows}"
