"""How much the shrinking adapter shortens what the LLM has to read."""

from __future__ import annotations

from typing import Any

import torch

from manifests.errors import InputError
from soundwave.evaluate.held_out import Context, HeldOut, held_out
from soundwave.evaluate.metric import Family, Figure, Need
from soundwave.model.plain_text import text_ids
from soundwave.model.tokens import spoken_text

TASKS = ("asr", "st", "sound")
CTC: frozenset[Need] = frozenset({"ctc"})


def measure(context: Context) -> dict[str, Any]:
    """Kept-length ratios on held-out audio of each task, from totals over the clips.

    Returns:
        By task: `clips`, `corpora`, `encoder_frames`, `adapter_frames`, `kept_frames`; `kept_of_adapter` and
        `kept_of_encoder` (kept frames over the others; the paper's 2.5 % is of the encoder's); `kept_per_second`; for
        transcribed clips `kept_per_token` (kept frames over the transcript's tokens of the LLM; 1: as long as text).

    Raises:
        InputError: no held-out audio at all.
    """
    found = {}
    for task in TASKS:
        try:
            rows = held_out(context, task)
        except InputError:
            continue
        found[task] = _ratios(context, rows, task)
    if not found:
        raise InputError(f"{context.catalog} has no audio of {context.corpus or 'any corpus'} in {context.split!r}.")
    return found


def _ratios(context: Context, rows: HeldOut, task: str) -> dict[str, Any]:
    encoder = adapter = kept = tokens = 0
    for cuts, features, lengths in rows.batches():
        with torch.no_grad():
            heard = context.model.hear(features, lengths)
        if task == "asr":
            ids = [cut.cut_id for cut in cuts]
            context.values.add("kept_of_encoder", ids, heard.runs.counts.tolist(), lengths.tolist())
        encoder += int(lengths.sum())
        adapter += int(heard.lengths.sum())
        kept += int(heard.runs.counts.sum())
        texts = [spoken_text(cut.text, cut.language or "en") for cut in cuts if cut.text and cut.task == "asr"]
        tokens += sum(len(text_ids(context.model.tokenizer, f" {text}")) for text in texts)
    found: dict[str, Any] = {"clips": len(rows.cuts), "corpora": rows.corpora}
    found |= {"encoder_frames": encoder, "adapter_frames": adapter, "kept_frames": kept}
    found |= {"kept_of_adapter": kept / adapter, "kept_of_encoder": kept / encoder}
    found["kept_per_second"] = kept / sum(cut.duration for cut in rows.cuts)
    return found | ({"kept_per_token": kept / tokens} if tokens else {})


METRIC = Family(
    rows=TASKS,
    # No value is the best: to keep nothing is shortest, and says nothing.
    figures=(
        Figure("kept_of_encoder", "Kept share of the encoder's frames", "lower", CTC, path="asr.kept_of_encoder"),
        Figure("kept_per_token", "Kept frames per token of the transcript", "lower", CTC, path="asr.kept_per_token"),
    ),
    measure=measure,
    version=2,
)
