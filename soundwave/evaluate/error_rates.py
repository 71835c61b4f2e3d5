"""Word and character error rates, with a 95 % band over clips."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

import numpy as np

from manifests.errors import InputError
from soundwave.model.tokens import spoken_text

RESAMPLES = 1000
UNSPACED = frozenset({"zh", "ja", "th", "lo", "my", "yue"})  # written without spaces between words


@dataclass(frozen=True)
class Rates:
    """Errors of all clips together, as fractions of the references' words (characters for `cer`)."""

    wer: float
    wer_band: tuple[float, float]
    """95 % of bootstrap resamples over clips lie in here."""
    cer: float
    substitutions: int
    deletions: int
    insertions: int
    words: int
    clips: int

    def row(self) -> dict[str, Any]:
        """As written to JSON."""
        return asdict(self)


@cache
def _whisper(language: str) -> Any:
    from transformers.models.whisper.english_normalizer import BasicTextNormalizer, EnglishTextNormalizer

    return EnglishTextNormalizer({}) if language == "en" else BasicTextNormalizer(split_letters=language in UNSPACED)


def normal(text: str, language: str = "en") -> str:
    """What is compared. English: the spoken form (numbers and letters in words), then Whisper's English normaliser.

    References and hypotheses go through the same, so `Press 1`, `press one` and `Press one.` are equal. Any other
    language: Whisper's basic normaliser (lower case, no punctuation; scripts without spaces become single characters).
    """
    code = language.partition("-")[0].lower()
    if code == "en":
        return str(_whisper(code)(spoken_text(text)))
    return str(_whisper(code)(text)).strip()


def error_rates(
    references: Sequence[str], hypotheses: Sequence[str], *, languages: Sequence[str] | None = None, seed: int = 0
) -> Rates:
    """WER and CER of hypotheses against references, both normalised; clips whose reference is empty are left out.

    languages: of each reference, ISO 639-1; None: English.

    Raises:
        InputError: lists of different lengths, or no reference with a word in it.
    """
    import jiwer

    if len(references) != len(hypotheses):
        raise InputError(f"{len(references)} references and {len(hypotheses)} hypotheses: expected as many")
    spoken = languages or ["en"] * len(references)
    texts = zip(references, hypotheses, spoken, strict=True)
    pairs = [(normal(reference, language), normal(found, language)) for reference, found, language in texts]
    pairs = [(reference, found) for reference, found in pairs if reference]
    if not pairs:
        raise InputError("There is no reference with a word in it: nothing to score.")
    each = [jiwer.process_words(reference, found) for reference, found in pairs]
    errors = np.array([one.substitutions + one.deletions + one.insertions for one in each], dtype=np.float64)
    words = np.array([one.hits + one.substitutions + one.deletions for one in each], dtype=np.float64)
    return Rates(
        wer=float(errors.sum() / words.sum()),
        wer_band=bootstrap_band(errors, words, seed=seed),
        cer=float(jiwer.cer([reference for reference, _ in pairs], [found for _, found in pairs])),
        substitutions=sum(one.substitutions for one in each),
        deletions=sum(one.deletions for one in each),
        insertions=sum(one.insertions for one in each),
        words=int(words.sum()),
        clips=len(pairs),
    )


def bootstrap_band(
    errors: np.ndarray[Any, np.dtype[np.float64]], words: np.ndarray[Any, np.dtype[np.float64]], *, seed: int = 0
) -> tuple[float, float]:
    """The 95 % band of sum(errors) / sum(words) when clips are drawn again with replacement (percentiles)."""
    rng = np.random.default_rng(seed)
    chosen = rng.integers(0, len(words), size=(RESAMPLES, len(words)))
    rates = errors[chosen].sum(axis=1) / np.maximum(words[chosen].sum(axis=1), 1.0)
    low, high = np.percentile(rates, [2.5, 97.5])
    return float(low), float(high)
