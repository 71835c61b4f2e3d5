"""An hour of real speech and its whole text, cut into pieces: coverage, places, time and memory.

    python -m benchmarks.long_recording [--json] [--hours 1] [--run RUN] [--refine pocketsphinx]

The recording: asterisk's prompts in a random order, again and again in other orders, with pauses of 0.2 to 1.2 s and a
faint hiss, as one FLAC file; the text: what they say, a line each. As in real books, the two do not quite fit: of every
40 prompts one has no text and another no audio. Which prompt is where is known, so each word's place can be checked.
The model that listens is the embedded one (Moonshine and PocketSphinx), or with --run a stage-I run.

Rows, named MODEL/METRIC:
    coverage   words kept, % of those that have both audio and text        peer: 100, all of them
    placed     kept words within 0.2 s of the prompt that says them, %     peer: 100
    absent     words without audio that are reported as not said, %        peer: 100
    pieces     kept, all others                                            (a count; peer: refused ones)
    seconds    of processor time to align and cut                          peer: the recording's length
    mb         highest resident memory above what the models take          peer: frames x states, a byte each
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.ctc_align import peak, reset_peak
from benchmarks.rows import Row, row, show
from manifests.units import SAMPLE_RATE, Seconds

if TYPE_CHECKING:
    from curation.segment.long_form import LongForm

PAUSES = (0.2, 1.2)  # seconds
HISS = 1e-4
EVERY = 40  # prompts: one of them lacks its text, another its audio
SLACK: Seconds = 0.2  # that a word may reach out of its prompt


@dataclass
class Made:
    """A long recording, its text, and where each line of the text is said (None: nowhere)."""

    duration: Seconds = 0.0
    lines: list[str] = field(default_factory=list)
    spans: list[tuple[Seconds, Seconds] | None] = field(default_factory=list)

    @property
    def text(self) -> str:
        """A line each."""
        return "\n".join(self.lines)


def prompts() -> list[tuple[str, Path]]:
    """What is said, and the file, of every prompt that is speech; fetches the packages on first use."""
    from manifests.files import cache_dir
    from recipes.common import fetch_debian
    from recipes.debian_asterisk import RECIPE, SOUNDS, TRANSCRIPTS, read_transcripts, spoken

    root = fetch_debian(RECIPE.packages, cache_dir())
    said = {name: spoken(text) for name, text in sorted(read_transcripts(root / TRANSCRIPTS).items())}
    found = ((text, root / SOUNDS / f"{name}.g722") for name, text in said.items() if text)
    return [(text, path) for text, path in found if path.is_file()]


def record(target: Path, hours: float) -> Made:
    """Write the recording; what is in it."""
    import soundfile

    from manifests.audio import read_audio

    rng = np.random.default_rng(0)
    made = Made()
    with soundfile.SoundFile(target, "w", SAMPLE_RATE, 1, subtype="PCM_16", format="FLAC") as stream:
        for number, (text, path) in enumerate(_endless(prompts(), rng)):
            if made.duration >= hours * 3600:
                break
            if number % EVERY == EVERY // 2:
                made.lines.append(text)
                made.spans.append(None)
                continue
            said = read_audio(path)
            pause = np.zeros(round(float(rng.uniform(*PAUSES)) * SAMPLE_RATE), np.float32)
            samples = np.concatenate([said, pause])
            stream.write(samples + rng.standard_normal(len(samples)).astype(np.float32) * np.float32(HISS))
            if number % EVERY:
                made.lines.append(text)
                made.spans.append((made.duration, made.duration + len(said) / SAMPLE_RATE))
            made.duration += len(samples) / SAMPLE_RATE
    return made


def _endless(items: Sequence[Any], rng: np.random.Generator) -> Iterator[Any]:
    while True:
        yield from (items[number] for number in rng.permutation(len(items)))


def score(found: LongForm, made: Made) -> dict[str, float]:
    """The figures that need the truth."""
    ends = np.cumsum([len(line) + 1 for line in made.lines])
    line_of = [int(np.searchsorted(ends, word.start, side="right")) for word in found.words]
    sayable = [position for position, word in enumerate(found.words) if word.readings or word.flag == "unknown"]
    here = {position for position in sayable if made.spans[line_of[position]] is not None}
    kept = [word for piece in found.kept for word in piece.words]
    inside = 0
    for word in kept:
        span = made.spans[line_of[word.position]]
        inside += span is not None and word.start >= span[0] - SLACK and word.end <= span[1] + SLACK
    absent = set(sayable) - here
    return {
        "coverage": 100 * len({word.position for word in kept} & here) / max(len(here), 1),
        "placed": 100 * inside / max(len(kept), 1),
        "absent": 100 * len(absent & set(found.unsaid)) / max(len(absent), 1),
    }


def measure(hours: float, run: Path | None, refine: str) -> tuple[str, Made, LongForm, dict[str, float]]:
    """Make the recording and segment it."""
    import soundfile

    from curation.align import load_aligner
    from curation.align.asr_as_ctc import RecogniserModel
    from curation.segment.long_form import AudioFile, segment
    from soundwave.infer.stage_one import run_aligner

    again = None if refine == "none" else load_aligner(refine)
    name, model = ("stage-1", run_aligner(run).loader()) if run else ("heard", RecogniserModel.embedded())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "long.flac"
        made = record(path, hours)
        first, _ = soundfile.read(path, SAMPLE_RATE * 8, dtype="float32")
        model.emit(first, np.zeros(0, np.int64))  # loads the weights
        before, began = reset_peak(), time.process_time()
        found = segment(AudioFile(path, made.duration), made.text, model, refine=again, scratch=Path(folder))
        spent = time.process_time() - began
    states = 2 * sum(len("".join(word.spoken)) for word in found.words) + 1
    table = made.duration / model.frame * states / 1e6
    return name, made, found, {"seconds": spent, "mb": peak() - before, "table_mb": table, **score(found, made)}


def rows(hours: float, run: Path | None, refine: str) -> list[Row]:
    """All rows."""
    name, made, found, figures = measure(hours, run, refine)
    shares = [row(f"{name}/{key}", figures[key], 100.0, "%", better="high") for key in ("coverage", "placed", "absent")]
    kept = len(found.kept)
    return [
        *shares,
        row(f"{name}/pieces", kept, len(found.pieces) - kept, "pieces", better="high"),
        row(f"{name}/seconds", figures["seconds"], made.duration, "s"),
        row(f"{name}/mb", figures["mb"], figures["table_mb"], "MB"),
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print the rows as JSON")
    parser.add_argument("--hours", type=float, default=1.0, help="of audio")
    parser.add_argument("--run", type=Path, help="a stage-I run that listens, instead of the embedded models")
    parser.add_argument("--refine", default="pocketsphinx", help="what aligns each piece again, or none")
    options = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    import torch

    torch.set_num_threads(1)
    show(rows(options.hours, options.run, options.refine), as_json=options.json)


if __name__ == "__main__":
    main()
