"""Every metric by name, and every figure that an ablation may ask for.

A metric is a file of `soundwave.evaluate.metrics` with a `METRIC`; its name is the file's name, and the first line of
its docstring says what it measures. Names and first lines are read without loading anything: PyTorch takes seconds.
"""

from __future__ import annotations

import ast
import importlib
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from manifests.errors import SettingsError
from soundwave.evaluate import metrics
from soundwave.evaluate.metric import Figure, Metric

ALL = "all"
RATES = "asr"  # the error rates: what is measured when nothing is said, and kept in a file of their own


def _files() -> dict[str, Path]:
    """Metric -> its file, sorted by name."""
    found = {path.stem: path for folder in metrics.__path__ for path in Path(folder).glob("[!_]*.py")}
    return dict(sorted(found.items()))


def names() -> list[str]:
    """Names of all metrics."""
    return list(_files())


def find(name: str) -> Metric:
    """The metric called `name`.

    Raises:
        SettingsError: no such metric, or a module without one.
    """
    _check(name, names())
    module = importlib.import_module(f"{metrics.__name__}.{name}")
    metric = getattr(module, "METRIC", None)
    if not isinstance(metric, Metric):
        raise SettingsError(
            f"{module.__file__} has no METRIC with rows, figures, basis() and measure(): every file beside it "
            "is a metric. See soundwave/evaluate/metric.py."
        )
    return metric


def choose(wanted: Sequence[str]) -> list[str]:
    """Names of the metrics asked for, each once, in order of their names.

    Args:
        wanted: names, or several with commas between them; `all` is every metric.

    Raises:
        SettingsError: an unknown name, or none at all.
    """
    chosen = [name.strip() for entry in wanted for name in entry.split(",") if name.strip()]
    known = names()
    for name in chosen:
        _check(name, [ALL, *known])
    if not chosen:
        raise SettingsError(f"No metric is named. Metrics: {ALL}, {', '.join(known)}.")
    return [name for name in known if ALL in chosen or name in chosen]


def titles() -> dict[str, str]:
    """Metric -> what it measures."""
    trees = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in _files().items()}
    return {name: (ast.get_docstring(tree) or "").partition("\n")[0] for name, tree in trees.items()}


def describe() -> list[dict[str, Any]]:
    """One row a metric: name, title, kinds of rows it reads, what it needs, its figures."""
    return [
        {
            "name": name,
            "title": title,
            "rows": list(find(name).rows),
            "needs": sorted({need for figure in find(name).figures for need in figure.needs}),
            "figures": [figure.name for figure in find(name).figures],
        }
        for name, title in titles().items()
    ]


def find_figure(name: str) -> tuple[str, Figure]:
    """The metric that gives a figure, and the figure; the name of a metric means its first figure.

    Raises:
        SettingsError: no such figure; the message has the nearest names.
    """
    figures: dict[str, tuple[str, Figure]] = {}
    for family in names():
        own = find(family).figures
        figures |= {figure.name: (family, figure) for figure in own}
        figures |= dict([(family, (family, own[0]))] if own else [])
    if name not in figures:
        raise SettingsError(f"No metric gives `{name}`.{_nearest(name, list(figures))} Known: {', '.join(figures)}.")
    return figures[name]


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


def _check(name: str, known: Sequence[str]) -> None:
    if name not in known:
        raise SettingsError(f"No metric is called `{name}`.{_nearest(name, known)} Metrics: {', '.join(known)}.")


def _nearest(name: str, known: Sequence[str]) -> str:
    near = get_close_matches(name, known, cutoff=0.5)
    return f" The nearest: {', '.join(near)}." if near else ""
