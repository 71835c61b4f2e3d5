"""Every metric by name, and every figure that an ablation may ask for.

A metric is a file of `soundwave.evaluate.metrics` with a `METRIC`; its name is the file's name, and the first line of
its docstring says what it measures. Names and first lines are read without loading anything: PyTorch takes seconds.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

from manifests.errors import SettingsError
from manifests.plugins import Plugins, unknown
from soundwave.evaluate.metric import Figure, Metric

CALLED: Mapping[str, Any] = {"Figure": Figure, "frozenset": frozenset}  # by what spells figures out
METRICS = Plugins("metric", "soundwave.evaluate.metrics", "METRIC", Metric)  # type: ignore[type-abstract]
ALL = "all"
RATES = "asr"  # the error rates: what is measured when nothing is said, and kept in a file of their own


def choose(wanted: Sequence[str]) -> list[str]:
    """Names of the metrics asked for, each once, in order of their names.

    Args:
        wanted: names, or several with commas between them; `all` is every metric.

    Raises:
        SettingsError: an unknown name, or none at all.
    """
    chosen = [name.strip() for entry in wanted for name in entry.split(",") if name.strip()]
    known = METRICS.names()
    for name in chosen:
        if name not in (ALL, *known):
            raise unknown(METRICS.what, name, known)
    if not chosen:
        raise SettingsError(f"No metric is named. Metrics: {ALL}, {', '.join(known)}.")
    return [name for name in known if ALL in chosen or name in chosen]


def describe() -> list[dict[str, Any]]:
    """One row a metric: name, title, kinds of rows it reads, what it needs, its figures."""
    return [
        {
            "name": name,
            "title": METRICS.title(name),
            "rows": list(metric.rows),
            "needs": sorted({need for figure in metric.figures for need in figure.needs}),
            "figures": [figure.name for figure in metric.figures],
        }
        for name, metric in METRICS.all().items()
    ]


def find_figure(name: str) -> tuple[str, Figure]:
    """The metric that gives a figure, and the figure; the name of a metric means its first figure.

    `asr.llm_wer` is the figure `llm_wer` of the metric `asr`.

    Raises:
        SettingsError: no such figure; the message has the nearest names.
    """
    figures: dict[str, tuple[str, Figure]] = {}
    for family, path in METRICS.sources().items():
        # Where a file spells its figures out they are read from there: to import it takes seconds.
        spelled = _spelled(path, path.stat().st_mtime_ns)
        own = METRICS.find(family).figures if spelled is None else spelled
        for figure in own:
            figures[figure.name] = figures[f"{family}.{figure.name}"] = (family, figure)
        if own:
            figures[family] = (family, own[0])
    if name not in figures:
        dotted = "." in name
        raise unknown("figure", name, [known for known in figures if ("." in known) == dotted])
    return figures[name]


@lru_cache
def _spelled(path: Path, _: int) -> tuple[Figure, ...] | None:
    """The `figures=(Figure(...), ...)` of a file's METRIC, where it is made of literals and of constants that are."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    known: dict[str, Any] = dict(CALLED)
    for node in tree.body:
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        if not isinstance(target, ast.Name) or not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
            continue
        value: ast.expr | None = node.value
        if target.id == METRICS.attribute:
            keywords = node.value.keywords if isinstance(node.value, ast.Call) else []
            value = next((word.value for word in keywords if word.arg == "figures"), None)
        if value is not None:
            with suppress(ValueError, TypeError, KeyError):  # a name of another file, or what only an import can know
                known[target.id] = _value(value, known)
    found = known.get(METRICS.attribute)
    return found if isinstance(found, tuple) and all(isinstance(one, Figure) for one in found) else None


def _value(node: ast.expr, known: Mapping[str, Any]) -> Any:
    """What an expression of literals, known names and calls of them is; nothing else is run.

    Raises:
        ValueError, TypeError, KeyError: it is made of other things.
    """
    if isinstance(node, ast.Name):
        return known[node.id]
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in CALLED:
        named = {str(word.arg): _value(word.value, known) for word in node.keywords}
        return known[node.func.id](*(_value(part, known) for part in node.args), **named)
    if isinstance(node, ast.Tuple):
        return tuple(_value(part, known) for part in node.elts)
    return ast.literal_eval(node)


def read_figure(row: Mapping[str, Any], name: str) -> tuple[float | None, float | None, float | None]:
    """A figure and its 95 % band in a row that `soundwave eval --json` printed; None where there is none."""
    family, figure = find_figure(name)
    place: Any = row if family == RATES else (row.get("metrics") or {}).get(family)
    *parents, last = (figure.path or figure.name).split(".")
    for parent in parents:
        place = place.get(parent) if isinstance(place, Mapping) else None
    if not isinstance(place, Mapping) or place.get(last) is None:
        return None, None, None
    low, high = place.get(f"{last}_band") or (None, None)
    return float(place[last]), low, high
