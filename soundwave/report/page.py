"""The page: everything a workspace holds, through templates/, as one HTML file that needs nothing else."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

import manifests
from manifests.files import claim_file, write_json, write_text
from manifests.switch import switched
from manifests.units import clock
from soundwave.ablation.claims.claim import StudyClaim
from soundwave.ablation.fits.size import fit_arm
from soundwave.ablation.results import METRICS
from soundwave.evaluate.metric import Figure
from soundwave.report import data, outcome, training
from soundwave.report.clips import marked as examples
from soundwave.report.drawing import charts
from soundwave.report.summary import claim_summary, provenance, summarise, timings
from soundwave.report.workspace import STAGE_TITLES, STAGES, Workspace, open_workspace

TEMPLATES = Path(__file__).with_name("templates")
SUMMARY = "summary.json"
PAGE_TITLE, HEAD = "<title>Soundwave: ", 1000  # how a page begins, within so many characters
SECTIONS = [
    ("ablation", "Ablation"),
    ("transcripts", "Transcripts"),
    ("data", "Data"),
    ("mixtures", "Mixtures"),
    ("audits", "Audits"),
    ("alignment", "Alignment"),
    ("training", "Training"),
    ("time", "Time"),
    ("provenance", "Provenance"),
]
UNITS = {"hours": "h", "llm_tokens": "LLM tokens"}
MEASURE_TITLES = {"lm_loss": "Next-token loss per token", "ctc_loss": "CTC loss per target token"}

VERDICTS = {
    "better": "Stage I pays.",
    "worse": "Stage I costs more than it brings here.",
    "not distinguishable": "These runs cannot tell the two apart.",
    "one seed": "One seed cannot say whether stage I pays.",
}

Row = dict[str, Any]


def write_report(root: Path, output: Path) -> Path:
    """Write the page of the workspace at `root` to `output`, and summary.json beside it: both or neither.

    Raises:
        MissingFileError: no workspace there.
        OccupiedError: a file of another kind is there; it was not touched.
    """
    summary = output.with_name(SUMMARY)
    claim_summary(summary)
    claim_page(output)
    page, facts = render(open_workspace(root)), summarise(root)
    output.parent.mkdir(parents=True, exist_ok=True)
    with switched(output.parent) as switch:
        write_text(switch.path(output.name), page)
        write_json(switch.path(SUMMARY), facts)
    return output


def claim_page(output: Path) -> None:
    """Take a file for a report.

    Raises:
        OccupiedError: a file of another kind is there; it was not touched.
    """
    claim_file(output, "a report", ours=lambda path: PAGE_TITLE in path.read_text(encoding="utf-8")[:HEAD])


def render(workspace: Workspace) -> str:
    """The page's HTML."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=lambda name: name is not None and name.endswith(".html.j2"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= FILTERS
    return environment.get_template("report.html.j2").render(context(workspace))


def context(workspace: Workspace) -> Row:
    """What the templates show."""
    rates, grids, corpora = outcome.headline(workspace), outcome.grids(workspace), data.corpora(workspace)
    refused, steps = data.rejects(workspace), timings(workspace)
    split_hours = data.overview(workspace)
    return {
        "name": workspace.root.resolve().name,
        "title": grids[0].report.get("question", grids[0].name) if grids else "What this workspace holds",
        "lead": lead(rates, corpora, outcome.stage_one_claim(workspace)),
        "style": Markup((TEMPLATES / "style.css").read_text(encoding="utf-8")),
        "version": manifests.__version__,
        "sections": SECTIONS,
        "rates": rates,
        "corpora": corpora,
        "hours": sum(row["hours"] for row in split_hours),
        "hours_chart": charts.hours_chart(split_hours) if split_hours else None,
        "rejects": refused,
        "most_rejects": max((row["items"] for row in refused), default=1),
        "mixtures": [mixture_view(row) for row in data.mixtures(workspace, outcome.trained_plans(workspace))],
        "audits": data.audits(workspace),
        "aligned": data.aligned(workspace),
        "alignments": [row | {"chart": charts.alignment_chart(row)} for row in examples.alignments(workspace)],
        "grids": [grid_view(grid, rates["ceiling"]) for grid in grids],
        "transcripts": examples.transcripts(outcome.transcript_sets(workspace)),
        "stages": stage_views(training.curves(workspace)),
        "losses": training.stage_losses(workspace),
        "timings": steps,
        "longest": max((row["seconds"] for row in steps), default=1) or 1,
        "provenance": provenance(workspace),
    }


