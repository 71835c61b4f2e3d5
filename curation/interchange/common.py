"""What imports share: items of any origin become a prepared corpus (manifests/rows), each a cut or a reject."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from curation.interchange.splits import split_cuts
from manifests.errors import ManifestError, MissingFileError, OccupiedError
from manifests.fingerprint import file_sha256, provenance
from manifests.items import About, Item
from manifests.items.cuts import make_cuts
from manifests.rows import CorpusInfo, Reject, claim_corpus, read_corpus, write_corpus
from manifests.rows.splits import HASH


def write_items(
    items: Iterable[Item | Reject],
    output: Path,
    about: About,
    *,
    source: str,
    inputs: Mapping[str, str],
    names: Mapping[str, str] | None = None,
) -> CorpusInfo:
    """Write the corpus folder `output/CORPUS`; every item becomes a cut or a reject.

    Args:
        items: from a reader of this package.
        output: the corpora folder.
        about: of the corpus.
        source: where the items came from, for the corpus's provenance.
        inputs: what the source is (path, or name) -> fingerprint of its content; see `claim_import`.
        names: the names of splits in the items -> where they stand, for items that are not to be read before the folder
            is claimed; by default the items are read and tell.

    Raises:
        SettingsError: a name of a split that is not known; nothing was written.
        OccupiedError: the folder holds something else; nothing in it was touched.

    Where the split is a hash, a group of rows that is most of the corpus is said on standard error.
    """
    folder = output / about.corpus
    if names is None:
        items = list(items)
        names = _split_names(items)
    splits = about.map_of(names)
    claim_import(folder, source, inputs)
    listed = list(items)
    cuts, rejects = make_cuts(listed, about, splits)
    hashed = [item.key for item in listed if isinstance(item, Item) and splits[item.split or ""] == HASH]
    by_hash = {f"{about.corpus}-{key}" for key in hashed}
    split_cuts(cuts, by_hash, output, corpus=about.corpus, links=about.links, beside=about.beside)
    settings = {"imported": source, "split": about.split or "train", "task": about.task, "channels": about.channels}
    info = CorpusInfo(
        name=about.corpus,
        title=about.title or about.corpus,
        license=about.license,
        makers=about.makers,
        provenance=provenance(settings, inputs),
        splits=splits,
    )
    return write_corpus(folder, info, cuts, [], rejects)


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


def _split_names(items: Sequence[Item | Reject]) -> dict[str, str]:
    """Name of a split ("" for none) -> the first place that has it."""
    found: dict[str, str] = {}
    for item in items:
        if isinstance(item, Item):
            found.setdefault(item.split or "", item.place)
    return found
