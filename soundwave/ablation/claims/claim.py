"""What may be claimed of a study: a verdict, a band and a sentence for each comparison."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import pyarrow as pa

from soundwave.ablation.claims.bands import LEVEL, Bands, joint_bands
from soundwave.ablation.claims.contrasts import Contrast, apart, contrasts
from soundwave.ablation.claims.measured import MeasuredOutcome, measure
from soundwave.ablation.claims.power import Noise, clips_needed, seeds_needed, smallest_difference
from soundwave.evaluate.metric import Figure

Verdict = Literal["better", "worse", "not distinguishable", "one seed"]
MANY_VALUES = 4  # an axis with more values is told by its best one; the rows hold every pair


@dataclass(frozen=True)
class StudyClaim:
    """One comparison: is `first` better than `second`?"""

    outcome: str
    axis: str
    first: str
    second: str
    verdict: Verdict
    """Of `first`. "one seed": what is said holds for these very runs, if at all."""
    difference: float
    """Figure of `first` less that of `second`."""
    low: float | None
    """Of the band, which holds for all comparisons of the study together; with one seed over clips only."""
    high: float | None
    better: Literal["lower", "higher"]
    """Which figures are better."""
    seeds: int
    settings: int
    """Settings of the other axes over which the two are compared."""
    more_seeds: int | None
    """About how many more seeds would show this difference; None: it is shown, or seeds alone do not."""
    smallest: float | None
    """The smallest difference that so many seeds and clips would show four times in five."""
    sentence: str

    @property
    def ahead(self) -> str:
        """The one with the better figure, shown or not."""
        return self.first if (self.difference > 0) == (self.better == "higher") else self.second

    def row(self) -> dict[str, Any]:
        """As written to JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Claims:
    """What a study may claim."""

    claims: tuple[StudyClaim, ...]
    notes: tuple[str, ...]
    """What the claims do not show."""

    def sentences(self) -> list[str]:
        """For people: a sentence per comparison; of an axis with many values those with its best one."""
        said = [claim.sentence for claim in self.claims if self._told(claim)]
        hidden = len(self.claims) - len(said)
        more = [f"{hidden} more comparisons are in the rows; the bands count them, too."] if hidden else []
        return [*said, *more, *self.notes]

    def report(self) -> dict[str, Any]:
        """As written to JSON."""
        return {
            "claims": [claim.row() for claim in self.claims],
            "sentences": self.sentences(),
            "notes": list(self.notes),
        }

    def _told(self, claim: StudyClaim) -> bool:
        mine = [other for other in self.claims if (other.outcome, other.axis) == (claim.outcome, claim.axis)]
        names = dict.fromkeys(name for other in mine for name in (other.first, other.second))
        if len(names) <= MANY_VALUES:
            return True
        wins = Counter(other.ahead for other in mine)
        return max(names, key=lambda name: wins[name]) in {claim.first, claim.second}


def claims_of(
    rows: Sequence[Mapping[str, Any]],
    figures: Mapping[str, Figure],
    clips: pa.Table | None = None,
    *,
    each: bool = False,
    level: float = LEVEL,
) -> Claims:
    """What the rows of a study may claim: every pair of values of every axis, on every outcome.

    Args:
        rows: result rows of the study; the last stage of each cell counts.
        figures: outcome (a column of the rows) -> what it is.
        clips: the study's clips (see `measured.read_clips`), which pair the cells clip by clip.
        each: compare in each setting of the other axes, not over all of them.
        level: of false claims, over all comparisons of the study together.
    """
    found = [measure(rows, name, figure, clips) for name, figure in figures.items()]
    asked = [(one, contrasts(one, each=each)) for one in found if one is not None]
    compared = [(one, some) for one, some in asked if some]
    pairs = dict.fromkeys(pair for one, _ in asked for pair in apart(one, each=each))
    lacking = [f"{first} and {second} have no seed in common: they are not compared." for first, second in pairs]
    if not compared:
        nothing = "There is nothing to compare: the study has one cell, or none with a result."
        return Claims((), tuple(lacking or [nothing]))
    many = sum(len(some) for _, some in compared)
    claims = [
        _claim(one, contrast, bands, number, many)
        for (one, some), bands in zip(compared, joint_bands(compared, level=level), strict=True)
        for number, contrast in enumerate(some)
    ]
    notes = [note for one, _ in compared for note in one.notes]
    return Claims(tuple(claims), (*lacking, *notes, *_notes(compared, level, many)))


def _notes(compared: Sequence[tuple[MeasuredOutcome, Sequence[Contrast]]], level: float, many: int) -> list[str]:
    notes = []
    unpaired = [one.outcome for one, _ in compared if one.parts is None]
    if unpaired:
        notes.append(
            f"No clips of {', '.join(unpaired)} were written down: cells are not paired clip by clip, bands are wide."
        )
    alone = any(len(contrast.seeds) < 2 for _, some in compared for contrast in some)
    if alone:
        notes.append(
            "With one seed nothing is said about the recipe: another seed moves the figure, and nobody knows how far."
        )
    if many > 1 and not alone:
        notes.append(f"The bands hold for all {many} comparisons together, with {100 * (1 - level):g} % certainty.")
    return notes


