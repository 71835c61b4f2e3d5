"""What a training stage is. Every YAML under stages/ is one of these."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, Field, field_validator, model_validator

from curation.duck.limits import memory_bytes
from manifests.errors import SettingsError
from manifests.settings import Overrides, SettingsFiles
from manifests.settings.fields import LARGEST, STRICT
from manifests.units import Seconds
from soundwave.model.settings import ModelSettings

RUNTIME_ONLY = frozenset(
    {
        "reproducible",
        "micro_batch",
        "gradient_checkpointing",
        "shard_llm",
        "tensorboard",
        "checkpoint_every",
        "keep_checkpoints",
        "on_nonfinite",
        "nonfinite_limit",
        "on_bad_cut",
        "ahead",
        "frame_cache",
    }
)
"""Settings that say how a run is computed and watched. They change no result beyond rounding, so they are no part of
what tells runs apart: an interrupted run may go on with others."""
Part = Literal["alignment", "ctc_head", "shrinking", "lora"]
Joined = Literal["audio", "frames"]


def _ordered(ends: tuple[float, float]) -> tuple[float, float]:
    if ends[0] > ends[1]:
        raise ValueError(f"{list(ends)} begins above its end")
    return ends


Range: TypeAlias = Annotated[
    tuple[Annotated[float, Field(ge=-60, le=60)], Annotated[float, Field(ge=-60, le=60)]], AfterValidator(_ordered)
]
"""Two numbers of dB, the lower one first."""
Seconds2: TypeAlias = Annotated[
    tuple[Annotated[Seconds, Field(ge=0, le=60)], Annotated[Seconds, Field(ge=0, le=60)]], AfterValidator(_ordered)
]
"""Two lengths of time, the shorter one first."""
Share2: TypeAlias = Annotated[
    tuple[Annotated[float, Field(ge=0, le=1)], Annotated[float, Field(ge=0, le=1)]], AfterValidator(_ordered)
]
"""Two shares, the smaller one first."""


class Optimiser(BaseModel):
    """AdamW and its learning rate over the steps."""

    model_config = STRICT

    learning_rate: float = Field(gt=0)
    """The highest."""
    lora_learning_rate: float | None = Field(default=None, gt=0)
    """The same for LoRA's matrices; None: as the others."""
    betas: tuple[float, float] = (0.9, 0.95)
    """AdamW's averages."""
    weight_decay: float = Field(default=0.1, ge=0)
    """On matrices; never on biases and gains."""
    schedule: Literal["cosine", "wsd", "constant"] = "cosine"
    """`wsd`: warm-up, stable, then linear decay, so that an ablation can branch off the stable part."""
    warmup: float = Field(default=0.01, ge=0, lt=1)
    """Share of the steps over which the rate rises from zero."""
    warmup_steps: int | None = Field(default=None, ge=0)
    """The same as a number of steps: runs of other lengths then share their first part, and can branch off it."""
    decay: float = Field(default=0.4, gt=0, le=1)
    """Share of the steps at the end over which `wsd` falls."""
    decay_steps: int | None = Field(default=None, ge=1)
    """The same as a number of steps."""
    final: float = Field(default=0.0, ge=0, le=1)
    """Where the rate ends, relative to the highest."""
    clip: float = Field(default=1.0, gt=0, allow_inf_nan=True)
    """Gradients are scaled down to this norm; .inf: they are not."""


class SpecAugment(BaseModel):
    """Masks over encoder frames (Park et al., 2019). Masked values become the average frame."""

    model_config = STRICT

    time_masks_per_second: float = Field(default=0.7, ge=0)
    """How many stretches are masked."""
    time_seconds: float = Field(default=0.2, ge=0)
    """Longest stretch."""
    feature_masks: int = Field(default=2, ge=0)
    """How many bands of features are masked."""
    feature_share: float = Field(default=0.1, ge=0, le=1)
    """Widest band, as a share of the features."""


