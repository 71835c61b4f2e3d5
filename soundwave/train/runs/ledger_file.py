"""ledger.jsonl as Arrow, a part at a time: a training of thousands of steps has millions of rows there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.json
import pyarrow.parquet as pq

from manifests.disk.faults import appending
from manifests.files import atomic_write, read_jsonl
from manifests.runs import LEDGER, LEDGER_ROWS
from manifests.schema import arrow_schema

PART = 1 << 24  # bytes
SCHEMA = arrow_schema("ledger")
_PARSE = pyarrow.json.ParseOptions(explicit_schema=SCHEMA, unexpected_field_behavior="ignore")


def finish_ledger(folder: Path) -> tuple[int, int]:
    """Write ledger.parquet from the run's ledger.jsonl.

    Returns:
        How many draws had their CTC target refused, and of how many the cut could not be read.

    Raises:
        ManifestError: a line that is not a JSON object, with its number.
    """
    path, refused, bad = folder / LEDGER_ROWS, 0, 0
    with atomic_write(folder / LEDGER) as temporary, pq.ParquetWriter(temporary, SCHEMA) as writer:
        for part in _parts(path):
            table = _parsed(part)
            if table is None:  # what Arrow does not read, Python may; if not, it says which line
                assert all(isinstance(row, dict) for row in read_jsonl(path))
                table = pa.Table.from_pylist([json.loads(line) for line in part.splitlines()], schema=SCHEMA)
            writer.write_table(table)
            reasons = table.filter(table["reason"].is_valid())
            bad += int(reasons["frames"].null_count)
            refused += len(reasons) - int(reasons["frames"].null_count)
    return refused, bad


def cut_back(path: Path, before: int) -> int | None:
    """Remove the rows of step `before` and later from a ledger that is as it was written; how many stay.

    None: it is not (a damaged line, a step that is over, rows missing at the end), and nothing was removed.
    """
    keep = at = last = count = 0
    for part in _parts(path) if path.is_file() else ():
        table = _parsed(part)
        ends = np.flatnonzero(np.frombuffer(part, np.uint8) == ord("\n")) + 1
        if table is None or len(ends) != len(table) or part[-1:] != b"\n":
            return None
        steps = table["step"].to_numpy()
        if steps[0] < last or (np.diff(steps) < 0).any():
            return None
        last = int(steps[-1])
        if stay := int(np.searchsorted(steps, before)):
            keep, count = at + int(ends[stay - 1]), count + stay
        at += len(part)
    if not at or last + 1 < before:
        return None
    with appending(path), path.open("r+b") as stream:
        stream.truncate(keep)
    return count


def _parts(path: Path) -> Iterator[bytes]:
    """Whole lines, about PART bytes at a time; the last may be cut off."""
    with path.open("rb") as stream:
        while part := stream.read(PART):
            yield part + stream.readline()


def _parsed(part: bytes) -> pa.Table | None:
    """Rows of the ledger; None: a line is none."""
    try:
        table = pyarrow.json.read_json(pa.BufferReader(part), parse_options=_PARSE)
        table = table.select(SCHEMA.names).cast(SCHEMA)
        table.validate(full=True)
    except (pa.ArrowException, KeyError, ValueError):
        return None
    return None if any(table[column.name].null_count for column in SCHEMA if not column.nullable) else table
