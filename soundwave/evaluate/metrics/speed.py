"""How long an answer takes: time to first token, and processing time over audio time."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from manifests.errors import InputError

if TYPE_CHECKING:
    from soundwave.evaluate.held_out import Context, Rows
    from soundwave.train.batches.plan_data import Cut

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
    import torch

    from soundwave.evaluate.held_out import held_out

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


def _answers(context: Context, rows: Rows) -> tuple[list[float], list[float]]:
    """Seconds to the first token, and to the whole answer, of each clip."""
    from soundwave.model.generation import SEARCH

    model = context.model
    first, whole = [], []
    for cut in (rows.cuts[0], *rows.cuts):
        features, lengths = rows.features([cut])
        prompt = context.prompt(cut, "asr")
        first.append(seconds(lambda: model.generate([prompt], features, lengths, max_new_tokens=1)))  # noqa: B023
        whole.append(seconds(lambda: model.generate([prompt], features, lengths, **SEARCH)))  # noqa: B023
    return first[1:], whole[1:]


def _encoding(rows: Rows) -> tuple[list[float] | None, str]:
    """Seconds from samples to frames of each clip, or why they cannot be measured."""
    from pathlib import Path

    from curation.encoders import load_encoder
    from manifests.audio import read_audio

    def read(cut: Cut) -> Any:
        return read_audio(Path(str(cut.source_path)), start=cut.start, duration=cut.duration)

    try:
        encoder = load_encoder(rows.store.encoder)
        clips = [read(cut) for cut in rows.cuts]
    except InputError as error:
        return None, str(error)
    encoder.encode(clips[:1])
    return [seconds(lambda: encoder.encode([clip])) for clip in clips], ""  # noqa: B023


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
