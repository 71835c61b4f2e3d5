"""What imports share: items of any origin become a prepared corpus (manifests/rows), each a cut or a reject."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TypeAlias

from curation.text.readings import number_readings
from manifests.errors import ManifestError, MissingFileError, OccupiedError
from manifests.fingerprint import file_sha256, provenance
from manifests.items import About, Item
from manifests.items.corpus import gathering, names_of
from manifests.items.splits import Sharing
from manifests.rows import CorpusInfo, Reject, claim_corpus, read_corpus
from manifests.switch import switched

Items: TypeAlias = Iterable[Item | Reject] | Callable[[], Iterable[Item | Reject]]


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
        rows.read(again(), splits, total=total)
        rows.share(Sharing(about.links, number_readings, output if about.beside else None))
        with switched(folder) as switch:
            return rows.write(switch, info)


def _again(items: Items, names: Mapping[str, str] | None) -> Callable[[], Iterable[Item | Reject]]:
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
    """Absolute path -> fingerprint of the file, as `inputs` of an import."""
    return {str(path.absolute()): file_sha256(path) for path in paths if path.is_file()}
