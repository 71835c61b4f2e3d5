"""From CTC spikes to word edges: what a reference taught about this model's timing, and where the energy changes.

CTC puts a token on one or two frames somewhere inside its sound, usually late, and says blank for the rest. What is
learned from clips whose edges are known (a reference aligner's words, or joined recordings):

    starts, ends   per first and last letter of a word: how far the true edge lies from the spike, and how widely that
                   scatters (letters with few words lean on the average of all)
    levels         how much likelier each level of sound is inside words than between them, given the clip's range
    weight, joint  how far to trust the level, and how often words follow each other without a gap

Between two words the pair (end, start) is chosen that is the likeliest of all pairs on a 5 ms grid: offsets are Laplace
distributed, each moment in the gap costs its level's log-odds. The search is exact and linear in the gap's length.
"""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from curation.align.concatenated import Example
from curation.align.ctc_model import SpikeAligner, Spikes
from manifests.errors import InputError, Rejected, SettingsError
from manifests.files import claim_file, need_file, write_text
from manifests.fingerprint import fingerprint
from manifests.settings import read_stored
from manifests.units import SAMPLE_RATE, Seconds

HOP: Seconds = 0.005  # of the grid
WINDOW: Seconds = 0.015  # over which a level is measured
SHORTEST: Seconds = 0.03  # of a word
SMALLEST_GAP: Seconds = 0.02  # words closer than this have no gap
BINS = 24  # of relative level
RANGES = (20.0, 40.0)  # dB between a clip's floor and its loud parts: noisy, usual, clean
DEEPEST = 60.0  # dB below the loud parts; silence beyond that is silence
LEAN = 15.0  # words of a letter that weigh as much as the average of all
LEAST_WORDS = 50
ANY = ""  # the key of all letters together
WEIGHTS = (0.0, 0.02, 0.05, 0.1, 0.2, 0.4)
JOINTS = (0.0, 1.0, 2.0, 4.0)
TUNING_CLIPS = 120


class Offset(NamedTuple):
    """Where the true edge is, seen from the spike."""

    middle: Seconds
    spread: Seconds  # mean absolute deviation


