"""The rows of an ablation's results: what is there of each cell and stage, and why something is not."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa

from curation.catalog import catalog_fingerprint, connect
from manifests.files import read_object
from manifests.runs import RUN
from manifests.units import Hours
from soundwave.ablation.commands import Commands, TrainTask, read_or_none
from soundwave.ablation.execute import Outcome
from soundwave.ablation.grid import Grid
from soundwave.ablation.nodes import Cell, Node
from soundwave.ablation.results import columns
from soundwave.ablation.running.known import KnownRows
from soundwave.ablation.running.measured import CLIP_COLUMNS, asked_of, clip_table, figures
from soundwave.train.settings import StageSettings

LONGEST = 500  # characters of an error in a row
ALL_STEPS = 2**31 - 1


class Places(Protocol):
    """What rows need to know of an ablation."""

    catalog: Path
    output: Path
    commands: Commands
    grids: dict[str, Grid]
    nodes: dict[str, Node]
    known: KnownRows | None
    taken: dict[str, list[dict[str, Any]]]

    def settings(self, node: Node) -> StageSettings:
        """As trained."""

    def task(self, node: Node) -> TrainTask:
        """Its files."""

    def run_folder(self, node: Node) -> Path:
        """Its run."""

    def evaluation_file(self, node: Node, grid: Grid) -> Path:
        """Its evaluation."""


class RowReader:
    """Reads rows; what several cells share is read once."""

    def __init__(self, places: Places, outcome: Outcome) -> None:
        """outcome: what became of the jobs in this call."""
        self.places, self.outcome = places, outcome
        self.trained = cache(self._trained)
        self.info = cache(self._info)
        self._hours: dict[tuple[tuple[str, int], ...], Hours] = {}

    def cell(self, cell: Cell) -> list[dict[str, Any]]:
        """A row for each stage that is trained, up to the first one that failed."""
        if cell.infeasible:
            return [self._facts(cell) | {"error": cell.infeasible}]
        taken = self.places.taken.get(f"{cell.grid}/{cell.name}")
        if taken is not None:
            own = {name: value for name, value in self._facts(cell).items() if value is not None}
            return [{**row, **own, "error": None} for row in taken]
        rows: list[dict[str, Any]] = []
        for position in range(1, len(cell.chain) + 1):
            chain = [self.places.nodes[key] for key in cell.chain[:position]]
            if self.trained(chain[-1].key):
                rows.append(self._row(cell, chain, last=position == len(cell.chain)))
                continue
            key = self.places.task(chain[-1]).output.name
            failed = {self.places.run_folder(self.places.nodes[name]).name: said
                      for name, said in self.outcome.failed.items() if name in self.places.nodes}  # fmt: skip
            if key in failed:
                place = {"stage": chain[-1].stage, "position": position, "last": position == len(cell.chain)}
                why = f"training failed: {failed[key]}"[:LONGEST]
                rows.append(
                    self._facts(cell) | place | {"key": chain[-1].key, "plan": chain[-1].plan.key, "error": why}
                )
            break
        return rows

    def clips(self, row: Mapping[str, Any]) -> pa.Table:
        """What clips gave to a row's figures."""
        key, grid = str(row["key"]), self.places.grids[row["grid"]]
        rows = self.places.taken.get(f"{row['grid']}/{row['cell']}", ())
        for taken in rows:
            if taken["key"] == key and self.places.known:
                found = self.places.known.clips_of(taken, row)
                return CLIP_COLUMNS.empty_table() if found is None else found
        node = self.places.nodes[key]
        asked = asked_of(grid, self.places.settings(node))
        return clip_table(grid, asked, self.places.evaluation_file(node, grid).with_suffix(".parquet"), row)

    def _facts(self, cell: Cell) -> dict[str, Any]:
        axes = json.dumps(cell.axes, sort_keys=True)
        names = (outcome.name for outcome in self.places.grids[cell.grid].wanted)
        facts: dict[str, Any] = dict.fromkeys(columns(*names))
        facts |= {"grid": cell.grid, "cell": cell.name, "arm": cell.arm, "fraction": cell.fraction, "seed": cell.seed}
        return facts | {"axes": axes, "repeats": cell.repeats}

    def _row(self, cell: Cell, chain: Sequence[Node], *, last: bool) -> dict[str, Any]:
        node, infos = chain[-1], [self.info(part.key) for part in chain]
        grid = self.places.grids[cell.grid]
        target = self.places.evaluation_file(node, grid)
        evaluation = read_or_none(target)
        asked = asked_of(grid, self.places.settings(node))
        found = figures(grid, asked, evaluation or {})
        if evaluation is None:
            found["error"] = self._not_evaluated(target)
        seen = tuple(
            (part.plan.key, int(info.get("steps") or ALL_STEPS)) for part, info in zip(chain, infos, strict=True)
        )
        return {
            **self._facts(cell),
            "stage": node.stage,
            "position": len(chain),
            "last": last,
            "hours": self._hours_of(seen),
            "steps": infos[-1].get("steps"),
            "wall_seconds": total(infos, "seconds"),
            "cpu_seconds": total(infos, "cpu_seconds"),
            **found,
            "run": str(self.places.run_folder(node).relative_to(self.places.output)),
            "plan": node.plan.key,
            "evaluation": str(target.relative_to(self.places.output)) if evaluation else None,
            "key": node.key,
            "design": node.design,
            "catalog": self._catalog(),
            "branched": infos[-1].get("branch") is not None,
        }

    def _not_evaluated(self, target: Path) -> str | None:
        said = self.outcome.failed.get(target.stem)
        return None if said is None else f"evaluation failed: {said}"[:LONGEST]

    def _trained(self, key: str) -> bool:
        return self.places.commands.trained(self.places.task(self.places.nodes[key]))

    def _info(self, key: str) -> Mapping[str, Any]:
        return read_object(self.places.run_folder(self.places.nodes[key]) / RUN)

    def _hours_of(self, seen: tuple[tuple[str, int], ...]) -> Hours:
        """Hours of different audio in the first steps of some plans. Text-only rows have no audio."""
        if seen not in self._hours:
            where = " OR ".join("(plan = ? AND step < ?)" for _ in seen)
            drawn = f"SELECT cut_id FROM plans WHERE {where}"
            query = f"SELECT coalesce(hours(duration), 0) FROM cuts WHERE cut_id IN ({drawn})"
            answer = self._connection().execute(query, [value for pair in seen for value in pair]).fetchone()
            self._hours[seen] = float(answer[0]) if answer else 0.0
        return self._hours[seen]

    @cache  # noqa: B019 - as long as the reader
    def _catalog(self) -> str:
        return catalog_fingerprint(self.places.catalog)

    @cache  # noqa: B019 - as long as the reader
    def _connection(self) -> Any:
        return connect(self.places.catalog, plans=self.places.output / "plans")


def total(infos: Sequence[Mapping[str, Any]], name: str) -> float | None:
    """The sum of a number of several runs; None where one does not say it."""
    values = [info.get(name) for info in infos]
    return None if any(value is None for value in values) else sum(float(value) for value in values if value)
