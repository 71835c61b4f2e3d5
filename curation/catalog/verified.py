"""Does a catalog still say what it said, and do corpora and labels give what is in it? Everything is read again."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import duckdb

from curation.catalog import FINGERPRINTED, fingerprint_of
from curation.catalog.index import part_problem, read_index
from curation.catalog.parts import Part, Source, corpus_source, pass_source, rows_digest, write_parts
from curation.storage import is_remote
from manifests.digests import Checked

SHORT = 12  # hex digits of a fingerprint in a message


def catalog_problems(con: duckdb.DuckDBPyConnection, catalog: Path, parts: Sequence[Part]) -> Iterator[str]:
    """What is wrong with a catalog's files: each is read to its end, rows are counted and digested again.

    con: any connection that may read files (`curation.duck.open_memory`).

    Raises:
        DamagedError: its index is not what was written.
    """
    checked = Checked(catalog, afresh=True)
    index = read_index(catalog)
    if index is not None and (found := fingerprint_of(parts)) != index["fingerprint"]:
        yield f"its parts make the fingerprint {found[:SHORT]}, its index says {index['fingerprint'][:SHORT]}"
    for part in parts:
        if (said := part_problem(catalog, part, checked)) is not None:
            yield f"{part.path} {said}"
        elif index is not None and part.table in FINGERPRINTED and not is_remote(catalog):
            yield from _other_rows(con, catalog, part)


def _other_rows(con: duckdb.DuckDBPyConnection, catalog: Path, part: Part) -> Iterator[str]:
    try:
        rows, digest = rows_digest(con, part.table, catalog / part.path)
    except duckdb.Error:
        yield f"{part.path} cannot be read"
        return
    if (rows, digest) != (part.rows, part.digest):
        said = f"({part.rows:,}, {part.digest[:SHORT]})"
        yield f"{part.path} has other rows ({rows:,}, {digest[:SHORT]}) than its index says {said}"


def source_problems(
    con: duckdb.DuckDBPyConnection, folder: Path, parts: Sequence[Part], *, labels: bool
) -> Iterator[str]:
    """In what a corpus, or the labels of a pass over one, differ from what the catalog has of them.

    Args:
        con: any connection that may read files.
        folder: the corpus, or LABELS/PASS/CORPUS.
        parts: of the catalog, made from it.
        labels: which of the two it is.

    Raises:
        InputError: what is there cannot be read.
    """
    source = pass_source(folder) if labels else corpus_source(folder)
    found = {part.table: (part.rows, part.digest) for part in _made(con, source)}
    for part in parts:
        if part.table not in FINGERPRINTED:
            continue
        rows, digest = found.get(part.table, (0, ""))
        if digest != part.digest and (rows or part.rows):
            yield (
                f"its {part.table} are other rows ({rows:,}, {digest[:SHORT] or 'none'}) than the catalog has "
                f"({part.rows:,}, {part.digest[:SHORT]})"
            )


def _made(con: duckdb.DuckDBPyConnection, source: Source) -> list[Part]:
    """The parts that the catalog would have of a source now."""
    wanted = replace(source, tables=tuple(table for table in source.tables if table in FINGERPRINTED))
    with tempfile.TemporaryDirectory(prefix="soundwave-") as place:
        return write_parts(con, wanted, Path(place))
