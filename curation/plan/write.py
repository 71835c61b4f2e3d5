"""A plan's draws into a Parquet file."""

from __future__ import annotations

import math
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from curation.plan.draws import Draws, DueSpan, Numbers, Placed, WindowSizes, numbers, placed, queued
from curation.plan.mixture import Mixture
from curation.plan.relabel import texts_of_pool
from curation.plan.schedule import Schedule
from manifests.plans import TRAINED_TEXT
from manifests.schema import arrow_schema

TICKS_PER_UNIT = {"samples": 1.0, "hours": 3.6e9, "frames": 1.0, "llm_tokens": 1.0}  # costs are whole numbers of ticks
DICTIONARIES = ["domain", "repeat", "units", "seconds", TRAINED_TEXT]  # ids hardly repeat within a row group
NO_LIMIT = 2**31 - 1  # `most` of pool.sql: the mixture's max_repeats alone counts
ROW_GROUP = 122_880  # rows; fixed, so that the file's bytes do not depend on how DuckDB hands rows over


def by_uses(con: duckdb.DuckDBPyConnection) -> dict[str, list[tuple[int, int, int]]]:
    """Domain -> (uses that a cut may have in it, cuts with so many, their ticks), fewest uses first."""
    found: dict[str, list[tuple[int, int, int]]] = {}
    groups = "SELECT domain, most, count(*), sum(ticks) FROM pool GROUP BY domain, most ORDER BY domain, most"
    for domain, most, cuts, ticks in con.execute(groups).fetchall():
        found.setdefault(domain, []).append((int(most), int(cuts), int(ticks)))
    return found


def write_plan(con: duckdb.DuckDBPyConnection, mixture: Mixture, schedule: Schedule, target: Path) -> int:
    """Write the plan of the candidates in the table `pool`; returns how many draws it has."""
    domains = sorted(schedule.passes)
    spans, before = _due_spans(con, mixture, schedule, domains)
    con.execute("SET VARIABLE seed = ?", [mixture.seed])
    queue = queued(con)
    found = placed(
        queue,
        spans,
        _window_sizes(con, mixture),
        ticks_before=before,
        shuffle=lambda windows, steps: _shuffle(con, windows, steps),
    )
    del queue
    items = {"cut_id": _cut_ids(con)}
    texts = texts_of_pool(con)
    # Where what is drawn has its own texts, the plan is what it was before there were others.
    if texts is not None and texts.is_valid().to_numpy(zero_copy_only=False)[found.draws.item].any():
        items[TRAINED_TEXT] = texts
    _write(found, domains, items, TICKS_PER_UNIT[mixture.unit], target)
    return len(found.draws)


def _due_spans(
    con: duckdb.DuckDBPyConnection, mixture: Mixture, schedule: Schedule, domains: list[str]
) -> tuple[list[DueSpan], dict[int, int]]:
    """For each domain and phase, which part of its queue falls due when; and the ticks of the queues before each.

    Makes the tables `domains` and `repeats`.
    """
    con.execute("CREATE OR REPLACE TEMP TABLE domains (domain VARCHAR, number USMALLINT)")
    con.execute("CREATE OR REPLACE TEMP TABLE repeats (number USMALLINT, repeat USMALLINT)")
    groups = by_uses(con)
    scale = TICKS_PER_UNIT[mixture.unit]
    spans, before, ticks = [], {}, 0
    for number, domain in enumerate(domains):
        passes = schedule.passes[domain]
        con.execute("INSERT INTO domains VALUES (?, ?)", [domain, number])
        con.execute("INSERT INTO repeats SELECT ?, range FROM range(?)", [number, passes])
        before[number] = ticks
        ticks += sum(min(uses, passes) * total for uses, _, total in groups[domain])
        done = 0.0
        for phase in schedule.phases:
            share = phase.shares[domain]
            after = done + share * phase.length * scale
            spans.append(DueSpan(number, done, after, phase.start * scale, 1.0 / share))
            done = after
    return spans, before


