"""Splits by hash that share nothing: rows of a recipe that are linked go where one of them goes."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from manifests.linked.beside import cut_links, look_beside, text_links
from manifests.linked.groups import Linked
from manifests.linked.same import Readings
from manifests.rows import TextRow
from recipes.common import CorpusRows, Recipe


def keep_together(
    recipe: Recipe, found: CorpusRows, readings: Readings | None = None, beside: Path | None = None
) -> CorpusRows:
    """The rows, with the splits of groups (see `manifests.linked`) where the recipe splits by hash.

    Cuts are changed in place. A group that is most of the corpus is said on standard error.

    beside: folder of the corpora whose splits stand, so that linked rows go there; None: the corpus is split alone.
    """
    if not recipe.links:
        return found
    cuts = [cut.to_dict() for cut in found.cuts]
    others = look_beside(cuts, beside, corpus=recipe.corpus, links=recipe.links, readings=readings)
    rows = [_cut(recipe, cut, sound, readings) for cut, sound in zip(cuts, others.sounds, strict=True)]
    rows += [_text(recipe, text, readings) for text in found.texts]
    grouped = others.split(rows, recipe.corpus)
    for cut, split in zip(found.cuts, grouped.splits, strict=False):
        cut.custom["split"] = split
    texts = [
        replace(text, split=split) for text, split in zip(found.texts, grouped.splits[len(found.cuts) :], strict=True)
    ]
    if said := grouped.said():
        print(f"{recipe.corpus}: {said}", file=sys.stderr)
    return CorpusRows(found.cuts, texts, found.rejects)


def _cut(recipe: Recipe, cut: dict[str, Any], sound: list[str], readings: Readings | None) -> Linked:
    labels = cut["supervisions"][0].get("custom") or {}
    links = cut_links(cut, recipe.links, sound, readings)
    return Linked(cut["id"], cut["custom"]["split"], links | _family(recipe, cut["id"], labels))


def _text(recipe: Recipe, text: TextRow, readings: Readings | None) -> Linked:
    links = text_links(text.text, text.language, recipe.links, readings)
    return Linked(text.id, text.split, links | _family(recipe, text.id, {}))


def _family(recipe: Recipe, row_id: str, labels: Mapping[str, Any]) -> dict[str, list[str]]:
    return {"family": [recipe.family(row_id, labels)]} if recipe.family else {}
