"""A step in several passes through the model, with the loss and the numbers of one.

A step's loss is lm_weight x mean over its answer tokens + ctc_weight x mean over its target tokens. All counts are
known before the first pass, so each pass weighs its own two means by its share of the step's tokens: the passes'
losses, and their gradients, add up to the step's. With a single pass the shares are exactly 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from soundwave.model.batch import SpeechLLMOutput
from soundwave.train.batches.samples import Sample
from soundwave.train.settings import MicroBatch


@dataclass(frozen=True)
class Measured:
    """What a step's passes, over all processes, came to: B samples, A audios between them. On the CPU."""

    loss: float
    lm_loss: Tensor
    """(B,) mean next-token loss of each sample; NaN without an answer."""
    ctc_loss: Tensor
    """(A,) CTC loss per target token of each audio; NaN without a target."""
    frames: Tensor
    """(A,) adapter frames."""
    kept_frames: Tensor
    """(A,) positions after shrinking."""


class StepMetrics:
    """Collects a step's numbers. Samples of other passes and processes are zero until `values` is summed over all."""

    def __init__(self, samples: Sequence[Sample], device: torch.device) -> None:
        """samples: the whole step's."""
        self.audios = [[] if sample.frames is None else [0] for sample in samples]
        count = 0
        for places in self.audios:
            for number in range(len(places)):
                places[number] = count
                count += 1
        # The loss; lm losses (B,); ctc losses, frames, kept frames (A,).
        self.values = torch.zeros(1 + len(samples) + 3 * count, dtype=torch.float64, device=device)
        self._sizes = [1, len(samples), count, count, count]

    def add(self, numbers: Sequence[int], output: SpeechLLMOutput) -> None:
        """Take a pass's output; numbers: which samples of the step it had."""
        loss, lm, ctc, frames, kept = torch.split(self.values, self._sizes)
        audios = [place for number in numbers for place in self.audios[number]]
        loss += output.loss.detach().to(loss)
        lm[list(numbers)] = output.lm_loss.to(lm)
        for into, found in ((ctc, output.ctc_loss), (frames, output.frames), (kept, output.kept_frames)):
            into[audios] = found.to(into)

    def measured(self) -> Measured:
        """The step's numbers, once `values` holds all passes."""
        loss, lm, ctc, frames, kept = torch.split(self.values.cpu(), self._sizes)
        return Measured(float(loss), lm, ctc, frames.long(), kept.long())


def shares(part: Sequence[Sample], whole: Sequence[Sample]) -> tuple[float, float]:
    """A pass's share of the step's answer tokens, and of its CTC target tokens. Means over nothing divide by one."""
    return _answers(part) / _answers(whole), _targets(part) / _targets(whole)


def _answers(samples: Sequence[Sample]) -> int:
    return max(1, sum(len(sample.answer) for sample in samples))


def _targets(samples: Sequence[Sample]) -> int:
    return max(1, sum(len(sample.target or ()) for sample in samples))


def split(numbers: Sequence[int], samples: Sequence[Sample], micro: MicroBatch | None, rate: float) -> list[list[int]]:
    """Cut a process's samples, in their order, into passes within the limits of `micro`.

    A sample that is over a limit by itself gets a pass of its own.

    Args:
        numbers: this process's samples of the step.
        samples: the whole step's.
        micro: the limits; None: all in one pass.
        rate: encoder frames per second.
    """
    if micro is None:
        return [list(numbers)] if numbers else []
    parts: list[list[int]] = []
    longest = 0.0
    for number in numbers:
        frames = samples[number].frames
        # Frames are counted, which may encode them, only where there is a limit of seconds.
        seconds = 0.0 if frames is None or micro.seconds is None else len(frames) / rate
        padded = max(longest, seconds) * (len(parts[-1]) + 1) if parts else 0.0
        full = not parts or (micro.rows is not None and len(parts[-1]) >= micro.rows)
        if full or (micro.seconds is not None and padded > micro.seconds):
            parts.append([])
            longest = 0.0
        parts[-1].append(number)
        longest = max(longest, seconds)
    return parts
