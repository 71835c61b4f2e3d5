"""What a run is made of: precision, device, model, optimiser, sample maker."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
import torch.utils.deterministic
from accelerate import Accelerator

from curation.encoders import Encoder
from curation.pretrained.weights import read_weights
from manifests.errors import BadCutError, SettingsError
from manifests.runs import WEIGHTS
from soundwave.model.batch import need_conversation
from soundwave.model.pretrained import load_tokenizer
from soundwave.model.tokens import seen_tokens
from soundwave.train.batches.frame_cache import FrameCache
from soundwave.train.batches.plan_data import PlanData
from soundwave.train.batches.samples import SampleMaker, target_text
from soundwave.train.distributed.processes import check_kind
from soundwave.train.settings import StageSettings

if TYPE_CHECKING:
    from soundwave.model.speech_llm import SpeechLLM

NORMALISE_CUTS = 300  # of the plan's first cuts give the mean and scale of the encoder's features


def pick_precision(asked: Literal["auto", "fp32", "bf16", "fp64"]) -> str:
    """fp32, bf16 or fp64. `auto` takes bf16 where it is native: elsewhere a CPU emulates it several times slower."""
    if asked != "auto":
        return asked
    if torch.cuda.is_available():
        return "bf16" if torch.cuda.is_bf16_supported() else "fp32"
    checks = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    native = any(getattr(torch.cpu, check, lambda: False)() for check in checks)
    return "bf16" if native else "fp32"


def llm_dtype(precision: str) -> torch.dtype:
    """What the frozen LLM's weights are kept as."""
    return {"bf16": torch.bfloat16, "fp64": torch.float64}.get(precision, torch.float32)


def make_accelerator() -> Accelerator:
    """Device, and the group of processes when there are several. Precision is the trainer's own matter: a process may
    train several runs, each with another, and accelerate takes one for the life of the process.

    On CUDA cuBLAS is told to sum in one order (see `reproducible`), which it reads before its first product.

    Raises:
        SettingsError: started as FSDP, DeepSpeed and the like.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    accelerator = Accelerator(mixed_precision="no", cpu=not torch.cuda.is_available())
    check_kind(accelerator)
    return accelerator


@contextmanager
def reproducible(device: torch.device) -> Iterator[None]:
    """Within, a step gives the same bits each time on a GPU too: kernels that add atomically give way to others.

    On a CPU a step does so by itself.

    Raises:
        SettingsError: the LLM needs an operation that has no such kernel.
    """
    if device.type != "cuda":
        yield
        return
    before = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    mode: Any = torch.utils.deterministic  # its one setting is a property of the module, which type checkers miss
    fills = mode.fill_uninitialized_memory
    torch.use_deterministic_algorithms(True)  # a mere warning would leave attention's backward pass as it is
    mode.fill_uninitialized_memory = False  # we read no memory that was never written
    try:
        yield
    except RuntimeError as error:
        if "deterministic" not in str(error):
            raise
        raise SettingsError(
            f"{str(error).partition(', but you set')[0]}: resumed runs would differ in rounding. "
            "If that may be, train with the setting `reproducible` false."
        ) from error
    finally:
        torch.use_deterministic_algorithms(before[0], warn_only=before[1])
        mode.fill_uninitialized_memory = fills


@contextmanager
def importing(module: str) -> Iterator[None]:
    """Import a module beside what is done within, which computes without the interpreter most of the time.

    What goes wrong with it comes up where it is used.
    """
    if module in sys.modules:
        yield
        return

    def load() -> None:
        with suppress(Exception):
            import_module(module)

    before = sys.getswitchinterval()
    thread = Thread(target=load, name=f"import {module}")
    thread.start()
    try:
        sys.setswitchinterval(before / 10)  # importing keeps the interpreter busy: the other is to get its turn soon
        yield
    finally:
        thread.join()
        sys.setswitchinterval(before)


def reads_words(settings: StageSettings) -> bool:
    """Whether a stage asks where the words of a cut are."""
    return settings.splice is not None or settings.sandwich is not None


def make_model(
    settings: StageSettings, data: PlanData, start: Path | None, precision: str, like: Path | None = None
) -> SpeechLLM:
    """The model of run `start`, or a new one whose vocabulary and feature scale come from the plan.

    like: a model that began as this one does, of the same settings and plan: it has both already, and reading all
    texts of the plan again would cost a short training more than its steps do.

    Every stage needs an LLM that can be asked and whose answers end: stage I does not ask it, but what follows does.

    Raises:
        SettingsError: the model of `start` reads another encoder's frames.
        InputError: an LLM without a chat template that takes the stage's messages, or without an end token.
    """
    model = _load_or_create(settings, data, start, precision, like)
    if precision == "fp64":
        model.double()
    if settings.gradient_checkpointing:
        model.gradient_checkpointing_enable()
    return model


def _load_or_create(
    settings: StageSettings, data: PlanData, start: Path | None, precision: str, like: Path | None
) -> SpeechLLM:
    from soundwave.model.config import SpeechConfig
    from soundwave.model.speech_llm import SpeechLLM

    dtype = llm_dtype(precision)
    if start is not None:
        model = SpeechLLM.from_pretrained(start, dtype=dtype)
        need_conversation(model.tokenizer, settings.system_prompt)
        if model.encoder != settings.encoder:
            raise SettingsError(f"encoder is {settings.encoder!r}, but {start} was trained on {model.encoder!r}")
        return model
    made = settings.model
    tokenizer = load_tokenizer(made.llm)
    need_conversation(tokenizer, settings.system_prompt)  # before the weights: they may be many
    token_ids = _vocabulary(settings, data, tokenizer) if like is None else SpeechConfig.read(like).token_ids
    model = SpeechLLM.create(
        made,
        encoder=settings.encoder,
        feature_dim=data.store.feature_dim,
        token_ids=token_ids,
        dtype=dtype,
        seed=settings.seed,
    )
    if settings.normalise_features:
        skip = settings.on_bad_cut == "skip"
        model.alignment.set_scale(*(feature_scale(data, skip=skip) if like is None else stored_scale(like)))
    return model


def _vocabulary(settings: StageSettings, data: PlanData, tokenizer: Any) -> list[int] | None:
    """The tokens that a new CTC head can write; None: all of them."""
    made = settings.model
    if made.ctc_vocabulary == "full":
        return None
    texts = (target_text(cut, settings.ctc_languages) for cut in data.spoken_cuts())
    fewest = None if made.ctc_vocabulary == "letters" else made.ctc_min_count
    return seen_tokens(tokenizer, [text for text in texts if text], min_count=fewest)


def stored_scale(model: Path) -> tuple[torch.Tensor, torch.Tensor]:
    """What `feature_scale` gave when a stored model began."""
    names = ("alignment.feature_mean", "alignment.feature_scale")
    found = read_weights(model / WEIGHTS, names)
    return found[names[0]], found[names[1]]


def feature_scale(data: PlanData, *, skip: bool = False) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and standard deviation (F,) of the encoder frames of the plan's first NORMALISE_CUTS cuts.

    Frames that are not finite count for nothing: the step that meets them says so. So do cuts that cannot be read, if
    the settings say to `skip` them.
    """
    frames = [np.zeros((0, data.store.feature_dim))]
    for cut in data.first_cuts(NORMALISE_CUTS):
        with suppress(*([BadCutError] if skip else [])):
            frames.append(data.store.frames(cut).astype(np.float64))
    rows = np.concatenate(frames)
    rows = rows[np.isfinite(rows).all(axis=1)]
    return torch.from_numpy(rows.mean(axis=0)).float(), torch.from_numpy(rows.std(axis=0)).float().clamp(min=1e-3)


