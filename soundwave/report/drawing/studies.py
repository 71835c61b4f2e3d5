"""Charts of what a grid's fits say: an outcome along shares and other numbers, and several outcomes at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import numpy as np
from numpy.typing import NDArray

from soundwave.ablation.fits.choose import ChosenFit
from soundwave.ablation.fits.frame import CellFrame, NumberAxis
from soundwave.ablation.fits.optimum import Optimum
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
    axis, curve = frame.axes[0], []
    if fit is not None:
        points = axis.between(CURVE_POINTS)[:, None]
        low, high = fit.band(points)
        ends = zip(points[:, 0], fit.response.predict(points), low, high, strict=True)
        curve = [dict(zip(("x", "y", "low", "high"), map(float, row), strict=True)) for row in ends]
    at = [] if best is None else [{"x": best.at[axis.name], "y": best.value}]

    def draw(width: int) -> Any:
        x = alt.X("x:Q", title=_axis_title(axis), scale=_scale(axis), axis=_axis(axis, width))
        line = alt.Chart(alt.Data(values=curve)).encode(x=x)
        y = alt.Y("y:Q", title=wrapped(title), scale=alt.Scale(zero=False), axis=alt.Axis(tickCount=5))
        dots = alt.Chart(alt.Data(values=_cells(frame))).mark_circle(size=80, color=SERIES[0], opacity=1)
        layers = [
            line.mark_area(opacity=0.18, color=SERIES[0]).encode(y="low:Q", y2="high:Q"),
            line.mark_line(strokeWidth=2, color=SERIES[0]).encode(y=y),
            dots.encode(x=x, y=y),
            alt.Chart(alt.Data(values=at)).mark_rule(color=SOFT, strokeDash=[4, 3], strokeWidth=1.5).encode(x="x:Q"),
        ]
        used = [layer for layer, rows in zip(layers, (curve, curve, [0], at), strict=True) if rows]
        return alt.layer(*used).properties(width=width, height=260, autosize=FIT)

    return figure(draw, label=label)


def _surface(frame: CellFrame, fit: ChosenFit, best: Optimum | None, title: str, label: str) -> str:
    first, second = frame.axes[:2]
    tiles = _tiles(frame, fit, best)
    at = [] if best is None else [{"x": best.at[first.name], "second": best.at[second.name]}]
    cells = _cells(frame)

    def draw(width: int) -> Any:
        x = alt.X("x:Q", title=_axis_title(first), scale=_scale(first), axis=_axis(first, width))
        y = alt.Y("second:Q", title=_axis_title(second), scale=_scale(second), axis=_axis(second, width))
        color = alt.Color("y:Q", title=title, scale=alt.Scale(scheme="viridis"), legend=alt.Legend(gradientLength=180))
        seam = alt.Stroke("y:Q", scale=alt.Scale(scheme="viridis"), legend=None)  # tiles touch each other
        ground = alt.Chart(alt.Data(values=tiles)).mark_rect()
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
    """The fit over the first two axes; where shares sum to more than 1 there is nothing."""
    first, second = frame.axes[:2]
    columns, rows = _edges(first), _edges(second)
    across, up = np.meshgrid(_middle(columns, first), _middle(rows, second), indexing="ij")
    points = np.tile(frame.points.mean(axis=0), (across.size, 1))
    for number, axis in enumerate(frame.axes[2:], 2):
        points[:, number] = best.at[axis.name] if best is not None else np.median(frame.points[:, number])
    points[:, 0], points[:, 1] = across.ravel(), up.ravel()
    shares = [number for number, axis in enumerate(frame.axes) if axis.kind == "share"]
    allowed = points[:, shares].sum(axis=1) <= 1 + 1e-9 if shares else np.ones(len(points), dtype=bool)
    values = fit.response.predict(points).reshape(across.shape)
    kept = allowed.reshape(across.shape)
    return [
        {"x": float(columns[n]), "x2": float(columns[n + 1]), "second": float(rows[m]), "second2": float(rows[m + 1])}
        | {"y": float(values[n, m])}
        for n, m in np.ndindex(*across.shape)
        if kept[n, m]
    ]


def _edges(axis: NumberAxis) -> NDArray[np.float64]:
    ends = np.log([axis.low, axis.high]) if axis.kind == "log" else np.array([axis.low, axis.high])
    steps = np.linspace(ends[0], ends[1], TILES + 1)
    return np.asarray(np.exp(steps) if axis.kind == "log" else steps)


def _middle(edges: NDArray[np.float64], axis: NumberAxis) -> NDArray[np.float64]:
    return np.sqrt(edges[:-1] * edges[1:]) if axis.kind == "log" else (edges[:-1] + edges[1:]) / 2


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