def _claim(measured: MeasuredOutcome, contrast: Contrast, bands: Bands, number: int, many: int) -> StudyClaim:
    variances, cells = bands.variances, len(measured.cells)
    difference, half = float(variances.difference[number]), float(bands.half[number])
    alone = math.isnan(half)
    if alone:
        half = float(bands.half_of_clips[number])
    better = (difference > 0) == (measured.figure.better == "higher")
    shown = abs(difference) > half > 0
    verdict: Verdict = "one seed" if alone else "not distinguishable" if not shown else "better" if better else "worse"
    noise = Noise(*(0.0 if math.isnan(sd) else sd for sd in (variances.cell_seed_sd, variances.clip_sd)))
    size = {"cells": cells, "comparisons": many}
    smallest = (
        None
        if alone
        else smallest_difference(len(contrast.seeds), measured.clips, noise.seed_sd, noise.clip_sd, **size)
    )
    needed = seeds_needed(difference, measured.clips, noise, **size) if verdict == "not distinguishable" else None
    more = None if needed is None else max(1, needed - len(contrast.seeds))
    bounded = 0 < half < math.inf
    claim = StudyClaim(
        outcome=measured.outcome,
        axis=contrast.axis,
        first=contrast.first,
        second=contrast.second,
        verdict=verdict,
        difference=difference,
        low=difference - half if bounded else None,
        high=difference + half if bounded else None,
        better=measured.figure.better,
        seeds=len(contrast.seeds),
        settings=contrast.settings,
        more_seeds=more,
        smallest=smallest,
        sentence="",
    )
    clips = clips_needed(difference, len(contrast.seeds), noise, **size) if verdict == "not distinguishable" else None
    times = None if clips is None or not measured.clips else clips / measured.clips
    return _with(claim, sentence_of(claim, measured.figure.title, more_clips=times))


def _with(claim: StudyClaim, sentence: str) -> StudyClaim:
    return StudyClaim(**{**claim.row(), "sentence": sentence})


def sentence_of(claim: StudyClaim, title: str, *, more_clips: float | None = None) -> str:
    """A claim in a sentence. title: of the figure; more_clips: how many times as many test clips would show it."""
    over = f", over {claim.settings} settings of the rest" if claim.settings > 1 else ""
    what = f"{title}{over}"
    if claim.verdict == "one seed":
        return _of_one_seed(claim, what)
    if claim.verdict == "not distinguishable" and claim.low is None and claim.difference != 0:
        differ = f"{claim.first} and {claim.second} differ by {claim.difference:.3g}"
        return f"{what}: {differ}, on so few clips that nothing is said of others."
    if claim.verdict == "not distinguishable":
        remedy = _remedy(claim, more_clips)
        return f"{what}: {claim.first} and {claim.second} are not distinguishable: {_band(claim)}{remedy}."
    if claim.verdict == "worse":
        return f"{what}: no, {claim.first} is worse than {claim.second} by {_amount(claim)}."
    return f"{what}: {claim.first} is better than {claim.second} by {_amount(claim)}."


def _of_one_seed(claim: StudyClaim, what: str) -> str:
    cannot = "whether another seed would say the same, one seed cannot show"
    if claim.seeds > 1:
        cannot = "all seeds gave the same, so they say nothing on chance"
    if claim.low is None or claim.high is None:
        return f"{what}: {claim.first} and {claim.second} differ by {claim.difference:.3g} in these runs; {cannot}."
    if claim.low <= 0 <= claim.high:
        return (
            f"{what}: these runs of {claim.first} and {claim.second} are not distinguishable on other clips: "
            f"{_band(claim)}; and {cannot}."
        )
    other = claim.second if claim.ahead == claim.first else claim.first
    runs = f"this run of {claim.ahead} is better than this run of {other}"
    return f"{what}: {runs} by {_amount(claim)} over clips; {cannot}."


def _remedy(claim: StudyClaim, more_clips: float | None) -> str:
    digits = _digits(claim)
    size = f"{abs(claim.difference):.{digits}f}"
    if claim.more_seeds is not None and float(size) > 0:
        return f"; about {claim.more_seeds} more seed{'s' if claim.more_seeds > 1 else ''} would show {size}"
    if more_clips is not None and float(size) > 0 and more_clips < 1000:
        return f"; more seeds alone would not show it, about {max(2, round(more_clips))} times as many test clips would"
    if claim.smallest is not None and math.isfinite(claim.smallest):
        return f"; {claim.smallest:.{digits}f} would be shown four times in five"
    return ""


def _digits(claim: StudyClaim) -> int:
    """As many decimals as the band has something to say in, and no end of a claim's band reads 0."""
    low, high = claim.low or 0.0, claim.high or 0.0
    half = (high - low) / 2 or abs(claim.difference) or 1.0
    digits = min(6, max(2 if half < 3 else 0, -math.floor(math.log10(half))))
    apart = low * high > 0
    while apart and digits < 6 and 0.0 in {round(low, digits), round(high, digits)}:
        digits += 1
    return digits


def _number(value: float, digits: int) -> str:
    """Without the sign of a zero."""
    return f"{round(value, digits) + 0.0:.{digits}f}"


def _amount(claim: StudyClaim) -> str:
    """Size and band of a difference, as amounts by which the better one is better."""
    digits = _digits(claim)
    low, high = sorted(abs(end) for end in (claim.low or 0.0, claim.high or 0.0))
    return f"{abs(claim.difference):.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def _band(claim: StudyClaim) -> str:
    digits = _digits(claim)
    low, high = (claim.difference if end is None else end for end in (claim.low, claim.high))
    difference, lowest, highest = (_number(value, digits) for value in (claim.difference, low, high))
    return f"the difference is {difference} ({lowest} to {highest})"