class Splice(BaseModel):
    """New sentences: a step's clips are cut at word boundaries, shuffled and joined again. Needs word alignments."""

    model_config = STRICT

    share: float = Field(ge=0, le=1)
    """Share of the steps that are spliced."""
    words: float = Field(default=3.0, gt=0)
    """Average words of a piece."""


class Sandwich(BaseModel):
    """Sounds inside speech, as the paper's CTC learns them: `press one <dog_barking> to hear`. A sound of the step is
    put into a clip of transcribed speech of the same step, at a word boundary where words are aligned, else between
    two clips. Ranges are two numbers, each value between them as likely."""

    model_config = STRICT

    share: float = Field(ge=0, le=1)
    """Share of the sound draws; the others stay alone, as does a sound for which the step has no speech left."""
    joined: Joined = "audio"
    """`audio`: samples are put together, and the encoder hears one clip. `frames`: stored encoder frames are, each
    clip's by itself, which needs no audio files and no encoder while training; level, gaps and length are as they
    come."""
    opened: float = Field(default=1.0, ge=0, le=1)
    """How often a clip whose words are aligned is opened for the sound; else it stands between two clips."""
    speech: tuple[str, ...] = ()
    """Corpora whose clips are taken; empty: of all."""
    level: Range = (-6.0, 6.0)
    """dB of the sound's loudness above the speech's."""
    gap: Seconds2 = (0.0, 0.2)
    """Silence on either side of the sound."""
    position: Share2 = (0.0, 1.0)
    """Where in the clip it may be opened, as shares of its length; at its nearest word boundary where none is there."""
    length: Seconds2 = (2.5, 3.5)
    """Of the sound, of which the loudest stretch is taken; a shorter one stays whole."""
    longest: Seconds = Field(default=30.0, gt=0)
    """Longer sequences are not made as audio: Whisper hears 30 seconds at once."""


class MultiSpeaker(BaseModel):
    """Clips of different speakers one after another, to be answered by who says what. Needs the cuts' speakers."""

    model_config = STRICT

    share: float = Field(ge=0, le=1)
    """How often a clip of transcribed speech begins such a sequence."""
    most: int = Field(default=3, ge=2, le=6)
    """Most speakers of one; from two on, each number is as likely."""
    joined: Joined = "audio"
    """What is put together, as for sandwiches."""
    level: Range = (-3.0, 3.0)
    """dB of each further speaker's loudness above the first one's."""
    gap: Seconds2 = (0.1, 0.5)
    """Silence between two speakers."""
    longest: Seconds = Field(default=30.0, gt=0)
    """Longer sequences are not made as audio: Whisper hears 30 seconds at once."""


class MicroBatch(BaseModel):
    """Gradient accumulation: how much of a step goes through the model at once, in each process. The step's loss and
    gradient stay those of one pass, whatever is set here; less memory, more passes."""

    model_config = STRICT

    rows: int | None = Field(default=None, ge=1)
    """At most this many samples."""
    seconds: float | None = Field(default=None, gt=0)
    """At most this much audio, padding included: samples x the longest one. A longer sample goes by itself."""


class FrameCacheSettings(BaseModel):
    """Encoder frames on disk: a clip that is drawn again, in this run or another one, is neither read nor encoded."""

    model_config = STRICT

    folder: str = Field(min_length=1)
    """A new folder, or one with such a cache; runs and processes of one machine share it."""
    size: str = "50GB"
    """What its files may take, e.g. 500MB; those that were not asked for longest go first."""

    @field_validator("size")
    @classmethod
    def _is_size(cls, size: str) -> str:
        try:
            count = memory_bytes(size)
        except SettingsError:
            count = 0
        if count < 1:
            raise ValueError(f"{size!r} is no size, expected a number and a unit: 500MB, 50GB")
        return size

    @property
    def limit(self) -> int:
        """Bytes."""
        return memory_bytes(self.size)


