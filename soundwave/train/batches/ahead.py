"""Steps made ready while earlier ones compute: draws, samples, sound, encoder frames, padded batches.

Steps are made in order, a bounded number ahead: by one thread, or by two where sound is encoded, so that decoders are
never idle between two steps. Others decode for them, and encode where the encoder is on the CPU, each on a core of its
own. They are threads of the training's own process, so nothing stays behind when it is killed. All chance comes from
generators of their own, so what is made does not depend on when it is made.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from threading import Barrier, Lock

import torch

from curation.reader.prefetch import look_ahead
from manifests.errors import BadCutError
from manifests.reasons import Reason
from soundwave.model.batch import Batch
from soundwave.train.batches.clips import HeardClip, encode_clips
from soundwave.train.batches.length_windows import Steps
from soundwave.train.batches.plan_data import Draw, PlanData
from soundwave.train.batches.samples import Refusal, Sample, SampleMaker, collate

THREADS = 4  # at most, that decode at once
MAKERS = 2  # steps made at once where sound is encoded

Parts = Callable[[Sequence[Sample]], tuple[list[list[int]], int]]
"""This process's passes over a step's samples, as their numbers; and how many of the passes count."""


@dataclass
class Prepared:
    """A step that is ready to be computed."""

    draws: Sequence[Draw]
    samples: Sequence[Sample]
    parts: list[list[int]]
    """This process's passes, as numbers of samples."""
    own: int
    """How many of them count."""
    batches: list[Batch]
    """One for each pass."""
    bad: Mapping[int, Refusal] = field(default_factory=dict)
    """Slots whose cuts could not be read, and why: they are in no sample."""
    encode_seconds: float = 0.0
    """Decoding and encoding took so long."""
    recalled: int = 0
    """So many clips had their frames in the cache,"""
    encoded: int = 0
    """and so many were encoded."""
    wait_seconds: float = 0.0
    """The step waited so long for all of this."""

    @property
    def padding(self) -> float:
        """Share of the batches' frames that is padding."""
        total = sum(batch.features.shape[0] * batch.features.shape[1] for batch in self.batches)
        return 1.0 - sum(int(batch.lengths.sum()) for batch in self.batches) / total if total else 0.0


class StepMaker:
    """Makes steps ready, one at a time."""

    def __init__(
        self,
        data: PlanData,
        maker: SampleMaker,
        parts: Parts,
        *,
        skip: bool,
        step: Steps | None = None,
        mine: Callable[[int], Sequence[int]] = range,
    ) -> None:
        """See above.

        Args:
            data: the plan.
            maker: makes its samples.
            parts: this process's passes over them.
            skip: whether a step goes on without cuts that cannot be read.
            step: gives its draws; None: `data` does.
            mine: of a step with so many samples, the numbers of those that this process trains.
        """
        self._step, self._mine = step or data.step, mine
        self._data, self._maker, self._parts, self._skip = data, maker, parts, skip
        self._lock = Lock()  # of the reader and the tokenizer
        self._pool = one_core_each(min(THREADS, os.cpu_count() or 1))
        self.makers = MAKERS if data.unstored else 1
        """How many steps are worth making at once."""

    def prepare(self, step: int, without: Mapping[int, Refusal] | None = None) -> Prepared:
        """Make a step ready.

        Args:
            step: its number.
            without: slots that are left out, and why.

        Raises:
            BadCutError: a cut cannot be read, and none is to be skipped, or the step has no other.
        """
        bad = dict(without or {})
        with self._lock:
            draws = self._step(step)
        while True:
            try:
                return self._made(step, draws, bad)
            except BadCutError as error:
                refusal = Refusal(Reason(error.reason), str(error))
                bad |= {slot: refusal for slot, draw in enumerate(draws) if draw.cut.cut_id == error.cut_id}
                if not self._skip or len(bad) == len(draws):
                    raise

    def close(self) -> None:
        """End the threads."""
        self._pool.shutdown(cancel_futures=True)

    def _made(self, step: int, draws: Sequence[Draw], bad: Mapping[int, Refusal]) -> Prepared:
        good = [slot for slot in range(len(draws)) if slot not in bad]
        with self._lock:
            samples = self._maker.samples([draws[slot] for slot in good], step)
        if bad:
            samples = [replace(sample, draws=tuple(good[slot] for slot in sample.draws)) for sample in samples]
        # Before they are divided into passes, which may need to know how long they are.
        local = self._mine(len(samples))
        seconds = self._encode(samples, local)
        parts, own = self._parts(samples)
        trained = [number for part in parts for number in part]
        seconds += self._encode(samples, trained)
        width = self._data.store.feature_dim
        batches = [collate([samples[number] for number in part], width) for part in parts]
        clips = _clips(samples, dict.fromkeys([*local, *trained]))
        recalled = sum(clip.recalled for clip in clips)
        return Prepared(draws, samples, parts, own, batches, dict(bad), seconds, recalled, len(clips) - recalled)

    def _encode(self, samples: Sequence[Sample], numbers: Sequence[int]) -> float:
        """Encode what some samples lack of their frames; how many seconds that took."""
        start = time.monotonic()
        clips = [clip for clip in _clips(samples, numbers) if not clip.encoded]
        if not clips:
            return 0.0
        encode_clips(self._data.store.load_encoder(), clips, self._pool)
        return time.monotonic() - start


def _clips(samples: Sequence[Sample], numbers: Iterable[int]) -> list[HeardClip]:
    frames = [samples[number].frames for number in numbers]
    return [clip for part in frames if part is not None for clip in part.clips]


def one_core_each(count: int) -> ThreadPoolExecutor:
    """A pool of `count` threads in each of which torch computes with that thread alone; elsewhere as before."""
    before, together = torch.get_num_threads(), Barrier(count)

    def begin() -> None:
        torch.get_num_threads()  # a thread that asks has what all have, and from here on its own
        torch.set_num_threads(1)
        together.wait()

    pool = ThreadPoolExecutor(count, thread_name_prefix="decode")
    for started in [pool.submit(begin) for _ in range(count)]:
        started.result()
    torch.set_num_threads(before)  # for threads that are yet to come
    return pool


class StepsAhead:
    """Gives steps; in order, they are made while the one before is computed."""

    def __init__(self, maker: StepMaker, steps: int, *, ahead: int) -> None:
        """steps: of the whole run; ahead: how many are made before they are asked for; 0: none."""
        self.maker, self._total, self._ahead = maker, steps, ahead
        self._next = -1
        self._coming: Iterator[tuple[int, list[Prepared]]] = iter(())

    def take(self, step: int) -> Prepared:
        """A step that is ready.

        Raises:
            BadCutError: as `StepMaker.prepare`.
        """
        start = time.monotonic()
        if not self._ahead:
            found = self.maker.prepare(step)
        else:
            if step != self._next:
                numbers = ((number, [number]) for number in range(step, max(step + 1, self._total)))
                # On all cores a maker's threads would take turns with the step's: 1.4 times its time on two cores.
                self._coming = look_ahead(
                    numbers, self.maker.prepare, ahead=self._ahead, threads=self.maker.makers, pool=one_core_each
                )
            _, (found,) = next(self._coming)
            self._next = step + 1
        found.wait_seconds = time.monotonic() - start
        return found

    def close(self) -> None:
        """End its threads; steps that are being made are given up."""
        self._coming, self._next = iter(()), -1
        self.maker.close()
