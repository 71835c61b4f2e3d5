"""The way back: rows of the catalog as the JSONL that they came from, byte for byte."""

from __future__ import annotations

import itertools
from pathlib import Path

import duckdb

from curation.catalog import connect
from curation.duck import one_select, quoted, short
from curation.storage import is_remote, resolve
from manifests.errors import InputError, QueryError
from manifests.files import atomic_write, claim_file, read_jsonl

# A lone carriage return is a space of JSON between values, and the end of a line to Python's `open`.
LINE = "replace(manifest, chr(13), ' ')"


def export_jsonl(catalog: Path, target: Path, *, where: str = "true") -> int:
    """Write the manifest rows of the cuts that `where` selects, in the catalog's order; return their number.

    Custom fields and fields that the catalog has no column for come back too: `manifest` holds the line itself.

    Raises:
        MissingFileError: no catalog there.
        QueryError: `where` is no condition over `cuts`, or selects nothing.
        InputError: `target` is not named .jsonl or .jsonl.gz.
        OccupiedError: a file of another kind is there; it was not touched.
    """
    if not target.name.endswith((".jsonl", ".jsonl.gz")):
        raise InputError(f"{target}: expected a name ending in .jsonl or .jsonl.gz.")
    if not is_remote(target):
        claim_file(target, "a manifest of cuts", ours=_is_manifest)
    packing = "gzip" if target.suffix == ".gz" else "none"
    with connect(catalog, read_only=False) as con:
        query = one_select(con, f"SELECT {LINE} FROM cuts WHERE ({where})", where="setting `where`")
        try:
            # JSON escapes control characters, so neither the delimiter nor a line end can occur inside a row.
            layout = f"FORMAT csv, HEADER false, QUOTE '', ESCAPE '', DELIMITER '\x01', COMPRESSION {packing}"
            with atomic_write(resolve(target)) as temporary:
                rows = con.execute(f"COPY ({query}) TO {quoted(temporary)} ({layout})").fetchall()[0][0]
                if not rows:
                    raise QueryError(f"The setting `where` is {where}: no cut matches.")
        except duckdb.Error as error:
            raise QueryError(f"The setting `where` is {where}: {short(error)}") from error
    return int(rows)


def _is_manifest(path: Path) -> bool:
    return all("id" in row for row in itertools.islice(read_jsonl(path), 1))
