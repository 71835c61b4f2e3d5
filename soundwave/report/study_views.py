"""A grid as the page shows it: what may be claimed, its charts, fits and trade-offs, its rows, and their sources."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from soundwave.ablation.claims.secondary import HEADING
from soundwave.ablation.fits.choose import ChosenFit
from soundwave.ablation.fits.size import fit_arm
from soundwave.ablation.fits.study_fits import ResponseFit, StudyFits, fits_of
from soundwave.ablation.results import METRICS
from soundwave.evaluate.metric import Figure
from soundwave.report import outcome, sources
from soundwave.report.drawing import charts
from soundwave.report.drawing.studies import front_chart, response_chart

Row = dict[str, Any]
MOST_ROWS = 200  # of a table of results
MOST_CLAIMS = 8  # that are read at once
MOST_FRONT = 40  # cells in the table of a trade-off
MOST_SURFACES = 8  # of a grid


def grid_view(grid: outcome.GridResult, ceiling: Row | None, catalog: Path) -> Row:
    """One grid with its charts: arms side by side where there are several, a ladder where there are several sizes.

    catalog: that further cells would draw from.
    """
    first = grid.rows[0]
    several = len({row["fraction"] for row in grid.rows}) > 1
    ladder = _ladder_view(grid) if several and not _has_axes(grid) else {}
    sentences = outcome.claims(grid)
    cut = sentences.index(HEADING) if HEADING in sentences else len(sentences)
    return {
        "name": grid.name,
        "question": grid.report.get("question", grid.name),
        "rows": [row | {"point": outcome.point(row)} for row in grid.rows[:MOST_ROWS]],
        "more_rows": len(grid.rows) - MOST_ROWS,
        "figures": _shown_figures(grid),
        "has_axes": _has_axes(grid),
        "clips": first["clips"],
        "words": first["words"],
        "unit": first.get("wer_unit") or "words",
        "seeds": len({row["seed"] for row in grid.rows}),
        "claims": sentences[: min(cut, MOST_CLAIMS)],
        "more_claims": sentences[MOST_CLAIMS:cut],
        "secondary": sentences[cut + 1 :],
        "secondary_heading": HEADING,
        "next": outcome.next_sentence(grid),
        "next_command": sources.command("ablate", "next", grid.folder, "--run", "1", "--catalog", catalog),
        "arms_chart": _arms_chart(grid, ceiling) if len(grid.arms) > 1 else None,
        "ladder_chart": ladder.get("chart"),
        "fit_lines": ladder.get("lines", []),
        "chains": sources.chains(grid),
        "why": sources.why_grid(grid),
        "fit_command": sources.command("ablate", "fit", grid.folder),
        "claims_command": sources.command("ablate", "claims", grid.folder),
        **_fits_view(grid),
    }


def _has_axes(grid: outcome.GridResult) -> bool:
    """Do cells differ in more than arm and size? Then sizes alone explain nothing."""
    return len({outcome.point(row) for row in grid.rows}) > 1


def _arms_chart(grid: outcome.GridResult, ceiling: Row | None) -> str | None:
    values = outcome.arm_values(grid)[: charts.MOST_NAMES]
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
    """(heading, name) of a grid's columns: word error rates as far as there are some, and its other outcomes."""
    rates = [("CTC WER", "ctc_wer"), ("LLM WER", "llm_wer")]
    rates = [one for one in rates if any(row.get(one[1]) is not None for row in grid.rows)] or rates
    others = {grid.metric: grid.figure} | dict(grid.study.figures)
    return rates + [(figure.title, name) for name, figure in others.items() if name not in METRICS]


def _ladder_view(grid: outcome.GridResult) -> Row:
    """The ladder's chart, and a sentence per arm on its curve or why there is none."""
    metric, figure, curves, lines, points = grid.metric, grid.figure, {}, [], []
    for arm in grid.arms[: charts.MOST_NAMES]:
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


def _fits_view(grid: outcome.GridResult) -> Row:
    """Responses along shares and other numbers, and the trade-off of outcomes, as `soundwave ablate fit` has them."""
    try:
        fits = fits_of(grid.study)
    except (KeyError, TypeError, ValueError) as error:  # rows of another version
        return {"surfaces": [], "front": None, "fits_problem": f"Nothing can be fitted to these rows: {error}"}
    figures = grid.study.figures
    surfaces = [
        {
            "title": f"{figures[one.outcome].title}: {one.title}",
            "chart": _response_chart(one, figures[one.outcome]),
            "is_surface": isinstance(one.fit, ChosenFit) and len(one.frame.axes) > 1,
            "fitted": isinstance(one.fit, ChosenFit),
            "sentences": [_capital(said.removeprefix(f"{one.title}: ")) for said in one.sentences()],
        }
        for one in fits.responses[:MOST_SURFACES]
    ]
    return {"surfaces": surfaces, "front": _front_view(fits, figures), "fits_problem": None}


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]


def _response_chart(one: ResponseFit, figure: Figure) -> str:
    fit = one.fit if isinstance(one.fit, ChosenFit) else None
    return response_chart(one.frame, fit, one.optimum, title=axis_title(figure), label=f"{figure.title}: {one.title}")


def _front_view(fits: StudyFits, figures: dict[str, Figure]) -> Row | None:
    """A chart for the first outcome with each other one, and a table of cells; None: there is no trade-off."""
    if isinstance(fits.front, str):
        return None
    names = list(fits.front[0].values)
    cells: list[Row] = [
        {"number": number, "cell": cell.cell, "on_front": cell.on_front, "certainty": cell.certainty}
        | {"values": [cell.values[name] for name in names]}
        for number, cell in enumerate(fits.front, 1)
    ]
    drawn = [
        front_chart(
            [
                {
                    "number": cell["number"],
                    "x": cell["values"][0],
                    "y": cell["values"][place],
                    "on_front": cell["on_front"],
                }
                for cell in cells[:MOST_FRONT]
            ],
            (axis_title(figures[names[0]]), axis_title(figures[names[place]])),
            label=f"Trade-off of {figures[names[0]].title} and {figures[names[place]].title}",
        )
        for place in range(1, min(4, len(names)))
    ]
    return {
        "names": [figures[name].title for name in names],
        "cells": cells[:MOST_FRONT],
        "more_cells": len(cells) - MOST_FRONT,
        "charts": drawn,
    }
