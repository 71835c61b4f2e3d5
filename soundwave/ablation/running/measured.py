"""What evaluations of an ablation said: a row's figures, and what single clips gave to them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from curation.catalog import connect
from manifests.files import atomic_write
from manifests.fingerprint import fingerprint
from soundwave.ablation.grid import Grid
from soundwave.ablation.outcomes import LOSS, EvalQuestion, GridOutcome
from soundwave.ablation.results import CLIPS, LOSSES, METRICS
from soundwave.evaluate.registry import RATES, read_figure
from soundwave.train.settings import StageSettings

CLIP_COLUMNS = pa.schema(
    [
        ("grid", pa.string()),
        ("cell", pa.string()),
        ("arm", pa.string()),
        ("seed", pa.int64()),
        ("stage", pa.string()),
        (
            "outcome",
            pa.string(),
        ),  # an outcome; an error rate beside it; lm_loss, ctc_loss and, by domain, lm_loss.DOMAIN
        ("item", pa.string()),  # cut id
        ("group", pa.string()),  # what its clips have in common: the speaker, else the recording, else the text
        ("value", pa.float64()),  # the figure is sum(value) / sum(weight)
        ("weight", pa.float64()),
    ]
)
GROUPS = """
SELECT cut_id, CASE
  WHEN speaker IS NOT NULL THEN corpus || '/' || speaker
  WHEN recording_id IS NOT NULL THEN recording_id
  ELSE 'text:' || md5(lower(coalesce(text, cut_id)))
END
FROM cuts WHERE cut_id IN (SELECT unnest($items))
"""


@dataclass(frozen=True)
class AskedOfRun:
    """What is asked of a run: `main` by the command's options, `further` in a file."""

    main: EvalQuestion | None
    further: tuple[EvalQuestion, ...]

    @property
    def every(self) -> list[EvalQuestion]:
        """All questions, in the order of the answers."""
        return [*([self.main] if self.main else []), *self.further]


def asked_of(grid: Grid, settings: StageSettings) -> AskedOfRun:
    """What a grid asks of a run of a stage."""
    questions = grid.questions(settings)
    if grid.outcomes or grid.folds or len(questions) == 1:  # the command's options have no folds
        return AskedOfRun(None, tuple(questions))
    return AskedOfRun(questions[0], tuple(questions[1:]))


def question_key(grid: Grid, asked: AskedOfRun) -> str:
    """What tells evaluations apart. The losses do not count: they are always asked for."""
    own = asked.every[:-1]
    if asked.main is None:
        return fingerprint([question.values() for question in own], grid.evaluate.split)[:8]
    rows = grid.evaluate.model_dump(mode="json", exclude={"limit"} if grid.evaluate.limit is None else set())
    metrics = {"metrics": tuple(asked.main.metrics)} if asked.main.metrics else {}
    return fingerprint(rows | {"decode": tuple(asked.main.decode)} | metrics)[:8]


def figures(grid: Grid, asked: AskedOfRun, evaluation: Mapping[str, Any]) -> dict[str, Any]:
    """Metric columns of one evaluation, and `error` where an outcome has no value.

    None where a figure was not asked for; a value that is no number is none.
    """
    answers = _answers(asked, evaluation)
    flat: dict[str, Any] = {}
    rates, first = _place(grid, asked, answers)
    for name in METRICS:
        flat |= _columns(name, *(read_figure(rates, name) if rates else (None, None, None)))
    flat |= {name: first.get(name) for name in ("clips", "words", "wer_unit")}
    for outcome in grid.wanted:
        flat |= {name: flat.get(name) for name in _columns(outcome.name, None, None, None)}
    missing = []
    for outcome, answer in outcome_answers(grid, asked, answers):
        value, low, high = read_figure(answer, outcome.source) if answer else (None, None, None)
        if value is None or not isfinite(value):
            family = (answer or {}).get("metrics", {}).get(outcome.metric) or answer or {}
            why = f"has no value: {family.get('skipped') or 'it was not measured'}" if value is None else f"is {value}"
            missing.append(f"{outcome.name} {why}")
            value = low = high = None
        flat |= _columns(outcome.name, value, low, high)
    return flat | _losses(answers) | {"error": "; ".join(missing) or None}


def outcome_answers(
    grid: Grid, asked: AskedOfRun, answers: Sequence[Mapping[str, Any]]
) -> Iterator[tuple[GridOutcome, Mapping[str, Any] | None]]:
    """Outcomes that say something of the stage, each with the answer that has its figure; None: there is none."""
    for outcome in grid.wanted:
        place = _question(asked, outcome)
        if place is not None:
            yield outcome, answers[place] if place < len(answers) else None


def _question(asked: AskedOfRun, outcome: GridOutcome) -> int | None:
    for place, question in enumerate(asked.every):
        same = question.rows.model_dump(exclude={"decode"}) == outcome.rows.model_dump(exclude={"decode"})
        has = (
            outcome.source.partition("_")[0] in question.decode
            if outcome.metric == RATES
            else outcome.metric in question.metrics
        )
        if same and has:
            return place
    return None


