"""metrics.jsonl (a line per step) and the ledger (a row per draw), both cut back to the checkpoint on resume."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pyarrow as pa

from manifests.disk.faults import appending
from manifests.files import atomic_write
from manifests.lines.jsonl import rows
from manifests.runs import LEDGER_ROWS
from manifests.schema import arrow_schema
from soundwave.train.batches.plan_data import Draw
from soundwave.train.batches.samples import Refusal, Sample
from soundwave.train.micro_batches import Measured
from soundwave.train.runs.ledger_file import cut_back

MEASURED = ("loss", "ctc_loss", "frames", "kept_frames")


class Log:
    """A JSON-lines file with a `step` in every row, flushed row by row."""

    def __init__(self, path: Path, *, before: int, expected: int | None = None) -> None:
        """Open for appending; rows of step `before` and later (from an interrupted run) are removed first.

        So are damaged lines. Standard error is told of them, and of rows that are missing: what was learned stands in
        the checkpoint.

        Args:
            path: the file.
            before: the step that is trained next.
            expected: how many rows the steps before it wrote; None: nobody knows.
        """
        self._path = path
        self.draws: int | None = None
        """What the rows of all steps before count as draws, if each step's is there."""
        count = cut_back(path, before) if path.name == LEDGER_ROWS else None
        said = [] if count is not None else self._sorted(before)
        if count is not None and expected is not None and count < expected:
            said = [f"{expected - count:,} of its {expected:,} rows are missing"]
        if said:
            print(f"{path}: {'; '.join(said)}. The run goes on without them.", file=sys.stderr)
        self._stream = path.open("a", encoding="utf-8")

    def _sorted(self, before: int) -> list[str]:
        """Keep the good rows of earlier steps; what is to be said of the others."""
        path = self._path
        known, damaged = _sorted_out(path) if path.is_file() else ([], 0)
        kept = [row for row in known if row["step"] < before]
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as temporary, temporary.open("w", encoding="utf-8") as stream:
            stream.writelines(json.dumps(row) + "\n" for row in kept)
        last = max((row["step"] for row in known), default=-1) + 1
        said = [f"{damaged} damaged lines are left out"] if damaged else []
        if last < before:
            said.append(f"its rows end after step {last} of the {before} that were trained")
        if path.name != LEDGER_ROWS:  # of metrics each step has a row
            if len(kept) == before:
                self.draws = sum(row.get("draws") or 0 for row in kept)
            elif len(kept) + damaged < min(last, before):
                said.append(f"{min(last, before) - len(kept)} rows of earlier steps are missing")
        return said

    def write(self, *rows: dict[str, Any]) -> None:
        """Append rows.

        Raises:
            DiskError: there is no room for them.
        """
        with appending(self._path):
            self._stream.writelines(json.dumps(row) + "\n" for row in rows)
            self._stream.flush()

    def close(self) -> None:
        """Close the file; what could not be written is not tried again."""
        with suppress(OSError):
            self._stream.close()


def ledger_rows(
    run: str,
    step: int,
    draws: Sequence[Draw],
    samples: Sequence[Sample],
    output: Measured,
    *,
    bad: Mapping[int, Refusal] = MappingProxyType({}),
) -> list[dict[str, Any]]:
    """A row for each draw; a spliced draw gets the mean over the sentences that its step's pieces went into.

    A draw with a sample whose CTC target was refused says so; as does one whose cut could not be read (`bad`, by slot),
    which has no losses.
    """
    lm, ctc = output.lm_loss.tolist(), output.ctc_loss.tolist()
    frames, kept = output.frames.tolist(), output.kept_frames.tolist()
    found: dict[int, list[dict[str, float | None]]] = {}
    audio = 0
    unfit: dict[int, Refusal] = dict(bad)
    found |= {slot: [dict.fromkeys(MEASURED)] for slot in bad}
    for number, sample in enumerate(samples):
        row: dict[str, float | None] = dict.fromkeys(MEASURED) | {"loss": _number(lm[number])}
        if sample.frames is not None:
            row |= {"ctc_loss": _number(ctc[audio]), "frames": frames[audio], "kept_frames": kept[audio]}
            audio += 1
        for slot in sample.draws:
            if sample.unfit:
                unfit.setdefault(slot, sample.unfit)
            found.setdefault(slot, []).append(row)
    return [
        {"run": run, "step": step, "cut_id": draw.cut.cut_id, "domain": draw.domain}
        | _mean(found[slot])
        | (unfit[slot]._asdict() if slot in unfit else {})
        for slot, draw in enumerate(draws)
    ]


def _mean(rows: list[dict[str, float | None]]) -> dict[str, Any]:
    means: dict[str, Any] = {}
    for name in rows[0]:
        values = [value for row in rows if (value := row[name]) is not None]
        means[name] = sum(values) / len(values) if values else None
    for name in ("frames", "kept_frames"):
        means[name] = None if means[name] is None else round(means[name])
    return means


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value


def _sorted_out(path: Path) -> tuple[list[dict[str, Any]], int]:
    """Good rows of metrics or of the ledger, and how many lines are damaged; one that is cut off at the end is not."""
    ledger = path.name == LEDGER_ROWS  # of which a step has many rows
    fits = _is_ledger_row if ledger else _is_measured
    found = [(row, not isinstance(row, str) and fits(row)) for _, row in rows(path)]
    if found and isinstance(found[-1][0], str):
        found.pop()
    kept: list[dict[str, Any]] = []
    for row, good in found:
        last = kept[-1]["step"] if kept else -1
        if good and isinstance(row, dict) and (row["step"] > last or (ledger and row["step"] == last)):
            kept.append(row)  # steps go on: a row of a step that is over is a copy
    return kept, len(found) - len(kept)


def _is_measured(row: dict[str, Any]) -> bool:
    return type(row.get("step")) is int and isinstance(row.get("loss", ""), int | float | None)


def _is_ledger_row(row: dict[str, Any]) -> bool:
    schema = arrow_schema("ledger")
    try:
        pa.Table.from_pylist([row], schema=schema)
    except (pa.ArrowException, ArithmeticError, TypeError, ValueError):
        return False
    return all(row.get(column.name) is not None for column in schema if not column.nullable)


def whole_rows(path: Path) -> list[dict[str, Any]]:
    """Rows of a file whose last line may be cut off: up to the first line that is no object with a `step`."""
    found = []
    for _, row in rows(path):
        if isinstance(row, str) or not isinstance(row.get("step"), int):
            break
        found.append(row)
    return found
