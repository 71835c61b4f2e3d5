"""What `soundwave eval` measures, and on which rows."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, Field, field_validator

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
    ceiling: bool = False
    """Score Moonshine's own decoder beside the runs."""

    @field_validator("split")
    @classmethod
    def _known(cls, value: str) -> str:
        try:
            return as_split(value, setting="split")
        except SettingsError as error:
            raise ValueError(str(error)) from error

    def options(self) -> EvalOptions:
        """Which rows are measured, and how."""
        return EvalOptions(**self.model_dump(exclude={"metrics", "ceiling"}))
