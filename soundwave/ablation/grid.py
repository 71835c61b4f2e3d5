"""The grid: a question, its arms, axes and seeds, as one YAML file.

soundwave ablate demo --catalog demo/catalog --output demo/ablation
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, field_validator, model_validator

from curation.catalog.folds import Folds
from manifests.errors import SettingsError
from manifests.names import hint
from manifests.settings import Layer, Overrides, SettingsFiles
from manifests.settings.fields import LARGEST, STRICT
from soundwave.ablation.axes.design import Design, Point, design_points
from soundwave.ablation.axes.kinds import Axis, read_axis
from soundwave.ablation.outcomes import (
    EvalQuestion,
    Evaluate,
    GridOutcome,
    OutcomeSpec,
    loss_question,
    outcome,
    untrained,
)
from soundwave.ablation.results import COLUMNS
from soundwave.evaluate.metric import Figure
from soundwave.evaluate.registry import RATES, find_figure
from soundwave.train.settings import StageSettings


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


class Grid(BaseModel):
    """An ablation: every arm at every point of its axes with every seed is one cell."""

    model_config = STRICT

    question: str = Field(min_length=1)
    """What the ablation is to answer, in one sentence."""
    arms: dict[str, tuple[ArmStage, ...]] = Field(min_length=1)
    """Arm name -> its stages in order; a word alone is a stage and the mixture of the same name."""
    axes: dict[str, Any] = Field(default_factory=dict)
    """What varies beside arms and seeds (see `soundwave.ablation.axes.kinds`): `share.sound: [0, 0.1, 0.2]`."""
    design: Design = "full"
    """Which combinations of the axes' values are cells: `full`, `paired` (the first values together, the second ...),
    or `{kind: sobol, cells: 24}`, each of them in every arm with every seed."""
    stages: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """Stage, as the arms name it -> what all arms replace in its settings. An arm's own settings come on top."""
    mixtures: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """Mixture, as the arms name it -> what all arms replace in it. An arm's own mixture_settings come on top."""
    fractions: tuple[float, ...] = (1.0,)
    """Sizes: the share of each domain's candidates that training may see. Subsets are nested: 0.25 is inside 0.5."""
    repeats: Literal["matched", "free"] | None = None
    """What smaller sizes keep: `matched` the passes over each clip (and stages' `steps` shrink), `free` how much is
    drawn. Null: as the mixtures say, which is `free` with a budget and `matched` with epochs."""
    ladder: Literal["independent", "branches"] = "independent"
    """`branches`: smaller sizes of a stage branch off the largest one's run where their learning rate begins to fall.
    Needs schedule wsd with warmup_steps, repeats matched, and a plan that passes over no clip twice."""
    seeds: tuple[Annotated[int, Field(ge=0, le=LARGEST)], ...] = (7,)
    """Seeds of data order, subset and initial weights."""
    folds: Folds | None = None
    """A corpus of which each seed holds out a fold: nothing of that fold, nor what shares something with it, is drawn
    in the seed's cells, and they are measured on it. Its other cuts may be drawn, whatever their split. Which fold:
    the seed's remainder by `number`, so that as many seeds in a row hold out each clip once."""
    evaluate: Evaluate = Evaluate()
    """What trained stages are evaluated on."""
    metric: str = "llm_wer"
    """The figure that answers the question: of any metric, such as `llm_wer`, `bleu` or `qa_accuracy_change`
    (`soundwave eval --list-metrics --json` lists them). The name of a metric means its first figure."""
    outcomes: dict[str, OutcomeSpec] = Field(default_factory=dict)
    """Name -> figure, for several outcomes: `wer: {metric: asr.llm_wer, corpus: asterisk}`. The first one answers the
    question. Empty: `metric`, on the rows in `evaluate`."""
    retries: int = Field(default=0, ge=0, le=100)
    """How often a training or evaluation that fails is tried again."""
    infeasible: Literal["refuse", "skip"] = "refuse"
    """Cells that the catalog cannot give: nothing is trained, or the others are and these are rows with their error."""
    workers: int = Field(default=2, ge=1)
    """Processes side by side, one thread each."""

    @field_validator("arms", mode="before")
    @classmethod
    def _named_steps(cls, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        short = lambda step: {"stage": step, "mixture": step} if isinstance(step, str) else step  # noqa: E731
        return {arm: [*map(short, steps)] if isinstance(steps, list | tuple) else steps for arm, steps in value.items()}

    @field_validator("outcomes", mode="before")
    @classmethod
    def _named_figures(cls, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        return {name: {"metric": said} if isinstance(said, str) else said for name, said in value.items()}

    @field_validator("outcomes")
    @classmethod
    def _columns(cls, value: dict[str, OutcomeSpec]) -> dict[str, OutcomeSpec]:
        if odd := [name for name in value if not re.fullmatch(r"[A-Za-z]\w*", name)]:
            raise ValueError(f"outcomes hold the name {odd[0]!r}, expected letters, digits and _ (it becomes a column)")
        if taken := sorted(set(value) & set(COLUMNS)):
            raise ValueError(f"outcomes hold the name {taken[0]}, which is another column of the results")
        return value

    @model_validator(mode="after")
    def _axes_fit(self) -> Grid:
        axes = self.axis_list
        if not any(axis.kind == "shares" and not axis.values for axis in axes):  # else the mixtures name the domains
            self.points()
        if "size" in self.axes and self.fractions != (1.0,):
            raise ValueError("give the axis `size` or `fractions`, one of the two")
        if self.ladder == "branches" and any(repeats != "matched" for _, repeats in self.sizes):
            raise ValueError("ladder branches needs `repeats: matched`: a branch ends where its part of the plan does")
        return self

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
        if self.outcomes:
            return self
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
    def axis_list(self) -> list[Axis]:
        """The axes, in the file's order."""
        return [read_axis(name, said) for name, said in self.axes.items()]

    @property
    def sizes(self) -> list[tuple[float, str | None]]:
        """Fractions, each with the `repeats` that it is trained with."""
        for axis in self.axis_list:
            if axis.kind == "size":
                return [(fraction, repeats or self.repeats) for fraction, repeats in axis.values]
        return [(fraction, self.repeats) for fraction in self.fractions]

    def points(self, axes: Sequence[Axis] | None = None) -> list[Point]:
        """The points of the design over the axes; `axes`: with the domains of those that leave them to the mixture.

        Raises:
            ValueError: axes that the design cannot combine.
        """
        return design_points(self.axis_list if axes is None else axes, self.design)

    @cached_property
    def wanted(self) -> list[GridOutcome]:
        """All outcomes, the one that answers the question first."""
        if self.outcomes:
            return [outcome(name, spec, self.evaluate) for name, spec in self.outcomes.items()]
        metric, figure = find_figure(self.metric)
        return [GridOutcome(figure.name, metric, figure.name, figure, self.evaluate)]

    @property
    def outcome_name(self) -> str:
        """The column of the outcome that answers the question."""
        return self.wanted[0].name

    @property
    def figure(self) -> Figure:
        """The figure that answers the question, under the name of its column."""
        return self.wanted[0].figure

    @property
    def decode(self) -> tuple[str, ...]:
        """How transcripts are read off for error rates; empty: none are asked for but those among the outcomes."""
        by_default = "decode" not in self.evaluate.model_fields_set
        rates = not self.outcomes and find_figure(self.metric)[0] == RATES
        return () if by_default and not rates else self.evaluate.decode

    def questions(self, settings: StageSettings) -> list[EvalQuestion]:
        """What is asked of a run of a stage: first what `evaluate` says, last the losses, which always are."""
        lacks = untrained(settings)
        decode = [name for name in self.decode if not find_figure(f"{name}_wer")[1].needs & lacks]
        asked = [EvalQuestion(self.evaluate)]
        asked[0].ask(decode=decode)
        for one in self.wanted:
            if one.figure.needs & lacks:
                continue
            place = next((question for question in asked if _same_rows(question.rows, one.rows)), None)
            if place is None:
                asked.append(place := EvalQuestion(one.rows))
            if one.metric == RATES:
                place.ask(decode=[one.source.partition("_")[0]])
            else:
                place.ask(metrics=[one.metric])
        found = [question for question in asked if question.decode or question.metrics]
        found.append(loss_question(self.evaluate))
        for question in found:
            question.folds = self.held_fold(settings.seed)
        return found

    def held_fold(self, seed: int) -> Folds | None:
        """The folds, with the one that cells of a seed hold out."""
        return None if self.folds is None else self.folds.of_seed(seed)

    def fold_notes(self) -> list[str]:
        """What is odd about which seeds hold out which folds."""
        if self.folds is None or self.folds.fold is not None:
            return []
        uses = Counter(seed % self.folds.number for seed in self.seeds)
        never = [str(fold) for fold in range(self.folds.number) if fold not in uses]
        often = [str(fold) for fold, count in sorted(uses.items()) if count > min(uses.values())]
        said = (
            [f"no seed holds out fold {', '.join(never)} of {self.folds.corpus}: no cell is measured on them"]
            if never
            else []
        )
        if often and not never:
            said.append(f"more seeds hold out fold {', '.join(often)} of {self.folds.corpus} than the others")
        first = min(self.seeds)
        hint = f"; the seeds {first} to {first + self.folds.number - 1} hold out each fold once"
        return [said[0] + hint] if said else []

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


def _same_rows(one: Evaluate, two: Evaluate) -> bool:
    return one.model_dump(exclude={"decode"}) == two.model_dump(exclude={"decode"})


GRIDS = SettingsFiles(Grid, Path(__file__).with_name("grids"), what="grid")


def load_grid(name: str | Path, overrides: Overrides | Mapping[str, Any] = ()) -> Grid:
    """The grid that `name` (a path, or a bundled grid's name) means, with `overrides` on top.

    Raises:
        MissingFileError: no such grid.
        SettingsError: an unknown key or wrong value, with the file, the key and the nearest keys.
    """
    return GRIDS.load(name, overrides)
