"""Rows of Arrow in a file, or in memory, read by number: what is not asked for is not read."""

from __future__ import annotations

import mmap
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pyarrow as pa

from manifests.disk.faults import appending

if TYPE_CHECKING:
    from numpy.typing import NDArray


FORGET = 1 << 25  # bytes of a file that a reader may have passed over before it gives them back


class RowFile:
    """Rows of one schema. `take` gives any of them in any order."""

    def __init__(self, source: Path | pa.Buffer) -> None:
        """Open a file of Arrow's IPC format, or a buffer that holds one."""
        self._map: mmap.mmap | None = None
        if isinstance(source, Path):
            with source.open("rb") as stream:
                self._map = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
            self._advise("MADV_RANDOM")
            source = pa.py_buffer(self._map)
        reader = pa.ipc.open_file(source)
        self.schema: pa.Schema = reader.schema
        self.batches: list[pa.RecordBatch] = [reader.get_batch(number) for number in range(reader.num_record_batches)]
        self._ends = np.cumsum([len(batch) for batch in self.batches], dtype=np.int64)

    def __len__(self) -> int:
        return int(self._ends[-1]) if len(self._ends) else 0

    def take(self, numbers: NDArray[np.int64], columns: Sequence[str] | None = None) -> pa.Table:
        """Rows by number (N,), in that order; columns: some of them."""
        order = np.argsort(numbers, kind="stable")
        wanted = numbers[order]
        limits = np.searchsorted(wanted, self._ends)
        names = self.schema.names if columns is None else list(columns)
        parts, begin, touched = [self.schema.empty_table().select(names)], 0, 0
        for number in np.flatnonzero(np.diff(limits, prepend=0)):
            batch, end = self.batches[number].select(names), int(limits[number])
            found = batch.take(pa.array(wanted[begin:end] - (self._ends[number] - len(batch))))
            parts.append(pa.Table.from_batches([found]))
            begin, touched = end, touched + batch.nbytes
            if (
                touched > FORGET
            ):  # the system maps what lies around a row as well, here and there nearly all of the file
                self.forget()
                touched = 0
        self.forget()
        back = np.empty_like(order)
        back[order] = np.arange(len(order))
        return pa.concat_tables(parts).combine_chunks().take(pa.array(back))

    def chosen(self, wanted: NDArray[np.bool_], columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Some columns of the rows where `wanted` (N,) is true, in order."""
        first = 0
        for batch in self.batches:
            yield batch.select(list(columns)).filter(pa.array(wanted[first : first + len(batch)]))
            first += len(batch)
            self.forget()

    def distinct(self, column: str) -> list[Any]:
        """The different values of a column, sorted."""
        found: set[Any] = set()
        for batch in self.batches:
            found.update(batch[column].unique().to_pylist())
            self.forget()
        return sorted(found)

    def forget(self) -> None:
        """Give back the memory of what was read; it stays in the system's cache."""
        self._advise("MADV_DONTNEED")

    def _advise(self, advice: str) -> None:
        if self._map is not None and hasattr(mmap, advice):
            with suppress(OSError):
                self._map.madvise(getattr(mmap, advice))


class RowWriter:
    """Writes a RowFile. Use it as a context; `file` is there afterwards."""

    def __init__(self, path: Path | None) -> None:
        """path: of the file; None: in memory."""
        self._path = path
        self._sink: Any = pa.BufferOutputStream() if path is None else pa.OSFile(str(path), "wb")
        self._writer: pa.RecordBatchFileWriter | None = None
        self.rows = 0
        """Written so far."""

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def write(self, rows: pa.RecordBatch | pa.Table) -> None:
        """Append rows.

        Raises:
            DiskError: there is no room for them.
        """
        with appending(self._path or Path()):
            if self._writer is None:
                self._writer = pa.ipc.new_file(self._sink, rows.schema)
            self._writer.write(rows)
        self.rows += len(rows)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._writer is None:
            self._writer = pa.ipc.new_file(self._sink, pa.schema([]))
        self._writer.close()
        if self._path is None:
            self.file = RowFile(self._sink.getvalue())
        else:
            self._sink.close()
            if error is None:
                self.file = RowFile(self._path)


class Numbers:
    """An array of integers in a file, or in memory; indexing reads what is asked for."""

    def __init__(self, source: Path | NDArray[Any]) -> None:
        """The array, or its .npy file."""
        self._source = source

    @classmethod
    def write(cls, values: NDArray[Any], path: Path | None) -> Numbers:
        """Into a file; None: kept in memory."""
        if path is None:
            return cls(values)
        with appending(path):
            np.save(path, values)
        return cls(path)

    def __getitem__(self, index: Any) -> NDArray[Any]:
        source = self._source
        if isinstance(source, Path):  # opened for the moment: a map that stays would hold each page that it ever read
            source = np.load(source, mmap_mode="r") if source.stat().st_size else np.zeros(0, np.int32)
        return np.array(source[index])


class Texts(Sequence[str]):
    """The texts of a RowFile with one column, as a sequence."""

    def __init__(self, file: RowFile) -> None:
        """file: of which the first column is given."""
        self._file = file

    def __len__(self) -> int:
        return len(self._file)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return self._file.take(np.arange(*index.indices(len(self))))[0].to_pylist()
        number = range(len(self))[index]
        return self._file.take(np.array([number]))[0][0].as_py()
