"""The order of a plan's draws, against a query that says the same (`plan_oracle.sql`)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from curation import plan
from curation.catalog import connect
from curation.duck import Limits
from curation.plan import draws, make_plan, write
from curation.plan.mixture import Mixture
from curation.plan.schedule import Schedule
from manifests.fingerprint import fingerprint
from tests.curation.plan.test_plan import mixture, some_cuts
from tests.curation.synthetic_catalog import write_catalog

ORACLE = Path(__file__).with_name("plan_oracle.sql").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("draws") / "catalog"
    write_catalog(folder, some_cuts())
    return folder


def by_oracle(con: Any, asked: Mixture, schedule: Schedule) -> pa.Table:
    """The plan by one query."""
    spans, before = write._due_spans(con, asked, schedule, sorted(schedule.passes))
    sizes = write._window_sizes(con, asked)
    con.execute("ALTER TABLE domains ADD COLUMN passes INTEGER")
    con.execute("ALTER TABLE domains ADD COLUMN ticks_before HUGEINT")
    for number, domain in enumerate(sorted(schedule.passes)):
        row = [schedule.passes[domain], before[number], number]
        con.execute("UPDATE domains SET passes = ?, ticks_before = ? WHERE number = ?", row)
    con.execute(
        "CREATE TEMP TABLE schedule "
        "(number USMALLINT, ticks_from DOUBLE, ticks_to DOUBLE, time_from DOUBLE, pace DOUBLE)"
    )
    for span in spans:
        row = [span.number, span.ticks_from, span.ticks_to, span.time_from, span.pace]
        con.execute("INSERT INTO schedule VALUES (?, ?, ?, ?, ?)", row)
    values = {name: getattr(sizes, name) for name in ("batch", "span", "slack", "shortest")}
    values |= {"seed": asked.seed, "ticks_per_unit": write.TICKS_PER_UNIT[asked.unit]}
    for name, value in values.items():
        con.execute(f"SET VARIABLE {name} = ?", [value])
    return con.sql(ORACLE).to_arrow_table()


def compare(asked: Mixture, catalog: Path, folder: Path) -> int:
    """Both ways, row by row; how many there are."""
    with connect(catalog, limits=Limits()) as con:
        expected = by_oracle(con, asked, plan._prepare(con, asked, Limits()))
    make_plan(asked, catalog, folder)
    found = pq.read_table(folder / "plan.parquet").select(expected.column_names)
    assert found.to_pylist() == expected.to_pylist()
    return found.num_rows


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(
    hours=st.floats(0.01, 0.3),
    batch=st.sampled_from([2, 10, 33.3]),
    window=st.sampled_from([1, 4, 8, 64]),
    rows=st.sampled_from([None, 1, 3, 50]),
    seed=st.integers(0, 9),
    unit=st.sampled_from(["hours", "samples", "llm_tokens"]),
)
def test_the_order_is_that_of_the_query(
    tmp_path_factory: pytest.TempPathFactory,
    catalog: Path,
    hours: float,
    batch: float,
    window: int,
    rows: int | None,
    seed: int,
    unit: str,
) -> None:
    scale = {"hours": 1, "samples": 900, "llm_tokens": 4000}[unit]
    size = {"seconds": batch} | ({"rows": rows} if rows else {})
    asked = mixture(budget=hours * scale, batch=size, window=window, seed=seed, unit=unit, max_repeats=9)
    assert compare(asked, catalog, tmp_path_factory.mktemp("plan")) > 0


@pytest.mark.parametrize(
    "changes",
    [
        {"shares": None, "temperature": {"start": 1.0, "add_per_epoch": 1.0}, "budget": None, "epochs": 2.5},
        {"query": "SELECT cut_id, unnest(['a', 'b']) AS domain FROM cuts", "shares": {"a": 0.6, "b": 0.4}},
        {"fraction": 0.5, "budget": 40 / 3600},
    ],
    ids=["epochs", "shared", "fraction"],
)
def test_other_mixtures_too(tmp_path: Path, catalog: Path, changes: dict[str, Any]) -> None:
    assert compare(mixture(**changes), catalog, tmp_path / "plan") > 0


def test_equal_halves_of_keys_are_told_apart_by_the_rest() -> None:
    table = pa.table(
        {
            "item": np.arange(4),
            "number": np.zeros(4, np.uint16),
            "repeat": np.zeros(4, np.uint16),
            "ticks": np.ones(4, np.int64),
            "microseconds": np.ones(4, np.int64),
            "key": np.array([7, 7, 2, 7], np.uint64),
            "rest": np.array([3, 1, 9, 2], np.uint64),
        }
    )

    class Connection:
        def sql(self, _: str) -> Connection:
            return self

        def to_arrow_table(self) -> pa.Table:
            return table

    assert draws.queued(Connection()).item.tolist() == [2, 1, 3, 0]  # type: ignore[arg-type]


def test_the_code_stands_for_both_queries() -> None:
    pool = (Path(plan.__file__).with_name("pool.sql")).read_text(encoding="utf-8")
    assert fingerprint([pool, ORACLE]) == plan.CODE
