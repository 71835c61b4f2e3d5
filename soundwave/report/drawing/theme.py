"""How charts look, and how they become inline SVG that follows the page's colours, light or dark.

Charts are drawn in placeholder colours, which become CSS variables: one drawing serves both colour schemes and print.
Each chart is drawn twice, for wide pages and for phones; the style sheet shows one of the two, and makes it smaller
where the page is narrower. No drawing has a style of its own: the page's policy forbids those.
"""

from __future__ import annotations

import hashlib
import html
import re
import textwrap
from collections.abc import Callable
from typing import Any

import altair as alt
import vl_convert

WIDE, NARROW = 800, 330  # pixels of the plotting area and its axes together, about
SERIES = ("#0a0001", "#0a0002", "#0a0003", "#0a0004", "#0a0005", "#0a0006")
INK, SOFT, GRID, PAPER = "#0b0001", "#0b0002", "#0b0003", "#0b0004"
VARIABLES = {
    **{colour: f"var(--series-{number})" for number, colour in enumerate(SERIES, 1)},
    INK: "var(--ink)",
    SOFT: "var(--soft)",
    GRID: "var(--line)",
    PAPER: "var(--paper)",
}
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"


def config() -> dict[str, Any]:
    """Vega-Lite configuration: light grid, no frame, ink for what is read, soft for what supports."""
    axis = {
        "labelColor": SOFT,
        "titleColor": INK,
        "gridColor": GRID,
        "domainColor": GRID,
        "tickColor": GRID,
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "titlePadding": 8,
        "labelLimit": 170,
        "tickSize": 4,
    }
    return {
        "font": "sans-serif",
        "background": "transparent",
        "padding": {"left": 4, "top": 5, "right": 10, "bottom": 5},
        "view": {"stroke": None},
        "axis": axis,
        "axisY": {"domain": False, "ticks": False, "labelPadding": 6},
        "legend": {"labelColor": INK, "titleColor": SOFT, "labelFontSize": 12, "titleFontSize": 12, "orient": "top"}
        | {"titleFontWeight": "normal", "titleLimit": 420, "columnPadding": 26},
        "header": {"labelColor": INK, "titleColor": SOFT, "labelFontSize": 13, "labelFontWeight": 600},
        "range": {"category": list(SERIES)},
        "title": {"color": INK, "subtitleColor": SOFT, "anchor": "start", "fontSize": 13, "fontWeight": 600},
    }


def wrapped(title: str, width: int = 36) -> list[str]:
    """A title in lines of about `width` characters: beside an axis there is no room for long ones."""
    return textwrap.wrap(title, width) or [""]


def figure(draw: Callable[[int], alt.Chart], *, label: str) -> str:
    """HTML of one chart, drawn for both widths. `draw` takes the width in pixels; `label` says what it shows."""
    drawings = [(name, to_svg(draw(width))) for name, width in (("wide", WIDE), ("narrow", NARROW))]
    return "".join(
        f'<div class="chart {name}" role="img" aria-label="{html.escape(label, quote=True)}">{svg}</div>'
        for name, svg in drawings
    )


def to_svg(chart: alt.Chart) -> str:
    """One chart as inline SVG in CSS variables, with ids of its own."""
    specification = chart.to_dict(validate=False)  # vl-convert validates as well
    specification["config"] = config()
    svg: str = vl_convert.vegalite_to_svg(specification, allowed_base_urls=[])
    prefix = f"c{hashlib.sha256(svg.encode()).hexdigest()[:8]}-"  # unique on the page, and the same every time
    svg = re.sub(r'\bid="', f'id="{prefix}', svg)
    svg = svg.replace("url(#", f"url(#{prefix}")
    for placeholder, variable in VARIABLES.items():
        svg = svg.replace(placeholder, variable)
    return svg.replace('font-family="sans-serif"', f'font-family="{FONT}"')
