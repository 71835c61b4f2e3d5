"""The report's charts. Each function returns HTML of inline SVG (see theme.py)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import numpy as np

from soundwave.ablation.fits.size import Curve
from soundwave.evaluate.metric import Figure
from soundwave.report.drawing.theme import INK, NARROW, PAPER, SERIES, SOFT, WIDE, figure, wrapped

Row = Mapping[str, Any]
FIT = {"type": "fit", "contains": "padding"}
SPLITS = ("train", "dev", "test")
DASHES = ([1, 0], [7, 3], [2, 2], [9, 3, 2, 3], [4, 4], [12, 4])
MOST_NAMES = 30  # of corpora, domains or arms in a chart: more cannot be told apart


def hours_chart(rows: Sequence[Row]) -> str:
    """Audio minutes of each corpus, by split. rows: corpus, split, hours."""
    hours: dict[str, float] = {}
    for row in rows:
        hours[row["corpus"]] = hours.get(row["corpus"], 0) + row["hours"]
    shown = {
        row["corpus"] for row in most([{"corpus": name, "hours": value} for name, value in hours.items()], "hours")
    }
    rows = [row for row in rows if row["corpus"] in shown]
    values = [{"corpus": row["corpus"], "split": row["split"], "minutes": row["hours"] * 60} for row in rows]
    values = [value | {"order": SPLITS.index(value["split"])} for value in values if value["minutes"] > 0]

    def draw(width: int) -> alt.Chart:
        return (
            _chart(values, width, 26 * len({value["corpus"] for value in values}) + 70)
            .mark_bar(height=14)
            .encode(
                x=alt.X("minutes:Q", title="Audio (minutes)", axis=alt.Axis(tickCount=5, grid=True)),
                y=alt.Y("corpus:N", title=None, sort="-x", axis=_names_axis([value["corpus"] for value in values])),
                color=alt.Color("split:N", title=None, scale=_scale(SPLITS), sort=list(SPLITS)),
                order=alt.Order("order:Q"),
            )
        )

    return figure(draw, label="Audio minutes of each corpus, by split")


def shares_chart(domains: Sequence[Row], *, label: str) -> str:
    """Shares as bars, planned ones as ticks. domains: domain, planned, realised (0 to 1; of what was trained)."""
    shown = most(domains, "realised")
    values = [{key: row[key] for key in ("domain", "planned", "realised")} for row in shown]
    names = [row["domain"] for row in shown]

    def draw(width: int) -> alt.Chart:
        base = alt.Chart(alt.Data(values=values)).encode(
            y=alt.Y("domain:N", title=None, sort=names, axis=_names_axis(names))
        )
        axis = alt.Axis(format="%", tickCount=5)
        bars = base.mark_bar(height=12, color=SERIES[0]).encode(
            x=alt.X("realised:Q", title="Share of units (bar: realised, line: planned)", axis=axis)
        )
        ticks = base.mark_tick(color=INK, thickness=2, size=20).encode(x="planned:Q")
        return _fit(alt.layer(bars, ticks), width, 28 * len(names) + 46)

    return figure(draw, label=label)


def domains_chart(rows: Sequence[Row], title: str, *, label: str) -> str:
    """Losses over steps, a line for each domain; several arms side by side. rows: arm, domain, step, value."""
    arms = list(dict.fromkeys(row["arm"] for row in rows))
    domains = list(dict.fromkeys(row["domain"] for row in rows))
    values = [{key: row[key] for key in ("arm", "domain", "step", "value")} for row in rows]

    def draw(width: int) -> Any:
        beside = 1 if width == NARROW else min(2, len(arms))
        x = alt.X("step:Q", title="Step", axis=alt.Axis(grid=False, tickCount=5), scale=alt.Scale(nice=False))
        y = alt.Y("value:Q", title=wrapped(title), scale=alt.Scale(zero=False), axis=alt.Axis(tickCount=5))
        lines = alt.Chart(alt.Data(values=values)).mark_line(strokeWidth=2, point=alt.OverlayMarkDef(size=24))
        lines = lines.encode(x=x, y=y, **_series("domain", domains))
        if len(arms) == 1:
            return _fit(lines, width, 230)
        cell = lines.properties(width=width / beside - 66, height=190)
        return cell.facet(facet=alt.Facet("arm:N", title=None, sort=arms), columns=beside, spacing=18)

    return figure(draw, label=label)


def curve_chart(rows: Sequence[Row], measure: str, title: str, *, label: str) -> str:
    """One measure of training over time, a line for each arm. rows: arm, points (seconds or step, and measures)."""
    timed = all(point.get("seconds") is not None for row in rows for point in row["points"])
    values = [
        {"arm": row["arm"], "x": point["seconds"] if timed else point["step"], "y": point[measure]}
        for row in rows
        for point in row["points"]
        if point.get(measure) is not None
    ]
    arms = list(dict.fromkeys(row["arm"] for row in rows))

    def draw(width: int) -> alt.Chart:
        named = _series("arm", arms) if len(arms) > 1 else {"color": alt.value(SERIES[0])}
        return (
            _chart(values, width, 230)
            .mark_line(strokeWidth=2)
            .encode(
                x=alt.X("x:Q", title="Training time (s)" if timed else "Step", axis=alt.Axis(grid=False, tickCount=6)),
                y=alt.Y("y:Q", title=wrapped(title), scale=alt.Scale(zero=False), axis=alt.Axis(tickCount=5)),
                **named,
            )
        )

    return figure(draw, label=label)


def arms_chart(values: Sequence[Row], ceiling: float | None, *, title: str, label: str) -> str:
    """Figures as dots with 95 % bands. values: name, arm, value, low, high, in the order to show."""
    names = [row["name"] for row in values]
    arms = list(dict.fromkeys(row["arm"] for row in values))
    rows = [{key: row[key] for key in ("name", "arm", "value", "low", "high")} for row in values]
    dashed = [{"value": ceiling}] if ceiling is not None else []

    def draw(width: int) -> alt.Chart:
        phone = width == NARROW  # an axis of long names would leave no room for the data there
        y = alt.Y("name:N", title=None, sort=names, axis=None if phone else _names_axis(names))
        x = alt.X(
            "value:Q",
            title=title,
            scale=alt.Scale(domainMin=min(0.0, *(row["value"] if row["low"] is None else row["low"] for row in rows))),
            axis=alt.Axis(tickCount=4 if phone else 8, grid=not phone),
        )
        base = alt.Chart(alt.Data(values=rows)).encode(
            y=y, color=alt.Color("arm:N", scale=_scale(arms), sort=arms, legend=None)
        )
        line = alt.Chart(alt.Data(values=dashed)).mark_rule(color=SOFT, strokeDash=[4, 3], strokeWidth=1.5)
        layers = [
            line.encode(x="value:Q"),
            base.mark_rule(strokeWidth=5, opacity=0.35).encode(x="low:Q", x2="high:Q"),
            base.mark_circle(size=110, opacity=1).encode(x=x),
            base.mark_text(dy=14, fontSize=11).encode(x="value:Q", text=alt.Text("value:Q", format=".2f")),
        ]
        if phone:
            above = alt.Chart(alt.Data(values=rows)).encode(x=alt.value(0), y=y, text="name:N")
            style = {"align": "left", "dy": -15, "fontSize": 12}
            layers += [above.mark_text(stroke=PAPER, strokeWidth=4, **style), above.mark_text(color=INK, **style)]
        return _fit(alt.layer(*layers), width, (56 if phone else 42) * len(names) + 50)

    return figure(draw, label=label)


def ladder_chart(points: Sequence[Row], curves: Mapping[str, Curve], shown: Figure, *, title: str, label: str) -> str:
    """A figure against hours on a log scale: cells with their bands, and the fitted curves inside the sizes they saw.

    points: arm, hours, value, low, high. Curves are of the figure's distance from its best value.
    """
    in_minutes = max(float(row["hours"]) for row in points) < 2
    unit, factor = ("minutes", 60.0) if in_minutes else ("hours", 1.0)
    cells = [
        {key: row[key] for key in ("arm", "value", "low", "high")} | {"x": row["hours"] * factor} for row in points
    ]
    fitted = [value for arm, curve in curves.items() for value in _curve_values(arm, curve, shown, factor)]
    arms = list(dict.fromkeys(row["arm"] for row in points))
    sizes = _spread([cell["x"] for cell in cells])

    def draw(width: int) -> alt.Chart:
        low, high = min(cell["x"] for cell in cells), max(cell["x"] for cell in cells)
        scale = alt.Scale(type="log", domain=[low / 1.12, high * 1.12], nice=False)
        axis = alt.Axis(values=sizes, format=".3~r", grid=False)
        x = alt.X("x:Q", title=f"Training audio ({unit}, log scale)", scale=scale, axis=axis)
        color = alt.Color("arm:N", title=None, scale=_scale(arms), legend=alt.Legend() if len(arms) > 1 else None)
        shape = alt.Shape("arm:N", title=None, legend=alt.Legend() if len(arms) > 1 else None)
        line = alt.Chart(alt.Data(values=fitted)).encode(x=x, color=color)
        dots = alt.Chart(alt.Data(values=cells)).encode(x=x, color=color)
        y = alt.Y("value:Q", title=wrapped(title), scale=alt.Scale(zero=False), axis=alt.Axis(tickCount=5))
        layers = [
            line.mark_area(opacity=0.16).transform_filter("isValid(datum.low)").encode(y="low:Q", y2="high:Q"),
            line.mark_line(strokeWidth=2).encode(y="value:Q"),
            dots.mark_rule(strokeWidth=1.5).transform_filter("isValid(datum.low)").encode(y="low:Q", y2="high:Q"),
            dots.mark_point(size=80, opacity=1, filled=True, stroke=PAPER, strokeWidth=1.5).encode(y=y, shape=shape),
        ]
        return _fit(alt.layer(*(layers if fitted else layers[2:])), width, 280 if width == WIDE else 240)

    return figure(draw, label=label)


def _curve_values(arm: str, curve: Curve, shown: Figure, factor: float) -> list[dict[str, Any]]:
    hours = np.geomspace(curve.smallest, curve.largest, 40)
    errors, band = curve.predict(hours), curve.band(hours)
    values: list[dict[str, Any]] = [
        {"arm": arm, "x": float(x) * factor, "value": shown.value(float(y)), "low": None, "high": None}
        for x, y in zip(hours, errors, strict=True)
    ]
    for row, ends in zip(values, zip(*band, strict=True) if band else (), strict=False):
        row["low"], row["high"] = sorted(shown.value(float(end)) for end in ends)
    return values


def most(rows: Sequence[Row], by: str) -> list[Row]:
    """The rows with the highest values of a column, in the order that they have; all where there are not too many."""
    if len(rows) <= MOST_NAMES:
        return list(rows)
    least = sorted((row[by] or 0 for row in rows), reverse=True)[MOST_NAMES - 1]
    return [row for row in rows if (row[by] or 0) >= least][:MOST_NAMES]


def _spread(values: Sequence[float]) -> list[float]:
    """Distinct sizes for axis labels: those within 15 % of the one before are left out, so that labels do not touch."""
    kept: list[float] = []
    for value in sorted(values):
        if not kept or value > kept[-1] * 1.15:
            kept.append(round(value, 2))
    return kept


def _scale(names: Sequence[str]) -> alt.Scale:
    return alt.Scale(domain=list(names), range=[SERIES[number % len(SERIES)] for number in range(len(names))])


def _series(field: str, names: Sequence[str]) -> dict[str, Any]:
    """Colour and dashes of series: who does not see the colours sees the dashes."""
    dashes = [DASHES[number % len(DASHES)] for number in range(len(names))]
    shown: dict[str, Any] = {"title": None, "sort": list(names)}
    shown["legend"] = alt.Legend(symbolType="stroke", symbolSize=300) if len(names) > 1 else None
    return {
        "color": alt.Color(f"{field}:N", scale=_scale(names), **shown),
        "strokeDash": alt.StrokeDash(f"{field}:N", scale=alt.Scale(domain=list(names), range=dashes), **shown),
    }


def _names_axis(names: Sequence[str]) -> alt.Axis:
    """An axis of names with room for them in any reader's font, which may be wider than the one drawn with."""
    return alt.Axis(grid=False, labelLimit=300, minExtent=7.4 * max(map(len, names), default=0))


def _chart(values: Sequence[Row], width: int, height: int) -> alt.Chart:
    return _fit(alt.Chart(alt.Data(values=[dict(value) for value in values])), width, height)


def _fit(chart: Any, width: int, height: int) -> Any:
    return chart.properties(width=width, height=height, autosize=FIT)
