"""Cells that were finished elsewhere: rows of a results table whose identities match."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from manifests.errors import InputError, SettingsError, reading
from manifests.files import need_file, read_jsonl
from soundwave.ablation.claims.measured import read_clips
from soundwave.ablation.results import CLIPS, COLUMNS


@dataclass
class KnownRows:
    """Rows of a results table, by what they are: training, questions and seed."""

    path: Path
    rows: list[dict[str, Any]] = field(default_factory=list)
    clips: pa.Table | None = None
    """What clips gave, where that table is beside it."""

    any_catalog: bool = False
    """Are trainings on other builds of the catalog good as well?"""

    def find(self, key: str, design: str, question: str, outcomes: Sequence[str]) -> dict[str, Any] | None:
        """The row of a training (its node's key) under the questions with this key, with values of the outcomes.

        design: its node's; with `any_catalog` a row of this design does where no row has the key.
        """
        wanted = [("key", key), ("design", design)] if self.any_catalog else [("key", key)]
        for name, value in wanted:
            for row in self.rows:
                same = row.get(name) == value and Path(str(row.get("evaluation"))).stem.endswith(f"-{question}")
                if same and not row.get("error") and all(row.get(name) is not None for name in outcomes):
                    return row
        return None

    def clips_of(self, row: Mapping[str, Any], as_row: Mapping[str, Any]) -> pa.Table | None:
        """What clips gave to a row, under the names of the row that it is here."""
        if self.clips is None:
            return None
        import pyarrow.compute as pc

        chosen = [pc.equal(self.clips[name], row[name]) for name in ("grid", "cell", "stage")]
        table = self.clips.filter(pc.and_(pc.and_(chosen[0], chosen[1]), chosen[2]))
        for name in ("grid", "cell", "arm", "seed"):
            place = table.schema.get_field_index(name)
            if place < 0:
                return None  # a table of another kind
            table = table.set_column(
                place, table.schema.field(name), pa.array([as_row[name]] * len(table), table.schema.types[place])
            )
        return table


def read_known(path: Path | None, *, any_catalog: bool = False) -> KnownRows | None:
    """Rows of results.parquet, results.jsonl or a CSV file of the same columns; None where none is named.

    What clips gave is in NAME-clips.parquet or clips.parquet beside it.

    any_catalog: see KnownRows.

    Raises:
        MissingFileError: no such file.
        InputError: another kind of file, or without the columns that say what a row is.
        SettingsError: `any_catalog` without a table.
    """
    if path is None:
        if any_catalog:
            raise SettingsError(
                "The setting `any_catalog` is for cells of a table: name it with the setting `results`."
            )
        return None
    need_file(
        path, what="table of results", hint="It is results.parquet, results.jsonl, or a CSV file of the same columns."
    )
    with reading(path, "a table of results"):
        if path.suffix == ".jsonl":
            rows = list(read_jsonl(path))
        elif path.suffix in {".parquet", ".csv"}:
            table = pq.read_table(path) if path.suffix == ".parquet" else pyarrow.csv.read_csv(path)
            rows = table.to_pylist()
        else:
            raise InputError(f"{path}: expected a file that ends in .parquet, .jsonl or .csv.")
    need = ("key", "evaluation", "grid", "cell", "stage")
    lacking = [name for name in need if any(name not in row for row in rows)]
    if lacking:
        raise InputError(
            f"{path} has no column {lacking[0]}, expected the columns of an ablation's results ({', '.join(COLUMNS)})."
        )
    whole = [{name: None if value == "" else value for name, value in row.items()} for row in rows]
    named = f"{path.stem}-{CLIPS}"  # of tables of several grids in one folder
    clips = read_clips(path.parent, named)
    clips = read_clips(path.parent) if clips is None else clips
    return KnownRows(path, whole, clips, any_catalog)


def other_catalogs(taken: Mapping[str, Sequence[Mapping[str, Any]]], own: Collection[str]) -> list[str]:
    """What is to be said of cells (name -> rows) that were trained on other builds of the catalog.

    own: keys of the trainings on the one that is here.
    """
    count = sum(any(row["key"] not in own for row in rows) for rows in taken.values())
    return [f"{count} of the cells taken from the table were trained on other builds of the catalog"] * (count > 0)
