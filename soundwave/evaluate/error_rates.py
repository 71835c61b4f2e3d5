"""Word and character error rates, with a 95 % band over clips."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import jiwer
import numpy as np
from numpy.typing import NDArray
from scipy import stats

from curation.text import base_language, is_unspaced
from curation.text.scoring import closest, comparable
from manifests.errors import InputError

RESAMPLES = 1000


@dataclass(frozen=True)
class Rates:
    """Errors of all clips together, as fractions of the references' words (characters for `cer`)."""

    wer: float
    wer_band: tuple[float, float]
    """95 % of the bootstrap resamples over clips are in it."""
    cer: float
    substitutions: int
    deletions: int
    insertions: int
    words: int
    clips: int
    unit: str = "words"
    """What `wer` and `words` count: words; characters where languages have no spaces; or both, with these languages."""
    each: dict[int, tuple[float, float, float, float]] = field(default_factory=dict, repr=False)
    """Place of a clip -> its errors, words, wrong characters, characters."""

    def row(self) -> dict[str, Any]:
        """As written to JSON, without single clips."""
        return {name: value for name, value in asdict(self).items() if name != "each"}


def normal(text: str, language: str = "en") -> str:
    """What is compared: the spoken form (numbers and letters in words), see `curation.text.scoring`.

    References and hypotheses go through the same, so `Press 1`, `press one` and `Press one.` are equal. Languages that
    have no spaces between words become single characters.
    """
    return comparable(text, language)


def error_rates(
    references: Sequence[str], hypotheses: Sequence[str], *, languages: Sequence[str] | None = None, seed: int = 0
) -> Rates:
    """WER and CER of hypotheses against references, both normalised; clips with an empty reference are left out.

    Where a text can be read in several ways, the reading that is nearest to the other text counts.

    languages: of each reference, ISO 639; None: English. Of languages without spaces, characters are counted as words.

    Raises:
        InputError: lists of different lengths, or no reference with a word in it.
    """
    if len(references) != len(hypotheses):
        raise InputError(f"{len(references)} references and {len(hypotheses)} hypotheses: expected as many")
    spoken = languages or ["en"] * len(references)
    texts = zip(references, hypotheses, spoken, strict=True)
    compared = [(*closest(reference, found, language), language) for reference, found, language in texts]
    places = [place for place, row in enumerate(compared) if row[0]]
    scored = [compared[place] for place in places]
    pairs = [(reference, found) for reference, found, _ in scored]
    if not pairs:
        raise InputError("There is no reference with a word in it: nothing to score.")
    edits, wrong, letters = count_edits(pairs), *_characters(scored)
    return Rates(
        wer=edits.rate,
        wer_band=bootstrap_band(edits.errors, edits.words, seed=seed),
        cer=float(wrong.sum() / letters.sum()),
        substitutions=edits.substitutions,
        deletions=edits.deletions,
        insertions=edits.insertions,
        words=int(edits.words.sum()),
        clips=len(pairs),
        unit=_unit([language for *_, language in scored]),
        each=dict(zip(places, zip(edits.errors, edits.words, wrong, letters, strict=True), strict=True)),
    )


def _unit(languages: Sequence[str]) -> str:
    unspaced = sorted({base_language(language) for language in languages if is_unspaced(language)})
    if not unspaced:
        return "words"
    names = ", ".join(unspaced)
    return "characters" if all(map(is_unspaced, languages)) else f"words, and characters in {names}"


def _characters(scored: Sequence[tuple[str, str, str]]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Wrong characters (N,) and characters (N,) of (reference, hypothesis, language); blanks count, too."""
    texts = [[text.replace(" ", "") if is_unspaced(language) else text for text in pair] for *pair, language in scored]
    each = [jiwer.process_characters(reference, found) for reference, found in texts]
    wrong = [one.substitutions + one.deletions + one.insertions for one in each]
    letters = [one.hits + one.substitutions + one.deletions for one in each]
    return np.array(wrong, dtype=np.float64), np.array(letters, dtype=np.float64)


@dataclass(frozen=True)
class Edits:
    """Word edits that make references of hypotheses: all together, and of each pair."""

    substitutions: int
    deletions: int
    insertions: int
    errors: NDArray[np.float64]
    """(N,) edits of each pair."""
    words: NDArray[np.float64]
    """(N,) words of each reference."""

    @property
    def rate(self) -> float:
        """Edits over words, all pairs together."""
        return float(self.errors.sum() / self.words.sum())


def count_edits(pairs: Sequence[tuple[str, str]]) -> Edits:
    """Count the edits of (reference, hypothesis) pairs by jiwer. No reference may be empty."""
    each = [jiwer.process_words(reference, found) for reference, found in pairs]
    return Edits(
        substitutions=sum(one.substitutions for one in each),
        deletions=sum(one.deletions for one in each),
        insertions=sum(one.insertions for one in each),
        errors=np.array([one.substitutions + one.deletions + one.insertions for one in each], dtype=np.float64),
        words=np.array([one.hits + one.substitutions + one.deletions for one in each], dtype=np.float64),
    )


def bootstrap_band(errors: NDArray[np.float64], words: NDArray[np.float64], *, seed: int = 0) -> tuple[float, float]:
    """The 95 % band of sum(errors) / sum(words) when clips are drawn again with replacement (percentiles).

    Args:
        errors: (N,) of each clip.
        words: (N,) of each clip, above 0.
        seed: of the draws, which are the same on every machine.
    """
    if len(words) == 1:  # nothing to draw from: scipy refuses it
        return (float(errors[0] / words[0]),) * 2

    def rate(errors: NDArray[np.float64], words: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
        found: NDArray[np.float64] = errors.sum(axis=axis) / words.sum(axis=axis)
        return found

    rng = np.random.default_rng(seed)
    band = stats.bootstrap(
        (errors, words), rate, paired=True, vectorized=True, n_resamples=RESAMPLES, method="percentile", rng=rng
    ).confidence_interval
    return float(band.low), float(band.high)
