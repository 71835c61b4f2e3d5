"""What a metric is: a family of figures that one file of `soundwave.evaluate.metrics` measures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

if TYPE_CHECKING:
    from soundwave.evaluate.held_out import Context, EvalOptions

Need = Literal["llm", "ctc", "text"]
"""The LLM, the CTC head, or plain text to read (a file, or the default)."""


@dataclass(frozen=True)
class Figure:
    """A number that a metric gives and that can answer an ablation's question."""

    name: str
    """Unique among the figures of all metrics: what a grid's `metric` says, and the column of its results."""
    title: str
    """For axes and headings."""
    better: Literal["lower", "higher"]
    """Which values are better."""
    needs: frozenset[Need] = frozenset({"llm"})
    """What it says something about: a stage that does not train these parts has no such figure."""
    best: float | None = None
    """The value of a perfect model; None: there is none, so that no power law can be fitted."""
    path: str = ""
    """Dotted place in what `measure` returns; empty: the name. A band stands beside it, as `..._band`."""

    def error(self, value: float) -> float:
        """How far a value is from the best one; the value again for what an error gives."""
        return value - (self.best or 0.0) if self.better == "lower" else (self.best or 0.0) - value

    def value(self, error: float) -> float:
        """The value that is so far from the best one."""
        return error + (self.best or 0.0) if self.better == "lower" else (self.best or 0.0) - error

    def formula(self, curve: str) -> str:
        """A formula of the error as one of the value, for people."""
        if not self.best and self.better == "lower":
            return curve
        return f"{self.best or 0:g} {'+' if self.better == 'lower' else '-'} ({curve})"


@runtime_checkable
class Metric(Protocol):
    """What the registry takes: any object of this shape under the name METRIC in a file of `metrics/`.

    The first line of the file's docstring says what it measures.
    """

    @property
    def rows(self) -> Sequence[str]:
        """Kinds of held-out rows that it reads (see `soundwave.evaluate.held_out`)."""

    @property
    def figures(self) -> Sequence[Figure]:
        """What an ablation may ask for; the first one stands for the metric."""

    def basis(self, options: EvalOptions) -> list[Any]:
        """What its figures depend on beside weights and catalog, as JSON values: another basis is another question."""

    def measure(self, context: Context) -> dict[str, Any]:
        """The figures, as JSON values.

        Raises:
            InputError: there is nothing to measure.
        """


@dataclass(frozen=True)
class Family:
    """A metric made of a function."""

    rows: tuple[str, ...]
    figures: tuple[Figure, ...]
    measure: Callable[[Context], dict[str, Any]]
    version: int = 1
    """Of the definitions: raise it when figures change, so that kept ones are measured again."""

    def basis(self, options: EvalOptions) -> list[Any]:
        """The options that choose rows, and the version."""
        return [options.rows(), self.version]
