"""What a model is made of. The defaults are the paper's; the demo's stages say where they differ and why."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field, model_validator

from manifests.settings.fields import STRICT

Compat = Literal["paper", "reference"]
SMOLLM2 = "smollm2-135m-instruct"


class ModelSettings(BaseModel):
    """The `model:` section of a stage's settings. Read when a model is made new, kept by its runs after that."""

    model_config = STRICT

    llm: str = SMOLLM2
    """`smollm2-135m-instruct` (from the wheel), or any causal LLM on the hub or in a folder."""
    compat: Compat = "paper"
    """`paper`: cross-attention sees all frames and the adapter mixes time; `reference` (released code): neither."""
    stack: int = Field(default=2, ge=1, le=4)
    """Adjacent encoder frames joined into one adapter frame."""
    heads: int = Field(default=16, ge=1)
    """Attention heads of both adapters; must divide the LLM's width."""
    feed_forward: float = Field(default=2.0, gt=0)
    """Width of the adapter's feed-forward part, in LLM widths (the paper: 8192 / 4096)."""
    dropout: float = Field(default=0.1, ge=0, lt=1)
    """In the alignment adapter's layer."""
    activation: Literal["gelu", "relu"] = "gelu"
    """Of that layer's feed-forward part; the released weights want `relu`."""
    positions: Literal["none", "rotary"] = "none"
    """`rotary`: the adapter's attention knows which frames are near. Whisper's frames carry their place themselves."""
    window: int | None = Field(default=None, ge=1)
    """Frames to each side that the alignment adapter's attention sees; None: all."""
    ctc_vocabulary: Literal["full", "seen", "letters"] = "full"
    """`full`: every token of the LLM. `seen`: letters and the tokens that the first plan's targets use. `letters`."""
    ctc_min_count: int = Field(default=1, ge=1)
    """A token that occurs less often in the first plan is spelled in letters of the same vocabulary."""
    ctc_blank: Literal["own", "last"] = "own"
    """`own`: a class beside the vocabulary's; `last`: the LLM's last token (the released weights' `<audio_patch>`)."""
    ctc_bias: bool = True
    """Whether the CTC head adds a number to each class's score; the released weights' has none."""
    shrinking: Literal["ctc", "x3", "x4"] = "ctc"
    """`ctc`: one frame for each run of equal CTC tokens. `x3`, `x4`: the paper's baselines, 3 or 4 frames joined into
    one by a linear layer, whatever CTC says."""
    keep: Literal["first", "peak"] = "first"
    """Which frame of a run of equal CTC tokens is kept."""
    blank_runs: Literal["keep", "drop"] = "keep"
    """Whether runs of blank keep one frame too."""
    merge_letters: bool = False
    """Join the runs that together spell one token of the LLM: CTC reads letters, the LLM gets its usual tokens."""
    posterior_embeddings: bool = False
    """Add the LLM's embeddings, weighted by the CTC posterior over each run, to the kept frames."""
    auxiliary_gain: float | None = Field(default=None, ge=0)
    """First gain of the shrinking adapter's norm, in units of the LLM's embedding size; None: 1, as LayerNorms have."""
    lora_rank: int = Field(default=64, ge=0)
    """Rank of LoRA on q, k, v and o; 0: none."""
    lora_alpha: int = Field(default=16, ge=1)
    """LoRA's alpha."""
    lora_dropout: float = Field(default=0.0, ge=0, lt=1)
    """Dropout before LoRA's first matrix."""

    @model_validator(mode="after")
    def _fits_together(self) -> ModelSettings:
        if self.ctc_min_count > 1 and self.ctc_vocabulary != "seen":
            raise ValueError("ctc_min_count needs ctc_vocabulary: seen")
        if self.merge_letters and self.blank_runs == "keep":
            raise ValueError("merge_letters needs blank_runs: drop")
        if self.ctc_blank == "last" and self.ctc_vocabulary != "full":
            raise ValueError("ctc_blank: last needs ctc_vocabulary: full")
        if self.shrinking != "ctc" and (self.merge_letters or self.posterior_embeddings):
            raise ValueError("merge_letters and posterior_embeddings need shrinking: ctc")
        return self
