"""Token error rate of the CTC head alone, in its own classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from manifests.errors import InputError
from soundwave.evaluate.error_rates import Edits, bootstrap_band, count_edits
from soundwave.evaluate.held_out import Context, held_out
from soundwave.evaluate.metric import Family, Figure
from soundwave.model.tokens import written_unit
from soundwave.train.batches.samples import target_text


def measure(context: Context) -> dict[str, Any]:
    """CTC token error rate on held-out transcribed speech, in the unit that training ended with (letters or tokens).

    Clips without a CTC target (other languages) are left out.

    Returns:
        `clips`, `corpora`, `unit`, and what `token_errors` gives.

    Raises:
        InputError: no clip has a CTC target.
    """
    rows = held_out(context, "asr")
    unit = written_unit(context.model.settings.ctc_vocabulary, context.settings.ctc_units)
    table = context.model.table
    ids: list[str] = []
    references: list[list[int]] = []
    found: list[list[int]] = []
    for cuts, features, lengths in rows.batches():
        classes = context.model.greedy_classes(features, lengths)
        for cut, heard in zip(cuts, classes, strict=True):
            text = target_text(cut, context.settings.ctc_languages)
            target = table.target(text, unit) if text else None
            if target:
                ids.append(cut.cut_id)
                references.append(target)
                found.append(heard)
    if not references:
        raise InputError(f"No clip of {rows.corpora} has a CTC target in {list(context.settings.ctc_languages)}.")
    edits = token_edits(references, found)
    context.values.add("token_error_rate", ids, edits.errors, edits.words)
    return {"clips": len(references), "corpora": rows.corpora, "unit": unit, **_figures(edits)}


def token_edits(references: Sequence[Sequence[int]], found: Sequence[Sequence[int]]) -> Edits:
    """Edits that make references of what was found; no reference may be empty."""
    # Each class is a "word" of its own.
    return count_edits([
        (" ".join(map(str, wanted)), " ".join(map(str, heard))) for wanted, heard in zip(references, found, strict=True)
    ])  # fmt: skip


def token_errors(references: Sequence[Sequence[int]], found: Sequence[Sequence[int]]) -> dict[str, Any]:
    """`token_error_rate`: (substitutions + deletions + insertions) / reference tokens, its 95 % band, the counts.

    No reference may be empty.
    """
    return _figures(token_edits(references, found))


def _figures(edits: Edits) -> dict[str, Any]:
    return {
        "token_error_rate": edits.rate,
        "token_error_rate_band": list(bootstrap_band(edits.errors, edits.words)),
        "tokens": int(edits.words.sum()),
        "substitutions": edits.substitutions,
        "deletions": edits.deletions,
        "insertions": edits.insertions,
    }


METRIC = Family(
    rows=("asr",),
    figures=(Figure("token_error_rate", "CTC token error rate", "lower", frozenset({"ctc"}), best=0.0),),
    measure=measure,
    version=2,
)
