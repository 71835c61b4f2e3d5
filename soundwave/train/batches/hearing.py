"""What a draw of a plan sounds like in training, and what the model is to make of it, for people."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow.parquet as pq
import soundfile

from curation.passes.encode import at_speed
from manifests.errors import InputError
from manifests.files import atomic_write
from manifests.plans import PLAN
from manifests.units import SAMPLE_RATE
from soundwave.train.batches.composed import Composed, Stretch
from soundwave.train.batches.joins import COUNTS, JoinedDraws, joined_draws, quotations, said
from soundwave.train.batches.length_windows import LengthWindows
from soundwave.train.batches.plan_data import Cut, Draw, PlanData
from soundwave.train.batches.samples import answer_text, target_text
from soundwave.train.settings import StageSettings

if TYPE_CHECKING:
    from numpy.typing import NDArray

KINDS = {".wav": "FLOAT", ".flac": "PCM_24", ".ogg": "VORBIS"}  # what files of sound hold


@dataclass(frozen=True)
class HeardDraw:
    """One sequence of a step."""

    row: int
    """Of the plan, from 0."""
    step: int
    task: str
    """A cut's task, `sandwich` or `multi_speaker`; `speakers` may be several clips."""
    cut_ids: tuple[str, ...]
    """A sound first, then the speech around it; or speakers in the order in which they speak."""
    composed: Composed | None
    """Its sound as the encoder hears it, and what is where in it; None: text alone."""
    target: str | None
    """What CTC is to write; None: it has no target."""
    answer: str | None
    """What the LLM is to answer, without the words of a template; None: nothing."""


def hear(plan: Path, settings: StageSettings, row: int, *, joined: bool = False) -> HeardDraw:
    """The sequence that a row of a plan is in, as it is made in the plan's first pass.

    Left out is what changes encoder frames (masks, sentence mixing), and the speed of a clip that is not joined.

    Args:
        plan: folder of the plan.
        settings: of the stage that trains on it.
        row: of plan.parquet, from 0.
        joined: from there on, the first one in a sequence of several.

    Raises:
        InputError: no such row; none from there on is joined, or frames are joined: nobody hears those.
        AudioError: a clip that cannot be heard.
        MissingFileError, StaleError, DamagedError, MixtureError: as `PlanData`.
    """
    data = PlanData(plan, encoder=settings.encoder)
    windows = LengthWindows(data.step, len(data), window=settings.length_window, seed=settings.seed)
    steps: NDArray[np.int32] = pq.read_table(plan / PLAN, columns=["step"])["step"].to_numpy()
    if row >= len(steps):
        raise InputError(f"{plan} has {len(steps):,} rows, numbered from 0, and no row {row:,}.")
    found_row = False
    for step in range(windows.first(int(steps[row])), len(data)):
        before = int(np.searchsorted(steps, windows.first(step)))
        rows, draws = zip(*((before + place, draw) for place, draw in windows.numbered(step)), strict=True)
        if not found_row and row not in rows:
            continue
        sequences = _sequences(draws, step, settings)
        wanted = range(0 if found_row else rows.index(row), len(draws))
        found_row = True
        slot = next((slot for slot in wanted if slot in sequences), None) if joined else wanted[0]
        if slot is not None:
            found = sequences.get(slot)
            of = [draws[number].cut for number in (found.slots if found else (slot,))]
            return (
                _alone(of[0], rows[slot], step, settings)
                if found is None
                else _joined(found, of, rows[slot], step, settings)
            )
    raise InputError(
        f"No row of {plan} from {row:,} on is joined with others. The stage's settings sandwich.share and "
        "multi_speaker.share say how many are."
    )


def save(samples: NDArray[np.float32], path: Path) -> None:
    """Write samples (N,), 16 kHz, to a sound file; a .wav holds them exactly.

    Raises:
        InputError: a name that does not end in .wav, .flac or .ogg.
    """
    kind = path.suffix.lower()
    if kind not in KINDS:
        raise InputError(f"{path} ends in {kind or 'nothing'!r}, expected one of {', '.join(KINDS)}.")
    with atomic_write(path) as temporary:
        soundfile.write(str(temporary), samples, SAMPLE_RATE, subtype=KINDS[kind], format=kind[1:])


def _sequences(draws: Sequence[Draw], step: int, settings: StageSettings) -> dict[int, JoinedDraws]:
    """Slot -> the sequence of several that it is in. Which draws those are does not depend on frames' own chances
    where audio is joined."""
    rng = random.Random(f"{settings.seed}:{step}:joined")
    return {slot: found for found in joined_draws(draws, step, settings, rng) for slot in found.slots}


def _joined(found: JoinedDraws, cuts: Sequence[Cut], row: int, step: int, settings: StageSettings) -> HeardDraw:
    if found.composition is None:
        raise InputError(
            f"Row {row:,} is in a sequence of encoder frames of {', '.join(cut.cut_id for cut in cuts)} (the setting "
            f"{found.task}.joined is `frames`), which nobody can hear. With `audio` there is a clip to hear."
        )
    composed, speed = found.composition.compose(), found.speed
    stretches = tuple(one.at_speed(speed) for one in composed.stretches)
    return HeardDraw(
        row,
        step,
        found.task,
        tuple(cut.cut_id for cut in cuts),
        Composed(at_speed(composed.samples, speed), stretches),
        (found.composition.heard or None) if settings.ctc_weight and found.task != "speakers" else None,
        _answer(found, cuts, settings) if settings.lm_weight else None,
    )


def _answer(found: JoinedDraws, cuts: Sequence[Cut], settings: StageSettings) -> str:
    composition = found.composition
    if found.task == "sandwich" and composition is not None:
        return composition.heard if settings.answer == "spoken" else composition.written
    if found.task == "speakers":
        return COUNTS[len(cuts) - 1]
    return quotations([said(cut, settings.answer) for cut in cuts])


def _alone(cut: Cut, row: int, step: int, settings: StageSettings) -> HeardDraw:
    target = target_text(cut, settings.ctc_languages) if cut.has_audio and settings.ctc_weight else None
    composed = None
    if cut.has_audio:
        composed = Composed(cut.samples(), (Stretch(cut.cut_id, 0.0, cut.duration, target or "", cut.words),))
    answer = answer_text(cut, settings.answer) if settings.lm_weight else None
    return HeardDraw(row, step, cut.task, (cut.cut_id,), composed, target, answer)
