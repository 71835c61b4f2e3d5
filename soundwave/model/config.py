"""A saved model's config.json, in the form that transformers' auto classes read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field
from transformers import PretrainedConfig

from manifests.errors import ManifestError
from manifests.files import need_file
from manifests.settings import read_stored, stored
from soundwave.model.settings import Compat, ModelSettings

CONFIG = "config.json"
FORMAT = 1
RENAMED: dict[str, str | None] = {}  # keys of earlier versions -> today's; None: they have gone. No key has changed yet


@dataclass
class _Saved:
    """What `SpeechConfig.row` writes."""

    settings: ModelSettings
    encoder: str
    feature_dim: Annotated[int, Field(gt=0)]
    token_ids: list[Annotated[int, Field(ge=0)]] | None


class SpeechConfig(PretrainedConfig):  # type: ignore[misc, unused-ignore]
    """All that a model is besides its weights. Every argument has a default, as transformers wants it."""

    model_type = "soundwave-lab"

    def __init__(
        self,
        settings: Mapping[str, Any] | None = None,
        encoder: str = "",
        feature_dim: int = 0,
        token_ids: Sequence[int] | None = None,
        format: int = FORMAT,
        **options: Any,
    ) -> None:
        """settings: of `ModelSettings`; encoder: whose frames it reads, `feature_dim` wide; token_ids: CTC classes."""
        self.settings = dict(settings or {})
        self.encoder, self.feature_dim = encoder, feature_dim
        self.token_ids = None if token_ids is None else list(token_ids)
        self.format = format
        super().__init__(**options)

    @classmethod
    def read(cls, folder: Path, compat: Compat | None = None) -> SpeechConfig:
        """The config in a folder; `compat` overrides what the model was trained as.

        Raises:
            MissingFileError: no model there.
            ManifestError: a config.json of another format, or one without what this version needs.
        """
        path = need_file(folder / CONFIG, what="model", hint="A finished run keeps it in final/.")
        go_on = "Read the model with the version that made it, or train it again."
        values = read_stored(dict[str, Any], path, go_on=go_on)
        if values.get("format") != FORMAT:
            raise ManifestError(f"{path} is no model of format {FORMAT}, found {values.get('format')}. {go_on}")
        found = stored(_Saved, values, where=str(path), go_on=go_on, renamed=RENAMED)
        settings = found.settings.model_dump() | ({} if compat is None else {"compat": compat})
        return cls(settings, found.encoder, found.feature_dim, found.token_ids)

    def row(self) -> dict[str, Any]:
        """What config.json holds."""
        return {
            "model_type": self.model_type,
            "format": FORMAT,
            "settings": self.settings,
            "encoder": self.encoder,
            "feature_dim": self.feature_dim,
            "token_ids": self.token_ids,
        }
