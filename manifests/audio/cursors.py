"""Decoders of long recordings, left open where a cut ended: the next cut goes on there.

Where a format cannot be entered in the middle to the sample, each cut is decoded from the recording's beginning. Cuts
that follow each other in time then cost the square of the recording; with its decoder kept, once its length. The frames
are those of decoding from the beginning, so samples are the same bit for bit.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from manifests.units import Seconds

OPEN = 8  # decoders that stay open: as many threads decode at once, at most
BEHIND: Seconds = 30.0  # decoded sound that stays at hand, for cuts that overlap

Placed = tuple[Any, int]  # a frame, and the position of its first sample
Key = tuple[object, ...]


@dataclass
class Cursor:
    """A decoder of one recording, and the last frames that it gave."""

    coming: Iterator[Placed]
    behind: deque[Placed] = field(default_factory=deque)

    def reaches(self, start: Seconds) -> bool:
        """Whether it need not begin anew to give the frames from a time on."""
        return not self.behind or self.behind[0][1] <= start * float(self.behind[0][0].sample_rate)

    def frames(self) -> Iterator[Placed]:
        """The frames that are at hand, and all that come."""
        yield from tuple(self.behind)
        for placed in self.coming:
            self.behind.append(placed)
            frame, position = placed
            while position - self.behind[0][1] > BEHIND * frame.sample_rate:
                self.behind.popleft()
            yield placed


_kept: OrderedDict[Key, Cursor] = OrderedDict()
_lock = Lock()


def from_cursor(key: Key, start: Seconds, begin: Callable[[], Iterator[Placed]]) -> Iterator[Placed]:
    """Frames of a recording from some time before `start` on.

    Args:
        key: of the recording as it is now.
        start: seconds.
        begin: gives its frames from the beginning, while its file stays open.
    """
    with _lock:
        cursor = _kept.pop(key, None)  # nobody else has it meanwhile
    if cursor is None or not cursor.reaches(start):
        cursor = Cursor(begin())
    stopped = False
    try:
        yield from cursor.frames()
    except GeneratorExit:
        stopped = True
        raise
    finally:
        if stopped and cursor.behind:
            _keep(key, cursor)


def _keep(key: Key, cursor: Cursor) -> None:
    with _lock:
        _kept[key] = cursor
        _kept.move_to_end(key)
        old = [_kept.popitem(last=False)[1] for _ in range(len(_kept) - OPEN)]
    for one in old:
        with suppress(AttributeError):
            one.coming.close()  # type: ignore[attr-defined]
