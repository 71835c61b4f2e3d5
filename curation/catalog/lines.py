"""Lines of JSONL files as a relation that DuckDB reads: the same lines that manifests/lines gives to Python."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from curation.duck import sql_text
from curation.storage import is_remote
from manifests.files import need_file
from manifests.lines import blocks
from manifests.lines.doubts import problems
from manifests.lines.jsonl import another_kind
from manifests.rows.places import found_audio, line_with_found_audio
from manifests.rows.validate import near
from manifests.schema import table

LINES = "lines"  # the relation's name
# A line without the spaces that JSON allows around it; `trim` alone takes longer than all the rest of reading.
TRIMMED = (
    "CASE WHEN starts_with(line, '{') AND ends_with(line, '}') THEN line ELSE trim(line, ' ' || chr(9) || chr(13)) END"
)
_PLAIN = ("$", "$.custom", "$.recording", "$.recording.sources[0]")  # objects that facts are read from
_FIRST = ("$.supervisions[0]", "$.supervisions[0].custom")
_MORE = ("$.supervisions[1]", "$.tracks[0]")
_EVERY = (
    *("$.supervisions[*]", "$.supervisions[*].custom", "$.tracks[*]", "$.tracks[*].cut"),
    *("$.tracks[*].cut.custom", "$.tracks[*].cut.recording", "$.tracks[*].cut.recording.sources[0]"),
    *("$.tracks[*].cut.supervisions[*]", "$.tracks[*].cut.supervisions[*].custom"),
)
_KINDS = {"ARRAY": "a list", "VARCHAR": "text", "NULL": "null", "BOOLEAN": "true or false"}  # all others are numbers
SCHEMA = pa.schema([("file", pa.string()), ("number", pa.int64()), ("line", pa.string()), ("problem", pa.string())])


@contextmanager
def lines_of(con: duckdb.DuckDBPyConnection, files: Sequence[Path]) -> Iterator[None]:
    """For one query, the relation LINES: file (its name), number (from 1), line (without its line feed), problem.

    Raises:
        MissingFileError: a file of 0 bytes.
        ManifestError: a file that cannot be read to its end, or that is UTF-16.
    """
    failed: list[Exception] = []
    con.register(LINES, pa.RecordBatchReader.from_batches(SCHEMA, _batches(files, failed)))
    try:
        yield
    except duckdb.Error:
        if failed:
            raise failed[0] from None
        raise
    finally:
        con.unregister(LINES)


def _batches(files: Sequence[Path], failed: list[Exception]) -> Iterator[pa.RecordBatch]:
    """Blocks of lines; what goes wrong is kept too, since DuckDB says it in words of its own."""
    try:
        for path in files:
            for block in blocks(need_file(path)):
                count = len(block)
                data = block.data.replace(b"\n", b"")
                bounds = (block.bounds - np.arange(count + 1)).astype(np.int32)
                bounds[-1] = len(data)  # the last line of a file may have no line feed
                text = _strings(bounds, data)
                said = problems(block)
                wrong = pa.array([said.get(index) for index in range(count)]) if said else pa.nulls(count, pa.string())
                name = path.name.encode()
                names = _strings(np.arange(count + 1, dtype=np.int32) * np.int32(len(name)), name * count)
                numbers = np.arange(block.first, block.first + count, dtype=np.int64)
                numbered = pa.Array.from_buffers(pa.int64(), count, [None, pa.py_buffer(numbers)])
                yield pa.record_batch([names, numbered, text, wrong], schema=SCHEMA)
    except Exception as error:
        failed.append(error)
        raise


def _strings(bounds: NDArray[np.int32], data: bytes) -> pa.StringArray:
    """Pieces of UTF-8. From buffers, here and above: what makes arrays of Python values loads pandas first (1.5 s)."""
    return pa.StringArray.from_buffers(len(bounds) - 1, pa.py_buffer(bounds), pa.py_buffer(data))


def repeated() -> str:
    """Condition: a key occurs twice in an object of `manifest` that facts are read from."""
    every = [
        f"json_keys(manifest, [{_listed(_PLAIN)}])",
        *(f"json_keys(manifest, {sql_text(path)})" for path in _EVERY),
    ]
    return " OR ".join(f"coalesce({_twice(keys)}, false)" for keys in every)


def keys_repeat(con: duckdb.DuckDBPyConnection, relation: str) -> bool:
    """Whether a key occurs twice in a `manifest` of a relation. Rows have few sets of keys: each is looked at once."""
    every = f"SELECT json_keys(manifest, [{_listed(_PLAIN + _FIRST + _MORE)}]) AS keys FROM {relation}"
    groups = f"SELECT any_value(keys) AS keys FROM ({every}) GROUP BY hash(keys)"  # lists themselves take twice as long
    more = len(_PLAIN + _FIRST) + 1
    row = con.execute(
        f"SELECT coalesce(bool_or({_twice('keys')}), false), "
        f"coalesce(bool_or(keys[{more}] IS NOT NULL OR keys[{more + 1}] IS NOT NULL), false) FROM ({groups})"
    ).fetchall()[0]
    if row[0] or not row[1]:
        return bool(row[0])
    return bool(con.execute(f"SELECT count(*) FROM {relation} WHERE {repeated()}").fetchall()[0][0])


def _twice(keys: str) -> str:
    return f"len(list_filter({keys}, lambda k: len(k) > list_unique(k))) > 0"


def _listed(paths: Sequence[str]) -> str:
    return ", ".join(map(sql_text, paths))


def no_object_said() -> str:
    """Expression: what is said of a `manifest` that is JSON of another kind."""
    cases = " ".join(f"WHEN {sql_text(kind)} THEN {sql_text(another_kind(said))}" for kind, said in _KINDS.items())
    return f"CASE json_type(manifest) {cases} ELSE {sql_text(another_kind('a number'))} END"


def define_finding(con: duckdb.DuckDBPyConnection, folder: Path | None) -> None:
    """The functions found_audio(path, folder) and found_line(manifest, folder), and the variable `folder`.

    See manifests/rows/places.py. The variable is NULL without a folder on this machine: paths stay then.
    """
    local = None if folder is None or is_remote(folder) else str(folder.absolute())
    con.execute("SET VARIABLE folder = CAST(? AS VARCHAR)", [local])
    with suppress(duckdb.NotImplementedException, duckdb.CatalogException):  # both are there already
        con.create_function("found_audio", _found_audio, ["VARCHAR", "VARCHAR"], "VARCHAR")
        con.create_function("found_line", _found_line, ["VARCHAR", "VARCHAR"], "VARCHAR")


def _found_audio(name: str, folder: str) -> str:
    return str(found_audio(name, Path(folder)))


def _found_line(line: str, folder: str) -> str:
    return line_with_found_audio(line, Path(folder))


def define_nearest(con: duckdb.DuckDBPyConnection) -> None:
    """The function nearest_value(column, value): the allowed value most like one that is not, for messages."""
    known = {column.name: column for column in table("cuts").columns}

    def nearest_value(name: str, value: str) -> str:
        return near(known[name], value)

    with suppress(
        duckdb.NotImplementedException
    ):  # there already; asking first takes longer than all of a small corpus
        con.create_function("nearest_value", nearest_value, ["VARCHAR", "VARCHAR"], "VARCHAR")
