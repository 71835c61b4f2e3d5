"""The audio of a source's items, measured window by window: many files at once, and none twice after a kill.

What was measured stands in FOLDER/.measured/NUMBER.json, a file a window, until the corpus is whole. A file counts as
measured while its path, size and time of change are the same. So a killed command loses the windows in its hands.
Several windows of a long recording measure it once: of the last KNOWN files the facts are at hand.
"""

from __future__ import annotations

import json
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from manifests.audio import AudioFacts, audio_facts, current_probing, map_in_context
from manifests.audio.probing import Measurer, threads
from manifests.errors import AudioError, DiskError, InputError, StoreError
from manifests.files import read_json, write_text
from manifests.places import as_sound

MEASURED = ".measured"  # folder in a corpus's, while it is made
WINDOW = 1024  # items; what a kill may lose, times those in flight
KNOWN = 1 << 16  # files whose facts are kept at hand: some 40 MB
CHUNK = 32  # files that a thread takes at a time
AHEAD = 2  # windows in flight in threads
MOST = 256  # windows in hand, where others measure: their items take some 200 MB
_VERSION = 1  # of what is measured

Stamp = tuple[int, int]  # size in bytes, time of change in ns
Found = AudioFacts | AudioError
Value = TypeVar("Value")


@dataclass(frozen=True)
class Cost:
    """What measuring took: files, those decoded whole, seconds of that (as `manifests.audio.Probing`)."""

    files: int = 0
    decoded: int = 0
    seconds: float = 0.0


@dataclass
class ItemWindow:
    """Some items in their order, and the facts of their files."""

    number: int
    items: list[Any]
    facts: dict[Path, Found] = field(default_factory=dict)  # of files that this window measured, or knew
    missing: list[Path] = field(default_factory=list)  # to be measured
    borrowed: dict[Path, ItemWindow] = field(default_factory=dict)  # files that a window before it measures
    later: Callable[[], None] = lambda: None  # waits until `facts` has what was missing

    def __getitem__(self, path: Path) -> Found:
        """Facts of a file of the window's items."""
        return self.borrowed[path].facts[path] if path in self.borrowed else self.facts[path]


def measured_windows(
    items: Iterable[Any],
    path_of: Callable[[Any], Path | None],
    folder: Path,
) -> Iterator[ItemWindow]:
    """The items in windows, in order, each with the facts of its files; a few windows are in hand at any time.

    Files are measured in threads of this process, or as the setting `measurer` of `probing` has it.

    Args:
        items: of a source.
        path_of: the audio file of an item; None: it has none to measure.
        folder: of the corpus; facts of before are looked for in there, and new ones kept.

    Raises:
        InputError: as the measurer.
    """
    with _Measuring(folder / MEASURED, current_probing().measurer) as work:
        waiting: deque[ItemWindow] = deque()
        for number, group in enumerate(groups_of(items, WINDOW)):
            paths = dict.fromkeys(path for item in group if (path := path_of(item)) is not None)
            waiting.append(work.begin(ItemWindow(number, group), paths))
            while waiting and (not waiting[0].missing or work.full(len(waiting))):
                yield work.end(waiting.popleft())
        while waiting:
            yield work.end(waiting.popleft())


