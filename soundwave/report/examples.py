"""Examples: alignments with their waveforms, transcripts with their differences."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from difflib import SequenceMatcher
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from manifests.audio import read_audio
from manifests.errors import AudioError
from manifests.units import SAMPLE_RATE
from soundwave.report.workspace import Workspace, json_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

Row = dict[str, Any]
BINS = 330  # envelope points: one for every two pixels of the wide drawing


def alignments(workspace: Workspace, count: int = 3) -> list[Row]:
    """Clips with words of three lengths (short, middle, long) and their envelopes: held-out ones, chosen by hash.

    Each has cut_id, corpus, text, seconds, words (symbol, start, end, score) and envelope (time, amplitude).
    """
    clips = workspace.rows(
        """
        WITH spoken AS (
          SELECT cut_id, count(*) AS words FROM words GROUP BY cut_id HAVING count(*) BETWEEN 4 AND 14
        ), banded AS (
          SELECT cut_id, corpus, text, start, duration, source_path, ntile(?) OVER (ORDER BY duration, cut_id) AS band
          FROM cuts JOIN spoken USING (cut_id) WHERE duration BETWEEN 1 AND 8 AND source_path IS NOT NULL
        )
        SELECT * FROM banded QUALIFY row_number() OVER (PARTITION BY band ORDER BY md5(cut_id)) <= 4
        ORDER BY band, md5(cut_id)
        """,
        [count],
    )
    found: dict[int, Row] = {}
    for clip in clips:
        if clip["band"] not in found and (example := _with_envelope(workspace, clip)) is not None:
            found[clip["band"]] = example
    return list(found.values())


def _with_envelope(workspace: Workspace, clip: Row) -> Row | None:
    """The clip with its words and envelope; None when its audio is not where the manifest says."""
    path = Path(clip["source_path"])
    try:
        samples = read_audio(path, start=clip["start"], duration=clip["duration"])
    except AudioError:
        return None
    words = workspace.rows(
        'SELECT symbol, start, start + duration AS "end", score FROM words WHERE cut_id = ? ORDER BY backend, position',
        [clip["cut_id"]],
    )
    return clip | {"words": words, "envelope": envelope(samples)}


def envelope(samples: NDArray[np.float32], bins: int = BINS) -> list[Row]:
    """Peak amplitude per bin, as rows of time (s, the bin's middle) and amplitude (0 to 1, of the clip's own peak)."""
    edges = np.linspace(0, len(samples), min(bins, max(1, len(samples))) + 1).astype(int)
    peaks = np.array([np.abs(samples[a:b]).max(initial=0.0) for a, b in pairwise(edges)])
    top = float(peaks.max(initial=0.0)) or 1.0
    times = (edges[:-1] + edges[1:]) / 2 / SAMPLE_RATE
    return [
        {"time": round(float(t), 4), "amplitude": round(float(p) / top, 3)} for t, p in zip(times, peaks, strict=True)
    ]


def transcripts(sets: Mapping[str, Path], count: int = 8) -> list[Row]:
    """Held-out clips with what each run heard, worst and best alike: evenly spaced by the first set's errors.

    sets: heading -> evaluation file (a JSONL of cut_id, reference, hypothesis). Rows have cut_id, reference and
    heard: a list of (heading, marked words).
    """
    read = {heading: {str(row["cut_id"]): row for row in json_rows(path)} for heading, path in sets.items()}
    read = {heading: rows for heading, rows in read.items() if rows}
    if not read:
        return []
    first = next(iter(read.values()))
    shared = [cut_id for cut_id in first if all(cut_id in rows for rows in read.values())]
    shared.sort(key=lambda cut_id: (mistakes(first[cut_id]), cut_id))
    picked = [shared[round(place)] for place in np.linspace(0, len(shared) - 1, min(count, len(shared)))]
    return [
        {
            "cut_id": cut_id,
            "reference": first[cut_id]["reference"],
            "heard": [
                (heading, marked(rows[cut_id]["reference"], rows[cut_id]["hypothesis"]))
                for heading, rows in read.items()
            ],
        }
        for cut_id in picked
    ]


def mistakes(row: Mapping[str, Any]) -> float:
    """Word edits per reference word of one clip."""
    reference = plain_words(row["reference"])
    wrong = sum(kind != "same" for kind, _ in marked(row["reference"], row["hypothesis"]))
    return wrong / max(1, len(reference))


def marked(reference: str, hypothesis: str) -> list[tuple[str, str]]:
    """The hypothesis word by word: (kind, word), kind in same | wrong (substituted) | extra | missing.

    Case and punctuation do not count, as in the error rates; a missing word is the reference's.
    """
    expected, heard = plain_words(reference), [word for word in hypothesis.split() if _plain(word)]
    matcher = SequenceMatcher(a=expected, b=[_plain(word) for word in heard], autojunk=False)
    words: list[tuple[str, str]] = []
    for kind, a0, a1, b0, b1 in matcher.get_opcodes():
        both = min(a1 - a0, b1 - b0)
        words += _as("same" if kind == "equal" else "wrong", heard[b0 : b0 + both])
        words += _as("extra", heard[b0 + both : b1])
        words += _as("missing", expected[a0 + both : a1])
    return words


def plain_words(text: str) -> list[str]:
    """Words as they are compared: lower case, letters, digits and apostrophes only."""
    return [plain for word in text.split() if (plain := _plain(word))]


def _plain(word: str) -> str:
    return "".join(letter for letter in word.lower() if letter.isalnum() or letter == "'")


def _as(kind: str, words: Iterable[str] | Sequence[str]) -> list[tuple[str, str]]:
    return [(kind, word) for word in words]