class Calibration(BaseModel):
    """What was learned. Written and read as JSON."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: int = Field(default=1, ge=1, le=1)
    """Of this file."""
    backend: str
    """Name of the aligner it belongs to."""
    model: str
    """Version of the aligner it was learned with; another model has other offsets."""
    reference: str
    """What the true edges came from."""
    words: int
    """Words it was learned from."""
    starts: dict[str, Offset]
    """By the word's first letter; the empty key for all others."""
    ends: dict[str, Offset]
    """By the word's last letter."""
    levels: tuple[tuple[float, ...], ...]
    """Log-odds of speech, a row for each range and a column for each relative level."""
    weight: float
    """Of one 5 ms step of level against the offsets."""
    joint: float
    """Log-odds in favour of no gap."""

    @model_validator(mode="after")
    def _is_whole(self) -> Calibration:
        for name in ("starts", "ends"):
            table: dict[str, Offset] = getattr(self, name)
            if ANY not in table:
                raise ValueError(f"`{name}` lacks the empty key, for all letters")
            odd = [key for key, one in table.items() if not (math.isfinite(one.middle) and 0 < one.spread < math.inf)]
            if odd:
                raise ValueError(f"`{name}` of {odd[0]!r}: expected two finite numbers, the second above 0")
        if len(self.levels) != len(RANGES) + 1 or any(len(row) != BINS for row in self.levels):
            raise ValueError(f"`levels`: expected {len(RANGES) + 1} rows of {BINS} numbers")
        if not all(math.isfinite(value) for value in (self.weight, self.joint, *itertools.chain(*self.levels))):
            raise ValueError("`levels`, `weight` and `joint`: expected finite numbers")
        return self

    @property
    def fingerprint(self) -> str:
        """Names the contents."""
        return fingerprint(self.model_dump(mode="json"))[:12]

    def edges(self, spikes: Sequence[Spikes], samples: NDArray[np.float32]) -> list[tuple[Seconds, Seconds]]:
        """Start and end of each word; in order, disjoint, inside the clip of `samples` (N,) 16 kHz."""
        return self.place(spikes, *levels(samples))

    def place(self, spikes: Sequence[Spikes], row: int, columns: NDArray[np.int64]) -> list[tuple[Seconds, Seconds]]:
        """The same from the clip's `levels`."""
        odds = np.concatenate([[0.0], np.cumsum(self.weight * np.asarray(self.levels[row])[columns])])
        last = len(odds) - 1
        starts, ends = [0] * len(spikes), [last] * len(spikes)
        for number in range(len(spikes) + 1):
            before = spikes[number - 1] if number else None
            after = spikes[number] if number < len(spikes) else None
            low = 0 if before is None else min(starts[number - 1] + round(SHORTEST / HOP), last)
            high = last if after is None else max(low, min(last, math.ceil(after.last / HOP)))
            end, start = self._gap(before, after, odds, low, high)
            if before is not None:
                ends[number - 1] = end
            if after is not None:
                starts[number] = start
        return [(start * HOP, end * HOP) for start, end in zip(starts, ends, strict=True)]

    def _gap(
        self, before: Spikes | None, after: Spikes | None, odds: NDArray[np.float64], low: int, high: int
    ) -> tuple[int, int]:
        """End of `before` and start of `after`, in steps from `low` to `high`."""
        grid = np.arange(low, high + 1)
        ends = odds[grid].copy()
        if before is not None:
            ends -= _cost(grid, before.last, self._offset(self.ends, before.spoken[-1:], before.spoken))
        starts = -odds[grid]
        if after is not None:
            starts -= _cost(grid, after.first, self._offset(self.starts, after.spoken[:1], after.spoken))
        if before is None:
            return low, int(grid[starts.argmax()])
        if after is None:
            return int(grid[ends.argmax()]), high
        joined = ends + starts + self.joint
        best = int(joined.argmax())
        wide = round(SMALLEST_GAP / HOP)
        if len(grid) > wide:
            # The best end for each start is the best of all that lie at least `wide` steps before it.
            reached = np.maximum.accumulate(ends[:-wide])
            apart = reached + starts[wide:]
            start = int(apart.argmax())
            if apart[start] > joined[best]:
                return int(grid[ends[: start + 1].argmax()]), int(grid[start + wide])
        return int(grid[best]), int(grid[best])

    @staticmethod
    def _offset(table: dict[str, Offset], letter: str, word: str) -> Offset:
        return table.get(key_of(letter, word), table[ANY])

    def save(self, path: Path) -> None:
        """Write the JSON.

        Raises:
            OccupiedError: a file of another kind is there; it was not touched.
        """
        claim_file(path, "a calibration", ours=lambda found: bool(Calibration.load(found)))
        write_text(path, self.model_dump_json(indent=1) + "\n")

    @classmethod
    def load(cls, path: Path) -> Calibration:
        """Read what `save` wrote.

        Raises:
            MissingFileError: no such file.
            ManifestError: not a calibration.
        """
        need_file(path, what="calibration", hint="`soundwave calibrate` makes one.")
        return read_stored(cls, path, go_on="`soundwave calibrate` makes a calibration.")

    def check(self, backend: str, model: str) -> None:
        """Refuse a calibration of another model.

        Raises:
            SettingsError: it was learned with another model.
        """
        if (self.backend, self.model) != (backend, model):
            raise SettingsError(
                f"This calibration was learned with {self.backend} {self.model}, but the aligner is {backend} {model}. "
                "Offsets of one model mislead another: run `soundwave calibrate` with this one."
            )


def calibrate(aligner: SpikeAligner, examples: Iterable[Example], *, reference: str) -> Calibration:
    """Learn a calibration. Clips that the aligner rejects are left out.

    Raises:
        InputError: fewer than 50 words could be used.
    """
    heard: list[tuple[list[Spikes], Example]] = []
    for example in examples:
        try:
            found = aligner.spikes(example.samples, example.words)
        except Rejected:
            continue
        if any(spike.position in example.edges for spike in found):
            heard.append((found, example))
    pairs = [
        (spike, example.edges[spike.position])
        for found, example in heard
        for spike in found
        if spike.position in example.edges and not spike.wildcard
    ]
    if len(pairs) < LEAST_WORDS:
        raise InputError(f"A calibration needs {LEAST_WORDS} words with known edges or more, found {len(pairs)}.")
    draft = Calibration(
        backend=aligner.name,
        model=aligner.loader.version,
        reference=reference,
        words=len(pairs),
        starts=_offsets((spike.spoken[:1], spike.spoken, start - spike.first) for spike, (start, _) in pairs),
        ends=_offsets((spike.spoken[-1:], spike.spoken, end - spike.last) for spike, (_, end) in pairs),
        levels=_level_odds([example for _, example in heard]),
        weight=0.0,
        joint=0.0,
    )
    return _tuned(draft, heard)


