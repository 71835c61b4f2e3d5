"""Whether a text looks invented: loops, subtitles' phrases, too long."""

from __future__ import annotations

from typing import ClassVar

from curation.passes.base import SettledPass, label, supervision
from curation.passes.shards import Row, ShardResult
from curation.text.invented import signs
from manifests.errors import Rejected
from manifests.reasons import Reason
from manifests.settings.makers import Maker


class Hallucination(SettledPass):
    """Labels repetition, boilerplate (shares, 0 to 1), pace (1: as one reads aloud) and hallucination.

    hallucination is the strongest of them, 0 to 1, with the reasons in text. Of audio only the length counts.
    """

    name: ClassVar[str] = "hallucination"
    version: ClassVar[str] = "1"

    def label_shard(self, rows: list[Row]) -> ShardResult:
        """Read each row."""
        return self.each(rows, self._read)

    def _read(self, row: Row, result: ShardResult) -> None:
        said = supervision(row)
        text = said.get("text")
        if (row.get("custom") or {}).get("task") == "sound":
            raise Rejected(Reason.not_speech, "a sound: its text is a caption")
        if not isinstance(text, str) or not text.strip():
            raise Rejected(Reason.text_missing, "no text to look at")
        found = signs(text, float(row["duration"]), str(said.get("language") or ""))
        shares = {"repetition": found.repetition, "boilerplate": found.boilerplate, "pace": found.pace}
        result.labels += [label(self.name, row, key, value) for key, value in shares.items()]
        result.labels.append(label(self.name, row, "hallucination", found.score, "; ".join(found.reasons)))


PASS = Maker(Hallucination, lambda job: job)
