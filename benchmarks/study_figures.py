"""Figures of studies: an outcome along one axis, a line for each value of another, as SVG for pages of text."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import altair as alt
import vl_convert
from pydantic import BaseModel

from manifests.files import write_text
from manifests.settings.fields import STRICT
from soundwave.ablation.results import pooled

WIDTH, HEIGHT = 560, 300
COLOURS = ("#2b6cb0", "#c05621", "#2f855a", "#6b46c1")  # told apart by the colour-blind, and by their dashes


class StudyFigure(BaseModel):
    """One figure."""

    model_config = STRICT

    grids: tuple[str, ...]
    """Whose rows it shows."""
    x: str
    """An axis, `fraction` or `hours`."""
    line: str
    """An axis, `arm` or `repeats`: a line for each of its values."""
    y: str
    """An outcome."""
    titles: tuple[str, str, str]
    """Of x, y and the lines."""
    names: dict[str, str] = {}
    """Value of `line` -> what it is called."""
    log: bool = False
    """Is x drawn on a logarithmic scale?"""
    only: dict[str, str] = {}
    """Column or axis -> the one value that rows must have."""


def read_value(row: Mapping[str, Any], name: str) -> Any:
    """A row's value of an axis or a column."""
    axes = json.loads(row.get("axes") or "{}")
    return axes.get(name, row.get(name))


def points(rows: Sequence[Mapping[str, Any]], asked: StudyFigure) -> list[dict[str, Any]]:
    """Mean, band over seeds and clips, and seeds of each place of the figure."""
    good = [
        row
        for row in rows
        if row["last"]
        and not row["error"]
        and row.get(asked.y) is not None
        and all(str(read_value(row, name)) == value for name, value in asked.only.items())
    ]
    place = lambda row: (str(read_value(row, asked.line)), float(read_value(row, asked.x)))  # noqa: E731
    found = []
    for (line, x), group in groupby(sorted(good, key=place), key=place):
        mean = pooled(list(group), asked.y)
        if mean is not None:
            name = asked.names.get(line, line)
            found.append({"line": name, "x": x, "y": mean.mean, "low": mean.low, "high": mean.high})
    return found


def draw(rows: Sequence[Mapping[str, Any]], asked: StudyFigure, target: Path) -> bool:
    """Write the figure; is there anything to draw?"""
    values = points(rows, asked)
    if not values:
        return False
    lines = list(dict.fromkeys(value["line"] for value in values))
    x = alt.X(
        "x:Q", title=asked.titles[0], scale=alt.Scale(type="log" if asked.log else "linear", nice=False, padding=20)
    )
    x = x.axis(values=sorted({value["x"] for value in values}))
    y = alt.Y("y:Q", title=asked.titles[1], scale=alt.Scale(zero=True))
    named = alt.Legend(labelLimit=0, orient="bottom", direction="vertical")  # names are as long as they are
    colours = alt.Scale(domain=lines, range=list(COLOURS))
    colour = alt.Color("line:N", title=asked.titles[2], sort=lines, scale=colours, legend=named)
    base = alt.Chart(alt.Data(values=values)).encode(x=x, color=colour)
    dashed = base.mark_line(strokeWidth=2).encode(y=y, strokeDash=alt.StrokeDash("line:N", sort=lines, legend=None))
    bands = base.mark_rule(strokeWidth=2, opacity=0.6).encode(y=alt.Y("low:Q", title=asked.titles[1]), y2="high:Q")
    chart = (bands + dashed + base.mark_point(filled=True, size=70, opacity=1).encode(y=y)).properties(
        width=WIDTH, height=HEIGHT, background="white", padding=12
    )
    write_text(target, vl_convert.vegalite_to_svg(chart.to_dict(validate=False), allowed_base_urls=[]))
    return True