def _window_sizes(con: duckdb.DuckDBPyConnection, mixture: Mixture) -> WindowSizes:
    batch = round(mixture.batch.seconds * 1e6)
    (longest,) = con.execute("SELECT max(microseconds) FROM pool").fetchall()[0]
    return WindowSizes(batch, batch * mixture.window, _slack(mixture, batch), _shortest(mixture, batch, int(longest)))


def _shortest(mixture: Mixture, batch: int, longest: int) -> int:
    """What a row counts at least in its step, in microseconds, so that no step holds more than `batch.rows`.

    Rows that each count batch / rows would do, if steps were exactly `batch` long. A window may be longer by the slack
    at both ends and by its last row, which stretches each of its steps by their sum / window.
    """
    rows, window = mixture.batch.rows, mixture.window
    if rows is None:
        return 0
    if rows * window == 1:
        return batch
    step = batch + 2 * _slack(mixture, batch) / window
    return math.ceil(max((step + longest / window) / rows, step / (rows - 1 / window)))


def _slack(mixture: Mixture, batch: int) -> int:
    """How far from its nominal end a window may be cut: half a step, and nothing in short windows."""
    return batch // 2 if mixture.window >= 8 else 0


def _shuffle(con: duckdb.DuckDBPyConnection, windows: Numbers, steps: Numbers) -> NDArray[Any]:
    """The order of a plan's steps: by window, and there by a hash."""
    con.register("steps", pa.table({"stretch": windows, "batch": steps, "place": np.arange(len(steps))}))
    try:
        order = con.execute(
            "SELECT place FROM steps "
            "ORDER BY stretch, md5_number(concat_ws(':', getvariable('seed'), 'step', stretch, batch))"
        )
        found: NDArray[Any] = order.fetchnumpy()["place"]
    finally:
        con.unregister("steps")
    return found


def _cut_ids(con: duckdb.DuckDBPyConnection) -> Any:
    """The cut of each row of `pool`, by the row's number."""
    found = con.sql("SELECT rowid AS item, cut_id FROM pool").to_arrow_table()
    items = numbers(found, "item")
    ids = found["cut_id"].cast(pa.large_string()).combine_chunks()
    return ids if (items == np.arange(len(items))).all() else ids.take(np.argsort(items))


def _write(found: Placed, domains: list[str], items: dict[str, pa.Array], ticks_per_unit: float, target: Path) -> None:
    """items: columns of the pool's rows, by their numbers."""
    schema = arrow_schema("plans")
    if TRAINED_TEXT not in items:
        schema = schema.remove(schema.get_field_index(TRAINED_TEXT))
    dictionaries = [name for name in DICTIONARIES if name in schema.names]
    with (
        pq.ParquetWriter(target, schema, compression="zstd", use_dictionary=dictionaries) as writer,
        ThreadPoolExecutor(1) as encoder,  # encodes a row group while the next one is made
    ):
        writing: Future[None] | None = None
        for table in _row_groups(found, pa.array(domains), items, ticks_per_unit, schema):
            if writing is not None:
                writing.result()
            writing = encoder.submit(writer.write_table, table, row_group_size=ROW_GROUP)
        if writing is not None:
            writing.result()


def _row_groups(
    found: Placed, domains: Any, items: dict[str, pa.Array], ticks_per_unit: float, schema: pa.Schema
) -> Iterator[pa.Table]:
    for first in range(0, len(found.draws), ROW_GROUP):
        part = slice(first, first + ROW_GROUP)
        draws: Draws = found.draws.take(part)
        columns = {
            "step": found.step[part],
            "slot": found.slot[part],
            **{name: pc.take(values, pa.array(draws.item)) for name, values in items.items()},
            "domain": pc.take(domains, pa.array(draws.number)),
            "repeat": draws.repeat,
            "units": draws.ticks / ticks_per_unit,
            "seconds": draws.microseconds / 1e6,
        }
        yield pa.table({name: columns[name] for name in schema.names}).cast(schema)
