"""`soundwave sql`: ask the catalog."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from soundwave.cli._limits import MEMORY, MemoryOption, SecondsOption
from soundwave.cli._workspaces import CatalogOption, RunsOption, WorkspaceOption, asked

if TYPE_CHECKING:
    import duckdb

    from curation.duck import Limits

HISTORY = "sql_history"
MOST_ROWS = 200  # printed of a table; files get them all
SECONDS = 60.0
BATCH = 10_000  # rows in hand at a time
SPOOLED = 64 << 20  # bytes of a result that are kept in memory until they are written


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
        catalog: CatalogOption = None,
        plans: Annotated[
            Path | None, typer.Option(help="Folder of plans, for `plans`; `mixtures` beside the catalog by default.")
        ] = None,
        runs: RunsOption = None,
        workspace: WorkspaceOption = None,
        format_: Annotated[RowFormat, typer.Option("--format", help="How rows are written.")] = RowFormat.table,
        output: Annotated[Path | None, typer.Option(help="File to write; standard output by default.")] = None,
        force: Annotated[bool, typer.Option("--force", help="Replace the file that --output names.")] = False,
        seconds: SecondsOption = SECONDS,
        memory: MemoryOption = MEMORY,
        json_: Annotated[bool, typer.Option("--json", help="Short for --format json.")] = False,
    ) -> None:
        """Ask the catalog in SQL. It only reads: one SELECT, DESCRIBE, SUMMARIZE, SHOW TABLES, or an EXPLAIN of one.

        Tables: cuts, words, labels, rejects, features, plans, reviews. Views: accepted, refused, speech, texts,
        overview.
        Macros: hours(), hours(duration), share_by(column), text_rate(text, duration), plain_words(text),
        ratio_to_paper(), is_a(sound, 'Animal'), sounds_of('esc50', 'dog'). AudioSet's ontology: ontology,
        ontology_labels. The paper's own tables: paper.stage_1, paper.stage_2, paper.stage_3. With --runs: runs,
        ledger, trained, planned_realised, off_plan, loss_by_domain(bins := 10),
        never_learn(at_least := 3, fall := 0.1), suspicion(). With --workspace also: results, outcomes, clips, steps,
        locks, rules, label_settings, corpora, parts, cut_gain('llm_wer').

        Example: soundwave sql "SELECT corpus, hours(duration) AS hours FROM cuts GROUP BY corpus"
        """
        from curation.catalog import connect
        from curation.storage import resolve, sibling
        from manifests.files import new_file
        from soundwave.cli._limits import limits

        most = limits(seconds, memory)
        target = None if output is None else new_file(resolve(output), force=force)

        place, folders, studies = asked(workspace, runs, catalog)
        plans = plans or (sibling(place, "mixtures") if place is not None else None)
        with connect(place, plans=plans, runs=folders, studies=studies, limits=most) as con:
            if query is None:
                _prompt(con, most)
            else:
                _answer(con, query, RowFormat.json if json_ else format_, target, most)


def _answer(con: "duckdb.DuckDBPyConnection", query: str, kind: RowFormat, output: Path | None, most: "Limits") -> None:
    """Run one query and write its rows."""
    from curation.duck import limited, run_select
    from soundwave.cli._tables import print_rows

    if kind is not RowFormat.table or output is not None:
        _write(con, query, kind, output, most)
        return
    with limited(con, most, where="query"):
        result = run_select(con, query, where="query")
        names = [column[0] for column in result.description or []]
        rows = result.fetchmany(MOST_ROWS)
        total = len(rows)
        while more := len(result.fetchmany(BATCH)):
            total += more
    print_rows([dict(zip(names, row, strict=True)) for row in rows], names=names)
    if total > MOST_ROWS:
        print(f"{MOST_ROWS} of {total:,} rows; --format csv, json or parquet writes them all")


def _write(con: "duckdb.DuckDBPyConnection", query: str, kind: RowFormat, output: Path | None, most: "Limits") -> None:
    """Write all rows as CSV, JSON or Parquet, to a file (atomically) or standard output, when all of them are there."""
    import shutil
    import sys
    import tempfile

    from curation.duck import limited
    from manifests.errors import SettingsError
    from manifests.files import atomic_write

    if kind is RowFormat.table:
        raise SettingsError("--output needs --format csv, json or parquet.")
    encode = {RowFormat.csv: _encode_csv, RowFormat.json: _encode_json, RowFormat.parquet: _encode_parquet}[kind]
    with tempfile.SpooledTemporaryFile(max_size=SPOOLED) as buffer:
        with limited(con, most, where="query"):
            encode(con, query, buffer)
        buffer.seek(0)
        if output is None:
            shutil.copyfileobj(buffer, sys.stdout.buffer)
            sys.stdout.buffer.flush()
            return
        with atomic_write(output) as temporary, temporary.open("wb") as target:
            shutil.copyfileobj(buffer, target)


def _encode_parquet(con: "duckdb.DuckDBPyConnection", query: str, buffer: Any) -> None:
    import pyarrow.parquet as pq

    from curation.duck import one_select

    reader: Any = con.sql(one_select(con, query, where="query")).to_arrow_reader(BATCH)
    with pq.ParquetWriter(buffer, reader.schema, compression="zstd") as writer:
        for batch in reader:
            writer.write_batch(batch)


def _encode_json(con: "duckdb.DuckDBPyConnection", query: str, buffer: Any) -> None:
    import json

    from curation.duck import run_select

    result = run_select(con, query, where="query")
    names = [column[0] for column in result.description or []]
    before = "[\n  "
    while rows := result.fetchmany(BATCH):
        for row in rows:
            text = json.dumps(dict(zip(names, row, strict=True)), indent=2, ensure_ascii=False, default=str)
            buffer.write((before + text.replace("\n", "\n  ")).encode())
            before = ",\n  "
    buffer.write(b"[]\n" if before.startswith("[") else b"\n]\n")


def _encode_csv(con: "duckdb.DuckDBPyConnection", query: str, buffer: Any) -> None:
    """Values as they are: what a spreadsheet would take for a formula is for the spreadsheet to refuse."""
    import csv
    import io

    from curation.duck import run_select

    result = run_select(con, query, where="query")
    text = io.TextIOWrapper(buffer, encoding="utf-8", newline="", write_through=True)
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([column[0] for column in result.description or []])
    while rows := result.fetchmany(BATCH):
        writer.writerows(rows)
    text.detach()


def _prompt(con: "duckdb.DuckDBPyConnection", most: "Limits") -> None:
    """Read queries until the end of input; one may take several lines and ends with a semicolon."""
    import contextlib
    import sys

    from manifests.errors import QueryError
    from manifests.files import cache_dir
    from soundwave.cli._tables import say

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
            _answer(con, "\n".join(lines), RowFormat.table, None, most)
        except QueryError as error:
            say(f"error: {error}", error=True)
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
