"""Splits by hash of an import: groups of cuts that share something, with each other or with a corpus beside them."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curation.text.readings import number_readings
from manifests.files import read_jsonl
from manifests.linked import Linked, speaker_keys, split_groups, text_keys
from manifests.linked.sounds import sound_links
from manifests.rows import TEXTS, corpus_folders, cut_rows

if TYPE_CHECKING:
    from lhotse import MonoCut, MultiCut


def split_cuts(
    cuts: Sequence[MonoCut | MultiCut], by_hash: Collection[str], output: Path, *, corpus: str, links: Collection[str]
) -> None:
    """Set the split of the cuts whose ids are in `by_hash`, which have that of their own hash.

    They go with the cuts that have a split of their own, here or in the other corpora of `output`, and share one of
    `links` (of `manifests.linked.LINKS`) with them; re-encoded audio is found within the import alone.
    """
    if not by_hash:
        return
    rows = [cut.to_dict() for cut in cuts]
    sounds = sound_links(rows) if "audio" in links else [[] for _ in rows]
    linked = [
        Linked(row["id"], row["custom"]["split"], _links(row, links, sound), row["id"] not in by_hash)
        for row, sound in zip(rows, sounds, strict=True)
    ]
    grouped = split_groups([*linked, *_beside(output, corpus, links)])
    for cut, split in zip(cuts, grouped.splits, strict=False):
        cut.custom["split"] = split
    if said := grouped.said():
        print(f"{corpus}: {said}", file=sys.stderr)


def _beside(output: Path, corpus: str, links: Collection[str]) -> Iterator[Linked]:
    """The rows of the other corpora under `output`: their splits stand."""
    for folder in corpus_folders(output):
        if folder.name == corpus:
            continue
        for row in cut_rows(folder):
            split = (row.get("custom") or {}).get("split")
            if split:
                yield Linked(str(row["id"]), split, _links(row, links), fixed=True)
        for row in read_jsonl(folder / TEXTS) if (folder / TEXTS).is_file() else ():
            found = {"text": text_keys(row["text"], row.get("language"), number_readings)}
            yield Linked(row["id"], row["split"], found if "text" in links else {}, fixed=True)


def _links(row: Mapping[str, Any], wanted: Collection[str], sound: Sequence[str] = ()) -> dict[str, list[str]]:
    """What a cut (as JSON) shares with others."""
    facts = row.get("custom") or {}
    said = (row.get("supervisions") or [{}])[0]
    recording = row.get("recording") or {}
    sources = [source.get("source") for source in recording.get("sources") or []]
    corpus = str(facts.get("corpus"))
    values = {
        "recording": [f"{corpus}/{recording.get('id')}", *map(str, sources), *_known(facts.get("audio_sha256"))],
        "speaker": speaker_keys(corpus, said.get("speaker")),
        "text": text_keys(said.get("text"), said.get("language"), number_readings),
        "audio": [*_known(facts.get("audio_sha256")), *sound],
    }
    return {link: found for link, found in values.items() if link in wanted}


def _known(value: str | None) -> list[str]:
    return [value] if value else []
