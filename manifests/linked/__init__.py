"""Splits by hash that share nothing: what counts as the same text or speaker, and groups that stay in one split.

Names are imported when they are first used: catalogs compare texts, and need no graphs (scipy, 0.6 s) for that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from manifests.lazy import lazy_names

if TYPE_CHECKING:
    from manifests.linked.groups import LINKS, Grouped, Linked, split_groups
    from manifests.linked.same import same_speaker, same_text, speaker_keys, text_keys

__all__ = ["LINKS", "Grouped", "Linked", "same_speaker", "same_text", "speaker_keys", "split_groups", "text_keys"]

__getattr__ = lazy_names(
    __name__,
    dict.fromkeys(("LINKS", "Grouped", "Linked", "split_groups"), "manifests.linked.groups")
    | dict.fromkeys(("same_speaker", "same_text", "speaker_keys", "text_keys"), "manifests.linked.same"),
)
