"""One locked connection that all requests share, one at a time, within limits of time and memory."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb

from curation.audit.functions import create_functions
from curation.catalog import INDEX, connect
from curation.catalog.reviews import review_file
from curation.duck import Limits, limited, records, sql_text
from manifests.errors import InputError
from soundwave.explore.places import Explored

MOST_LABELS = 24  # that become columns
FEW_VALUES = 40  # of a label that is a text: more are no facet
LONG_TEXT = 60  # characters of a label's text: longer ones are no names
FIRST_LABELS = (  # that people look at first
    *("agree_wer", "agree_cer", "quality_snr", "speech_snr", "mos_ovrl", "align_score", "quality_rms_dbfs"),
    *("quality_silence_share", "align_speech_rate"),
)


@dataclass(frozen=True)
class LabelColumn:
    """A label as a column of the table of cuts."""

    name: str
    pass_: str
    label: str
    number: bool
    cuts: int


class Explorer:
    """What is looked at, and the connection to it.

    The connection is made anew when the catalog was built again, or the first mark was given.
    """

    def __init__(self, places: Explored, limits: Limits) -> None:
        """Open it, so that what is wrong is said at once.

        Raises:
            InputError: as `curation.catalog.connect`.
        """
        self.places = places
        self.limits = replace(limits, give_up=None)
        self.labels: tuple[LabelColumn, ...] = ()
        self.kept: dict[str, Any] = {}
        """What was computed of this state of the catalog."""
        self._lock = threading.RLock()
        self._stamp: tuple[Any, ...] = ()
        self._con: duckdb.DuckDBPyConnection | None = None
        self._open()

    @contextmanager
    def asking(self, where: str) -> Iterator[duckdb.DuckDBPyConnection]:
        """The connection, for this thread alone; `where` is what messages call the query.

        Raises:
            QueryError: what is asked does not run, or passes its limits.
        """
        with self._lock:
            if self._stamp != self._now():
                self._open()
            assert self._con is not None
            with limited(self._con, self.limits, where=where):
                yield self._con

    def rows(self, sql: str, parameters: Any = None, *, where: str = "query") -> list[dict[str, Any]]:
        """Rows of a query of ours."""
        with self.asking(where) as con:
            return records(con.execute(sql, parameters))

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            if self._con is not None:
                self._con.close()

    def _open(self) -> None:
        stamp = self._now()
        places = self.places
        con = connect(places.catalog, plans=places.plans, studies=places.studies, limits=self.limits)
        self.close()
        with limited(con, self.limits, where="labels"):
            create_functions(con)  # what audits ask
            self.labels = _label_columns(con)
            con.execute(f"CREATE TEMP TABLE extras AS {_extras(self.labels)}")
        self._con, self._stamp, self.kept = con, stamp, {}

    def _now(self) -> tuple[Any, ...]:
        """Changes when the connection must be made anew."""
        return _written(self.places.catalog / INDEX), review_file(self.places.catalog) is not None


def _written(path: Path) -> tuple[int, float] | None:
    with suppress(OSError, InputError):
        facts = path.stat()
        return facts.st_size, facts.st_mtime
    return None


def _label_columns(con: duckdb.DuckDBPyConnection) -> tuple[LabelColumn, ...]:
    """Labels that are numbers, and those whose texts are few and short, most looked at first."""
    found = con.execute(
        "SELECT pass, name, count(*), count(value), approx_count_distinct(text), max(length(text)) "
        "FROM labels GROUP BY ALL ORDER BY pass, name"
    ).fetchall()
    columns = [
        LabelColumn(f"{pass_}_{name}", pass_, name, values > 0, rows)
        for pass_, name, rows, values, texts, longest in found
        if values > 0 or (0 < texts <= FEW_VALUES and (longest or 0) <= LONG_TEXT)
    ]
    order = {name: place for place, name in enumerate(FIRST_LABELS)}
    columns.sort(key=lambda column: order.get(column.name, len(order)))
    return tuple({column.name: column for column in columns}.values())[:MOST_LABELS]


def _extras(labels: Sequence[LabelColumn]) -> str:
    """A row per cut that has labels, a column per label; of several values the highest."""
    columns = "".join(
        f", max({'value' if one.number else 'text'}) FILTER (pass = {sql_text(one.pass_)} AND name = "
        f"{sql_text(one.label)}) AS {quoted_name(one.name)}"
        for one in labels
    )
    wanted = ", ".join(f"({sql_text(one.pass_)}, {sql_text(one.label)})" for one in labels) or "('', '')"
    return f"SELECT cut_id{columns} FROM labels WHERE (pass, name) IN ({wanted}) GROUP BY cut_id"


def quoted_name(name: str) -> str:
    """A column's name in SQL."""
    return '"' + name.replace('"', '""') + '"'