def _answers(asked: AskedOfRun, evaluation: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [*([evaluation] if asked.main else []), *evaluation.get("also", ())]


def _place(
    grid: Grid, asked: AskedOfRun, answers: Sequence[Mapping[str, Any]]
) -> tuple[Mapping[str, Any] | None, Mapping[str, Any]]:
    """The answer with the grid's own error rates; and the one that `clips` and `words` are of."""
    pairs = list(zip(asked.every, answers, strict=False))
    rates = next(
        (answer for question, answer in pairs if question.decode and question.rows.corpus == grid.evaluate.corpus), None
    )
    of_outcome = next((answer for _, answer in outcome_answers(grid, asked, answers) if answer), None)
    return rates, rates or of_outcome or {}


def _columns(name: str, value: float | None, low: float | None, high: float | None) -> dict[str, float | None]:
    return {name: value, f"{name}_low": low, f"{name}_high": high}


def _losses(answers: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    found = (answers[-1].get("metrics") or {}).get(LOSS) if answers else None
    if not found or "skipped" in found:
        return {}
    flat: dict[str, Any] = {"losses": json.dumps(found.get("domains") or {}, sort_keys=True)}
    for name in LOSSES:
        value, (low, high) = found.get(name), found.get(f"{name}_band") or (None, None)
        flat |= _columns(name, *((value, low, high) if value is not None and isfinite(value) else (None, None, None)))
    return flat


def clip_table(grid: Grid, asked: AskedOfRun, path: Path, row: Mapping[str, Any]) -> pa.Table:
    """What clips gave to a row's figures, without groups; path: what `soundwave eval --clips` wrote."""
    empty = CLIP_COLUMNS.empty_table()
    if not path.is_file():
        return empty
    table = pq.read_table(path)
    shift = 0 if asked.main else 1
    found = [empty]
    for name, place, metric, figure in _clip_sources(grid, asked):
        chosen = pc.and_(pc.equal(table["question"], place + shift), pc.equal(table["metric"], metric))
        found.append(_labelled(table.filter(pc.and_(chosen, pc.equal(table["figure"], figure))), row, name))
    losses = table.filter(
        pc.and_(pc.equal(table["question"], len(asked.every) - 1 + shift), pc.equal(table["metric"], LOSS))
    )
    found.append(_labelled(losses, row, None))
    return pa.concat_tables(found)


def _clip_sources(grid: Grid, asked: AskedOfRun) -> Iterator[tuple[str, int, str, str]]:
    """GridOutcome, place of its question, metric and figure; error rates that are none of the outcomes too."""
    seen: set[tuple[int, str]] = set()
    for outcome in grid.wanted:
        place = _question(asked, outcome)
        if place is not None:
            seen.add((place, outcome.source))
            if not (outcome.metric == LOSS and outcome.name in LOSSES):
                yield outcome.name, place, outcome.metric, outcome.source
    for place, question in enumerate(asked.every):
        rates = [f"{decode}_wer" for decode in question.decode] if question.rows.corpus == grid.evaluate.corpus else []
        for name in rates:
            if name in METRICS and (place, name) not in seen:
                yield name, place, RATES, name


def _labelled(table: pa.Table, row: Mapping[str, Any], outcome: str | None) -> pa.Table:
    count = len(table)
    facts = [
        pa.array([row[name]] * count, CLIP_COLUMNS.field(name).type)
        for name in ("grid", "cell", "arm", "seed", "stage")
    ]
    names = table["figure"] if outcome is None else pa.array([outcome] * count, pa.string())
    columns = [*facts, names, table["item"], pa.nulls(count, pa.string()), table["value"], table["weight"]]
    return pa.table(columns, schema=CLIP_COLUMNS)


def clips_with_groups(tables: Sequence[pa.Table], catalog: Path) -> pa.Table:
    """Tables of clips in one, with their groups as the catalog knows them."""
    table = pa.concat_tables([CLIP_COLUMNS.empty_table(), *tables])
    lacking = pc.is_null(table["group"])
    items = pc.unique(table.filter(lacking)["item"]).to_pylist()
    if not items:
        return table
    with connect(catalog, threads=1) as con:
        known = dict(con.execute(GROUPS, {"items": items}).fetchall())
    pairs = zip(table["item"].to_pylist(), table["group"].to_pylist(), strict=True)
    groups = [known.get(item, item) if group is None else group for item, group in pairs]
    return table.set_column(table.schema.get_field_index("group"), "group", pa.array(groups, pa.string()))


def write_clips(folder: Path, table: pa.Table) -> None:
    """Write clips.parquet into a grid's folder."""
    with atomic_write(folder / CLIPS) as temporary:
        pq.write_table(table, temporary)
