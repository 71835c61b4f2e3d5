"""How good people would find speech and background: DNSMOS, 1 to 5."""

from __future__ import annotations

from typing import Any, ClassVar

from curation.passes.base import SettledPass, label
from curation.passes.scores.heard import hear_in_batches
from curation.passes.shards import Row, ShardResult
from curation.speech.dnsmos import NAMES, WHEEL, dnsmos
from manifests.settings.makers import Maker


class Mos(SettledPass):
    """Labels sig (the speech), bak (the background) and ovr (both)."""

    name: ClassVar[str] = "mos"
    version: ClassVar[str] = "1"

    def check(self) -> None:
        """Raise MissingPackageError or InputError when the network's weights are not here."""
        dnsmos()

    def label_shard(self, rows: list[Row]) -> ShardResult:
        """Judge each row."""
        network = dnsmos()  # a machine without it is no fault of the rows
        return hear_in_batches(self, rows, lambda clips: [*network.judge(clips)], self._tell)

    def _tell(self, row: Row, found: Any, result: ShardResult) -> None:
        result.labels += [label(self.name, row, key, float(value)) for key, value in zip(NAMES, found, strict=True)]


PASS = Maker(Mos, lambda job: job, WHEEL.needs)
