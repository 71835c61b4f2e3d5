"""Several questions to one run: a file of further ones, and what single clips gave to the answers, as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from manifests.errors import SettingsError
from manifests.files import atomic_write, need_file, read_text
from manifests.settings import check_settings
from manifests.settings.core_yaml import load_yaml
from soundwave.evaluate.settings import EvalSettings

CLIP_COLUMNS = pa.schema(
    [
        ("run", pa.string()),
        ("question", pa.int32()),  # 0: what the options ask; 1, 2, ...: of the file
        ("metric", pa.string()),
        ("figure", pa.string()),
        ("item", pa.string()),  # cut id
        ("value", pa.float64()),
        ("weight", pa.float64()),
    ]
)


class FurtherQuestion(EvalSettings):
    """One of a file's questions."""

    skip: bool = False
    """Where the catalog has no such rows the answer says so, in place of an error."""


def read_questions(path: Path) -> list[FurtherQuestion]:
    """The questions in a YAML (or JSON) list.

    Raises:
        MissingFileError: no such file.
        SettingsError: no list, or a question that `soundwave eval` cannot be asked.
    """
    values = load_yaml(read_text(need_file(path, what="file of questions")))
    if not isinstance(values, list) or not all(isinstance(value, dict) for value in values):
        raise SettingsError(
            f"{path} holds {type(values).__name__}, expected a list of questions (split, corpus, metrics)."
        )
    return [check_settings(FurtherQuestion, value, where=f"{path}, {n}") for n, value in enumerate(values, 1)]


def clip_rows(run: str, question: int, values: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rows of CLIP_COLUMNS: metric -> figure -> items, values and weights, as `families.measure` gives them."""
    names = ("run", "question", "metric", "figure", "item", "value", "weight")
    return [
        dict(zip(names, (run, question, metric, figure, *clip), strict=True))
        for metric, figures in values.items()
        for figure, columns in figures.items()
        for clip in zip(columns["items"], columns["values"], columns["weights"], strict=True)
    ]  # fmt: skip


def write_clips(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows of CLIP_COLUMNS as Parquet."""
    with atomic_write(path) as temporary:
        pq.write_table(pa.Table.from_pylist([dict(row) for row in rows], schema=CLIP_COLUMNS), temporary)
