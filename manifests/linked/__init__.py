"""Splits by hash that share nothing: what counts as the same text or speaker, and groups that stay in one split."""

from __future__ import annotations

from manifests.linked.groups import LINKS, Grouped, Linked, split_groups
from manifests.linked.same import same_speaker, same_text, speaker_keys, text_keys

__all__ = ["LINKS", "Grouped", "Linked", "same_speaker", "same_text", "speaker_keys", "split_groups", "text_keys"]
