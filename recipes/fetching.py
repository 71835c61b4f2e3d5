"""Downloads of corpora that are open: resumed where they were cut, checked, and unpacked where they belong.

Nothing is fetched unless it is asked for. FOLDER/.fetch holds the archives while they come (FILE.part) and what says
that one is unpacked (FILE.done). A download goes on where it was cut, in the same command or the next one; what arrived
is checked against the checksum that the recipe names before it is unpacked. No member of an archive is written outside
the folder: one that would be stops it.
"""

from __future__ import annotations

import hashlib
import http.client
import tarfile
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from manifests.disk.alone import alone
from manifests.disk.faults import appending
from manifests.disk.left import remove
from manifests.errors import DownloadError, SettingsError
from manifests.files import write_json
from manifests.progress import progress_bar
from manifests.units import Seconds

STATE = ".fetch"
BLOCK = 1 << 20  # bytes in hand
PATIENCE: Seconds = 30.0  # for the next bytes
TRIES = 5  # in one command, each from where the one before was cut; what brings bytes does not count
AGAIN = "What has come is kept: the same command goes on from there."


@dataclass(frozen=True)
class Download:
    """One file of a corpus on the net."""

    url: str  # http or https
    checksum: str  # ALGORITHM:HEX, as md5:42e2...; the corpus's makers say it
    size: int | None = None  # bytes, where they are known
    part: str = ""  # of the corpus that is in it
    inside: str = "."  # folder in the archives that is the source root
    asked: bool = False  # fetched only where its part is named

    @property
    def name(self) -> str:
        """The file's own name."""
        return self.url.rpartition("/")[2]


def fetch(downloads: Sequence[Download], root: Path, *, parts: Sequence[str] = ()) -> Path:
    """Download and unpack what is not there yet; return the corpus's source root in `root`.

    Args:
        downloads: of a recipe.
        root: the folder to unpack in.
        parts: names of parts to fetch; (): all that need not be named.

    Raises:
        SettingsError: no such part.
        DownloadError: no connection, another file than the recipe names, or an archive that writes elsewhere.
        DiskError: no space for it.
        OccupiedError: another process fetches it.
    """
    known = [one.part for one in downloads]
    if unknown := [part for part in parts if part not in known]:
        raise SettingsError(f"parts name {', '.join(unknown)}, expected some of {', '.join(known)}.")
    wanted = [one for one in downloads if one.part in parts or not (parts or one.asked)]
    if not wanted:
        raise SettingsError(f"Name the parts to fetch, of {', '.join(known)}.")
    state = root / STATE
    with alone(root, "fetches this corpus"):
        state.mkdir(parents=True, exist_ok=True)
        for one in wanted:
            if not (state / f"{one.name}.done").is_file():
                _fetch(one, root, state)
    return root / wanted[0].inside


def _fetch(one: Download, root: Path, state: Path) -> None:
    archive = state / f"{one.name}.part"
    with progress_bar() as bar:
        task = bar.add_task(f"fetch {one.name}", total=_megabytes(one.size), note="MB")
        _complete(
            one, archive, lambda done, size: bar.update(task, completed=done // 1_000_000, total=_megabytes(size))
        )
        bar.update(task, description=f"check {one.name}")
        _check(one, archive)
        bar.update(task, description=f"unpack {one.name}")
        with appending(root):
            unpack(archive, root, name=one.name)
    write_json(state / f"{one.name}.done", {"url": one.url, "checksum": one.checksum})
    remove(archive)


def _megabytes(size: int | None) -> int | None:
    return None if size is None else max(1, size // 1_000_000)


def _complete(one: Download, archive: Path, report: Callable[[int, int | None], None]) -> None:
    """Have all bytes of a file, those that were there before and the others."""
    failed = 0
    while True:
        before = archive.stat().st_size if archive.is_file() else 0
        if one.size is not None and before >= one.size:
            return
        try:
            if _receive(one, archive, before, report):
                return
            why = "the connection was cut"
        except urllib.error.HTTPError as error:
            raise DownloadError(f"{one.url}: the server says {error.code} {error.reason}. {AGAIN}") from error
        except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError) as error:
            why = str(getattr(error, "reason", None) or error) or type(error).__name__
        after = archive.stat().st_size if archive.is_file() else 0
        failed = 0 if after > before else failed + 1
        if failed >= TRIES:
            raise DownloadError(f"{one.url} cannot be fetched ({why}; {after:,} bytes are there). {AGAIN}")


def _receive(one: Download, archive: Path, before: int, report: Callable[[int, int | None], None]) -> bool:
    """Append what a server sends from byte `before` on; whether that is all."""
    request = urllib.request.Request(one.url, headers={"Range": f"bytes={before}-"} if before else {})
    with _opened(request) as answer:
        if answer is None:  # nothing follows: all is there, or more than that, which the checksum tells
            return True
        goes_on = answer.status == http.client.PARTIAL_CONTENT
        length = answer.headers.get("Content-Length")
        size = one.size if length is None else int(length) + (before if goes_on else 0)
        done = before if goes_on else 0
        with appending(archive), archive.open("ab" if goes_on else "wb") as stream:
            while block := answer.read(BLOCK):
                stream.write(block)
                done += len(block)
                report(done, size)
    return size is None or done >= size


@contextmanager
def _opened(request: urllib.request.Request) -> Iterator[http.client.HTTPResponse | None]:
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            yield answer
    except urllib.error.HTTPError as error:
        if error.code != http.client.REQUESTED_RANGE_NOT_SATISFIABLE:
            raise
        yield None


def _check(one: Download, archive: Path) -> None:
    kind, _, expected = one.checksum.partition(":")
    with archive.open("rb") as stream:
        found = hashlib.file_digest(stream, lambda: hashlib.new(kind, usedforsecurity=False)).hexdigest()
    if found != expected:
        size = archive.stat().st_size
        remove(archive)
        raise DownloadError(
            f"{one.url} sent another file than the recipe names: {kind} {found}, expected {expected} ({size:,} bytes). "
            "It was removed. Run the same command again; if that does not help, a proxy or the server changes it."
        )


def unpack(archive: Path, folder: Path, *, name: str) -> None:
    """Unpack a tar (packed in any way) or zip into a folder, file by file.

    Raises:
        DownloadError: it is neither, is damaged, or has a member that would be written outside of the folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as packed:
                for member in packed.infolist():
                    _need_inside(member.filename, folder, name)
                    packed.extract(member, folder)
            return
        with tarfile.open(archive) as packed_tar:
            for tarred in packed_tar:
                packed_tar.extract(tarred, folder, filter="data")
    except tarfile.FilterError as error:
        raise DownloadError(
            f"{name} has a member that would be written outside of {folder} ({error}). It stopped there."
        ) from error
    except (tarfile.TarError, zipfile.BadZipFile, EOFError) as error:
        raise DownloadError(
            f"{name} is no whole tar or zip ({error}). Remove {archive} and run the command again."
        ) from error


def _need_inside(member: str, folder: Path, name: str) -> None:
    if not (folder / member).resolve().is_relative_to(folder.resolve()):
        raise DownloadError(
            f"{name} has a member that would be written outside of {folder} ({member}). It stopped there."
        )