class _Measuring:
    """Windows in flight, and what is known of files."""

    def __init__(self, folder: Path, measurer: Measurer | None) -> None:
        self._folder, self._measurer = folder, measurer
        self._pool = ThreadPoolExecutor(threads())
        self._known: OrderedDict[Path, Found] = OrderedDict()
        self._pending: dict[Path, ItemWindow] = {}

    def __enter__(self) -> _Measuring:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def full(self, waiting: int) -> bool:
        """Whether the first window should be ended before another begins."""
        return waiting > (AHEAD if self._measurer is None else MOST) or (
            self._measurer is not None and self._measurer.full()
        )

    def begin(self, window: ItemWindow, paths: Iterable[Path]) -> ItemWindow:
        """Find what is known of a window's files, and have the others measured."""
        before = read_measured(self._folder / f"{window.number:06}.json")
        for path in paths:
            if path in self._pending:
                window.borrowed[path] = self._pending[path]
            elif (found := self._known.get(path)) is not None:
                window.facts[path] = found
            elif (kept := before.get(path)) is not None and kept.stamp == stamp(path):
                window.facts[path] = kept.found
            else:
                window.missing.append(path)
        if window.missing:
            self._pending.update(dict.fromkeys(window.missing, window))
            self._start(window, before)
        return window

    def _start(self, window: ItemWindow, before: Mapping[Path, MeasuredFile]) -> None:
        if self._measurer is not None:
            self._measurer.submit(window.number, window.missing, self._folder)
            window.later = lambda: self._take(window, before)
            return
        chunks = list(groups_of(window.missing, CHUNK))
        results = map_in_context(self._pool, lambda chunk: [measure(path) for path in chunk], chunks)

        def wait() -> None:
            self._keep(window, {one.path: one for found in results for one in found}, before)

        window.later = wait

    def _take(self, window: ItemWindow, before: Mapping[Path, MeasuredFile]) -> None:
        """Facts that a measurer wrote; what another process has taken away meanwhile is measured here."""
        assert self._measurer is not None
        self._measurer.wait(window.number)
        found = read_measured(self._folder / f"{window.number:06}.json", errors=True)
        new = {path: found.get(path) or measure(path) for path in window.missing}
        self._keep(window, new, before)

    def _keep(self, window: ItemWindow, new: Mapping[Path, MeasuredFile], before: Mapping[Path, MeasuredFile]) -> None:
        kept = {path: one for path, one in before.items() if path in window.facts}
        window.facts.update({path: one.found for path, one in new.items()})
        if self._measurer is None or kept:
            write_measured(self._folder, window.number, [*(kept | dict(new)).values()])

    def end(self, window: ItemWindow) -> ItemWindow:
        """Wait for a window's facts."""
        window.later()
        for path in window.missing:
            del self._pending[path]
        for path, found in window.facts.items():
            self._known[path] = found
            self._known.move_to_end(path)
        while len(self._known) > KNOWN:
            self._known.popitem(last=False)
        return window


def groups_of(values: Iterable[Value], size: int) -> Iterator[list[Value]]:
    """Values in lists of `size`; the last one may be shorter."""
    left = iter(values)
    while group := list(islice(left, size)):
        yield group


@dataclass(frozen=True)
class MeasuredFile:
    """Facts of a file, or what is wrong with it, and what it was like then."""

    path: Path
    stamp: Stamp | None  # None: there is no such file
    found: Found

    def row(self) -> list[Any]:
        """As JSON."""
        found = self.found
        if isinstance(found, AudioError):
            return [str(self.path), None, str(found), found.reason, found.decoded]
        return [str(self.path), self.stamp, found.sampling_rate, found.channels, found.samples, found.sha256]

    @classmethod
    def of(cls, row: Sequence[Any]) -> MeasuredFile:
        """The inverse of `row`."""
        path, size_and_time, *facts = row
        if size_and_time is None:
            return cls(as_sound(path), None, AudioError(*facts))
        return cls(as_sound(path), (int(size_and_time[0]), int(size_and_time[1])), AudioFacts(as_sound(path), *facts))


def measure(path: Path) -> MeasuredFile:
    """Facts of a file. Raises StoreError."""
    before = stamp(path)
    try:
        return MeasuredFile(path, before, audio_facts(path))
    except StoreError:  # the same command goes on from what is measured when the store answers
        raise
    except AudioError as error:
        return MeasuredFile(path, before, error)


def stamp(path: Path) -> Stamp | None:
    """Size and time of change of a file; None where there is none."""
    try:
        found = path.stat()
    except (OSError, ValueError, AudioError):  # ValueError: a name with a NUL; AudioError: a store does not answer
        return None
    return found.st_size, found.st_mtime_ns


def write_measured(folder: Path, number: int, found: Iterable[MeasuredFile], cost: Cost | None = None) -> None:
    """Keep what was measured of a window, where that can be: another command may take it away when its corpus is whole.

    cost: of a process that is not the command's own.
    """
    value = {
        "version": _VERSION,
        "decode": current_probing().decode,
        "cost": vars(cost) if cost else None,
        "files": [one.row() for one in found],
    }
    with suppress(FileNotFoundError, DiskError):
        write_text(folder / f"{number:06}.json", json.dumps(value))


def read_measured(path: Path, *, errors: bool = False) -> dict[Path, MeasuredFile]:
    """What was measured of a window, as strictly as is asked for now; nothing where that is not known.

    errors: of files with something wrong, too, and what it cost; those of another run are tried again.
    """
    probing = current_probing()
    with suppress(InputError, OSError, ValueError, TypeError, KeyError, AttributeError):
        value = read_json(path)
        if value["version"] != _VERSION or value["decode"] < probing.decode:
            return {}
        found = [MeasuredFile.of(row) for row in value["files"]]
        if errors and value["cost"]:
            probing.add_all(**value["cost"])
        return {one.path: one for one in found if errors or isinstance(one.found, AudioFacts)}
    return {}
