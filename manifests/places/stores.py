"""What holds audio that is read where it lies: a file on disk, or an object in a store, by ranges of bytes.

A store may answer errors for a while: each range is asked for TRIES times, with growing pauses. What will not change
(no such object, no right to read it) is said at once.
"""

from __future__ import annotations

import errno
import os
import re
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar

from manifests.errors import InputError, StoreError, require
from manifests.reasons import Reason

STORES = {"s3": "s3fs", "memory": "fsspec"}  # kinds of address -> the package that reads them
TRIES = 6
FIRST_PAUSE = 0.2  # seconds; each further one is twice as long: 6.2 s in all
_ADDRESS = re.compile(rf"({'|'.join(STORES)})://.+", re.DOTALL)
_FINAL = (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError, InputError)
_HOPELESS = ("NoCredentialsError", "PartialCredentialsError", "ParamValidationError", "InvalidEndpointError")
Value = TypeVar("Value")


class ContainerStat(NamedTuple):
    """Size in bytes, and numbers that change with the content."""

    size: int
    changed: int
    inode: int


class Container(Protocol):
    """Bytes by range."""

    @property
    def remote(self) -> bool:
        """Does a range cost a request?"""

    def exists(self) -> bool:
        """Is it there?"""

    def stat(self) -> ContainerStat:
        """Raises FileNotFoundError."""

    def read(self, start: int, end: int) -> bytes:
        """Bytes [start, end), fewer at its end. Raises FileNotFoundError, PermissionError, StoreError."""


class LocalContainer(NamedTuple):
    """A file."""

    path: Path
    remote: bool = False

    def exists(self) -> bool:
        """Is it there?"""
        return self.path.is_file()

    def stat(self) -> ContainerStat:
        """Its size and times."""
        found = self.path.stat()
        return ContainerStat(found.st_size, max(found.st_mtime_ns, found.st_ctime_ns), found.st_ino)

    def read(self, start: int, end: int) -> bytes:
        """Bytes [start, end)."""
        with self.path.open("rb") as stream:
            stream.seek(start)
            return stream.read(end - start)


class StoreContainer(NamedTuple):
    """An object."""

    address: str
    remote: bool = True

    def exists(self) -> bool:
        """Is it there?"""
        try:
            self.stat()
        except FileNotFoundError:
            return False
        return True

    def stat(self) -> ContainerStat:
        """Its size, and a number for what the store calls its version."""

        def ask() -> dict[str, Any]:
            found: dict[str, Any] = file_system(self.address).info(self.address)
            return found

        info = retrying(self.address, ask)
        version = sorted((str(name), str(value)) for name, value in info.items())
        changed = int.from_bytes(sha256(str(version).encode()).digest()[:6], "big")
        return ContainerStat(int(info["size"]), changed, 0)

    def read(self, start: int, end: int) -> bytes:
        """Bytes [start, end)."""

        def ask() -> bytes:
            try:
                found: bytes = file_system(self.address).cat_file(self.address, start=start, end=end)
            except OSError as error:
                if error.errno == errno.EINVAL:  # s3fs's word for a range after the object's end
                    return b""
                raise
            return found

        return retrying(self.address, ask)


def container_of(name: str) -> Container:
    """What has this path or address."""
    return StoreContainer(name) if is_store(name) else LocalContainer(Path(name))


def is_store(text: str) -> bool:
    """Whether it is an address in a store."""
    return _ADDRESS.fullmatch(text) is not None


def file_system(address: str) -> Any:
    """The fsspec file system of an address; it keeps no listings, and leaves trying again to `retrying`.

    Raises:
        MissingPackageError: its package is not installed.
    """
    kind = address.partition("://")[0]
    require(STORES[kind], used_for=address, install="pip install 'soundwave-lab[s3]'")
    fsspec = require("fsspec", used_for=address, install="pip install fsspec")
    once = {"retries": {"total_max_attempts": 1}, "connect_timeout": 10, "read_timeout": 60}
    options = {"config_kwargs": once} if kind == "s3" else {}
    store = fsspec.filesystem(kind, use_listings_cache=False, **options)
    if kind == "s3":
        store.retries = 1
    return store


def retrying(address: str, ask: Callable[[], Value]) -> Value:
    """What a store answers, asked up to TRIES times.

    Raises:
        FileNotFoundError, PermissionError: as the store says.
        StoreError: it did not answer, or not to us.
    """
    pause = FIRST_PAUSE
    for attempt in range(1, TRIES + 1):
        try:
            return ask()
        except _FINAL:
            raise
        except Exception as error:  # of the network, the store, or one of its client's layers
            if attempt == TRIES or type(error).__name__ in _HOPELESS:
                times = "" if attempt == 1 else f" {attempt} times"
                raise StoreError(
                    f"{address} cannot be read: its store answered{times} with an error "
                    f"({type(error).__name__}: {str(error)[:200]}).",
                    Reason.audio_unreadable,
                ) from error
        time.sleep(pause)
        pause *= 2
    raise AssertionError(os.fspath(address))  # the loop ends in one of its ways out
