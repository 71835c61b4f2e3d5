"""What imports share: items of any origin become a prepared corpus (manifests/rows), each a cut or a reject."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

from curation.interchange.stored import address_of, in_place
from curation.storage import fetched, in_store, source_place, store_root, version_of
from curation.text.readings import number_readings
from manifests.errors import ManifestError, MissingFileError, OccupiedError
from manifests.fingerprint import file_sha256, provenance
from manifests.items import About, Item
from manifests.items.corpus import gathering, names_of
from manifests.items.measure import groups_of
from manifests.items.splits import Sharing
from manifests.places import as_sound
from manifests.reasons import Reason
from manifests.rows import AUDIO, CorpusInfo, Reject, TextRow, claim_corpus, read_corpus
from manifests.rows.places import found_audio
from manifests.switch import switched

AT_ONCE = 256  # items whose files are fetched together
FETCHERS = 16  # threads that fetch
Items: TypeAlias = Iterable[Item | TextRow | Reject] | Callable[[], Iterable[Item | TextRow | Reject]]


def write_items(
    items: Items,
    output: Path,
    about: About,
    *,
    source: str,
    inputs: Mapping[str, str],
    names: Mapping[str, str] | None = None,
) -> CorpusInfo:
    """Write the corpus folder `output/CORPUS`; every item becomes a cut or a reject.

    Args:
        items: from a reader of this package; or what gives them whenever it is called, which needs no memory for them.
        output: the corpora folder.
        about: of the corpus.
        source: where the items came from, for the corpus's provenance.
        inputs: what the source is (path, or name) -> fingerprint of its content; see `claim_import`.
        names: the names of splits in the items -> where they stand, for items that are not to be read before the folder
            is claimed; by default the items are read once before, and tell.

    Raises:
        SettingsError: a name of a split that is not known; nothing was written.
        OccupiedError: the folder holds something else; nothing in it was touched.

    Where the split is a hash, a group of rows that is most of the corpus is said on standard error.
    """
    folder = output / about.corpus
    again, total = _again(items, names), None
    if names is None:
        names, total = names_of(again())
    splits = about.map_of(names)
    claim_import(folder, source, inputs)
    settings = {"imported": source, "split": about.split or "train", "task": about.task, "channels": about.channels}
    info = CorpusInfo(
        name=about.corpus,
        title=about.title or about.corpus,
        license=about.license,
        makers=about.makers,
        provenance=provenance(settings, inputs),
        splits=splits,
    )
    with gathering(folder, about) as rows:
        stores = {store_root(place) for place in map(source_place, inputs) if in_store(place)}
        rows.read(with_files(again(), folder / AUDIO, about, stores), splits, total=total)
        rows.share(Sharing(about.links, number_readings, output if about.beside else None))
        with switched(folder) as switch:
            return rows.write(switch, info)


def _again(items: Items, names: Mapping[str, str] | None) -> Callable[[], Iterable[Item | TextRow | Reject]]:
    """Gives the items whenever it is called; once is enough where the names of splits are known."""
    if callable(items):
        return items
    listed = list(items) if names is None else items
    return lambda: listed


def claim_import(folder: Path, source: str, inputs: Mapping[str, str]) -> None:
    """Take a folder for an import: a new one, or one that was imported from the same paths or the same content.

    Raises:
        OccupiedError: another corpus has the name, or something else is there. Nothing is touched.
    """
    try:
        known = read_corpus(folder).provenance
    except (MissingFileError, ManifestError):
        known = {}
    before = known.get("inputs") if "imported" in known.get("settings", {}) else None
    if not before:  # nothing there, what is no import, or an import of an earlier version, which tells names of files
        claim_corpus(folder, {"imported": source})
        return
    if before.keys() != inputs.keys() and sorted(before.values()) != sorted(inputs.values()):
        raise OccupiedError(
            f"{folder} holds another corpus (imported from {', '.join(before)}; asked: {', '.join(inputs)}). Nothing "
            "was touched. Give this one another name, or remove the folder first."
        )
    claim_corpus(folder, {})


def content_of(paths: Iterable[Path]) -> dict[str, str]:
    """Absolute path -> fingerprint of the file, as `inputs` of an import; in a store: its version."""
    return {
        str(path.absolute()): version_of(path) if in_store(path) else file_sha256(path)
        for path in paths
        if path.is_file()
    }


def common_folder(paths: Sequence[Path]) -> Path:
    """The folder that holds all files."""
    folders = [path.absolute().parent for path in paths]
    return source_place(os.path.commonpath(list(map(str, folders)))) if len({*folders}) > 1 else folders[0]


def place_of(name: str, folder: Path) -> Path:
    """Where a file is that a list in `folder` names: of a list in a store another file in there, or in another."""
    return address_of(name) or (found_audio(name, folder) if in_store(folder) else folder / name)


def with_files(items: Iterable[Any], folder: Path, about: About, allowed: Collection[str]) -> Iterator[Any]:
    """Items whose audio is a file here: that of a store is fetched, many at once, in order.

    Args:
        items: of any kind.
        folder: where copies lie.
        about: of the corpus.
        allowed: buckets of which files are fetched; items of others are rejects.

    Raises:
        MissingFileError: a store does not answer.
    """
    if not allowed:
        yield from items
        return
    if in_place():
        yield from (_left_there(item, about, allowed) for item in items)
        return
    with ThreadPoolExecutor(FETCHERS) as pool:
        for group in groups_of(items, AT_ONCE):
            yield from pool.map(lambda item: _with_file(item, folder, about, allowed), group)


def _left_there(item: Any, about: About, allowed: Collection[str]) -> Any:
    """An item whose audio is read in its store."""
    if not isinstance(item, Item) or not in_store(item.audio):
        return item
    return _elsewhere(item, about, allowed) or replace(item, audio=as_sound(str(item.audio)))


def _elsewhere(item: Item, about: About, allowed: Collection[str]) -> Reject | None:
    """The reject of an item whose audio is in a store that nobody named."""
    if store_root(item.audio) in allowed:
        return None
    here = ", ".join(allowed)
    detail = f"{item.place}: {item.audio} is in another store than what is imported ({here}), and is not fetched"
    return about.reject(item.key, Reason.unsupported_audio, detail)


def _with_file(item: Any, folder: Path, about: About, allowed: Collection[str]) -> Any:
    if not isinstance(item, Item) or not in_store(item.audio) or about.leaves_out(item.split or ""):
        return item
    if (refused := _elsewhere(item, about, allowed)) is not None:
        return refused
    try:
        return replace(item, audio=fetched(item.audio, folder))
    except FileNotFoundError:
        return about.reject(item.key, Reason.audio_missing, f"No such audio file: {item.audio}.")
