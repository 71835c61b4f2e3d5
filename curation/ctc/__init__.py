"""Exact CTC forced alignment: which frames belong to which token. Pure arrays, any length, bounded memory.

    alignment = forced_align(log_probs, targets, blank=0)
    alignment.path      (T,) token id of each frame
    alignment.spans     token, start, end (frames, half-open), score of each target

The path is the best one there is (Viterbi), not an approximation, and away from exact ties the one that
`torchaudio.functional.forced_align` returns. On a tie a state is kept rather than left; torchaudio can fall below the
best where two ways into a state are equally good.

A target `WILDCARD` stands for anything: what the vocabulary lacks, or speech that the transcript lacks (at its start,
at its end, between words). The kernels release the global interpreter lock, so threads help. `curation.ctc.kernels`
says how they work, `curation.ctc.long` does long recordings. `forced_align_torch` takes a padded batch from
a GPU; it is imported when it is first used, because PyTorch takes seconds.

AlignmentError               a reject: this item cannot be aligned; carries a reason code
└── TranscriptTooLongError   more tokens than frames
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, NamedTuple, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from manifests.errors import InputError
from manifests.lazy import lazy_names
from manifests.reasons import Reason

__all__ = [
    "WILDCARD",
    "Alignment",
    "AlignmentError",
    "Span",
    "TranscriptTooLongError",
    "forced_align",
    "forced_align_batch",
    "forced_align_torch",
]

__getattr__ = lazy_names(__name__, {"forced_align_torch": "curation.ctc.batched"})

WILDCARD = -1  # as a target id: matches any frame
FLOAT32_FRAMES = 32_768  # from here on float64 sums: a float32 sum over an hour resolves hundredths at best
SHORT_BYTES = 32 << 20  # bytes of kept rows up to which one kernel call does it all
FLOOR = np.float32(-1e30)  # stands for a log-probability of -inf where every path meets one

Precision = Literal["auto", "float32", "float64"]


class AlignmentError(InputError):
    """An item that cannot be aligned. `reason` is the reject code (see `manifests.reasons`)."""

    def __init__(self, message: str, reason: Reason = Reason.aligner_failed) -> None:
        super().__init__(message)
        self.reason = reason

    def __reduce__(self) -> tuple[type[AlignmentError], tuple[str, Reason]]:
        """Keep the reason when a worker process sends the error back."""
        return type(self), (str(self), self.reason)


class TranscriptTooLongError(AlignmentError):
    """More tokens than frames: each token needs a frame, and one more stands between two equal neighbours."""

    def __init__(self, message: str, reason: Reason = Reason.transcript_too_long) -> None:
        super().__init__(message, reason)


class Span(NamedTuple):
    """The frames of one target."""

    token: int
    start: int  # frame
    end: int  # frame, not included
    score: float  # mean log-probability of the token over its frames


@dataclass(frozen=True, slots=True, eq=False)
class Alignment:
    """The best path of one item.

    T frames, L targets.
    """

    path: NDArray[np.int32]  # (T,) token id of each frame: a target, the blank, or WILDCARD
    scores: NDArray[np.float32]  # (T,) log-probability of that token; for a wildcard the wildcard's score
    tokens: NDArray[np.int64]  # (L,) the targets
    starts: NDArray[np.int32]  # (L,) first frame of each target
    ends: NDArray[np.int32]  # (L,) frame after its last
    token_scores: NDArray[np.float32]  # (L,) mean log-probability over its frames

    @property
    def spans(self) -> list[Span]:
        """One span per target, in order."""
        columns = (self.tokens, self.starts, self.ends, self.token_scores)
        return [Span(*row) for row in zip(*(column.tolist() for column in columns), strict=True)]

    @property
    def score(self) -> float:
        """Mean log-probability per frame; 0 where there is no frame."""
        return float(self.scores.mean(dtype=np.float64)) if self.scores.size else 0.0


def forced_align(
    log_probs: ArrayLike,
    targets: ArrayLike,
    *,
    blank: int = 0,
    wildcard: float | None = None,
    precision: Precision = "auto",
) -> Alignment:
    """Find the best CTC path of `targets` through `log_probs`.

    Args:
        log_probs: (T, V) natural log-probabilities; float32, C-contiguous is used as it is, other floats are copied.
        targets: (L,) token ids without the blank; `WILDCARD` matches any frame.
        blank: id of the blank.
        wildcard: log-probability of a wildcard at every frame (0.0 is torchaudio's star); None: at each frame that of
            the best token that is not the blank.
        precision: of the sums. "float32" is torchaudio's; "auto" is float32 below 32,768 frames, float64 from there on.

    Raises:
        TranscriptTooLongError: T < L + number of equal neighbours.
        AlignmentError: a log-probability that the alignment needs is NaN or +inf.
        InputError: arrays of the wrong shape or type, ids outside the vocabulary, the blank among the targets.
    """
    scores, tokens = _log_probs(log_probs, blank), _targets(targets)
    constant = math.nan if wildcard is None else float(wildcard)
    return _align(scores, tokens, blank, constant, _like(precision, scores.shape[0]))


@overload
def forced_align_batch(
    log_probs: Sequence[ArrayLike],
    targets: Sequence[ArrayLike],
    *,
    blank: int = 0,
    wildcard: float | None = None,
    precision: Precision = "auto",
    errors: Literal["raise"] = "raise",
) -> list[Alignment]: ...


@overload
def forced_align_batch(
    log_probs: Sequence[ArrayLike],
    targets: Sequence[ArrayLike],
    *,
    blank: int = 0,
    wildcard: float | None = None,
    precision: Precision = "auto",
    errors: Literal["return"],
) -> list[Alignment | AlignmentError]: ...


def forced_align_batch(
    log_probs: Sequence[ArrayLike],
    targets: Sequence[ArrayLike],
    *,
    blank: int = 0,
    wildcard: float | None = None,
    precision: Precision = "auto",
    errors: Literal["raise", "return"] = "raise",
) -> Sequence[Alignment | AlignmentError]:
    """Align a ragged list; the results stand in the order of the input, each as `forced_align` returns it.

    With errors="return" an item that cannot be aligned leaves its AlignmentError (with its reason code) in its place,
    and the others are aligned; with "raise" the first one ends the call. Wrong use raises InputError either way, naming
    the item.
    """
    if len(log_probs) != len(targets):
        raise InputError(
            f"forced_align_batch: {len(log_probs)} arrays of log_probs, {len(targets)} of targets; give one each."
        )
    if errors not in ("raise", "return"):
        raise InputError(f'forced_align_batch: errors={errors!r}; expected "raise" or "return".')
    out: list[Alignment | AlignmentError] = []
    for number, (scores, tokens) in enumerate(zip(log_probs, targets, strict=True)):
        try:
            out.append(forced_align(scores, tokens, blank=blank, wildcard=wildcard, precision=precision))
        except AlignmentError as error:
            located = type(error)(f"item {number}: {error}", error.reason)
            if errors == "raise":
                raise located from error
            out.append(located)
        except InputError as error:
            raise type(error)(f"item {number}: {error}") from error
    return out


def _align(
    log_probs: NDArray[np.float32], targets: NDArray[np.int64], blank: int, constant: float, like: NDArray[Any]
) -> Alignment:
    kernels = _kernels()
    align = kernels.align
    if log_probs.shape[0] // 8 * (targets.size + 32) * like.itemsize > SHORT_BYTES:
        from curation.ctc.long import align_long

        align = align_long
    status, number, arrays = align(log_probs, targets, blank, WILDCARD, constant, like)
    if status == kernels.NO_PATH:
        # Every path meets a probability of zero: take the one that meets fewest, and report the scores as they are.
        status, number, arrays = align(np.maximum(log_probs, FLOOR), targets, blank, WILDCARD, constant, like)
        _, scores, _, _, means = arrays
        scores[scores <= FLOOR] = -np.inf
        means[means <= FLOOR / max(1, len(scores))] = -np.inf
    if status == kernels.OK:
        path, scores, starts, ends, means = arrays
        return Alignment(path, scores, targets, starts, ends, means)
    frames, width = log_probs.shape
    if status == kernels.BAD_TARGET:
        raise _bad_target(number, int(targets[number]), blank, width)
    if status == kernels.TOO_LONG:
        raise TranscriptTooLongError(
            f"{targets.size} tokens ({number} of them equal to the one before) need {targets.size + number} frames, "
            f"but there are {frames}. Shorten the transcript, or check that it belongs to this audio."
        )
    raise AlignmentError(
        "log_probs holds NaN or +inf where the alignment needs it; expected log-probabilities. "
        "Check what the model returned."
    )


def _bad_target(position: int, found: int, blank: int, width: int) -> InputError:
    where = f"forced_align: the target at position {position} is {found}"
    if found == blank:
        return InputError(f"{where}, which is the blank; leave blanks out of the targets.")
    return InputError(f"{where}; expected 0 to {width - 1} (log_probs has {width} columns) or WILDCARD.")


def _log_probs(value: ArrayLike, blank: int) -> NDArray[np.float32]:
    array = value if isinstance(value, np.ndarray) else np.asarray(value)
    if array.ndim != 2 or array.dtype.kind != "f":
        found = f"{array.dtype} of shape {array.shape}"
        raise InputError(f"forced_align: log_probs is {found}; expected floats of shape (frames, vocabulary).")
    if not 0 <= blank < array.shape[1]:
        raise InputError(f"forced_align: blank={blank}; expected 0 to {array.shape[1] - 1} (the columns of log_probs).")
    return np.ascontiguousarray(array, dtype=np.float32)


def _targets(value: ArrayLike) -> NDArray[np.int64]:
    array = value if isinstance(value, np.ndarray) else np.asarray(value)
    if array.ndim != 1 or (array.dtype.kind not in "iu" and array.size):
        found = f"{array.dtype} of shape {array.shape}"
        raise InputError(f"forced_align: targets is {found}; expected integers of shape (tokens,).")
    return np.ascontiguousarray(array, dtype=np.int64)


def _like(precision: Precision, frames: int) -> NDArray[Any]:
    if precision not in ("auto", "float32", "float64"):
        raise InputError(f'forced_align: precision={precision!r}; expected "auto", "float32" or "float64".')
    double = precision == "float64" or (precision == "auto" and frames >= FLOAT32_FRAMES)
    return np.empty(0, np.float64 if double else np.float32)


@cache
def _kernels() -> Any:
    """The compiled kernels; imported on first use, because numba is slow to import."""
    from curation.ctc import kernels

    return kernels
