"""Praat's TextGrids (long, short or JSON): what a tier of words says, and when.

The tier is the one whose name is or ends in `words` or `word`, or the only tier of intervals; a setting names another.
Empty intervals and the marks of silence that aligners write (SILENCE) are no words. Where an interval holds several
words its tier is one of utterances: it gives the text, but no times of words.
"""

from __future__ import annotations

import math
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from curation.storage import fetched, in_store
from manifests.errors import ManifestError, reading
from manifests.files import LARGEST_TEXT, need_file
from manifests.units import Seconds

if TYPE_CHECKING:
    from praatio.data_classes.textgrid import Textgrid

SILENCE = frozenset(("sil", "sp", "<sil>", "<eps>", "<p>", "<p:>", "<silence>", "[silence]", "{sl}"))
LARGEST = 16 * LARGEST_TEXT  # bytes: what is larger is not read
_WORDS = re.compile(r"(^|[\W_])words?$", re.IGNORECASE)


@dataclass(frozen=True)
class TimedText:
    """What a TextGrid says."""

    text: str
    words: tuple[tuple[str, Seconds, Seconds], ...]  # word, start, duration; (): not known


def read_textgrid(path: Path, tier: str | None = None) -> TimedText:
    """The text and the times of words of a TextGrid.

    tier: its name, in any letter case; None: the one that holds words.

    Raises:
        MissingFileError: an empty file.
        ManifestError: no TextGrid, no such tier or several, or times that are none.
    """
    if (size := need_file(path).stat().st_size) > LARGEST:
        raise ManifestError(f"{path} has {size:,} bytes, expected at most {LARGEST:,}. It is no TextGrid of a clip.")
    with tempfile.TemporaryDirectory(prefix="soundwave-") as folder:
        file = fetched(path, Path(folder)) if in_store(path) else path  # the library reads files alone
        with reading(path, "a TextGrid"):
            from praatio.textgrid import openTextgrid

            grid = openTextgrid(str(file), includeEmptyIntervals=False, reportingMode="silence")
    entries = [
        (label, float(start), float(end) - float(start))
        for start, end, label in grid.getTier(_tier(path, grid, tier)).entries
        if label.strip() and label.strip().casefold() not in SILENCE
    ]
    if odd := [label for label, start, length in entries if not (start >= 0 and 0 < length < math.inf)]:
        raise ManifestError(f"{path}: {odd[0]!r} has no times, expected seconds from 0 on.")
    single = all(len(label.split()) == 1 for label, _, _ in entries)
    words = tuple((label.strip(), start, length) for label, start, length in entries) if single else ()
    return TimedText(" ".join(word for label, _, _ in entries for word in label.split()), words)


def _tier(path: Path, grid: Textgrid, asked: str | None) -> str:
    from praatio.data_classes.interval_tier import IntervalTier

    named = [name for name in grid.tierNames if isinstance(grid.getTier(name), IntervalTier)]
    if asked is not None:
        found = [name for name in named if name.casefold() == asked.casefold()]
    else:
        found = [name for name in named if _WORDS.search(name.strip())] or named
    if len(found) != 1:
        what = "no tier" if not found else f"{len(found)} tiers"
        wanted = f"of the name {asked!r}" if asked is not None else "that may hold the words"
        raise ManifestError(
            f"{path} has {what} {wanted}; its tiers of intervals are {', '.join(named) or 'none'}. Name one with the "
            "setting `tier`."
        )
    return str(found[0])
