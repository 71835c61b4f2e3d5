"""Encoder frames that are read only when they are needed: a process reads those of its own samples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor

from soundwave.train.batches.frames import Frames, concatenated

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from soundwave.train.batches.clips import HeardClip

SURE = 0.5  # of the frames that a duration promises are there: encoders differ by a few at the ends


class LazyFrames:
    """Some frames (T, F), not read yet. `len()` is T; NumPy reads them as an array."""

    def __init__(
        self,
        read: Callable[[], Frames],
        count: int | None = None,
        *,
        about: float = 0.0,
        clips: Sequence[HeardClip] = (),
    ) -> None:
        """read: gives the frames, the same each time; count: T, None: known when they are read; about: a guess.

        clips: what is encoded to read them.
        """
        self._read, self._count, self._about, self.clips = read, count, about, tuple(clips)
        self._frames: Frames | None = None

    @property
    def known(self) -> bool:
        """Is T known already?"""
        return self._count is not None

    @property
    def at_least(self) -> int:
        """T if it is known, else what T is surely not below. Reads nothing."""
        return int(SURE * self._about) if self._count is None else self._count

    def read(self) -> Frames:
        """The frames. Those that had to be encoded to be counted are kept."""
        if self._frames is not None:
            return self._frames
        frames = self._read()
        if self._count is None:
            self._frames, self._count = frames, len(frames)
        return frames

    def __len__(self) -> int:
        if self._count is None:
            self.read()
        return int(self._count or 0)

    def __getitem__(self, rows: slice) -> LazyFrames:
        return LazyFrames(lambda: self.read()[rows], len(range(*rows.indices(len(self)))), clips=self.clips)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        frames = self.read()
        return np.asarray(frames.cpu() if isinstance(frames, Tensor) else frames, dtype=dtype)


def end_to_end(clips: Sequence[LazyFrames]) -> LazyFrames:
    """Clips one after another."""
    count = sum(len(clip) for clip in clips) if all(clip.known for clip in clips) else None
    about = sum(clip.at_least for clip in clips) / SURE
    encoded = [part for clip in clips for part in clip.clips]
    return LazyFrames(lambda: concatenated([clip.read() for clip in clips]), count, about=about, clips=encoded)