class StageSettings(BaseModel):
    """One training stage."""

    model_config = STRICT

    stage: Literal["alignment", "shrinking", "sft"]
    """The paper's I, II, III."""
    model: ModelSettings = ModelSettings()
    """A new model's make; a stage that starts from a run keeps that run's."""
    encoder: str = "moonshine-tiny-en"
    """Whose frames the model reads: the `encode` pass's, or encoded on the fly."""
    train: tuple[Part, ...] = Field(min_length=1)
    """Which parts learn; the LLM itself never does."""
    lm_weight: float = Field(ge=0)
    """Weight of the next-token loss; 0: the LLM is not run."""
    ctc_weight: float = Field(ge=0)
    """Weight of the CTC loss; 0: it is not computed."""
    ctc_units: Literal["letters", "tokens", "letters_then_tokens"] = "tokens"
    """What CTC targets are made of."""
    letters_share: float = Field(default=0.4, ge=0, le=1)
    """With `letters_then_tokens`: the share of the steps that come first, in letters."""
    ctc_languages: tuple[str, ...] = ("en",)
    """Speech in other languages has no CTC target."""
    ctc_temperature: float = Field(default=0.0, ge=0)
    """Above 0: the shrinking adapter reads drawn CTC tokens, at a temperature of up to this, in place of the best.
    On its own training clips CTC is almost right; the LLM only learns to mend mistakes that it gets to see."""
    answer: Literal["written", "spoken"] = "written"
    """Transcripts as answers: as the corpus writes them, or as they are heard (lower case, numbers in words)."""
    system_prompt: str = "You are a helpful assistant."
    """The conversation's first message."""
    templates: str = "paper"
    """Which set of instructions: a folder of templates/."""
    optimiser: Optimiser
    """AdamW."""
    steps: int | None = Field(default=None, ge=1)
    """Optimiser steps; None: the plan's. With more than it has, the plan begins again, newly augmented."""
    length_window: int = Field(default=1, ge=1, le=4096)
    """The draws of so many steps are sorted by length and dealt to these steps anew, so that less of a batch is
    padding; shares then hold over these steps together. 1: each step has the plan's draws."""
    ema: float = Field(default=0.0, ge=0, lt=1)
    """Decay of the running average of weights that the run ends with; 0: none."""
    speeds: tuple[float, ...] = (1.0,)
    """Feature variants to draw from, where the `encode` pass made them."""
    spec_augment: SpecAugment | None = None
    """Masks on encoder frames; null: none."""
    splice: Splice | None = None
    """Sentence mixing; null: none."""
    sandwich: Sandwich | None = None
    """Sounds inside speech; null: each sound is a sequence of its own."""
    multi_speaker: MultiSpeaker | None = None
    """Speakers in turn; null: none."""
    speaker_number: MultiSpeaker | None = None
    """The same of rows that ask how many speak, whose corpora have one speaker in each clip; null: none."""
    normalise_features: bool = False
    """A new model scales encoder features to mean 0 and variance 1 over the plan's first cuts."""
    precision: Literal["auto", "fp32", "bf16", "fp64"] = "auto"
    """`auto`: bf16 where the processor or GPU multiplies it natively, else fp32. `fp64` is slow: it shows whether two
    ways of computing a run differ by more than rounding."""
    reproducible: bool = True
    """On a GPU: a step gives the same bits each time, so that a resumed run is the same run, at the cost of some speed;
    false: it differs in rounding."""
    micro_batch: MicroBatch | None = None
    """Gradient accumulation; null: a process takes its share of a step in one pass."""
    gradient_checkpointing: bool = False
    """Keep only each LLM layer's input for the backward pass, and compute the rest again: less memory, more time."""
    shard_llm: bool = False
    """Several processes: each holds a part of every layer of the frozen LLM (FSDP). Needs gradient_checkpointing."""
    tensorboard: bool = True
    """Metrics also as TensorBoard event files, where that package is installed."""
    checkpoint_every: int = Field(default=100, ge=1)
    """Steps between checkpoints."""
    keep_checkpoints: tuple[int, ...] = ()
    """Steps whose checkpoints stay, also when the run is finished, so that other runs can branch off there."""
    on_nonfinite: Literal["stop", "skip"] = "stop"
    """A loss or gradient that is not finite stops the run before the optimiser's step; `skip` drops that step's batch
    and counts it."""
    nonfinite_limit: int = Field(default=10, ge=0)
    """With `skip`: most batches that a run drops; one more stops it."""
    on_bad_cut: Literal["stop", "skip"] = "stop"
    """A cut whose sound or stored frames cannot be read stops the run; `skip` leaves its draw out of its step, and the
    ledger says why."""
    ahead: int = Field(default=2, ge=0, le=64)
    """How many steps are made ready (read, decoded, encoded) while earlier ones compute; 0: none."""
    frame_cache: FrameCacheSettings | None = None
    """Clips that are encoded while training keep their frames on disk; null: they are encoded each time."""
    seed: int = Field(default=0, ge=0, le=LARGEST)
    """Of new weights, augmentation and dropout."""

    @property
    def audio_joins(self) -> bool:
        """Does it put any sequence together as audio?"""
        joins = (self.sandwich, self.multi_speaker, self.speaker_number)
        return any(join is not None and join.share > 0 and join.joined == "audio" for join in joins)

    @model_validator(mode="after")
    def _fits_together(self) -> StageSettings:
        if not self.lm_weight and not self.ctc_weight:
            raise ValueError("lm_weight and ctc_weight are both 0: there is nothing to learn")
        if "lora" in self.train and not self.lm_weight:
            raise ValueError("`lora` can only be trained with lm_weight > 0")
        if self.shard_llm and not (self.gradient_checkpointing and "lora" in self.train):
            # Else processes could gather different layers: prompts' shared starts, and passes without a gradient.
            raise ValueError("shard_llm needs gradient_checkpointing: true, and `lora` among what is trained")
        return self


