"""What single clips give to figures."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any


@dataclass
class ClipValues:
    """What single clips give to figures that are sum(value) / sum(weight): errors over words, losses over tokens."""

    figures: dict[str, dict[str, list[Any]]] = field(default_factory=dict)
    """Figure -> `items` (cut ids), `values` and `weights`, one of each a clip."""

    def add(self, figure: str, items: Iterable[str], values: Iterable[float], weights: Iterable[float]) -> None:
        """Take down what clips give to a figure; as many of each."""
        rows = zip(items, values, weights, strict=True)
        found = self.figures.setdefault(figure, {"items": [], "values": [], "weights": []})
        for item, value, weight in rows:
            found["items"].append(item)
            found["values"].append(float(value))
            found["weights"].append(float(weight))
