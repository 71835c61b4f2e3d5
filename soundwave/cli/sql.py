"""`soundwave sql`: ask the catalog."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    import duckdb

HISTORY = "sql_history"
MOST_ROWS = 200  # printed of a table; files get them all


class RowFormat(StrEnum):
    """How rows are written."""

    table = "table"
    csv = "csv"
    json = "json"
    parquet = "parquet"


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def sql(
        *,
        query: Annotated[str | None, typer.Argument(help="One SELECT; without it a prompt opens.")] = None,
        catalog: Annotated[Path, typer.Option(help="The catalog to ask.")] = Path("demo/catalog"),
        plans: Annotated[
            Path | None, typer.Option(help="Folder of plans, for `plans`; `mixtures` beside the catalog by default.")
        ] = None,
        runs: Annotated[
            list[Path] | None,
            typer.Option(help="Runs, or folders of runs, for `runs`, `ledger` and what they say; may be repeated."),
        ] = None,
        format_: Annotated[RowFormat, typer.Option("--format", help="How rows are written.")] = RowFormat.table,
        output: Annotated[Path | None, typer.Option(help="File to write; standard output by default.")] = None,
        force: Annotated[bool, typer.Option("--force", help="Replace the file that --output names.")] = False,
        json_: Annotated[bool, typer.Option("--json", help="Short for --format json.")] = False,
    ) -> None:
        """Ask the catalog in SQL. It only reads.

        Tables: cuts, words, labels, rejects, features, plans. Views: accepted, refused, speech, texts,
        overview.
        Macros: hours(), hours(duration), share_by(column), text_rate(text, duration), plain_words(text),
        ratio_to_paper(). The names of AudioSet's ontology: ontology. The paper's own tables: paper.stage_1,
        paper.stage_2, paper.stage_3. With --runs: runs, ledger, trained, planned_realised, off_plan,
        loss_by_domain(bins := 10), never_learn(at_least := 3, fall := 0.1).

        Example: soundwave sql "SELECT corpus, hours(duration) AS hours FROM cuts GROUP BY corpus"
        """
        from curation.catalog import connect
        from curation.catalog.runs import find_runs
        from curation.storage import resolve, sibling
        from manifests.files import new_file

        target = None if output is None else new_file(resolve(output), force=force)

        with connect(catalog, plans=plans or sibling(catalog, "mixtures"), runs=find_runs(runs or [])) as con:
            if query is None:
                _prompt(con)
            else:
                _answer(con, query, RowFormat.json if json_ else format_, target)


def _answer(con: "duckdb.DuckDBPyConnection", query: str, kind: RowFormat, output: Path | None) -> None:
    """Run one query and write its rows."""
    from curation.duck import records, run_select
    from soundwave.cli._tables import print_rows

    if kind is RowFormat.table and output is None:
        result = run_select(con, query, where="query")
        names = [column[0] for column in result.description or []]
        rows = records(result)
        print_rows(rows[:MOST_ROWS], names=names)
        if len(rows) > MOST_ROWS:
            print(f"{MOST_ROWS} of {len(rows):,} rows; --format csv, json or parquet writes them all")
        return
    _write(con, query, kind, output)


def _write(con: "duckdb.DuckDBPyConnection", query: str, kind: RowFormat, output: Path | None) -> None:
    """Write all rows as CSV, JSON or Parquet, to a file (atomically) or standard output."""
    import io
    import sys

    from manifests.errors import SettingsError
    from manifests.files import atomic_write

    if kind is RowFormat.table:
        raise SettingsError("--output needs --format csv, json or parquet.")
    buffer = io.BytesIO()
    _encode(con, query, kind, buffer)
    if output is None:
        sys.stdout.buffer.write(buffer.getvalue())
        sys.stdout.buffer.flush()
        return
    with atomic_write(output) as temporary:
        temporary.write_bytes(buffer.getvalue())


def _encode(con: "duckdb.DuckDBPyConnection", query: str, kind: RowFormat, buffer: Any) -> None:
    import csv
    import io
    import json

    from curation.duck import arrow_table, records, run_select

    if kind is RowFormat.parquet:
        import pyarrow.parquet as pq

        pq.write_table(arrow_table(con, query, where="query"), buffer, compression="zstd")
        return
    result = run_select(con, query, where="query")
    text = io.TextIOWrapper(buffer, encoding="utf-8", newline="", write_through=True)
    if kind is RowFormat.json:
        json.dump(records(result), text, indent=2, ensure_ascii=False, default=str)
        text.write("\n")
    else:
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow([column[0] for column in result.description or []])
        writer.writerows(result.fetchall())
    text.detach()


def _prompt(con: "duckdb.DuckDBPyConnection") -> None:
    """Read queries until the end of input; one may take several lines and ends with a semicolon."""
    import contextlib
    import sys

    from manifests.errors import QueryError
    from manifests.files import cache_dir

    history = cache_dir() / HISTORY
    with contextlib.suppress(ImportError, OSError):
        import readline

        history.parent.mkdir(parents=True, exist_ok=True)
        history.touch(exist_ok=True)
        readline.read_history_file(history)
    print("SELECT ...; to ask, `FROM overview;` to begin with, Ctrl-D to leave", file=sys.stderr)
    lines: list[str] = []
    while (line := _read("... " if lines else "sql> ")) is not None:
        lines.append(line)
        if not line.rstrip().endswith(";"):
            continue
        try:
            _answer(con, "\n".join(lines), RowFormat.table, None)
        except QueryError as error:
            print(f"error: {error}", file=sys.stderr)
        lines = []
    with contextlib.suppress(ImportError, OSError):
        import readline

        readline.write_history_file(history)


def _read(prompt: str) -> str | None:
    try:
        return input(prompt)
    except (EOFError, KeyboardInterrupt):
        print()
        return None
