"""How much higher a cut's loss stayed than is usual, in runs' ledgers."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from pydantic import PrivateAttr

from curation.catalog.ledger import open_ledger
from curation.catalog.runs import find_runs
from curation.passes.base import SettledPass, label
from curation.passes.shards import Row, ShardResult, corpus_rows
from manifests.errors import SettingsError
from manifests.runs import read_run
from manifests.settings.makers import Maker

BATCH = 1024  # rows whose scores are asked for at once
SCORES = " suspicion"  # a field of a row on its way to the pass: uses, and times_usual
QUERY = "SELECT cut_id, uses, times_usual FROM scores WHERE cut_id IN (SELECT unnest(?))"


class Suspicion(SettledPass):
    """Labels uses (in the runs) and times_usual: how many times as high as is usual the loss was (SQL: suspicion())."""

    runs: str = ""
    """Runs whose ledgers are read, or folders of runs; several with commas between them."""
    catalog: str = ""
    """That the runs were trained on: the length of a text is weighed; without it that of the audio."""

    name: ClassVar[str] = "suspicion"
    version: ClassVar[str] = "1"

    _keys: tuple[str, ...] = PrivateAttr(default=())

    def model_post_init(self, _: object) -> None:
        """Read which runs these are: their keys say so wherever they lie."""
        self._keys = tuple(sorted(read_run(run).key for run in self._folders())) if self.runs else ()

    @property
    def settings(self) -> dict[str, Any]:
        """Which trainings were asked; what they say of a row is part of the row."""
        return {"runs": list(self._keys)}

    def check(self) -> None:
        """Raise SettingsError when no run is named."""
        if not self.runs:
            raise SettingsError(
                "The pass `suspicion` needs runs to read. Name them with the setting `runs`: runs=demo/runs."
            )

    def rows(self, corpus_dir: Path) -> Iterator[Row]:
        """The corpus's cuts, with what the ledgers say of them."""
        with open_ledger(self._folders(), catalog=Path(self.catalog) if self.catalog else None) as con:
            con.execute("CREATE TEMP TABLE scores AS SELECT cut_id, uses, times_usual FROM suspicion(at_least := 1)")
            rows = corpus_rows(corpus_dir)
            while batch := list(itertools.islice(rows, BATCH)):
                ids = [str(row["id"]) for row in batch]
                told = {cut_id: [int(uses), times] for cut_id, uses, times in con.execute(QUERY, [ids]).fetchall()}
                yield from (row | {SCORES: told.get(str(row["id"]), [0, None])} for row in batch)

    def label_shard(self, rows: list[Row]) -> ShardResult:
        """Write down what came with the rows."""
        return self.each(rows, self._write)

    def _write(self, row: Row, result: ShardResult) -> None:
        uses, times = row[SCORES]
        result.labels.append(label(self.name, row, "uses", float(uses)))
        if times is not None:
            result.labels.append(label(self.name, row, "times_usual", float(times)))

    def _folders(self) -> list[Path]:
        return find_runs([Path(name.strip()) for name in self.runs.split(",") if name.strip()])


PASS = Maker(Suspicion, lambda job: job)
