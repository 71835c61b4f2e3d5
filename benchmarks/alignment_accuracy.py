"""How close aligners come to known word boundaries, calibrated and not: `docs/alignment.md` explains the figures.

    python -m benchmarks.alignment_accuracy [--json | --markdown] [--quick] [--lacking] [--run RUN] [--also NAME:MODEL]

Clips: recordings of single words joined end to end (`benchmarks.gold_clips`), clean and with pink noise at 10 dB SNR.
Aligners: `even` (words spread over the loud part of the clip by their letters: what needs no aligner), `pocketsphinx`,
and each CTC model, with and without the calibration learned from the voice `allison` (joined clips with other seeds,
clean and with white noise; with --calibration FILE: that one, from `soundwave calibrate`). The other voices were never
calibrated on. RUN is a stage-I run; without one, the newest finished stage-I run under demo/ is taken, if there is one.
With --lacking the transcripts lack each clip's first and last word, and CTC models are shown with the wildcard too.

Rows, named ALIGNER/VOICES/CONDITION/METRIC; for a CTC model `ours` is calibrated and `peer` is not, for the others
`ours` is the aligner and `peer` is `even`:
    coverage   aligned words, % of all           mae, median   absolute error of starts and ends, ms
    within_20, within_50, within_100             % of the aligned words' edges that close
    f1_20      of edges within 20 ms             joint_mae     mae where a word follows without a gap
    speed      seconds of audio per second on one thread (the calibration's time included)
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.rows import Row, row, show
from manifests.units import SAMPLE_RATE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from curation.align.base import AlignedWord
    from curation.align.calibration import Calibration
    from curation.align.concatenated import Example
    from curation.align.ctc_aligner import CTCAligner
    from curation.text import Word

Align = Callable[["NDArray[np.float32]", "Sequence[Word]"], "list[AlignedWord]"]
METRICS = {  # name: unit, which is better
    "coverage": ("%", "high"),
    "mae": ("ms", "low"),
    "median": ("ms", "low"),
    "within_20": ("%", "high"),
    "within_50": ("%", "high"),
    "within_100": ("%", "high"),
    "f1_20": ("%", "high"),
    "joint_mae": ("ms", "low"),
    "speed": ("x real time", "high"),
}
CONDITIONS = ("clean", "noisy")
SEEDS = {"test": "test", "calibration": "calibration"}
ROUNDS = 3


@dataclass
class Tally:
    """Errors of one aligner on one set of clips."""

    errors: list[float] = field(default_factory=list)  # ms, absolute
    joints: list[float] = field(default_factory=list)  # the same, where a word follows without a gap
    words: int = 0
    aligned: int = 0
    audio: float = 0.0  # seconds
    spent: float = 0.0

    def add(self, clip: Example, align: Align) -> None:
        """Align one clip."""
        from manifests.errors import Rejected

        self.words += len(clip.words)
        self.audio += len(clip.samples) / SAMPLE_RATE
        began = time.perf_counter()
        try:
            found = align(clip.samples, clip.words)
        except Rejected:
            found = []
        self.spent += time.perf_counter() - began
        for word in found:
            start, end = clip.edges[word.position]
            errors = (1000 * abs(word.start - start), 1000 * abs(word.end - end))
            self.aligned += 1
            self.errors += errors
            if word.position in clip.joints:
                self.joints.append(errors[0])
            if word.position + 1 in clip.joints:
                self.joints.append(errors[1])

    def metrics(self) -> dict[str, float]:
        """The figures of METRICS."""
        errors = np.array(self.errors or [np.inf])
        hits = float((errors <= 20).sum())
        return {
            "coverage": 100 * self.aligned / self.words,
            "mae": float(errors.mean()),
            "median": float(np.median(errors)),
            **{f"within_{width}": 100 * float((errors <= width).mean()) for width in (20, 50, 100)},
            "f1_20": 100 * 2 * hits / (2 * self.aligned + 2 * self.words),
            "joint_mae": float(np.mean(self.joints)) if self.joints else float("nan"),
            "speed": self.audio / max(self.spent, 1e-9),
        }


def even(samples: NDArray[np.float32], words: Sequence[Word]) -> list[AlignedWord]:
    """Words spread over what lies between the clip's first and last loud moment, by their letters."""
    from curation.align.base import AlignedWord

    window = SAMPLE_RATE // 50
    loud = np.flatnonzero(np.abs(samples) > np.abs(samples).max() / 10)
    first, last = max(0, loud[0] - window), min(len(samples), loud[-1] + window)
    ends = np.cumsum([sum(len(part) for part in word.spoken) + 1 for word in words])
    edges = (first + (last - first) * np.concatenate([[0], ends]) / ends[-1]) / SAMPLE_RATE
    return [AlignedWord(n, float(edges[n]), float(edges[n + 1]), 0.0) for n in range(len(words))]


def clips(voice: str, rounds: int, part: str, *, colour: float) -> dict[str, list[Example]]:
    """The voice's clips, by condition."""
    from benchmarks.gold_clips import recordings
    from curation.align.concatenated import add_noise, join_words

    clean = join_words(recordings(voice), rounds=rounds, seed=f"{part} {voice}")
    return {"clean": clean, "noisy": [add_noise(clip, colour=colour) for clip in clean]}


def learn(aligner: CTCAligner, rounds: int) -> Calibration:
    """A calibration from the trained voice alone, with white noise where the tests have pink."""
    from benchmarks.gold_clips import TRAINED_VOICE
    from curation.align.calibration import calibrate

    made = clips(TRAINED_VOICE, rounds, SEEDS["calibration"], colour=0.0)
    return calibrate(aligner, [*made["clean"], *made["noisy"]], reference="joined allison and white noise")