def lead(rates: Mapping[str, Row | None], corpora: Sequence[Row], tested: StudyClaim | str) -> str:
    """The answer in a sentence or two; says what has not been measured. tested: the arms with and without stage I."""
    full, without = rates["llm_after_stage_3"], rates["without_stage_1_llm_after_stage_3"]
    if full is None and without is None:
        held = f"{len(corpora)} prepared corpora" if corpora else "no prepared corpus"
        return f"No three-stage training has been evaluated here yet; the workspace holds {held}."
    if full is None or without is None:
        one, name = (full, "with") if full else (without, "without")
        return (
            f"The recipe {name} stage I reaches a word error rate of {one['wer']:.2f}; the other arm is missing."
            if one
            else ""
        )
    sentence = (
        f"After all stages, the LLM's answers have a word error rate of {full['wer']:.2f} with stage I and "
        f"{without['wer']:.2f} without it, on {full['clips']} held-out clips. "
    )
    times = [clock(row["training_seconds"]) for row in (full, without) if row.get("training_seconds") is not None]
    if len(times) == 2:
        sentence += f"Training took {times[0]} and {times[1]}. "
    return sentence + (tested if isinstance(tested, str) else f"{VERDICTS[tested.verdict]} {tested.sentence}")


def mixture_view(row: Row) -> Row:
    """One mixture with its chart and its facts in words."""
    stage = STAGE_TITLES.get(row.get("stage", ""), row["name"])
    facts = [
        f"{row['steps']:,} steps" if row.get("steps") is not None else "",
        f"{row['draws']:,} draws" if row.get("draws") is not None else "",
        f"budget {row['budget']:g} {UNITS.get(row['unit'], row['unit'])}" if row.get("budget") is not None else "",
        f"about {row['batch_seconds']:g} s of audio a step" if row.get("batch_seconds") is not None else "",
        f"seed {row['seed']}" if row.get("seed") is not None else "",
    ]
    chart = charts.shares_chart(row["domains"], label=f"Planned and realised shares of {row['name']}")
    return row | {"title": stage, "facts": ", ".join(fact for fact in facts if fact), "chart": chart}


def grid_view(grid: outcome.GridResult, ceiling: Row | None) -> Row:
    """One grid with its charts: arms side by side where there are several, a ladder where there are several sizes."""
    first = grid.rows[0]
    ladder = ladder_view(grid) if len({row["fraction"] for row in grid.rows}) > 1 else {}
    return {
        "question": grid.report.get("question", grid.name),
        "rows": grid.rows,
        "figures": _shown_figures(grid),
        "clips": first["clips"],
        "words": first["words"],
        "unit": first.get("wer_unit") or "words",
        "seeds": len({row["seed"] for row in grid.rows}),
        "claims": outcome.claims(grid),
        "next": grid.report.get("next"),
        "arms_chart": _arms_chart(grid, ceiling) if len(grid.arms) > 1 else None,
        "ladder_chart": ladder.get("chart"),
        "fit_lines": ladder.get("lines", []),
    }


def _arms_chart(grid: outcome.GridResult, ceiling: Row | None) -> str | None:
    values = outcome.arm_values(grid)
    rates = grid.metric in METRICS
    title = "Word error rate on held-out clips (0 is perfect)" if rates else axis_title(grid.figure)
    label = f"{'Word error rates' if rates else grid.figure.title} of the arms of {grid.name}"
    return (
        charts.arms_chart(values, ceiling["wer"] if ceiling and rates else None, title=title, label=label)
        if values
        else None
    )


