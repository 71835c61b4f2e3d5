"""Where a catalog lies, or what is imported: a folder, or a prefix of a bucket (`s3://BUCKET/PREFIX`; extra `s3`).

A remote place is a path of `universal_pathlib` over s3fs, and DuckDB reads it through the same file system: nothing is
downloaded but the ranges that a query asks for. Keys, region and endpoint come from where every client of S3 looks:
AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION, AWS_ENDPOINT_URL, or AWS's own files.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.request import url2pathname

from manifests.errors import InputError, MissingFileError, require
from manifests.files import atomic_write

if TYPE_CHECKING:
    import duckdb

_REMOTE = re.compile(r"^s3:/+")
_ADDRESS = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]+:/")  # two letters at least: C:/ is a disk
_BLOCK = 5 << 20  # bytes asked for at least (S3 takes no smaller parts): footers and small columns come in one request
_SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,8}")
_INSTALL = "pip install 'soundwave-lab[s3]'"


def is_remote(path: Path | str) -> bool:
    """Whether it names an object store. `Path('s3://a')` has lost a slash; that is understood."""
    return _REMOTE.match(str(path)) is not None


def resolve(path: Path | str) -> Path:
    """A path that knows where it lies: itself on disk, one over the network for `s3://...`.

    Listings are never cached: a catalog may grow while it is read.

    Raises:
        MissingPackageError: an `s3://` path without the extra `s3`.
    """
    if not is_remote(path):
        return Path(path)
    url = _REMOTE.sub("s3://", str(path))
    for module in ("s3fs", "upath"):
        require(module, used_for=f"{url}, a path on S3,", install=_INSTALL)
    options = {"use_listings_cache": False, "default_block_size": _BLOCK}
    return cast(Path, require("upath", used_for=url, install=_INSTALL).UPath(url, **options))


def source_place(name: Path | str) -> Path:
    """Where something lies that is imported: on disk (also `file://...`), or in a store (`s3://...`, `memory://...`).

    Raises:
        InputError: an address of another kind.
        MissingPackageError: a store without the extra `s3`.
    """
    if in_store(name):
        return cast(Path, name)
    text = str(name)
    if is_remote(text):
        return resolve(text)
    kind, _, rest = text.partition("://")
    if not rest or not kind.isalnum() or isinstance(name, Path):
        return Path(name)
    if kind == "file":
        return Path(url2pathname(rest))
    if kind != "memory":
        raise InputError(f"{text}: nothing is read from {kind}://, expected a path, s3:// or file://. Copy it first.")
    return cast(Path, require("upath", used_for=text, install=_INSTALL).UPath(text))


def need_answer(path: Path) -> Path:
    """`path`, if it is on disk, or its store answers: where one does not, all its files would seem to be missing.

    Raises:
        MissingFileError: the store does not answer, or not to us.
    """
    if in_store(path):
        store = cast(Any, path)
        with answering(path), suppress(FileNotFoundError):
            store.fs.info(store.path)
    return path


def in_store(path: Any) -> bool:
    """Whether a path is one of a store, and no file here."""
    return getattr(path, "fs", None) is not None


def store_root(path: Path) -> str:
    """The bucket that a path of a store is in, as an address."""
    return "/".join(str(path).split("/", 3)[:3])


def version_of(path: Path) -> str:
    """What a store says of a file as it is now: another file has another version."""
    return str(cast(Any, path).fs.ukey(cast(Any, path).path))


def fetched(path: Path, folder: Path) -> Path:
    """The copy of a store's file in `folder`: byte for byte, made once.

    Raises:
        FileNotFoundError: there is no such file.
        MissingFileError: the store does not answer, or not to us.
    """
    store = cast(Any, path)
    with answering(path):
        try:
            name = sha256(f"{path}\0{version_of(path)}".encode()).hexdigest()[:24]
        except FileNotFoundError:
            name = ""
        else:
            target = folder / f"{name}{path.suffix if _SUFFIX.fullmatch(path.suffix) else ''}"
            if not target.is_file():
                with atomic_write(target) as temporary:
                    store.fs.get_file(store.path, str(temporary))
    if not name:
        raise FileNotFoundError(str(path))
    return target


def local(path: Path, *, what: str, use: str = "is written to") -> Path:
    """`path`, if it is on disk.

    Raises:
        InputError: it is an object store, or begins as any other address does.
    """
    if _ADDRESS.match(str(path)):
        shown = re.sub(":/+", "://", str(path), count=1)
        raise InputError(f"{shown}: {what} {use} a local folder. Name one.")
    return path


def model_place(name: str) -> str:
    """A model's folder as processes in other folders find it, with its whole path; any other name as it is."""
    return str(Path(name).absolute()) if Path(name).is_dir() else name


def sibling(catalog: Path, name: str) -> Path | None:
    """The folder `name` beside the catalog, if there is one."""
    folder = resolve(catalog).parent / name
    with answering(folder):
        return folder if folder.is_dir() else None


def open_place(con: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Let a connection read what lies at a remote place; nothing to do for a local one."""
    if is_remote(path) and "s3" not in con.list_filesystems():
        con.register_filesystem(cast(Any, path).fs)


@contextmanager
def answering(path: Path) -> Iterator[None]:
    """Say in one sentence that an object store does not answer, or not to us.

    Raises:
        MissingFileError: in place of what the network, S3 or its client raised.
    """
    if not is_remote(path):
        yield
        return
    errors = require("botocore.exceptions", used_for=str(path), install=_INSTALL)
    try:
        yield
    except (OSError, errors.BotoCoreError, errors.ClientError) as error:
        raise MissingFileError(
            f"{path} cannot be reached ({type(error).__name__}: {error}). Keys, region and endpoint are read from "
            "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION and AWS_ENDPOINT_URL."
        ) from error
