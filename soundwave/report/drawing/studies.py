"""Charts of what a grid's fits say: an outcome along shares and other numbers, and several outcomes at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import numpy as np

from soundwave.ablation.fits.choose import ChosenFit
from soundwave.ablation.fits.frame import CellFrame, NumberAxis
from soundwave.ablation.fits.optimum import Optimum
from soundwave.ablation.fits.shape import curve, tiles
from soundwave.report.drawing.charts import FIT
from soundwave.report.drawing.theme import INK, NARROW, PAPER, SERIES, SOFT, figure, wrapped

Row = dict[str, Any]
CURVE_POINTS = 61
TILES = 18  # of a surface, along each of its axes
EDGE = 1.04  # of the widest and narrowest value on a logarithmic axis


def response_chart(frame: CellFrame, fit: ChosenFit | None, best: Optimum | None, *, title: str, label: str) -> str:
    """An outcome along the first one or two axes of a fit: a curve with its 90 % band, or a surface, with the cells.

    Further axes are held where the optimum is. title: of the outcome, with which values are better.
    """
    if fit is None or len(frame.axes) == 1:
        return _curve(frame, fit, best, title, label)
    return _surface(frame, fit, best, title, label)


def _cells(frame: CellFrame) -> list[Row]:
    return [
        {"x": float(point[0]), "y": float(mean), "second": float(point[1]) if len(point) > 1 else 0.0}
        for point, mean in zip(frame.points, frame.means, strict=True)
    ]


def _curve(frame: CellFrame, fit: ChosenFit | None, best: Optimum | None, title: str, label: str) -> str:
    axis, points = frame.axes[0], [] if fit is None else curve(fit, CURVE_POINTS)
    line_of = [{"x": row["x"], "y": row["value"], "low": row["low"], "high": row["high"]} for row in points]
    at = [] if best is None else [{"x": best.at[axis.name], "y": best.value}]

    def draw(width: int) -> Any:
        x = alt.X("x:Q", title=_axis_title(axis), scale=_scale(axis), axis=_axis(axis, width))
        line = alt.Chart(alt.Data(values=line_of)).encode(x=x)
        y = alt.Y("y:Q", title=wrapped(title), scale=alt.Scale(zero=False), axis=alt.Axis(tickCount=5))
        dots = alt.Chart(alt.Data(values=_cells(frame))).mark_circle(size=80, color=SERIES[0], opacity=1)
        layers = [
            line.mark_area(opacity=0.18, color=SERIES[0]).encode(y="low:Q", y2="high:Q"),
            line.mark_line(strokeWidth=2, color=SERIES[0]).encode(y=y),
            dots.encode(x=x, y=y),
            alt.Chart(alt.Data(values=at)).mark_rule(color=SOFT, strokeDash=[4, 3], strokeWidth=1.5).encode(x="x:Q"),
        ]
        used = [layer for layer, rows in zip(layers, (line_of, line_of, [0], at), strict=True) if rows]
        return alt.layer(*used).properties(width=width, height=260, autosize=FIT)

    return figure(draw, label=label)


def _surface(frame: CellFrame, fit: ChosenFit, best: Optimum | None, title: str, label: str) -> str:
    first, second = frame.axes[:2]
    ground_of = _tiles(frame, fit, best)
    at = [] if best is None else [{"x": best.at[first.name], "second": best.at[second.name]}]
    cells = _cells(frame)

    def draw(width: int) -> Any:
        x = alt.X("x:Q", title=_axis_title(first), scale=_scale(first), axis=_axis(first, width))
        y = alt.Y("second:Q", title=_axis_title(second), scale=_scale(second), axis=_axis(second, width))
        color = alt.Color("y:Q", title=title, scale=alt.Scale(scheme="viridis"), legend=alt.Legend(gradientLength=180))
        seam = alt.Stroke("y:Q", scale=alt.Scale(scheme="viridis"), legend=None)  # tiles touch each other
        ground = alt.Chart(alt.Data(values=ground_of)).mark_rect()
        dots = alt.Chart(alt.Data(values=cells))
        mark = alt.Chart(alt.Data(values=at)).mark_point(shape="cross", size=160, filled=True, color=PAPER, stroke=INK)
        layers = [
            ground.encode(x=x, x2="x2:Q", y=y, y2="second2:Q", color=color, stroke=seam),
            dots.mark_circle(size=130, opacity=1, stroke=PAPER, strokeWidth=2).encode(x=x, y=y, color=color),
            *([mark.encode(x=x, y=y)] if at else []),
        ]
        return alt.layer(*layers).properties(width=width, height=300 if width != NARROW else 270, autosize=FIT)

    return figure(draw, label=label)


def _tiles(frame: CellFrame, fit: ChosenFit, best: Optimum | None) -> list[Row]:
    """The fit over the first two axes, further ones held at the optimum, or in the middle of the cells."""
    others = {
        number: best.at[axis.name] if best is not None else float(np.median(frame.points[:, number]))
        for number, axis in enumerate(frame.axes[2:], 2)
    }
    return [
        {"x": one["x"], "x2": one["x2"], "second": one["y"], "second2": one["y2"], "y": one["value"]}
        for one in tiles(fit, (0, 1), TILES, others)
    ]


def _scale(axis: NumberAxis) -> alt.Scale:
    if axis.kind == "log":
        return alt.Scale(type="log", domain=[axis.low / EDGE, axis.high * EDGE], nice=False)
    room = (axis.high - axis.low) * (EDGE - 1)
    return alt.Scale(domain=[axis.low - room, axis.high + room], nice=False)


def _axis(axis: NumberAxis, width: int) -> alt.Axis:
    said = {"format": "%"} if axis.kind == "share" or axis.name == "size" else {"format": ".3~g"}
    return alt.Axis(grid=False, tickCount=4 if width == NARROW else 7, **said)


def _axis_title(axis: NumberAxis) -> str:
    if axis.name == "size":
        return "Share of the data (log scale)" if axis.kind == "log" else "Share of the data"
    return axis.name + (" (log scale)" if axis.kind == "log" else "")


def front_chart(cells: Sequence[Mapping[str, Any]], titles: tuple[str, str], *, label: str) -> str:
    """Two outcomes of cells: those that no other cell beats are filled and joined.

    cells: number (as the table beside it counts), x, y, on_front.
    """
    rows = [dict(cell) | {"state": "beaten by none" if cell["on_front"] else "beaten by another"} for cell in cells]
    front = sorted((row for row in rows if row["on_front"]), key=lambda row: row["x"])

    def draw(width: int) -> Any:
        x = alt.X("x:Q", title=titles[0], scale=alt.Scale(zero=False, padding=16), axis=alt.Axis(tickCount=5))
        y = alt.Y("y:Q", title=wrapped(titles[1]), scale=alt.Scale(zero=False, padding=16), axis=alt.Axis(tickCount=5))
        base = alt.Chart(alt.Data(values=rows)).encode(x=x, y=y)
        joined = alt.Chart(alt.Data(values=front)).mark_line(color=SERIES[0], strokeWidth=1.5, strokeDash=[5, 3])
        kinds = ["beaten by none", "beaten by another"]
        look = {
            "fill": alt.Fill(
                "state:N", title=None, scale=alt.Scale(domain=kinds, range=[SERIES[0], PAPER]), sort=kinds
            ),
            "shape": alt.Shape(
                "state:N", title=None, scale=alt.Scale(domain=kinds, range=["circle", "square"]), sort=kinds
            ),
        }
        layers = [
            joined.encode(x=x, y=y),
            base.mark_point(size=110, opacity=1, stroke=SERIES[0], strokeWidth=1.5).encode(**look),
            base.mark_text(dx=12, dy=-8, color=INK, fontSize=12).encode(text="number:N"),
        ]
        return alt.layer(*(layers if len(front) > 1 else layers[1:])).properties(width=width, height=280, autosize=FIT)

    return figure(draw, label=label)
