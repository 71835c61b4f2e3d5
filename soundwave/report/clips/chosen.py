"""Which clips are shown: those that tell most, by what each gave to a figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["improved", "worsened", "worst", "median", "best"]
KINDS: tuple[Kind, ...] = ("improved", "worsened", "worst", "median", "best")


@dataclass(frozen=True)
class ClipScore:
    """What one clip gave to a figure: a sum over seeds."""

    value: float
    """Errors, or right answers."""
    weight: float
    """Words of the reference, or answers; above 0."""

    @property
    def rate(self) -> float:
        """Errors a word, or right answers an answer."""
        return self.value / self.weight


Scores = Mapping[str, ClipScore]
"""Clip -> what it gave."""


@dataclass(frozen=True)
class ChosenClips:
    """Ids of clips by why they were chosen, each list with the most telling first."""

    ids: dict[Kind, list[str]] = field(default_factory=dict)

    def kinds(self) -> dict[str, list[Kind]]:
        """Clip -> why it was chosen, in the order of KINDS."""
        found: dict[str, list[Kind]] = {}
        for kind in KINDS:
            for clip in self.ids.get(kind, ()):
                found.setdefault(clip, []).append(kind)
        return found


def choose_clips(first: Scores, second: Scores | None = None, *, better: str = "lower", each: int = 2) -> ChosenClips:
    """Of each kind `each` clips: the best, middle and worst ones of `first`, and where it gains and loses most.

    Of clips alike those with more weight come first (a longer text says more), then those of the smaller id.

    Args:
        first: what each clip gave; clips without weight were left out before.
        second: of what `first` is held against, on the same clips; None: there is nothing.
        better: which rates are better, `lower` or `higher`.
        each: so many of a kind, or fewer where there are fewer.
    """
    sign = 1.0 if better == "lower" else -1.0

    def ordered(clips: Sequence[str], loss: Mapping[str, float]) -> list[str]:
        return sorted(clips, key=lambda clip: (loss[clip], -first[clip].weight, clip))

    losses = {clip: sign * score.rate for clip, score in first.items()}
    clips = ordered(list(first), losses)
    worst = ordered(list(first), {clip: -loss for clip, loss in losses.items()})
    middle = max(0, (len(clips) - each + 1) // 2)
    found: dict[Kind, list[str]] = {
        "best": clips[:each],
        "median": clips[middle : middle + each],
        "worst": worst[:each],
    }
    if second is not None:
        gains = {clip: sign * second[clip].rate - loss for clip, loss in losses.items() if clip in second}
        better_now = [clip for clip, gain in gains.items() if gain > 0]
        worse_now = [clip for clip, gain in gains.items() if gain < 0]
        found["improved"] = ordered(better_now, {clip: -gain for clip, gain in gains.items()})[:each]
        found["worsened"] = ordered(worse_now, gains)[:each]
    return ChosenClips(found)