def _tuned(draft: Calibration, heard: Sequence[tuple[list[Spikes], Example]]) -> Calibration:
    """The weights with the least mean error on (some of) the clips themselves: two numbers, hundreds of edges."""
    chosen = heard[:: max(1, len(heard) // TUNING_CLIPS)]
    measured = [levels(example.samples) for _, example in chosen]

    def mean_error(tried: Calibration) -> float:
        errors: list[float] = []
        for (found, example), (row, columns) in zip(chosen, measured, strict=True):
            for spike, edge in zip(found, tried.place(found, row, columns), strict=True):
                true = example.edges.get(spike.position)
                errors += [abs(a - b) for a, b in zip(edge, true, strict=True)] if true else []
        return float(np.mean(errors))

    tries = (draft.model_copy(update={"weight": weight, "joint": joint}) for weight in WEIGHTS for joint in JOINTS)
    return min(tries, key=mean_error)


def _offsets(rows: Iterable[tuple[str, str, float]]) -> dict[str, Offset]:
    """(letter, word, offset) -> by key the median and spread, leaning on all words where there are few."""
    groups: dict[str, list[float]] = defaultdict(list)
    everything: list[float] = []
    for letter, word, offset in rows:
        groups[key_of(letter, word)].append(offset)
        everything.append(offset)
    middle = float(np.median(everything))
    spread = float(np.mean(np.abs(np.array(everything) - middle)))
    table = {ANY: Offset(round(middle, 4), round(max(spread, HOP), 4))}
    for key, values in sorted(groups.items()):
        share = len(values) / (len(values) + LEAN)
        mine = share * float(np.median(values)) + (1 - share) * middle
        around = share * float(np.mean(np.abs(np.array(values) - mine))) + (1 - share) * spread
        table[key] = Offset(round(mine, 4), round(max(around, HOP), 4))
    return table


def key_of(letter: str, word: str) -> str:
    """The class of an edge: a letter, or the letter's name where the word is nothing else (b is said bee)."""
    return f"={letter}" if len(word) == 1 else letter


def levels(samples: NDArray[np.float32]) -> tuple[int, NDArray[np.int64]]:
    """The clip's range (row of a table), and the relative level of each 5 ms step (columns)."""
    hop, half = round(HOP * SAMPLE_RATE), round(WINDOW * SAMPLE_RATE) // 2
    sums = np.concatenate([[0.0], np.cumsum(samples.astype(np.float64) ** 2)])
    centres = np.arange(max(1, len(samples) // hop)) * hop + hop // 2
    first, last = np.clip(centres - half, 0, len(samples)), np.clip(centres + half, 0, len(samples))
    power = (sums[last] - sums[first]) / np.maximum(last - first, 1)
    level = 10.0 * np.log10(np.maximum(power, 0.0) + 1e-12)
    loud = float(np.percentile(level, 95))
    floor = max(float(np.percentile(level, 5)), loud - DEEPEST)
    place = (level - floor) / max(loud - floor, 6.0)  # 0 at the floor, 1 where it is loud
    columns = np.clip(np.floor((place + 0.1) / 1.2 * BINS), 0, BINS - 1).astype(np.int64)
    return int(np.searchsorted(RANGES, loud - floor)), columns


def _level_odds(examples: Iterable[Example]) -> tuple[tuple[float, ...], ...]:
    """Log-odds of each level inside and between words; a range with little data leans on all ranges."""
    counts = np.zeros((2, len(RANGES) + 1, BINS))
    for example in examples:
        row, columns = levels(example.samples)
        inside = np.zeros(len(columns), bool)
        for position in range(len(example.words)):
            if position in example.edges:
                start, end = (round(edge / HOP) for edge in example.edges[position])
                inside[start:end] = True
        for said in (0, 1):
            counts[said, row] += np.bincount(columns[inside == bool(said)], minlength=BINS)
    every = counts.sum(axis=1, keepdims=True)
    counts = counts + 50.0 * every / np.maximum(every.sum(axis=2, keepdims=True), 1.0) + 1.0
    shares = counts / counts.sum(axis=2, keepdims=True)
    odds = np.log(shares[1] / shares[0])
    return tuple(tuple(round(float(value), 3) for value in row) for row in odds)


def _cost(grid: NDArray[np.int64], spike: Seconds, offset: Offset) -> NDArray[np.float64]:
    costs: NDArray[np.float64] = np.abs(grid * HOP - (spike + offset.middle)) / offset.spread
    return costs