def without_ends(clip: Example) -> Example:
    """The clip with a transcript that lacks its first and last word."""
    inner = range(1, len(clip.words) - 1)
    return replace(
        clip,
        words=clip.words[1:-1],
        edges={number - 1: clip.edges[number] for number in inner},
        joints=frozenset(number - 1 for number in clip.joints if number in inner),
    )


def measure(
    aligners: dict[str, Align], rounds: int, *, lacking: bool = False
) -> Iterator[tuple[str, str, str, dict[str, float]]]:
    """Aligner, voices, condition, metrics; voices: the trained one, each other, all others together."""
    from benchmarks.gold_clips import OTHER_VOICES, TRAINED_VOICE

    sets = {voice: clips(voice, rounds, SEEDS["test"], colour=1.0) for voice in (TRAINED_VOICE, *OTHER_VOICES)}
    if lacking:
        for made in sets.values():
            for condition, chosen in made.items():
                made[condition] = [without_ends(clip) for clip in chosen if len(clip.words) > 2]
    groups = {**{voice: (voice,) for voice in sets}, "others": OTHER_VOICES}
    for name, align in aligners.items():
        align(sets[TRAINED_VOICE]["clean"][0].samples, sets[TRAINED_VOICE]["clean"][0].words)  # loads and compiles
        for condition in CONDITIONS:
            tallies = {voice: Tally() for voice in sets}
            for voice, made in sets.items():
                for clip in made[condition]:
                    tallies[voice].add(clip, align)
            for group, voices in groups.items():
                yield name, group, condition, _together([tallies[voice] for voice in voices]).metrics()


def _together(tallies: Sequence[Tally]) -> Tally:
    whole = Tally()
    for tally in tallies:
        for name, value in vars(tally).items():
            setattr(whole, name, getattr(whole, name) + value)
    return whole


def make_aligners(options: argparse.Namespace) -> dict[str, Align]:
    """All that is measured, by name; `NAME+calibration` follows `NAME`."""
    from curation.align import load_aligner
    from curation.align.calibration import Calibration
    from curation.align.ctc_aligner import CTCAligner

    run = options.run or newest_run(Path("demo"))
    wanted = [("pocketsphinx", ""), *([("soundwave", str(run))] if run else [])]
    wanted += [(name, model) for name, _, model in (text.partition(":") for text in options.also)]
    found: dict[str, Align] = {"even": even}
    for name, model in wanted:
        aligner = load_aligner(name, model=model or None)
        aligner.check()
        found[name] = aligner.align
        if isinstance(aligner, CTCAligner):
            learned = Calibration.load(options.calibration) if options.calibration else learn(aligner, 1)
            learned.check(aligner.name, aligner.loader.version)
            found[f"{name}+calibration"] = CTCAligner(aligner.loader, learned).align
            if options.lacking:
                found[f"{name}+wildcard"] = _open(aligner)
                found[f"{name}+wildcard+calibration"] = _open(CTCAligner(aligner.loader, learned))
    return found


def _open(aligner: CTCAligner) -> Align:
    return lambda samples, words: aligner.align_untranscribed(samples, words, "ends")[0]


def newest_run(folder: Path) -> Path | None:
    """The stage-I run under `folder` that was finished last."""
    from manifests.runs import FINAL, RUN, read_run

    paths = [path.parent for path in folder.rglob(RUN) if (path.parent / FINAL).is_dir()]
    done = [path for path in paths if (info := read_run(path)).stage == "alignment" and info.status == "done"]
    return max(done, key=lambda path: (path / RUN).stat().st_mtime, default=None)


def rows(results: Sequence[tuple[str, str, str, dict[str, float]]]) -> list[Row]:
    """Benchmark rows: calibrated against not, everything else against `even`."""
    known = {(name, group, condition): metrics for name, group, condition, metrics in results}
    table = []
    for (name, group, condition), metrics in known.items():
        if name == "even" or (f"{name}+calibration", group, condition) in known:
            continue
        base = name.removesuffix("+calibration")
        peer = known[base if base != name else "even", group, condition]
        for metric, (unit, better) in METRICS.items():
            label = f"{base}/{group}/{condition}/{metric}"
            table.append(row(label, metrics[metric], peer[metric], unit, better=better))
    return table


def markdown(results: Sequence[tuple[str, str, str, dict[str, float]]]) -> str:
    """The table of docs/alignment.md."""
    heads = ["voices", "condition", "aligner", *(f"{name} ({unit})" for name, (unit, _) in METRICS.items())]
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * 3 + "---:|" * len(METRICS)]
    for name, group, condition, metrics in sorted(results, key=lambda result: (result[1], result[2])):
        figures = [f"{metrics[metric]:.0f}" for metric in METRICS]
        lines.append("| " + " | ".join([group, condition, name, *figures]) + " |")
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print the rows as JSON")
    parser.add_argument("--markdown", action="store_true", help="print a table with all aligners")
    parser.add_argument("--quick", action="store_true", help="every word once, not three times")
    parser.add_argument("--run", type=Path, help="a stage-I run")
    parser.add_argument("--also", action="append", default=[], metavar="BACKEND:MODEL", help="e.g. hf-ctc:FOLDER")
    parser.add_argument("--lacking", action="store_true", help="transcripts lack the first and last word")
    parser.add_argument("--calibration", type=Path, help="from `soundwave calibrate`, for the one CTC model")
    options = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    import torch

    torch.set_num_threads(1)
    results = list(measure(make_aligners(options), 1 if options.quick else ROUNDS, lacking=options.lacking))
    if options.markdown:
        print(markdown(results))
    else:
        show(rows(results), as_json=options.json)


if __name__ == "__main__":
    main()
