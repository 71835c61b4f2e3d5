"""What the CTC head alone makes of speech, in its own classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from manifests.errors import InputError

if TYPE_CHECKING:
    from soundwave.evaluate.held_out import Context


def measure(context: Context) -> dict[str, Any]:
    """CTC token error rate on held-out transcribed speech, in the unit that training ended with (letters or tokens).

    Clips without a CTC target (other languages) are left out.

    Returns:
        `clips`, `corpora`, `unit`, and what `token_errors` gives.

    Raises:
        InputError: no clip has a CTC target.
    """
    from soundwave.evaluate.held_out import held_out
    from soundwave.model.tokens import written_unit
    from soundwave.train.batches.samples import target_text

    rows = held_out(context, "asr")
    unit = written_unit(context.model.settings.ctc_vocabulary, context.settings.ctc_units)
    table = context.model.table
    references: list[list[int]] = []
    found: list[list[int]] = []
    for cuts, features, lengths in rows.batches():
        classes = context.model.greedy_classes(features, lengths)
        for cut, heard in zip(cuts, classes, strict=True):
            text = target_text(cut, context.settings.ctc_languages)
            target = table.encode(text, unit) if text else []
            if target:
                references.append(target)
                found.append(heard)
    if not references:
        raise InputError(f"No clip of {rows.corpora} has a CTC target in {list(context.settings.ctc_languages)}.")
    return {"clips": len(references), "corpora": rows.corpora, "unit": unit, **token_errors(references, found)}


def token_errors(references: Sequence[Sequence[int]], found: Sequence[Sequence[int]]) -> dict[str, Any]:
    """`token_error_rate`: (substitutions + deletions + insertions) / reference tokens, its 95 % band, the counts.

    No reference may be empty.
    """
    import jiwer
    import numpy as np

    from soundwave.evaluate.error_rates import bootstrap_band

    # Each class is a "word" of its own.
    pairs = [
        (" ".join(map(str, wanted)), " ".join(map(str, heard))) for wanted, heard in zip(references, found, strict=True)
    ]
    each = [jiwer.process_words(*pair) for pair in pairs]
    errors = np.array([one.substitutions + one.deletions + one.insertions for one in each], dtype=np.float64)
    tokens = np.array([len(wanted) for wanted in references], dtype=np.float64)
    return {
        "token_error_rate": float(errors.sum() / tokens.sum()),
        "token_error_rate_band": list(bootstrap_band(errors, tokens)),
        "tokens": int(tokens.sum()),
        "substitutions": sum(one.substitutions for one in each),
        "deletions": sum(one.deletions for one in each),
        "insertions": sum(one.insertions for one in each),
    }
