"""Parquet files that DuckDB cannot read: which one, and how to go on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

import duckdb

from manifests.errors import ManifestError, QueryError, reading


@contextmanager
def reading_parquet(files: Sequence[Path], *, go_on: str) -> Iterator[None]:
    """In this block queries read Parquet `files`. Errors that come of a damaged one name it and say how to go on.

    DuckDB's own errors name neither the file nor what is wrong with it ("don't know what type", a UnicodeDecodeError),
    and are those of a wrong query too. So when there is an error, each file is read whole, and the first that cannot be
    is named; if all can be, the error stays as it is.

    Raises:
        ManifestError: one of the files is damaged.
    """
    try:
        yield
    except (duckdb.Error, UnicodeDecodeError) as error:
        refuse_damaged(files, go_on=go_on, cause=error)
        raise
    except QueryError as error:
        if _may_be_of_a_file(error.__cause__):
            refuse_damaged(files, go_on=go_on, cause=error)
        raise


def _may_be_of_a_file(error: BaseException | None) -> bool:
    """A wrong query is mostly an error of another class. What its Parquet reader throws, DuckDB gives no class."""
    return isinstance(error, _OF_FILES) or type(error) is duckdb.Error


_OF_FILES = (
    duckdb.IOException,
    duckdb.InvalidInputException,
    duckdb.SerializationException,
    duckdb.InternalException,
    duckdb.FatalException,
    duckdb.OutOfMemoryException,
    UnicodeDecodeError,
)


def refuse_damaged(files: Sequence[Path], *, go_on: str, cause: Exception) -> None:
    """Read Parquet files whole, one by one.

    Raises:
        ManifestError: one cannot be read.
    """
    for path in files:
        if hasattr(path, "fs") or not path.is_file():  # an object store answers with errors of its own
            continue
        try:
            with reading(path, "a Parquet file", go_on=go_on), duckdb.connect(config={"threads": 1}) as con:
                con.execute("SELECT sum(hash(t)) FROM read_parquet(?) t", [str(path)]).fetchall()
                for _ in con.read_parquet(str(path)).to_arrow_reader(10_000):
                    pass
        except ManifestError as error:
            raise error from cause


class Opened:
    """A connection that names the damaged file when it is used in a `with` block; else it is the connection."""

    def __init__(self, con: duckdb.DuckDBPyConnection, files: Sequence[Path], go_on: str) -> None:
        self._con = con
        self._guard = reading_parquet(files, go_on=go_on)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._con, name)

    def __enter__(self) -> duckdb.DuckDBPyConnection:
        self._guard.__enter__()
        return self._con

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        self._con.close()
        return self._guard.__exit__(kind, error, trace)
