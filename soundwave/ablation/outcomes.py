"""What a grid measures: outcomes by name, each a figure of any metric on any held-out rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Literal

from pydantic import BaseModel, Field, field_validator

from curation.catalog.folds import Folds
from manifests.errors import SettingsError
from manifests.settings.fields import STRICT
from soundwave.evaluate.metric import Figure
from soundwave.evaluate.registry import RATES, find_figure
from soundwave.train.settings import StageSettings

Decoding = Literal["ctc", "llm", "joint"]
LOSS = "loss"
"""The metric that is measured of every trained stage."""


class Evaluate(BaseModel):
    """What every trained stage is evaluated on."""

    model_config = STRICT

    split: Literal["dev", "test"] = "test"
    """Which held-out split: choose on dev, report on test."""
    corpus: str | None = "asterisk"
    """Which corpus of the catalog; null: every one that has such rows."""
    min_words: int = Field(default=3, ge=0)
    """Clips with fewer words in their transcript are left out."""
    decode: tuple[Decoding, ...] = ("ctc", "llm")
    """How transcripts are read off for error rates: the CTC head's best path, the LLM's own answer (stage I has none),
    both together. Empty: no error rates, which is the default where the grid's metric is none."""
    limit: int | None = Field(default=None, ge=1)
    """So many rows of each kind; null: all, or the metric's own limit."""


class OutcomeSpec(BaseModel):
    """One outcome: a figure, and on which rows. What it does not say is as in `evaluate`, but for the corpus."""

    model_config = STRICT

    metric: str
    """A figure (`llm_wer`, `asr.llm_wer`, `sound.kind_accuracy`), or a metric, which means its first figure."""
    corpus: str | None = None
    """Whose rows; null: of every corpus that has such rows, for error rates the one in `evaluate`."""
    split: Literal["dev", "test"] | None = None
    """Which held-out split."""
    min_words: int | None = Field(default=None, ge=0)
    """As in `evaluate`."""
    limit: int | None = Field(default=None, ge=1)
    """As in `evaluate`."""

    @field_validator("metric")
    @classmethod
    def _known(cls, value: str) -> str:
        try:
            find_figure(value)
        except SettingsError as error:
            raise ValueError(str(error)) from error
        return value


@dataclass(frozen=True)
class GridOutcome:
    """A figure under the name that a grid gives it, and on which rows it is measured."""

    name: str
    metric: str
    """The metric that gives the figure: `asr`."""
    source: str
    """Name of the figure: `llm_wer`."""
    figure: Figure
    """The figure, under this outcome's name."""
    rows: Evaluate


def outcome(name: str, spec: OutcomeSpec, default: Evaluate) -> GridOutcome:
    """An outcome as a grid says it; `default`: the grid's `evaluate`."""
    metric, figure = find_figure(spec.metric)
    chosen = {part: value for part in ("split", "min_words", "limit") if (value := getattr(spec, part)) is not None}
    corpus = spec.corpus or (default.corpus if metric == RATES else None)
    return GridOutcome(
        name, metric, figure.name, replace(figure, name=name), default.model_copy(update=chosen | {"corpus": corpus})
    )


@dataclass
class EvalQuestion:
    """Rows, and all that is measured on them in one evaluation of a run."""

    rows: Evaluate
    decode: list[str] = field(default_factory=list)
    metrics: list[str] = field(default_factory=list)
    """Beside the error rates."""
    skip: bool = False
    """No such rows: the answer says so, in place of an error."""
    folds: Folds | None = None
    """With the fold that is held out."""

    def ask(self, *, decode: Iterable[str] = (), metrics: Iterable[str] = ()) -> None:
        """Have more measured."""
        self.decode += [name for name in decode if name not in self.decode]
        self.metrics += [name for name in metrics if name not in self.metrics]

    def values(self) -> dict[str, object]:
        """As a file of further questions says it (see `soundwave.evaluate.further`)."""
        rows = self.rows.model_dump(mode="json", exclude={"decode"})
        names = [RATES, *self.metrics] if self.decode else self.metrics
        more: dict[str, object] = {"decode": self.decode} if self.decode else {}
        more |= {"folds": self.folds.model_dump(mode="json")} if self.folds else {}
        return {**rows, "min_words": max(1, self.rows.min_words), "metrics": names, **more, "skip": self.skip}


def untrained(settings: StageSettings) -> set[str]:
    """Parts of the model that a stage does not train: figures about them say nothing of it."""
    weights = {"llm": settings.lm_weight, "ctc": settings.ctc_weight}
    return {part for part, weight in weights.items() if weight <= 0}


def loss_question(rows: Evaluate) -> EvalQuestion:
    """Losses on held-out rows of all corpora, by domain."""
    return EvalQuestion(Evaluate(split=rows.split, corpus=None, min_words=1), metrics=[LOSS], skip=True)
