"""Studies as views of the catalog's connection: results, clips, locks, rules, label settings, corpora, parts.

All read files where they lie; in memory are only the names of files and whose they are. What an earlier version did not
write is NULL.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb

from curation.catalog.columns import empty, json_columns, typed
from curation.catalog.parts import SQL, Part
from curation.catalog.studies import Studies
from curation.duck import Listed, quoted_list, short, sql_text
from manifests.errors import InputError, ManifestError
from manifests.files import read_object
from manifests.plans import LOCK
from manifests.rows import CORPUS, PASS_FILE
from manifests.runs import CLIPS, GRID, RESULTS, TABLE
from manifests.schema import columns

LOWER = ("%\\_wer", "%\\_cer", "wer", "cer", "%loss%", "%perplexity%")  # names of figures that are errors
BAND = ("_low", "_high")  # a column with such columns beside it is a figure


def study_tables(studies: Studies) -> list[Path]:
    """The Parquet files of studies that are neither plans nor of runs."""
    return [path for grid in studies.folders("grids") for name in (TABLE, CLIPS) if (path := grid / name).is_file()]


def create_study_views(
    con: duckdb.DuckDBPyConnection,
    studies: Studies,
    plans: Sequence[Path],
    parts: Sequence[Part],
    *,
    corpora: Sequence[Path] = (),
    labels: Sequence[Path] = (),
    listed: Listed = quoted_list,
) -> None:
    """Make the views.

    Args:
        con: a connection that has the views of `create_run_views`.
        studies: what was found.
        plans: files of the view `plans`.
        parts: of the catalog.
        corpora: folders of corpora.
        labels: folders of passes over a corpus.
        listed: by which names the connection reads files.

    Raises:
        ManifestError: a table of results that cannot be read.
    """
    _write_grids(con, studies, listed)
    grids = studies.folders("grids")
    try:
        figures = _create_results(con, grids, listed)
        clips = [grid / CLIPS for grid in grids if (grid / CLIPS).is_file()]
        con.execute(f"CREATE VIEW clips AS {_read_clips(con, clips, listed)}")
    except duckdb.BinderException as error:
        raise ManifestError(f"Results that are none of `soundwave ablate`: {short(error)}") from error
    con.execute(f"CREATE VIEW outcomes AS {_outcomes(figures, _better(grids))}")
    _create_locks(con, studies, plans, listed)
    _create_beside(con, parts, corpora, labels, listed)
    con.execute((SQL / "studies.sql").read_text(encoding="utf-8"))


def _write_grids(con: duckdb.DuckDBPyConnection, studies: Studies, listed: Listed) -> None:
    """The tables grid_files (whose a table of results is) and grid_places (what its paths of runs and plans are)."""
    con.execute("CREATE TABLE grid_files (file VARCHAR, study VARCHAR, output VARCHAR)")
    con.execute("CREATE TABLE grid_places (output VARCHAR, place VARCHAR, name VARCHAR)")
    outputs = dict[Path, None]()
    for study in studies.studies:
        for grid in study.grids:
            outputs[grid.parent] = None
            files = listed([path for name in (TABLE, RESULTS, CLIPS) if (path := grid / name).is_file()])
            con.execute(f"INSERT INTO grid_files SELECT unnest({files}), ?, ?", [study.name, str(grid.parent)])
    for output in outputs:
        for folder, name in {**studies.runs, **studies.plans}.items():
            if folder.is_relative_to(output):
                place = folder.relative_to(output).as_posix()
                con.execute("INSERT INTO grid_places VALUES (?, ?, ?)", [str(output), place, name])


def _create_results(con: duckdb.DuckDBPyConnection, grids: Sequence[Path], listed: Listed) -> list[str]:
    """The view `results`; the figures that it has."""
    known = columns("results")
    tables = [grid / TABLE for grid in grids if (grid / TABLE).is_file()]
    lines = [grid / RESULTS for grid in grids if not (grid / TABLE).is_file()]
    bodies = [f"SELECT * FROM read_parquet({listed(tables)}, union_by_name = true, filename = '_file')"] * bool(tables)
    layout = "format = 'newline_delimited', union_by_name = true, ignore_errors = true, filename = '_file'"
    bodies += [f"SELECT * FROM read_json({listed(lines)}, {layout})"] * bool(lines)
    if not bodies:
        con.execute(f"CREATE VIEW results AS {empty('results')}")
        return []
    body = " UNION ALL BY NAME ".join(bodies)
    found = {str(row[0]): str(row[1]) for row in con.execute(f"DESCRIBE {body}").fetchall()}
    others = [name for name in found if name not in {*known, "_file"}]
    rows = [_or_null(name, kind, found) for name, kind in known.items() if name not in ("study", "run", "plan")]
    run, plan = (f"r.{name}" if name in found else "NULL" for name in ("run", "plan"))
    select = ", ".join(
        [
            "f.study",
            f"coalesce(a.name, parse_filename({run})) AS run",
            f"coalesce(b.name, {plan}) AS plan",
            *rows,
            *(f"r.{_quoted(name)}" for name in others),
        ]
    )
    order = ", ".join(map(_quoted, [*known, *others]))
    con.execute(
        f"CREATE VIEW results AS SELECT {order} FROM (SELECT {select} FROM ({body}) AS r "
        "JOIN grid_files AS f ON f.file = r._file "
        f"LEFT JOIN grid_places AS a ON a.output = f.output AND a.place = {run} "
        f"LEFT JOIN grid_places AS b ON b.output = f.output AND b.place = 'plans/' || {plan})"
    )
    return [name for name in others if {f"{name}{end}" for end in BAND} <= found.keys()]


def _or_null(name: str, kind: str, found: Mapping[str, str]) -> str:
    return f"TRY_CAST({'r.' + _quoted(name) if name in found else 'NULL'} AS {kind}) AS {_quoted(name)}"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _read_clips(con: duckdb.DuckDBPyConnection, files: Sequence[Path], listed: Listed) -> str:
    if not files:
        return empty("clips")
    body = f"SELECT * FROM read_parquet({listed(files)}, union_by_name = true, filename = '_file')"
    found = {str(row[0]): str(row[1]) for row in con.execute(f"DESCRIBE {body}").fetchall()}
    rows = [_or_null(name, kind, found) for name, kind in columns("clips").items() if name != "study"]
    return f"SELECT f.study, {', '.join(rows)} FROM ({body}) AS r JOIN grid_files AS f ON f.file = r._file"


def _outcomes(figures: Sequence[str], better: Mapping[str, str]) -> str:
    """A row for each figure of a row of results."""
    own = ", ".join(f'"{name}"' for name in columns("outcomes") if name in columns("results"))
    rows = (
        f"SELECT {own}, {sql_text(name)} AS outcome, {_quoted(name)} AS value, {_quoted(name + BAND[0])} AS low, "
        f"{_quoted(name + BAND[1])} AS high, {_says(name, better)} AS better FROM results "
        f"WHERE {_quoted(name)} IS NOT NULL"
        for name in figures
    )
    return typed("outcomes", " UNION ALL ".join(rows)) if figures else empty("outcomes")


def _says(name: str, better: Mapping[str, str]) -> str:
    if name in better:
        return sql_text(better[name])
    errors = " OR ".join(f"{sql_text(name)} LIKE {sql_text(like)} ESCAPE '\\'" for like in LOWER)
    return f"CASE WHEN {errors} THEN 'lower' END"


def _better(grids: Sequence[Path]) -> dict[str, str]:
    """Figure -> lower or higher, as the grids say."""
    found = {}
    for grid in grids:
        try:
            figure: Any = read_object(grid / GRID).get("figure")
        except InputError:  # the rows can be read without it
            continue
        if isinstance(figure, dict) and figure.get("better") in ("lower", "higher"):
            found[str(figure.get("name"))] = str(figure["better"])
    return found


def _create_locks(con: duckdb.DuckDBPyConnection, studies: Studies, plans: Sequence[Path], listed: Listed) -> None:
    con.execute("CREATE TABLE lock_files (file VARCHAR, study VARCHAR, plan VARCHAR, run VARCHAR)")
    rows = list(_locks(studies, plans))
    for path, *facts in rows:
        con.execute(f"INSERT INTO lock_files SELECT unnest({listed([path])}), ?, ?, ?", facts)
    body = empty("locks")
    if rows:
        asked = json_columns("locks", settings="JSON")
        files = f"read_json({listed([row[0] for row in rows])}, columns = {asked}, format = 'auto', filename = 'file')"
        whose = "f.study, f.plan, f.run, r.* EXCLUDE (study, plan, run, file)"
        body = typed("locks", f"SELECT {whose} FROM {files} AS r JOIN lock_files AS f USING (file)")
    con.execute(f"CREATE VIEW locks AS {body}")


def _locks(studies: Studies, plans: Sequence[Path]) -> Iterator[tuple[Path, str | None, str | None, str | None]]:
    """File, study, plan, run of each lock."""
    found = studies.found_in
    for folder in dict.fromkeys([*studies.plans, *(path.parent for path in plans)]):
        if (folder / LOCK).is_file():
            yield folder / LOCK, found.get(folder), studies.plans.get(folder, folder.name), None
    for folder, name in studies.runs.items():
        if (folder / LOCK).is_file():
            yield folder / LOCK, found.get(folder), None, name


def _create_beside(
    con: duckdb.DuckDBPyConnection,
    parts: Sequence[Part],
    corpora: Sequence[Path],
    labels: Sequence[Path],
    listed: Listed,
) -> None:
    """`parts`, `corpora` and `label_settings`."""
    kinds = ", ".join(f'"{name}" {kind}' for name, kind in columns("parts").items())
    con.execute(f"CREATE TABLE parts ({kinds})")
    for part in parts:
        row = [part.table, part.corpus, part.name, part.rows, part.hours, part.digest]
        con.execute("INSERT INTO parts VALUES (?, ?, ?, ?, ?, ?)", row)
    _create_folders(con, "corpora", [folder / CORPUS for folder in corpora], listed)
    _create_folders(con, "label_settings", [folder / PASS_FILE for folder in labels], listed)


_READ = {  # table -> columns of its JSON files, and how the table's are made of them
    "corpora": (
        {"name": "VARCHAR", "title": "VARCHAR", "license": "VARCHAR", "makers": "VARCHAR", "cuts": "BIGINT"}
        | {"texts": "BIGINT", "rejects": "BIGINT", "hours": "DOUBLE", "provenance": "JSON"},
        "name AS corpus, * EXCLUDE (name)",
    ),
    "label_settings": (
        {"pass": "VARCHAR", "corpus": "VARCHAR", "version": "VARCHAR", "soundwave": "VARCHAR", "settings": "JSON"}
        | {"shards": "JSON", "counts": "JSON"},
        "* REPLACE (json_array_length(shards) AS shards, coalesce(corpus, parse_path(file)[-2]) AS corpus, "
        "coalesce(pass, parse_path(file)[-3]) AS pass), "
        "counts->>'cuts' AS cuts, counts->>'labelled' AS labelled, counts->>'rejected' AS rejected",
    ),
}


def _create_folders(con: duckdb.DuckDBPyConnection, table: str, files: Sequence[Path], listed: Listed) -> None:
    body = empty(table)
    if files:
        asked, select = _READ[table]
        kinds = "{" + ", ".join(f"{sql_text(name)}: {sql_text(kind)}" for name, kind in asked.items()) + "}"
        rows = f"read_json({listed(files)}, columns = {kinds}, format = 'auto', filename = 'file')"
        folder = "regexp_replace(regexp_replace(file, '/[^/]*$', ''), '^read-only://', '') AS folder"
        body = typed(table, f"SELECT {select}, {folder} FROM {rows}")
    con.execute(f"CREATE VIEW {table} AS {body}")
