"""Splits by hash that share nothing: rows of a recipe that are linked go where one of them goes."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from manifests.linked import Linked, speaker_keys, split_groups, text_keys
from manifests.linked.same import Readings
from manifests.linked.sounds import sound_links
from manifests.rows import TextRow
from recipes.common import CorpusRows, Recipe

if TYPE_CHECKING:
    from lhotse import MonoCut


def keep_together(recipe: Recipe, found: CorpusRows, readings: Readings | None = None) -> CorpusRows:
    """The rows, with the splits of groups (see `manifests.linked`) where the recipe splits by hash.

    Cuts are changed in place. A group that is most of the corpus is said on standard error.
    """
    if not recipe.links:
        return found
    cuts = [cut.to_dict() for cut in found.cuts] if "audio" in recipe.links else []
    sounds = sound_links(cuts) if cuts else [[] for _ in found.cuts]
    rows = [_cut(recipe, cut, sound, readings) for cut, sound in zip(found.cuts, sounds, strict=True)]
    rows += [_text(recipe, text, readings) for text in found.texts]
    grouped = split_groups(rows)
    for cut, split in zip(found.cuts, grouped.splits, strict=False):
        cut.custom["split"] = split
    texts = [
        replace(text, split=split) for text, split in zip(found.texts, grouped.splits[len(found.cuts) :], strict=True)
    ]
    if said := grouped.said():
        print(f"{recipe.corpus}: {said}", file=sys.stderr)
    return CorpusRows(found.cuts, texts, found.rejects)


def _cut(recipe: Recipe, cut: MonoCut, sound: list[str], readings: Readings | None) -> Linked:
    said = cut.supervisions[0]
    values = {
        "recording": [cut.recording.id],
        "speaker": speaker_keys(recipe.corpus, said.speaker),
        "text": text_keys(said.text, said.language, readings),
        "audio": [cut.custom["audio_sha256"], *sound],
    }
    return Linked(cut.id, cut.custom["split"], _chosen(recipe, cut.id, said.custom or {}, values))


def _text(recipe: Recipe, text: TextRow, readings: Readings | None) -> Linked:
    values = {"text": text_keys(text.text, text.language, readings)}
    return Linked(text.id, text.split, _chosen(recipe, text.id, {}, values))


def _chosen(
    recipe: Recipe, row_id: str, labels: Mapping[str, Any], values: dict[str, list[str]]
) -> dict[str, list[str]]:
    family = {"family": [recipe.family(row_id, labels)]} if recipe.family else {}
    return {link: found for link, found in values.items() if link in recipe.links} | family
