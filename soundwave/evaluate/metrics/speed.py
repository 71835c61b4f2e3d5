"""How long an answer takes: time to the first token, and processing time over audio time."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import torch

from curation import encoders
from manifests.errors import InputError
from soundwave.evaluate.held_out import Context, HeldOut, held_out
from soundwave.evaluate.metric import Family, Figure
from soundwave.model.generation import SEARCH

CLIPS = 16  # timed one by one, unless the caller sets a limit


def measure(context: Context) -> dict[str, Any]:
    """Times of single clips (batch 1) on this machine, after one clip that is not counted.

    Returns:
        `clips`, `audio_seconds`, `device`, `threads`; medians and 90 % quantiles of `first_token_ms` (encoder frames to
        the LLM's first token: adapters, prompt, one step) and `answer_ms` (frames to the whole transcript, searched as
        the evaluation does); `encode_ms` (samples to frames; None with `encode_note` where the audio or its encoder is
        not here); `seconds_per_clip` and `real_time_factor` (encoding, where measured, plus answering, over the audio's
        length; below 1 is faster than real time).
    """
    rows = held_out(context, "asr", limit=context.first(CLIPS))
    first, whole = _answers(context, rows)
    encode, note = _encoding(rows)
    audio = sum(cut.duration for cut in rows.cuts)
    busy = sum(whole) + sum(encode or [])
    return {
        "clips": len(rows.cuts),
        "corpora": rows.corpora,
        "audio_seconds": round(audio, 2),
        "device": str(context.model.embeddings.device),
        "threads": torch.get_num_threads(),
        "first_token_ms": _spread(first),
        "answer_ms": _spread(whole),
        "encode_ms": _spread(encode) if encode else None,
        **({"encode_note": note} if note else {}),
        "seconds_per_clip": busy / len(rows.cuts),
        "real_time_factor": busy / audio,
    }


def _answers(context: Context, rows: HeldOut) -> tuple[list[float], list[float]]:
    """Seconds to the first token, and to the whole answer, of each clip."""
    model = context.model
    first, whole = [], []
    for cut in (rows.cuts[0], *rows.cuts):
        features, lengths = rows.features([cut])
        answer = partial(model.generate, [context.prompt(cut, "asr")], features, lengths)
        first.append(seconds(partial(answer, max_new_tokens=1)))
        whole.append(seconds(partial(answer, **SEARCH)))
    return first[1:], whole[1:]


def _encoding(rows: HeldOut) -> tuple[list[float] | None, str]:
    """Seconds from samples to frames of each clip, or why they cannot be measured."""
    try:
        encoder = encoders.load_encoder(rows.store.encoder)
        clips = [cut.samples() for cut in rows.cuts]
    except InputError as error:
        return None, str(error)
    encoder.encode(clips[:1])
    return [seconds(partial(encoder.encode, [clip])) for clip in clips], ""


def seconds(work: Callable[[], object]) -> float:
    """Wall seconds that `work` takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _spread(values: list[float]) -> dict[str, float]:
    """Median and 90 % quantile, in milliseconds."""
    ordered = sorted(values)
    high = ordered[min(len(ordered) - 1, round(0.9 * (len(ordered) - 1)))]
    return {"median": 1000 * statistics.median(ordered), "p90": 1000 * high}


METRIC = Family(
    rows=("asr",),
    figures=(
        Figure("real_time_factor", "Processing time over audio time", "lower", best=0.0),
        Figure("first_token_ms", "Milliseconds to the first token", "lower", best=0.0, path="first_token_ms.median"),
        Figure("answer_ms", "Milliseconds to the whole answer", "lower", best=0.0, path="answer_ms.median"),
    ),
    measure=measure,
    version=2,
)
