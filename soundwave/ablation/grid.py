"""The grid: a question, its arms, sizes and seeds, as one YAML file.

soundwave ablate demo-stage1 --catalog demo/catalog --output demo/ablation
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, field_validator, model_validator

from manifests.errors import SettingsError
from manifests.names import hint
from manifests.settings import Layer, Overrides, SettingsFiles
from manifests.settings.fields import LARGEST, STRICT
from soundwave.evaluate.metric import Figure
from soundwave.evaluate.registry import RATES, find_figure


class ArmStage(BaseModel):
    """One training of an arm: a stage on a mixture. It starts from the arm's stage before it."""

    model_config = STRICT

    stage: str
    """Name of a bundled stage (soundwave/train/stages/NAME.yaml), or the path of a YAML file."""
    mixture: str
    """Name of a bundled mixture (curation/mixtures/NAME.yaml), or the path of a YAML file."""
    settings: dict[str, Any] = Field(default_factory=dict)
    """What this arm replaces in the stage's settings, at any depth."""
    mixture_settings: dict[str, Any] = Field(default_factory=dict)
    """What this arm replaces in the mixture, at any depth."""


class Evaluate(BaseModel):
    """What every trained stage is evaluated on."""

    model_config = STRICT

    split: Literal["dev", "test"] = "test"
    """Which held-out split: choose on dev, report on test."""
    corpus: str = "asterisk"
    """Which corpus of the catalog."""
    min_words: int = Field(default=3, ge=0)
    """Clips with fewer words in their transcript are left out."""
    decode: tuple[Literal["ctc", "llm", "joint"], ...] = ("ctc", "llm")
    """How transcripts are read off for error rates: the CTC head's best path, the LLM's own answer (stage I has none),
    both together. Empty: no error rates, which is the default where the grid's metric is none."""


class Grid(BaseModel):
    """An ablation: every arm at every size with every seed is one cell."""

    model_config = STRICT

    question: str = Field(min_length=1)
    """What the ablation is to answer, in one sentence."""
    arms: dict[str, tuple[ArmStage, ...]] = Field(min_length=1)
    """Arm name -> its stages in order."""
    stages: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """Stage, as the arms name it -> what all arms replace in its settings. An arm's own settings come on top."""
    mixtures: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """Mixture, as the arms name it -> what all arms replace in it. An arm's own mixture_settings come on top."""
    fractions: tuple[float, ...] = (1.0,)
    """Sizes: the share of each domain's candidates that training may see. Subsets are nested: 0.25 is inside 0.5."""
    seeds: tuple[Annotated[int, Field(ge=0, le=LARGEST)], ...] = (7,)
    """Seeds of data order, subset and initial weights."""
    evaluate: Evaluate = Evaluate()
    """What trained stages are evaluated on."""
    metric: str = "llm_wer"
    """The figure that answers the question: of any metric, such as `llm_wer`, `bleu` or `qa_accuracy_change`
    (`soundwave eval --list-metrics --json` lists them). The name of a metric means its first figure."""
    workers: int = Field(default=2, ge=1)
    """Processes side by side, one thread each."""

    @model_validator(mode="after")
    def _consistent(self) -> Grid:
        if empty := [name for name, stages in self.arms.items() if not stages]:
            raise ValueError(f"arm `{empty[0]}` has no stages, expected at least one")
        for name, named in (("stages", self.stages), ("mixtures", self.mixtures)):
            if odd := sorted(named.keys() - (known := self.named(name))):
                raise ValueError(f"{name} hold {odd[0]}, which no arm trains ({hint(odd[0], sorted(known))})")
        if bad := [size for size in self.fractions if not 0 < size <= 1]:
            raise ValueError(f"fractions hold {bad[0]}, expected numbers in (0, 1]")
        if not self.fractions or not self.seeds:
            raise ValueError("fractions and seeds must each hold at least one number")
        for name, values in (("fractions", self.fractions), ("seeds", self.seeds)):
            if len(set(values)) != len(values):
                raise ValueError(f"{name} hold a number twice, expected each once")
        if find_figure(self.metric)[0] == RATES and self.metric.partition("_")[0] not in self.evaluate.decode:
            raise ValueError(f"metric {self.metric} is not among evaluate.decode {list(self.evaluate.decode)}")
        return self

    @field_validator("metric")
    @classmethod
    def _known(cls, value: str) -> str:
        try:
            return find_figure(value)[1].name
        except SettingsError as error:
            raise ValueError(str(error)) from error

    @property
    def figure(self) -> Figure:
        """The figure that answers the question."""
        return find_figure(self.metric)[1]

    @property
    def decode(self) -> tuple[str, ...]:
        """How transcripts are read off for error rates; empty: none are asked for."""
        by_default = "decode" not in self.evaluate.model_fields_set
        return () if by_default and find_figure(self.metric)[0] != RATES else self.evaluate.decode

    def named(self, what: str) -> set[str]:
        """The `stages` or `mixtures` that arms name."""
        return {getattr(step, what.removesuffix("s")) for steps in self.arms.values() for step in steps}

    def stage_layers(self, step: ArmStage) -> list[Layer]:
        """What the grid replaces in the settings of an arm's stage."""
        return [
            Layer(self.stages.get(step.stage, {}), f"the grid's stages.{step.stage}"),
            Layer(step.settings, f"the arm's settings of {step.stage}"),
        ]

    def mixture_layers(self, step: ArmStage) -> list[Layer]:
        """What the grid replaces in an arm's mixture."""
        return [
            Layer(self.mixtures.get(step.mixture, {}), f"the grid's mixtures.{step.mixture}"),
            Layer(step.mixture_settings, f"the arm's mixture_settings of {step.mixture}"),
        ]


GRIDS = SettingsFiles(Grid, Path(__file__).with_name("grids"), what="grid")


def load_grid(name: str | Path, overrides: Overrides | Mapping[str, Any] = ()) -> Grid:
    """The grid that `name` (a path, or a bundled grid's name) means, with `overrides` on top.

    Raises:
        MissingFileError: no such grid.
        SettingsError: an unknown key or wrong value, with the file, the key and the nearest keys.
    """
    return GRIDS.load(name, overrides)
