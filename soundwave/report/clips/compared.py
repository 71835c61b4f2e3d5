"""What is compared clip by clip: arms of a grid (or its cells), what each clip gave to them, and what they heard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, get_args

import numpy as np
import pyarrow.compute as pc

from curation.text.scoring import closest
from manifests.errors import SettingsError
from manifests.runs import examples_file
from soundwave.ablation.claims.measured import ARM, SIZE, CellSettings, cell_settings, measure
from soundwave.ablation.claims.study import Study, sources_of
from soundwave.ablation.results import pooled
from soundwave.evaluate.error_rates import count_edits
from soundwave.evaluate.held_out import Decode
from soundwave.evaluate.metric import Figure
from soundwave.evaluate.registry import RATES, find_figure
from soundwave.report.clips.chosen import ChosenClips, ClipScore, choose_clips
from soundwave.report.workspace import json_rows

Row = dict[str, Any]
SOUNDS = "sound"  # the metric that says of each clip whether its sound was named
FIRST_STAGE, CTC = "alignment", "ctc"
MOST_LINES = 4  # of what was heard, a clip


@dataclass(frozen=True)
class HeardText:
    """What a run heard of a clip."""

    reference: str
    heard: str
    language: str

    @property
    def compared(self) -> tuple[str, str]:
        """Reference and what was heard, as error rates compare them."""
        return closest(self.reference, self.heard, self.language)


@dataclass
class ComparedLine:
    """One of those that are compared: runs that differ in their seed alone."""

    name: str
    value: float | None
    """Of the figure, over seeds and clips; None: shown beside the others, not compared."""
    seeds: int
    scores: dict[str, ClipScore] = field(default_factory=dict)
    texts: dict[str, HeardText] = field(default_factory=dict)
    """Of the first seed that has the clip."""


@dataclass
class ComparedClips:
    """One outcome of a grid, clip by clip."""

    grid: str
    figure: Figure
    is_speech: bool
    """Transcripts; otherwise names of sounds."""
    lines: list[ComparedLine]
    """The best one first, the worst one last; then what is only shown beside them."""
    chosen: ChosenClips

    @property
    def compared(self) -> list[ComparedLine]:
        """Those that the figure compares."""
        return [line for line in self.lines if line.value is not None]


def compare_clips(study: Study, *, each: int) -> list[ComparedClips]:
    """The outcomes of a study that have transcripts or named sounds, with `each` clips of a kind chosen."""
    found = []
    for outcome, source in sources_of(study.report).items():
        try:
            metric, original = find_figure(source)
        except SettingsError:  # of another version
            continue
        if metric in (RATES, SOUNDS):
            lines = _lines(study, outcome, original.name if metric == RATES else None)
            scored = [line for line in lines if line.value is not None and line.scores]
            if scored:
                first, last = scored[0].scores, scored[-1].scores if len(scored) > 1 else None
                figure = study.figures[outcome]
                chosen = choose_clips(first, last, better=figure.better, each=each)
                shown = [line for line in lines if line in scored or line.value is None]
                found.append(ComparedClips(study.name, figure, metric == RATES, shown, chosen))
    return found


def contenders(study: Study, outcome: str) -> list[tuple[str, float, list[Row]]]:
    """(name, figure, rows: one a seed) of what is compared, the best first: each arm at its largest size and best
    values of the axes; of a study with one arm its cells.
    """
    figure = study.figures[outcome]
    measured = measure(study.rows, outcome, figure)
    if measured is None:
        return []
    sign = 1.0 if figure.better == "lower" else -1.0
    found: list[tuple[CellSettings, float, list[Row]]] = []
    for cell in measured.cells:
        rows = [row for row in study.rows if row["last"] and cell_settings(row) == cell]
        value = pooled(rows, outcome, figure)
        if value is not None:
            found.append((cell, value.mean, sorted(rows, key=lambda row: int(row["seed"]))))
    found.sort(key=lambda one: sign * one[1])
    arms = list(dict.fromkeys(cell.values[ARM] for cell, _, _ in found))
    if len(arms) > 1:
        found = [_largest([one for one in found if one[0].values[ARM] == arm]) for arm in arms]
        return [(str(cell.values[ARM]), value, rows) for cell, value, rows in sorted(found, key=lambda x: sign * x[1])]
    return [(cell.named(measured.axes) or str(cell.values[ARM]), value, rows) for cell, value, rows in found]


def _largest(cells: Sequence[tuple[CellSettings, float, list[Row]]]) -> tuple[CellSettings, float, list[Row]]:
    """Of one arm's cells, the best first, the first one of the largest size."""
    largest = max(float(str(cell.values[SIZE])) for cell, _, _ in cells)
    return next(one for one in cells if float(str(one[0].values[SIZE])) == largest)


