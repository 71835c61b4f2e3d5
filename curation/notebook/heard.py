"""A cut with its sound and words, as a notebook shows it."""

from __future__ import annotations

from typing import Any

import numpy as np
from markupsafe import escape
from numpy.typing import NDArray

from manifests import SAMPLE_RATE
from manifests.audio.cuts import CutSound, read_cut
from manifests.errors import InputError
from manifests.shown.sound import mp3, sound_url

LONGEST = 60.0  # seconds of a clip in a notebook, which keeps it


class HeardCut:
    """A cut of the catalog.

    Args:
        row: its row of `cuts`.
        words: its rows of `words` of one aligner, in order.
    """

    def __init__(self, row: dict[str, Any], words: list[dict[str, Any]]) -> None:
        self.row = row
        self.words = words

    def samples(self) -> NDArray[np.float32]:
        """Samples (N,) at 16,000 Hz. Raises AudioError: it cannot be heard; InputError: it is a text alone."""
        if self.row["source_path"] is None:
            raise InputError(f"{self.row['cut_id']} is a text alone.")
        return read_cut(CutSound.of_catalog(self.row))

    def mp3(self, longest: float = LONGEST) -> bytes:
        """The sound's first `longest` seconds as MP3, mono. Raises as `samples`."""
        return mp3(self._first(longest))

    def _first(self, longest: float) -> NDArray[np.float32]:
        return self.samples()[: int(longest * SAMPLE_RATE)]

    def __repr__(self) -> str:
        return f"<cut {self.row['cut_id']!r}, {self.row['duration']:.2f} s: {self.row['text']!r}>"

    def _repr_html_(self) -> str:
        facts = " · ".join(str(self.row[name]) for name in ("corpus", "split", "speaker", "license") if self.row[name])
        head = f"<p><b>{escape(self.row['cut_id'])}</b> {escape(facts)}, {self.row['duration']:.2f} s</p>"
        return f"<div>{head}{self._player()}<p>{self._said()}</p></div>"

    def _player(self) -> str:
        try:
            address = sound_url(self._first(LONGEST))
        except InputError as error:
            return f"<p>{escape(error)}</p>"
        cut = f"<p>the first {LONGEST:g} s</p>" if self.row["duration"] > LONGEST else ""
        return f'<audio controls preload="metadata" src="{address}"></audio>{cut}'

    def _said(self) -> str:
        if not self.words:
            return str(escape(self.row["text"] or ""))
        spans = ((word["start"], word["start"] + word["duration"], escape(word["symbol"])) for word in self.words)
        return " ".join(f'<span title="{start:.2f}-{end:.2f} s">{word}</span>' for start, end, word in spans)
