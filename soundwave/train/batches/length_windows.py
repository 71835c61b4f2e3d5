"""Steps whose draws are of like lengths: those of some steps, one after another, dealt to these steps anew.

A window's draws are sorted by length and cut into as many runs as it has steps, each with about as much sound. Which
run is which step is drawn, so that a window does not begin with its short draws each time. All of it follows from the
plan, the seed and the window's number: wherever a training begins, and in however many processes, a step has the same
draws. Every draw of the plan is trained once in its window, so shares hold over windows instead of over steps.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from manifests.units import Seconds

if TYPE_CHECKING:
    from soundwave.train.batches.plan_data import Draw

WORD: Seconds = 0.4  # of sound that a word of a text-only row stands for

Steps = Callable[[int], Sequence["Draw"]]


class LengthWindows:
    """The steps of a plan, with their draws dealt anew in windows."""

    def __init__(self, step: Steps, steps: int, *, window: int, seed: int) -> None:
        """Deal the draws.

        Args:
            step: gives the draws of one of the plan's steps; it begins again at the plan's end.
            steps: of the plan.
            window: how many of them are dealt together; 1: each keeps its own.
            seed: of the order of a window's steps.
        """
        self._step, self._steps, self._window, self._seed = step, steps, window, seed
        self._held: tuple[int, list[list[tuple[int, Draw]]]] | None = None

    def __call__(self, number: int) -> Sequence[Draw]:
        """The draws of an optimiser step, shortest first."""
        return self._step(number) if self._window == 1 else [draw for _, draw in self.numbered(number)]

    def numbered(self, number: int) -> list[tuple[int, Draw]]:
        """The same; with each draw its place among those of the window, as the plan has them."""
        epoch, step = divmod(number, self._steps)
        window, place = divmod(step, self._window)
        first = epoch * self._steps + window * self._window
        if self._held is None or self._held[0] != first:
            numbers = range(first, first + min(self._window, self._steps - window * self._window))
            self._held = first, self._dealt([list(self._step(one)) for one in numbers], first)
        return self._held[1][place]

    def first(self, number: int) -> int:
        """The first step of the window that an optimiser step is in."""
        return number - number % self._steps % self._window

    def _dealt(self, steps: Sequence[Sequence[Draw]], first: int) -> list[list[tuple[int, Draw]]]:
        draws = [draw for step in steps for draw in step]
        if self._window == 1:
            return [list(enumerate(draws))]
        lengths = [length(draw) for draw in draws]
        order = sorted(range(len(draws)), key=lambda at: (lengths[at], at))
        runs = [[(at, draws[at]) for at in order[begin:end]] for begin, end in _cuts(lengths, order, len(steps))]
        random.Random(f"{self._seed}:{first}:lengths").shuffle(runs)
        return runs


def length(draw: Draw) -> Seconds:
    """How long a draw is: its sound, or what its text would be."""
    cut = draw.cut
    return cut.duration if cut.has_audio else WORD * len(f"{cut.text or ''} {cut.target_text or ''}".split())


def _cuts(lengths: Sequence[Seconds], order: Sequence[int], count: int) -> Iterator[tuple[int, int]]:
    """Where `count` runs of about the same length begin and end in `order`; none is empty."""
    sums = np.cumsum([lengths[at] for at in order])
    begin = 0
    for number in range(1, count + 1):
        end = int(np.searchsorted(sums, sums[-1] * number / count, side="left")) + 1
        end = len(order) if number == count else min(max(end, begin + 1), len(order) - (count - number))
        yield begin, end
        begin = end
