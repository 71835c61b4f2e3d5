"""Ids that stand for two things in a corpus's rows: a cut's id on two lines, a recording's id with other audio.

The same verdict as curation/catalog/repeats.py gives to whole files: of an id's lines the first in JSON order is kept,
of a recording's id the audio of the cut whose id is the first.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manifests.lines import lines
from manifests.lines.jsonl import parse_row, rows
from manifests.lines.values import as_text, walk
from manifests.rows.places import with_found_audio
from manifests.rows.validate import row_problems

Hashes = NDArray[np.int64]
NO_PLACE = "another line"


def said_again(place: str, kept: str) -> str:
    """What is said of a line whose id has another line."""
    return f"{place}: the id is that of {kept} too, which was kept (the first row in JSON order)"


def said_clash(place: str, recording: str, audio: str, first: str, kept: str) -> str:
    """What is said of a cut whose recording's id is that of other audio, which the cut at `first` has."""
    return f"{place}: the recording id {recording!r} is that of other audio ({audio}) in {first} ({kept}), kept"


def refused_repeats(files: Sequence[Path]) -> dict[str, tuple[str, str]]:
    """Place (FILE:LINE) -> id and what is said, of the rows to refuse because an id stands for two things.

    Every line is read once, and 24 bytes of it are kept; only rows whose ids may repeat are read again.

    Raises:
        ManifestError: as `manifests.lines.lines`.
    """
    suspects = _suspects(files)
    if not suspects:
        return {}
    found = sorted(_read_again(files, suspects), key=lambda row: (row.cut_id, row.text))
    kept: dict[str, _Known] = {}
    refused = {}
    for row in found:
        first = kept.setdefault(row.cut_id, row)
        if first is not row:
            refused[row.place] = (row.cut_id, said_again(row.place, first.place))
    audio: dict[str, _Known] = {}
    for row in kept.values():
        if row.recording is None:
            continue
        first = audio.setdefault(row.recording, row)
        if row.path != first.path and (None in (row.digest, first.digest) or row.digest != first.digest):
            said = said_clash(row.place, row.recording, row.path or "-", first.place, first.path or "-")
            refused[row.place] = (row.cut_id, said)
    return refused


@dataclass(frozen=True)
class _Known:
    """A row that keeps the contract, as far as its ids go."""

    cut_id: str
    place: str
    text: str  # the line
    recording: str | None
    path: str | None
    digest: str | None


def _suspects(files: Sequence[Path]) -> set[int]:
    """Numbers (from 0, over all files) of the rows whose ids, or whose recordings' ids, more than one row has."""
    cuts, recordings, sounds = array("q"), array("q"), array("q")
    for path in files:
        for _, row in rows(path):
            facts = row if isinstance(row, dict) else {}
            recording = _recording(facts)
            name = walk(recording, ("id",))
            cuts.append(_mark(facts.get("id")))
            recordings.append(_mark(name))
            sounds.append(hash((as_text(name), as_text(walk(recording, ("sources", 0, "source"))))))
    return set(repeated(np.asarray(cuts))) | set(clashing(np.asarray(recordings), np.asarray(sounds)))


def _mark(value: Any) -> int:
    return 0 if value is None else hash(as_text(value))


def repeated(marks: Hashes) -> list[int]:
    """Places of values that occur more than once; 0 is no value."""
    values, inverse, counts = np.unique(marks, return_inverse=True, return_counts=True)
    return np.flatnonzero((counts[inverse] > 1) & (marks != 0)).tolist() if len(values) else []


def clashing(marks: Hashes, sounds: Hashes) -> list[int]:
    """Places of marks that go with more than one of `sounds`; 0 is no value."""
    if not len(marks):
        return []
    order = np.argsort(marks)
    begins = np.flatnonzero(np.diff(marks[order], prepend=~marks[order[0]]))
    found = sounds[order]
    several = np.minimum.reduceat(found, begins) != np.maximum.reduceat(found, begins)
    values = marks[order][begins][several]
    return np.flatnonzero(np.isin(marks, values[values != 0])).tolist()


def _read_again(files: Sequence[Path], suspects: set[int]) -> Iterator[_Known]:
    number = -1
    for path in files:
        for line in lines(path):
            text = line.text.strip(" \t\r")
            if not (text or line.problem):
                continue
            number += 1
            if number not in suspects or line.problem:
                continue
            row = _good_row(text)
            if row is not None:
                yield _known(with_found_audio(row, path.parent), f"{path.name}:{line.number}", text)


def _good_row(text: str) -> dict[str, Any] | None:
    try:
        row = parse_row(text)
    except ValueError:
        return None
    return row if next(row_problems(row), None) is None else None


def _known(row: dict[str, Any], place: str, text: str) -> _Known:
    recording = _recording(row)
    return _Known(
        cut_id=str(as_text(row["id"])),
        place=place,
        text=text,
        recording=as_text(walk(recording, ("id",))),
        path=as_text(walk(recording, ("sources", 0, "source"))),
        digest=as_text(walk(row, ("custom", "audio_sha256"))),
    )


def _recording(row: Mapping[str, Any]) -> Any:
    """A cut's recording; of a mixed cut that of its first track with sound."""
    own = row.get("recording")
    tracks = row.get("tracks")
    if own is not None or not isinstance(tracks, list):
        return own
    heard = [track for track in tracks if isinstance(track, dict) and track.get("type") not in (None, "PaddingCut")]
    return walk(heard[0], ("cut", "recording")) if heard else None
