"""Marks of each cut's sound that survive encoding it again.

The audit `leakage_sound` compares them.
"""

from __future__ import annotations

from typing import ClassVar

from curation.passes.base import SettledPass, cut_audio, label
from curation.passes.shards import Row, ShardResult
from manifests.audio.landmarks import landmarks
from manifests.settings.makers import Maker


class Fingerprint(SettledPass):
    """Labels landmarks (how many marks, and the marks) and landmark_keys (how many, and the keys to find them by)."""

    name: ClassVar[str] = "fingerprint"
    version: ClassVar[str] = "1"

    def label_shard(self, rows: list[Row]) -> ShardResult:
        """Mark each row."""
        return self.each(rows, self._mark)

    def _mark(self, row: Row, result: ShardResult) -> None:
        found = landmarks(cut_audio(row))
        result.labels += [
            label(self.name, row, "landmarks", float(len(found.pairs)), found.text()),
            label(self.name, row, "landmark_keys", float(len(found.keys)), found.key_text()),
        ]


PASS = Maker(Fingerprint, lambda job: job)
