"""Examples: alignments with their waveforms, transcripts with their differences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import jiwer
import numpy as np
from numpy.typing import NDArray

from curation.text.scoring import closest
from manifests.audio import SOUND_COLUMNS, CutSound, read_cut
from manifests.errors import AudioError
from manifests.units import SAMPLE_RATE
from soundwave.report.workspace import Workspace, json_rows

Row = dict[str, Any]
Marked = list[tuple[str, str]]
KINDS = {"equal": "same", "substitute": "wrong", "insert": "extra"}
BINS = 330  # envelope points: one for every two pixels of the wide drawing


@dataclass(frozen=True)
class TranscriptSet:
    """Where the transcripts of one run and decoding are."""

    heading: str
    path: Path  # examples-SPLIT.jsonl of a run: id, reference, language, and a column per decoding
    column: str  # ctc | llm


def alignments(workspace: Workspace, count: int = 3) -> list[Row]:
    """Clips with words of three lengths (short, middle, long) and their envelopes: held-out ones, chosen by hash.

    Each has cut_id, corpus, text, seconds, words (symbol, start, end, score) and envelope (time, amplitude).
    """
    clips = workspace.rows(
        f"""
        WITH spoken AS (
          SELECT cut_id, count(*) AS words FROM words GROUP BY cut_id HAVING count(*) BETWEEN 4 AND 14
        ), banded AS (
          SELECT corpus, text, {", ".join(SOUND_COLUMNS)}, ntile(?) OVER (ORDER BY duration, cut_id) AS band
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
    try:
        samples = read_cut(CutSound.of_catalog(clip))
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


def transcripts(sets: Sequence[TranscriptSet], count: int = 8) -> list[Row]:
    """Held-out clips with what each run heard, evenly spaced from the first set's best clip to its worst.

    Rows have cut_id, reference and heard: a list of (heading, marked words), both as the error rates compare them.
    """
    read = [(each.heading, _texts(each)) for each in sets]
    read = [(heading, texts) for heading, texts in read if texts]
    if not read:
        return []
    shared = [cut_id for cut_id in read[0][1] if all(cut_id in texts for _, texts in read)]
    marks = {cut_id: [(heading, marked(*closest(*texts[cut_id]))) for heading, texts in read] for cut_id in shared}
    shared.sort(key=lambda cut_id: (mistakes(marks[cut_id][0][1]), cut_id))
    picked = [shared[round(place)] for place in np.linspace(0, len(shared) - 1, min(count, len(shared)))]
    return [{"cut_id": cut_id, "reference": read[0][1][cut_id][0], "heard": marks[cut_id]} for cut_id in picked]


def _texts(transcripts: TranscriptSet) -> dict[str, tuple[str, str, str]]:
    """Clip id -> (reference, what was heard, language)."""
    rows = json_rows(transcripts.path)
    return {
        str(row["id"]): (str(row["reference"]), str(row[transcripts.column]), str(row.get("language") or "en"))
        for row in rows
        if transcripts.column in row
    }


def mistakes(words: Marked) -> float:
    """Word edits per reference word."""
    reference = sum(kind != "extra" for kind, _ in words)
    return sum(kind != "same" for kind, _ in words) / max(1, reference)


def marked(reference: str, hypothesis: str) -> Marked:
    """The hypothesis word by word: (kind, word), kind in same | wrong (substituted) | extra | missing.

    A missing word is the reference's. The alignment is the one that word error rates are counted on.
    """
    if not reference.split():
        return [("extra", word) for word in hypothesis.split()]
    found = jiwer.process_words(reference, hypothesis)
    expected, heard = found.references[0], found.hypotheses[0]
    words: Marked = []
    for chunk in found.alignments[0]:
        if chunk.type == "delete":
            words += [("missing", word) for word in expected[chunk.ref_start_idx : chunk.ref_end_idx]]
        else:
            words += [(KINDS[chunk.type], word) for word in heard[chunk.hyp_start_idx : chunk.hyp_end_idx]]
    return words
