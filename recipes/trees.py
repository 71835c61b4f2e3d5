"""A corpus's source folder: what is in it, whether it is the right one, and links that lead out of it."""

from __future__ import annotations

import hashlib
import heapq
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from manifests.errors import AudioError, MissingFileError, SettingsError
from manifests.fingerprint import canonical_json
from manifests.items import About, Item
from manifests.reasons import Reason
from manifests.rows import Reject, TextRow
from recipes.common import SOURCE, Recipe, how_to_get, listing, need_inside

Stat = tuple[str, int, int]  # path in the source, bytes, time of change in ns


def tree_fingerprint(root: Path, parts: Iterable[str]) -> str:
    """64 hex digits of name, size and time of every file of the parts, with a folder's entries in memory at a time."""
    digest = hashlib.sha256(f"[{canonical_json(str(root))},[".encode(errors="surrogateescape"))
    found = heapq.merge(*(_stats(root, root / part) for part in parts), key=lambda stat: Path(stat[0]).parts)
    for number, stat in enumerate(found):
        text = json.dumps(stat, separators=(",", ":"), ensure_ascii=False)
        digest.update((("," if number else "") + text).encode(errors="surrogateescape"))
    digest.update(b"]]")
    return digest.hexdigest()


def _stats(root: Path, path: Path) -> Iterator[Stat]:
    """Files under a path, sorted by the parts of their names; links to folders are not followed."""
    if not path.is_dir():
        found = path.stat()
        yield str(path.relative_to(root)), found.st_size, found.st_mtime_ns
        return
    yield from _inside_folder(str(path), "" if path == root else f"{path.relative_to(root)}{os.sep}")


def _inside_folder(folder: str, name: str) -> Iterator[Stat]:
    try:
        with os.scandir(folder) as listing:
            entries = sorted(listing, key=lambda entry: entry.name)
    except PermissionError:
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from _inside_folder(entry.path, f"{name}{entry.name}{os.sep}")
        elif entry.is_file():
            found = entry.stat()
            yield f"{name}{entry.name}", found.st_size, found.st_mtime_ns


def nothing_found(root: Path, recipe: Recipe, rejects: int) -> MissingFileError:
    """The error of a folder in which a recipe finds no row of its corpus."""
    wanted = f" Looked for the parts {', '.join(recipe.expected)}." if recipe.expected else ""
    return MissingFileError(
        f"{root} holds nothing usable of the corpus `{recipe.corpus}` ({rejects:,} rejects; {listing(root)}).{wanted} "
        f"{how_to_get(recipe)} Check that the source folder is the corpus's root."
    )


@contextmanager
def links_stay_in(root: Path | None, recipe: Recipe) -> Iterator[None]:
    """In this block `need_inside` refuses links out of `root`; None: they may lead anywhere.

    Raises:
        SettingsError: a part itself is such a link.
    """
    token = SOURCE.set(root)
    try:
        for path in [] if root is None else [root / part for part in recipe.parts]:
            try:
                need_inside(path)
            except AudioError as error:
                raise SettingsError(str(error)) from error
        yield
    finally:
        SOURCE.reset(token)


def inside(items: Iterable[Item | TextRow | Reject], about: About) -> Iterator[Item | TextRow | Reject]:
    """The items; a reject in place of one whose file is a link out of the source."""
    folder = None  # of the file before, which is inside: then only the file itself may be a link
    for item in items:
        if isinstance(item, Item) and not (item.audio.parent == folder and not item.audio.is_symlink()):
            try:
                need_inside(item.audio)
                folder = item.audio.parent
            except AudioError as error:
                yield about.reject(item.key, Reason(error.reason), str(error))
                continue
        yield item
