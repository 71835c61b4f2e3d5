"""A transcript word by word, with where it differs from the reference."""

from __future__ import annotations

import jiwer

Marked = list[tuple[str, str]]
"""(kind, word), kind in same | wrong (another word) | extra | missing."""
KINDS = {"equal": "same", "substitute": "wrong", "insert": "extra"}


def marked(reference: str, hypothesis: str) -> Marked:
    """The hypothesis word by word: (kind, word), kind in same | wrong (substituted) | extra | missing.

    A missing word is the reference's. The alignment is the one that word error rates are counted on.
    """
    if not reference.split():
        return [("extra", word) for word in hypothesis.split()]
    found = jiwer.process_words(reference, hypothesis)
    expected, heard = found.references[0], found.hypotheses[0]
    words: Marked = []
    for chunk in found.alignments[0]:
        if chunk.type == "delete":
            words += [("missing", word) for word in expected[chunk.ref_start_idx : chunk.ref_end_idx]]
        else:
            words += [(KINDS[chunk.type], word) for word in heard[chunk.hyp_start_idx : chunk.hyp_end_idx]]
    return words
