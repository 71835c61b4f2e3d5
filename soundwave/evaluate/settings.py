"""What `soundwave eval` measures, and on which rows."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, Field, field_validator, model_validator

from curation.catalog.folds import Folds
from manifests.errors import SettingsError
from manifests.rows.splits import as_split
from manifests.settings.fields import STRICT
from soundwave.evaluate.held_out import DECODES, Decode, EvalOptions


class EvalSettings(BaseModel):
    """An evaluation of finished runs."""

    model_config = STRICT

    split: str = "dev"
    """dev to choose settings on, test to report."""
    corpus: str | None = None
    """Whose rows; null: the demo's for error rates, for other metrics every corpus that has such rows."""
    min_words: int = Field(default=3, ge=1)
    """Transcripts with fewer words are left out."""
    limit: int | None = Field(default=None, ge=1)
    """So many rows of each kind; null: all, or the metric's own limit."""
    text: Path | None = None
    """Plain text to measure perplexity on."""
    decode: tuple[Decode, ...] = Field(default=DECODES, min_length=1)
    """How transcripts are read off."""
    metrics: tuple[str, ...] = Field(default=("asr",), min_length=1)
    """Names of metrics, or `all`."""
    folds: Folds | None = None
    """A corpus of which one fold, `folds.fold`, is what is held out, whatever split the catalog puts its clips in."""
    own_fold: bool = False
    """Measure each run on the fold that its training held out."""
    ceiling: bool = False
    """Score Moonshine's own decoder beside the runs."""

    @field_validator("split")
    @classmethod
    def _known(cls, value: str) -> str:
        try:
            return as_split(value, setting="split")
        except SettingsError as error:
            raise ValueError(str(error)) from error

    @model_validator(mode="after")
    def _one_fold(self) -> EvalSettings:
        if self.folds is not None and self.own_fold:
            raise ValueError("give `folds` or `own_fold`, one of the two (found both)")
        if self.folds is not None and self.folds.fold is None:
            raise ValueError(f"folds need the `fold` that is held out, 0 to {self.folds.number - 1}")
        return self

    def options(self) -> EvalOptions:
        """Which rows are measured, and how."""
        return EvalOptions(**{name: value for name, value in self if name not in {"metrics", "ceiling", "skip"}})
