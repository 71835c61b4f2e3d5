"""Translations by the LLM: BLEU and chrF of sacrebleu, with the signatures that make them comparable."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sacrebleu.metrics import BLEU, CHRF

from manifests.errors import InputError
from soundwave.evaluate.held_out import Context, held_out
from soundwave.evaluate.metric import Family, Figure
from soundwave.model.generation import SEARCH, TEXT_LIMIT


def measure(context: Context) -> dict[str, Any]:
    """The LLM's translations of held-out speech (`st`) against the reference translations.

    Returns:
        `clips`, `corpora`, what `translation_scores` gives, and `examples`: the first three by id.
    """
    rows = held_out(context, "st")
    found: dict[str, str] = {}
    for cuts, features, lengths in rows.batches():
        prompts = [context.prompt(cut, "st") for cut in cuts]
        # A translation may be longer than what CTC heard of a language it does not know.
        texts = context.model.generate(prompts, features, lengths, max_new_tokens=TEXT_LIMIT, **SEARCH)
        found |= {cut.cut_id: text for cut, text in zip(cuts, texts, strict=True)}
    references = [str(cut.target_text) for cut in rows.cuts]
    scores = translation_scores(references, [found[cut.cut_id] for cut in rows.cuts])
    examples = [{"id": cut.cut_id, "reference": cut.target_text, "answer": found[cut.cut_id]} for cut in rows.cuts[:3]]
    return {"clips": len(rows.cuts), "corpora": rows.corpora, **scores, "examples": examples}


def translation_scores(references: Sequence[str], hypotheses: Sequence[str]) -> dict[str, Any]:
    """Corpus `bleu` and `chrf` (0 to 100) and their sacrebleu signatures; one reference a sentence, text as it is.

    Raises:
        InputError: lists of different lengths, or empty ones.
    """
    if len(references) != len(hypotheses) or not references:
        raise InputError(f"{len(references)} references and {len(hypotheses)} translations: expected as many, and some")
    bleu, chrf = BLEU(), CHRF()
    scores = {
        "bleu": float(bleu.corpus_score(list(hypotheses), [list(references)]).score),
        "chrf": float(chrf.corpus_score(list(hypotheses), [list(references)]).score),
    }
    return scores | {
        "bleu_signature": str(bleu.get_signature()),
        "chrf_signature": str(chrf.get_signature()),
    }


METRIC = Family(
    rows=("st",),
    figures=(
        Figure("bleu", "BLEU of translations", "higher", best=100.0),
        Figure("chrf", "chrF of translations", "higher", best=100.0),
    ),
    measure=measure,
    version=2,
)
