"""The way back: rows of the catalog as the JSONL that they came from, byte for byte."""

from __future__ import annotations

import gzip
import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from curation.duck import Limits, one_condition
from curation.interchange.selection import WHERE, chosen_cuts
from curation.storage import is_remote, resolve
from manifests.errors import InputError
from manifests.files import atomic_write, claim_file, read_jsonl

# A lone carriage return is a space of JSON between values, and the end of a line to Python's `open`.
LINE = "replace(manifest, chr(13), ' ')"
BATCH = 10_000  # rows in hand at a time


def export_jsonl(catalog: Path, target: Path, *, where: str = "true", limits: Limits | None = None) -> int:
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
    count = 0
    with chosen_cuts(catalog, where, limits) as con, atomic_write(resolve(target)) as temporary:
        # The condition ended within its limits; asked again, it gives the rows in their order, however many they are.
        lines = con.execute(f"SELECT {LINE} FROM cuts WHERE {one_condition(con, where, where=WHERE)}")
        with _opened(temporary) as stream:
            while rows := lines.fetchmany(BATCH):
                stream.write("".join(f"{line}\n" for (line,) in rows).encode())
                count += len(rows)
    return count


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes] | gzip.GzipFile]:
    """A file for writing, through gzip when its name ends in .gz (no time in it: same rows, same bytes)."""
    with path.open("wb") as raw:
        if path.suffix != ".gz":
            yield raw
            return
        with gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0, compresslevel=6) as packed:
            yield packed


def _is_manifest(path: Path) -> bool:
    return all("id" in row for row in itertools.islice(read_jsonl(path), 1))
