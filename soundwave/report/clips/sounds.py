"""Clips as one hears them: a wave, words with times, and the sound itself as far as the page has room for it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manifests.audio import CutSound, read_cut
from manifests.errors import AudioError
from manifests.shown.sound import sound_url
from manifests.units import SAMPLE_RATE, Seconds
from soundwave.report.workspace import Workspace

Row = dict[str, Any]
LONGEST: Seconds = 60.0  # of a clip that is heard: of longer ones the beginning
BINS = 200  # lines of a drawn wave
WIDTH, HEIGHT = 1000, 60  # of the drawing, whatever its size on the page


@dataclass
class PageClip:
    """A clip of the catalog."""

    row: Row
    """Of `cuts`; only `cut_id` where the catalog does not have it."""
    words: list[Row] = field(default_factory=list)
    """symbol, start and end (s) of one aligner's words, as far as the clip is heard."""
    wave: str = ""
    """Path of an SVG, WIDTH x HEIGHT; empty: it cannot be heard."""
    seconds: Seconds = 0.0
    """That are heard."""
    url: str | None = None
    """The sound itself; None: `why` says why it is not there."""
    why: str = ""
    small_enough: bool = True
    """False: there was no room for it."""

    @property
    def cut_off(self) -> bool:
        """Does the clip go on after what is heard?"""
        return self.seconds < float(self.row.get("duration") or 0) - 1 / SAMPLE_RATE

    def leave_out(self) -> None:
        """Take the sound away, for want of room."""
        self.url, self.small_enough, self.why = None, False, "The report has no room for its sound."


def hear_clips(workspace: Workspace, ids: Iterable[str], budget: int) -> dict[str, PageClip]:
    """Clips by id, in this order; sounds are taken in as they come, while they fit into `budget` bytes of page."""
    wanted = list(dict.fromkeys(ids))
    rows, words = _rows(workspace, wanted), _words(workspace, wanted)
    found = {}
    for clip in wanted:
        heard = PageClip(rows.get(clip, {"cut_id": clip}))
        _hear(heard)
        heard.words = [word for word in words.get(clip, []) if word["start"] < (heard.seconds or LONGEST)]
        if heard.url is not None:
            if len(heard.url) <= budget:
                budget -= len(heard.url)
            else:
                heard.leave_out()
        found[clip] = heard
    return found


def fit_into(clips: Sequence[PageClip], room: int) -> None:
    """Leave out sounds, the last ones first, until those that are left take no more than `room` bytes."""
    taken = sum(len(clip.url) for clip in clips if clip.url is not None)
    for clip in reversed(clips):
        if taken > room and clip.url is not None:
            taken -= len(clip.url)
            clip.leave_out()


def _rows(workspace: Workspace, ids: Sequence[str]) -> dict[str, Row]:
    query = "SELECT * EXCLUDE (manifest) FROM cuts WHERE list_contains(?, cut_id)"
    return {row["cut_id"]: row for row in workspace.rows(query, [list(ids)])}


def _words(workspace: Workspace, ids: Sequence[str]) -> dict[str, list[Row]]:
    """Words of one aligner a clip: the first by name of those that found most."""
    rows = workspace.rows(
        'SELECT cut_id, backend, symbol, start, start + duration AS "end" FROM words WHERE list_contains(?, cut_id) '
        "ORDER BY cut_id, backend, position",
        [list(ids)],
    )
    found: dict[str, dict[str, list[Row]]] = {}
    for row in rows:
        found.setdefault(row["cut_id"], {}).setdefault(row["backend"], []).append(row)
    return {clip: max(backends.values(), key=len) for clip, backends in found.items()}


def _hear(clip: PageClip) -> None:
    """Read the clip's samples, draw its wave and take its sound in; or say why that cannot be."""
    if "source_path" not in clip.row:
        clip.why = "The catalog at hand does not have this clip."
        return
    if clip.row["source_path"] is None and clip.row.get("recording_id") is None:
        clip.why = "A text alone: there is nothing to hear."
        return
    try:
        sound = CutSound.of_catalog(clip.row)
        samples = read_cut(replace(sound, duration=min(sound.duration, LONGEST)))
        clip.seconds = len(samples) / SAMPLE_RATE
        clip.wave = wave_path(samples)
        clip.url = sound_url(samples)
    except AudioError as error:
        clip.why = f"Its sound cannot be read here: {error}"


def envelope(samples: NDArray[np.float32], bins: int = BINS) -> NDArray[np.float64]:
    """Peak amplitude of each of `bins` equal parts (fewer where there are fewer samples), of the clip's own peak."""
    edges = np.linspace(0, len(samples), min(bins, max(1, len(samples))) + 1).astype(int)
    peaks = np.array([float(np.abs(samples[a:b]).max(initial=0.0)) for a, b in pairwise(edges)])
    top = float(peaks.max(initial=0.0))
    return peaks / top if top > 0 else peaks


def wave_path(samples: NDArray[np.float32]) -> str:
    """The envelope as a path of upright lines, WIDTH x HEIGHT."""
    peaks = envelope(samples)
    at = (np.arange(len(peaks)) + 0.5) * WIDTH / len(peaks)
    half = np.maximum(1.0, peaks * HEIGHT / 2)
    ends = zip(at, HEIGHT / 2 - half, HEIGHT / 2 + half, strict=True)
    return "".join(f"M{x:.0f} {top:.0f}V{bottom:.0f}" for x, top, bottom in ends)
