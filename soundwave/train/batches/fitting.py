"""Draws of a plan that are longer than a stage and its model take, told before the first step.

A plan knows no model, so `soundwave mix plan` tells what is longer than a step. Here is what the stage adds: the audio
that goes through the model at once, what the encoder hears at once, and the LLM's context. Only columns of lengths are
read, each cut's once, so ten million draws take seconds. What is joined has its own limits (`longest`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.compute as pc

from soundwave.model.adapters import FRAMES_JOINED
from soundwave.model.plain_text import text_ids
from soundwave.train.batches.prompts import make_prompt

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from soundwave.model.speech_llm import SpeechLLM
    from soundwave.train.batches.plan_data import PlanData
    from soundwave.train.batches.samples import SampleMaker

READ = 2_000  # cuts whose texts are made into tokens, the first ones; their letters say that they may be too long
TEXTS = ("text", "target_text")
QUERY = "Leave such cuts out in the mixture's query"


@dataclass(frozen=True)
class Lengths:
    """Of each cut of a plan."""

    seconds: NDArray[np.float64]
    """0 of text."""
    letters: NDArray[np.int64]
    """Bytes of its texts: they have no more tokens."""
    stored: NDArray[np.bool_]
    """Whether its frames are stored."""

    @classmethod
    def of(cls, data: PlanData) -> Lengths:
        """Read them."""
        seconds, letters = [np.zeros(0)], [np.zeros(0, np.int64)]
        for batch in data.kept.all_cuts():
            seconds.append(batch["duration"].to_numpy(zero_copy_only=False).astype(np.float64))
            sizes = (pc.fill_null(pc.binary_length(batch[name]), 0).to_numpy(zero_copy_only=False) for name in TEXTS)
            letters.append(sum(sizes, np.zeros(len(batch), np.int64)))
        stored = np.asarray(data.kept.children["features"][1][:, 1]) > 0
        return cls(np.concatenate(seconds), np.concatenate(letters), stored)


def too_long(data: PlanData, maker: SampleMaker, model: SpeechLLM) -> Iterator[str]:
    """What is to be said of draws that are longer than something takes: how many, which first, what to do."""
    lengths, settings = Lengths.of(data), maker.settings
    micro = settings.micro_batch
    if micro is not None and micro.seconds is not None:
        yield from _told(
            data,
            lengths.seconds > micro.seconds,
            f"are longer than the {micro.seconds:g} s of audio that go through the model at once (micro_batch.seconds)",
            lambda cut: f"with {lengths.seconds[cut]:.1f} s",
            f"Each goes through by itself and needs more memory. {QUERY}, or raise micro_batch.seconds.",
        )
    if data.unstored:
        window = getattr(data.store.load_encoder(), "window_seconds", math.inf)
        yield from _told(
            data,
            (lengths.seconds > window) & ~lengths.stored,
            f"are longer than the {window:g} s that the encoder {settings.encoder} hears at once",
            lambda cut: f"with {lengths.seconds[cut]:.1f} s",
            f"They are heard in pieces, and a word on a border may be lost. {QUERY}, or cut them at silences "
            "(`soundwave segment`).",
        )
    if settings.lm_weight:
        yield from _beyond_context(data, maker, model, lengths)


def _beyond_context(data: PlanData, maker: SampleMaker, model: SpeechLLM, lengths: Lengths) -> Iterator[str]:
    """Prompt, sound and answer together, if CTC drops no frame: what a new model's keeps is nearly all."""
    most = getattr(model.llm.config, "max_position_embeddings", None)
    if most is None:
        return
    joined = FRAMES_JOINED.get(model.settings.shrinking, 1)
    slowest = min(maker.settings.speeds)
    frames = np.ceil(np.ceil(lengths.seconds / slowest * maker.frame_rate / model.settings.stack) / joined)
    sound = frames.astype(np.int64)
    if not (sound + lengths.letters + _longest_prompt_letters(maker) > most).any():
        return
    prompt = _longest_prompt(maker)
    needed = sound + prompt + lengths.letters
    for cut in np.flatnonzero(needed > most)[:READ]:
        row = data.kept.cuts.take(np.array([cut]), TEXTS).to_pylist()[0]
        tokens = sum(len(text_ids(model.tokenizer, row[name] or "")) for name in TEXTS)
        needed[cut] = sound[cut] + prompt + tokens
    yield from _told(
        data,
        needed > most,
        f"may be longer than the {most:,} positions that the LLM {model.settings.llm} reads",
        lambda cut: f"with up to {needed[cut]:,}, {sound[cut]:,} of them sound",
        f"Beyond them an LLM understands little, or stops. {QUERY}, or take an LLM that reads more.",
    )


def _asks(maker: SampleMaker) -> list[str]:
    return [template.ask for task in maker.data.tasks for template in maker.templates.get(task, ())]


def _longest_prompt_letters(maker: SampleMaker) -> int:
    """Bytes that no prompt without its cut's text is longer than, the chat template's among them."""
    around = len(_prompt(maker, "")) + len(maker.settings.system_prompt.encode())
    return around + max((len(ask.encode()) for ask in _asks(maker)), default=0)


def _longest_prompt(maker: SampleMaker) -> int:
    """Tokens of the longest instruction in its conversation, without its cut's text."""
    return max((len(_prompt(maker, ask)) for ask in _asks(maker)), default=0)


def _prompt(maker: SampleMaker, ask: str) -> list[int]:
    return make_prompt(maker.table.tokenizer, ask, None, maker.settings.system_prompt)


def _told(data: PlanData, wanted: NDArray[np.bool_], what: str, how_long: Any, mend: str) -> Iterator[str]:
    """A sentence on the draws of some cuts; nothing where there are none."""
    count, row = data.kept.uses(wanted)
    if not count:
        return
    step, cut_id, cut = data.drawn(row)
    yield f"{count:,} draws {what}; the first is {cut_id} in step {step}, {how_long(cut)}. {mend}"
