"""Scores as rows: one JSON object a run for programs; for people one row a figure, with a column for each run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from soundwave.evaluate.registry import RATES

STATES = {"before", "after"}
LEFT_OUT = {"key", "examples", "layers", "corpora", "source", "fingerprint", "seconds"}


def json_row(results: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """One run's scores, as `families.measure` gives them: error rates flat, the other metrics under `metrics`.

    Where results differ in a fact (the corpus), the row has the first one's.
    """
    row: dict[str, Any] = {}
    for result in results:
        row = {name: value for name, value in result.items() if name != "families"} | row
        others = {name: figures for name, figures in result["families"].items() if name != RATES}
        row |= result["families"].get(RATES, {})
        row |= {"metrics": {**row.get("metrics", {}), **others}} if others else {}
    return row


def family_rows(results: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One row per figure, `metric` and a column for each run; results as `families.measure` gives them."""
    table: dict[str, dict[str, Any]] = {}
    names = run_names([str(result["run"]) for result in results])
    for name, result in zip(names, results, strict=True):
        for family, figures in result["families"].items():
            for metric, value in flat(figures, family):
                table.setdefault(metric, {"metric": metric} | dict.fromkeys(names))[name] = value
    return list(table.values())


def run_names(names: Sequence[str]) -> list[str]:
    """The names, with a number behind each that is there twice: columns need different names."""
    return [name if names.count(name) == 1 else f"{name} ({n})" for n, name in enumerate(names, 1)]


def flat(figures: Mapping[str, Any], path: str) -> Iterator[tuple[str, Any]]:
    """Dotted names and values of nested figures; bands in one cell, what nobody compares left out."""
    pair = set(figures) >= STATES
    if pair:
        yield from _changes(figures, path)
    for name, value in figures.items():
        if name in LEFT_OUT or (pair and name in {*STATES, "change"}):
            continue
        if isinstance(value, Mapping):
            yield from flat(value, f"{path}.{name}")
        elif isinstance(value, list):
            yield f"{path}.{name}", " to ".join(f"{end:.4f}" for end in value)
        else:
            yield f"{path}.{name}", value


def _changes(figures: Mapping[str, Any], path: str) -> Iterator[tuple[str, str]]:
    """A figure before and after in one cell, with the 95 % band of its change where there is one."""
    for name, before in figures["before"].items():
        band = figures["change"].get(f"{name}_band")
        cell = f"{before:.4f} -> {figures['after'][name]:.4f} ({figures['change'][name]:+.4f}"
        yield f"{path}.{name}", cell + (f"; {band[0]:+.4f} to {band[1]:+.4f})" if band else ")")