def _lines(study: Study, outcome: str, rate: str | None) -> list[ComparedLine]:
    """rate: the error rate that the outcome is; None: it is none."""
    found = contenders(study, outcome)
    places = np.linspace(0, len(found) - 1, min(MOST_LINES, len(found))).round().astype(int)
    chosen = [found[place] for place in dict.fromkeys(places.tolist())]
    column = None if rate is None else rate.rpartition("_")[0]
    column = column if column in get_args(Decode) else None
    split = str((study.report.get("evaluate") or {}).get("split") or "test")
    lines = []
    for name, value, rows in chosen:
        line = ComparedLine(name, value, len({row["seed"] for row in rows}))
        line.scores = _scores(study, outcome, rows)
        if column is not None:
            line.texts = _texts(study, rows, split, column)
            line.scores = line.scores or _scores_of_texts(study, rows, split, column)
        lines.append(line)
    if chosen and column not in (None, CTC) and (first := _first_stage(study, chosen[0][2])):
        texts = _texts(study, first, split, CTC)
        lines += [ComparedLine(f"{chosen[0][0]}: CTC after stage I", None, len(first), {}, texts)] if texts else []
    return lines


def _first_stage(study: Study, rows: Sequence[Row]) -> list[Row]:
    """The rows of stage I of the same cells."""
    cells = {row["cell"] for row in rows}
    found = [row for row in study.rows if row["cell"] in cells and row["stage"] == FIRST_STAGE and not row["last"]]
    return sorted(found, key=lambda row: int(row["seed"]))


def _scores(study: Study, outcome: str, rows: Sequence[Row]) -> dict[str, ClipScore]:
    """What each clip gave to an outcome, as the study's table of clips says; nothing where it says nothing."""
    if study.clips is None:
        return {}
    table = study.clips.filter(pc.equal(study.clips["outcome"], outcome))
    keys = {(str(row["grid"]), str(row["cell"]), str(row["stage"])) for row in rows}
    names = ("grid", "cell", "stage", "item", "value", "weight")
    table = table.filter(pc.is_in(table["cell"], pc.cast(sorted({cell for _, cell, _ in keys}), table["cell"].type)))
    values = zip(*(table[name].to_pylist() for name in names), strict=True)
    return _summed((item, value, weight) for *key, item, value, weight in values if tuple(map(str, key)) in keys)


def _summed(values: Any) -> dict[str, ClipScore]:
    """Of (clip, value, weight), the sums of each clip; clips without weight are left out."""
    found: dict[str, ClipScore] = {}
    for item, value, weight in values:
        if value is not None and weight:
            before = found.get(item, ClipScore(0.0, 0.0))
            found[item] = ClipScore(before.value + float(value), before.weight + float(weight))
    return found


def _transcripts(study: Study, row: Mapping[str, Any], split: str, column: str) -> dict[str, HeardText]:
    rows = json_rows(study.folder.parent / str(row.get("run")) / examples_file(split))
    return {
        str(one["id"]): HeardText(str(one["reference"]), str(one[column]), str(one.get("language") or "en"))
        for one in rows
        if column in one and "id" in one and "reference" in one
    }


def _texts(study: Study, rows: Sequence[Row], split: str, column: str) -> dict[str, HeardText]:
    found: dict[str, HeardText] = {}
    for row in rows:
        found = _transcripts(study, row, split, column) | found
    return found


def _scores_of_texts(study: Study, rows: Sequence[Row], split: str, column: str) -> dict[str, ClipScore]:
    """Errors and words of each clip, over seeds, as `soundwave eval` counts them."""
    values = []
    for row in rows:
        for clip, text in _transcripts(study, row, split, column).items():
            reference, heard = text.compared
            if reference:
                edits = count_edits([(reference, heard)])
                values.append((clip, edits.errors[0], edits.words[0]))
    return _summed(values)