def axis_title(figure: Figure) -> str:
    """A figure's title with its direction."""
    return f"{figure.title} ({figure.better} is better)"


def _shown_figures(grid: outcome.GridResult) -> list[tuple[str, str]]:
    """(heading, name) of a grid's columns: both word error rates, and its figure where that is another."""
    rates = [("CTC WER", "ctc_wer"), ("LLM WER", "llm_wer")]
    return rates if grid.metric in METRICS else [*rates, (grid.figure.title, grid.metric)]


def ladder_view(grid: outcome.GridResult) -> Row:
    """The ladder's chart, and a sentence per arm on its curve or why there is none."""
    metric, figure, curves, lines, points = grid.metric, grid.figure, {}, [], []
    for arm in grid.arms:
        fit = fit_arm(grid.rows, arm, figure)
        if fit.curve is None:
            lines.append(f"No curve for {arm}: {fit.reason}.")
        else:
            curves[arm] = fit.curve
            band = (
                f" Its 95 % band comes from {fit.curve.band_from}."
                if fit.curve.band_from
                else " Nothing gives it a band."
            )
            left_out = f" ({fit.reason})" if fit.reason else ""
            formula = figure.formula(fit.curve.formula)
            lines.append(f"Curve for {arm}: {formula}{left_out}, drawn inside the sizes it saw.{band}")
        points += [
            {
                "arm": arm,
                "hours": row["hours"],
                "value": row[metric],
                "low": row[f"{metric}_low"],
                "high": row[f"{metric}_high"],
            }
            for row in grid.rows
            if row["arm"] == arm and row["last"] and row[metric] is not None and row["hours"] > 0
        ]
    if not points:
        return {}
    title = figure.title if metric in METRICS else axis_title(figure)
    label = f"{figure.title} against hours"
    return {"chart": charts.ladder_chart(points, curves, figure, title=title, label=label), "lines": lines}


def stage_views(curves: Sequence[Row]) -> list[Row]:
    """One per stage: a chart for each measure that its runs recorded."""
    views = []
    for stage in [*STAGES, *sorted({row["stage"] for row in curves} - set(STAGES))]:
        rows = [row for row in curves if row["stage"] == stage]
        measures = [name for name in MEASURE_TITLES if any(name in point for row in rows for point in row["points"])]
        if rows:
            title = STAGE_TITLES.get(stage, stage)
            drawn = [
                charts.curve_chart(rows, name, MEASURE_TITLES[name], label=f"{title}: {name}") for name in measures
            ]
            views.append({"title": title, "charts": drawn, "note": _curve_note(rows)})
    return views


def _curve_note(rows: Sequence[Row]) -> str:
    steps = "; ".join(f"{row['arm']}: {row['steps']:,} steps" for row in rows)
    most = max(point["averaged"] for row in rows for point in row["points"])
    return f"{steps}. " + (f"Each point averages up to {most} steps." if most > 1 else "Each point is one step.")


def _percent(value: float | None, digits: int = 0) -> str:
    return "–" if value is None else f"{100 * value:.{digits}f} %"


def _duration(hours: float | None) -> str:
    if hours is None:
        return "–"
    return f"{hours:.2f} h" if hours >= 1 else f"{hours * 60:.1f} min"


def _code(text: str) -> Any:
    """Text with `names` set as code."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))


FILTERS = {
    "code": _code,
    "rate": lambda value: "–" if value is None else f"{value:.2f}",
    "loss": lambda value: "–" if not isinstance(value, int | float) else f"{value:.3f}",
    "count": lambda value: "–" if value is None else f"{value:,}",
    "clock": lambda value: "–" if value is None else clock(value),
    "percent": _percent,
    "duration": _duration,
}
