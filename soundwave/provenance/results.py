"""The number of a chain: a row of results, and the evaluation that it was taken from."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import pyarrow.parquet as pq

from manifests.errors import InputError, ManifestError, MissingFileError, SettingsError, reading
from manifests.files import read_jsonl, read_object
from manifests.fingerprint import fingerprint
from manifests.names import hint
from manifests.runs import EVALUATIONS, GRID, RESULTS, RUN, RUNS, TABLE
from soundwave.ablation.claims.study import sources_of
from soundwave.evaluate.held_out import Decode, EvalOptions
from soundwave.evaluate.registry import METRICS, RATES, find_figure, read_figure
from soundwave.provenance.links import Link

AGAIN = "Run `soundwave ablate` again."
FIGURE_END = "_low"  # a column with this beside it is a figure
CLOSE = 1e-9


def grid_rows(grid: Path, cell: str | None, stage: str | None) -> list[dict[str, Any]]:
    """The rows of a grid's results: all, or a cell's, or one stage of it (the last by default).

    Raises:
        ManifestError: results that cannot be read.
        SettingsError: no such cell or stage; the message has the nearest.
    """
    found = _table(grid) if (grid / TABLE).is_file() else list(read_jsonl(grid / RESULTS))
    if cell is None:
        return [row for row in found if stage in (None, row.get("stage"))]
    rows = [row for row in found if row.get("cell") == cell]
    if not rows:
        cells = list(dict.fromkeys(str(row.get("cell")) for row in found))
        raise SettingsError(f"{grid} has no cell {cell!r} ({hint(cell, cells)}).")
    if stage is None:
        return [max(rows, key=lambda row: row.get("position") or 0)]
    chosen = [row for row in rows if row.get("stage") == stage]
    if not chosen:
        stages = ", ".join(str(row.get("stage")) for row in rows)
        raise SettingsError(f"The cell {cell!r} of {grid} has no stage {stage!r}. It has {stages}.")
    return chosen


def _table(grid: Path) -> list[dict[str, Any]]:
    with reading(grid / TABLE, "a table of results", go_on=AGAIN):
        rows: list[dict[str, Any]] = pq.read_table(grid / TABLE).to_pylist()
    return rows


def check_row(grid: Path, row: Mapping[str, Any], evaluation: Mapping[str, Any] | None) -> Link:
    """A row of results against the same row in the other file, and against its evaluation."""
    name = f"{grid.name}/{row.get('cell')}/{row.get('stage')}"
    figures = [column for column in row if f"{column}{FIGURE_END}" in row and row[column] is not None]
    link = Link("row", name, grid / (TABLE if (grid / TABLE).is_file() else RESULTS))
    link.facts = {column: row[column] for column in figures} | {"run": row.get("run"), "plan": row.get("plan")}
    if (grid / TABLE).is_file() and (grid / RESULTS).is_file():
        with link.checking():
            twin = next((one for one in read_jsonl(grid / RESULTS) if _same_row(one, row)), None)
            if twin is None:
                link.problems.append(f"{RESULTS} beside it has no such row")
            for column, value in (twin or {}).items():
                if not _equal(value, row.get(column)):
                    link.same(f"`{column}`, against {RESULTS}", row.get(column), value)
    if evaluation is not None:
        sources = _sources(grid)
        for column in figures:
            _check_figure(link, column, sources.get(column, column), row[column], evaluation)
    return link


def _sources(grid: Path) -> dict[str, str]:
    """Outcome of a grid -> the figure that it is, where they have different names."""
    try:
        return sources_of(read_object(grid / GRID))
    except (InputError, AttributeError, KeyError, TypeError):  # another link tells of a grid that cannot be read
        return {}


def _same_row(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return all(one.get(name) == other.get(name) for name in ("cell", "stage", "position"))


def _check_figure(link: Link, column: str, source: str, value: Any, evaluation: Mapping[str, Any]) -> None:
    """A figure of a row is that of one of the evaluation's answers."""
    try:
        name = find_figure(source)[1].name
    except SettingsError:  # a column that is no figure of an evaluation
        return
    answers = [evaluation, *evaluation.get("also", ())]
    found = [figure for answer in answers if (figure := read_figure(answer, name)[0]) is not None]
    if not found:
        link.unknown.append(f"`{column}` is not in this evaluation")
    elif not any(_equal(figure, value) for figure in found):
        link.same(f"`{column}`, against its evaluation", value, found[0])


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, float) or isinstance(other, float):
        return one is not None and other is not None and math.isclose(one, other, rel_tol=CLOSE, abs_tol=CLOSE)
    return bool(one == other)


def row_evaluation(grid: Path, row: Mapping[str, Any]) -> tuple[Link | None, dict[str, Any] | None]:
    """The evaluation that a row names; None where it names none."""
    if not (named := row.get("evaluation")):
        return None, None
    return look_at_evaluation(grid.parent / str(named))


def look_at_evaluation(path: Path) -> tuple[Link, dict[str, Any] | None]:
    """An evaluation file: what it says of itself."""
    link = Link("evaluation", path.stem, path)
    value: dict[str, Any] | None = None
    with link.checking():
        value = read_object(path)
        link.facts = {name: value[name] for name in ("run", "stage", "split", "corpus", "min_words") if name in value}
    return link, value


def compare_evaluation(link: Link, value: Mapping[str, Any], run: Link, catalog: str | None) -> None:
    """An evaluation against the weights and the catalog that it says it was made with."""
    weights = run.facts.get("weights")
    if run.path is not None and "run" in value:
        link.same("the run that it is of", value["run"], run.path.name)
    stated = [answer for answer in (value, *value.get("also", ())) if "weights" in answer]
    if not stated:  # of an earlier version: its key has both in it
        made = {"weights": str(weights), "catalog": str(catalog)}
        if value.get("key") not in (_key_of(value, made), None):
            link.unknown.append("it does not say of which weights and catalog it is, and its key is of other ones")
        return
    for name, found in (("weights", weights), ("catalog", catalog)):
        if found is not None:
            odd = next((answer[name] for answer in stated if answer[name] != found), found)
            link.same(f"the {name} that it was made with, against what is there now", odd, found)


def _key_of(value: Mapping[str, Any], made: Mapping[str, str]) -> str | None:
    """The key that error rates would have of these weights and this catalog; None: it cannot be told."""
    try:
        decode: tuple[Decode, ...] = tuple(name for name in get_args(Decode) if f"{name}_wer" in value)
        asked = {name: value[name] for name in ("split", "corpus", "min_words")}
        return fingerprint(*made.values(), *METRICS.find(RATES).basis(EvalOptions(**asked, decode=decode)))
    except (InputError, KeyError, TypeError):
        return None


def evaluated_run(path: Path, value: Mapping[str, Any]) -> Path:
    """The run that an evaluation file is of.

    Raises:
        MissingFileError: it is not found.
    """
    inside = path.parent if path.parent.name != EVALUATIONS else path.parent.parent / RUNS / str(value.get("run"))
    if not (inside / RUN).is_file():
        raise MissingFileError(f"The run of {path} is not there; looked for {inside}.")
    return inside


def need_evaluation(value: Mapping[str, Any], path: Path) -> None:
    """Refuse a JSON file that is no evaluation.

    Raises:
        ManifestError: it says neither run nor split.
    """
    if not {"run", "split"} <= value.keys() and RATES not in value and "also" not in value:
        raise ManifestError(f"{path} is no evaluation: it has no `run` and `split`.")