def halve(encoder: Encoder) -> None:
    """Have an encoder that can compute in bfloat16, as the LLM does then: frames are less exact than that anyway."""
    if hasattr(encoder, "half"):
        encoder.half = True


def keep_frames(settings: StageSettings, data: PlanData) -> None:
    """Have clips that are encoded while training keep their frames, if the settings say where.

    Raises:
        OccupiedError: the folder holds something else.
    """
    if settings.frame_cache is not None and data.unstored:
        data.store.cache = FrameCache(
            Path(settings.frame_cache.folder), settings.frame_cache.limit, data.store.load_encoder()
        )


def make_maker(settings: StageSettings, data: PlanData, model: SpeechLLM, steps: int) -> SampleMaker:
    """The sample maker; masks are filled with the model's average frame."""
    fill = model.alignment.feature_mean.detach().cpu().numpy()
    return SampleMaker(
        settings,
        data,
        model.table,
        frame_rate=data.store.frame_rate,
        fill=fill,
        steps=steps,
        ctc_frames=model.alignment.frames_of,
    )


def make_optimiser(settings: StageSettings, trainable: dict[torch.Tensor, str]) -> torch.optim.Optimizer:
    """AdamW: matrices decay, biases and gains do not; LoRA may have its own rate. `highest` is each group's."""
    chosen = settings.optimiser
    groups: dict[tuple[bool, bool], list[torch.Tensor]] = {}
    for parameter, name in trainable.items():
        groups.setdefault(("lora_" in name, parameter.dim() > 1), []).append(parameter)
    lora_rate = chosen.lora_learning_rate or chosen.learning_rate
    return torch.optim.AdamW(
        [
            {
                "params": parameters,
                "weight_decay": chosen.weight_decay if matrix else 0.0,
                "highest": lora_rate if lora else chosen.learning_rate,
            }
            for (lora, matrix), parameters in groups.items()
        ],
        lr=chosen.learning_rate,
        betas=chosen.betas,
        fused=True,
    )
