"""Files that can be read and never written: all that DuckDB sees of a disk or bucket on a locked connection.

DuckDB's own `allowed_paths` lets a statement write what it may read. So a locked connection has no file system but this
one, which knows the files it was given and can open them for reading only.
"""

from __future__ import annotations

import os
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fsspec import AbstractFileSystem  # type: ignore[import-untyped]

from curation.duck.messages import READ_ONLY


class ReadOnlyFiles(AbstractFileSystem):
    """Some files, local or on S3, under names that DuckDB brings here (`read-only://PATH`)."""

    protocol = READ_ONLY
    cachable = False

    def __init__(self) -> None:
        """No file yet."""
        super().__init__()
        self._files: dict[str, Path] = {}

    def name(self, path: Path) -> str:
        """The name by which DuckDB may read a file from now on."""
        here = str(path) if hasattr(path, "fs") else str(path.absolute())
        name = f"{READ_ONLY}://{here}"
        self._files[name] = path
        return name

    def names(self) -> list[str]:
        """Every name so far."""
        return list(self._files)

    def open(self, path: str, mode: str = "rb", **_: Any) -> _LocalFile | _RemoteFile:
        """Open a file that has a name, for reading.

        Raises:
            PermissionError: any other file, or any other mode.
        """
        if mode != "rb":
            raise PermissionError(f"{path} is read only.")
        found = self._known(path)
        return _RemoteFile(found) if hasattr(found, "fs") else _LocalFile(found)

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        """Name, size in bytes and type of a file; FileNotFoundError when it has gone."""
        return {"name": path, "size": self._known(path).stat().st_size, "type": "file"}

    def modified(self, path: str) -> datetime:
        """When a file was written, as its own file system says it."""
        found: Any = self._known(path)
        if hasattr(found, "fs"):
            when: datetime = found.fs.modified(str(found))
            return when
        return datetime.fromtimestamp(found.stat().st_mtime, UTC)

    def glob(self, path: str, **_: Any) -> list[str]:
        """The file of that very name: no character of a name stands for others."""
        return [path] if path in self._files else []

    def _known(self, path: str) -> Path:
        if path not in self._files:
            raise PermissionError(f"{path} is not a file of the catalog.")
        return self._files[path]


class _LocalFile:
    """A file on disk that DuckDB's threads share.

    DuckDB reads either on and on, from one place for all threads, or at a place of its own: `seek`, then `read`, in one
    thread. Another thread may come in between.
    """

    _descriptor: int | None = None

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDONLY)
        self._begin(os.fstat(self._descriptor).st_size)

    def _begin(self, size: int) -> None:
        self._size = size
        self._lock = threading.Lock()
        self._at = 0
        self._read_on = 0  # how often somebody read on: a `seek` of before counts no more
        self._own = threading.local()

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        with self._lock:
            self._at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
            self._own.sought = (self._at, self._read_on)
            return self._at

    def tell(self) -> int:
        return self._at

    def read(self, size: int = -1) -> bytes:
        sought, read_on = getattr(self._own, "sought", (0, -1))
        self._own.sought = (0, -1)
        with self._lock:
            at = sought if read_on == self._read_on else self._at
            self._read_on += read_on != self._read_on
            size = max(self._size - at, 0) if size < 0 else size
            self._at = min(at + size, self._size)
        return self._piece(size, at)

    def close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __del__(self) -> None:
        """DuckDB drops some files without closing them."""
        self.close()

    def _piece(self, size: int, offset: int) -> bytes:
        assert self._descriptor is not None
        found = os.pread(self._descriptor, size, offset)
        while len(found) < size and (more := os.pread(self._descriptor, size - len(found), offset + len(found))):
            found += more  # the kernel gives at most 2 GiB at once
        return found


class _RemoteFile(_LocalFile):
    """A file over the network: its client is asked by one thread at a time."""

    def __init__(self, path: Path) -> None:
        self._file: Any = path.open("rb")
        self._turn = threading.Lock()
        self._begin(int(self._file.seek(0, os.SEEK_END)))

    def close(self) -> None:
        if hasattr(self, "_file"):
            self._file.close()

    def _piece(self, size: int, offset: int) -> bytes:
        with self._turn:
            self._file.seek(offset)
            return bytes(self._file.read(size))