STAGES = SettingsFiles(StageSettings, Path(__file__).parent / "stages", what="stage")
RENAMED: dict[str, str | None] = {}
"""Keys that earlier versions stored under another name -> today's name; None: it has gone. No key has changed yet."""


def load_stage(name: str | Path, overrides: Overrides | Mapping[str, Any] = ()) -> StageSettings:
    """Stage settings by file, or by the name of a bundled one (`alignment`, `paper/alignment`).

    Raises:
        MissingFileError: neither; the message lists the names.
        SettingsError: unknown keys or wrong values.
    """
    return STAGES.load(name, overrides)


JOINS = ("sandwich", "multi_speaker")  # that there were before there were any of audio
SHARES = frozenset({"share", "most"})
"""What those had."""


def with_joins(values: Mapping[str, Any]) -> dict[str, Any]:
    """Stored settings; joins in those of versions that joined frames alone say so."""
    old = {name: value for name in JOINS if isinstance(value := values.get(name), dict) and "joined" not in value}
    return {**values, **{name: {"joined": "frames", **value} for name, value in old.items()}}


def identity(settings: StageSettings) -> dict[str, Any]:
    """What tells trainings apart: joins of frames are as they were before there were any of audio."""
    unset = {"speaker_number"} if settings.speaker_number is None else set()
    unset |= {"length_window"} if settings.length_window == 1 else set()
    values = settings.model_dump(mode="json", exclude={*RUNTIME_ONLY, *unset})
    for name in JOINS:
        if (value := values[name]) and value["joined"] == "frames":
            values[name] = {key: found for key, found in value.items() if key in SHARES or found != _default(name, key)}
            del values[name]["joined"]
    return values


def _default(join: str, key: str) -> Any:
    kind = {"sandwich": Sandwich, "multi_speaker": MultiSpeaker}[join]
    return kind(share=0.0).model_dump(mode="json")[key]
