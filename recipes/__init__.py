"""Recipes: one file per corpus, each turning real files into Lhotse manifests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from manifests.lazy import lazy_names

if TYPE_CHECKING:
    from recipes.common import Recipe
    from recipes.registry import find, names, prepare

__all__ = ["Recipe", "find", "names", "prepare"]

__getattr__ = lazy_names(
    __name__, {"Recipe": "recipes.common", **dict.fromkeys(("find", "names", "prepare"), "recipes.registry")}
)
