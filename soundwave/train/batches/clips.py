"""Sound on its way through the encoder: heard in threads, encoded in batches of like lengths.

Where the encoder has a device that is no CPU, sound goes there once, is played faster or slower there, and its frames
stay there for the model.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from typing import TYPE_CHECKING, TypeAlias, TypeGuard

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from curation.passes.encode import at_speed
from manifests.errors import AudioError, BadCutError
from manifests.reasons import Reason
from manifests.units import SAMPLE_RATE, Seconds
from soundwave.train.batches.frames import Frames, as_array, concatenated

if TYPE_CHECKING:
    from curation.encoders import DeviceEncoder, Encoder
    from soundwave.train.batches.frame_cache import CachedFrames

LONGEST: Seconds = 64.0  # encoded in one piece, as the `encode` pass does: attention grows with the square
PIECE: Seconds = 30.0  # of what is longer
BATCH: Seconds = 120.0  # handed to the encoder at once, padding included

Sound: TypeAlias = NDArray[np.float32] | Tensor
"""Samples (N,), 16 kHz."""


class HeardClip:
    """What a cut sounds like, and its encoder frames: each made once, when it is first asked for."""

    def __init__(
        self,
        cut_id: str,
        hear: Callable[[], NDArray[np.float32]],
        encoder: Callable[[], Encoder],
        *,
        speed: float = 1.0,
        kept: CachedFrames | None = None,
        place: tuple[str, Seconds] = ("", 0.0),
    ) -> None:
        """See above.

        Args:
            cut_id: whose.
            hear: gives the samples (N,), 16 kHz.
            encoder: gives the encoder.
            speed: how it is played.
            kept: where its frames may be, and are kept; None: nowhere.
            place: its recording, and when it begins there.
        """
        self.place, self.cut_id = place, cut_id
        self._hear, self._encoder, self._speed, self._kept = hear, encoder, speed, kept
        self.recalled = False
        """Did its frames come from the cache?"""
        self._samples: Sound | None = None
        self._frames: Frames | None = None

    @property
    def encoded(self) -> bool:
        """Are its frames there?"""
        return self._frames is not None

    def recall(self) -> bool:
        """Take its frames from the cache; whether they are there now. Raises BadCutError as `samples`."""
        if self._frames is None and self._kept is not None:
            if not self._kept.known:
                self._kept.hear(as_array(self.samples()))
            self._frames = self._kept.get()
            self.recalled = self._frames is not None
        return self.encoded

    def samples(self) -> Sound:
        """Its sound (N,), as it is played; on the encoder's device, if frames stay there.

        Raises:
            BadCutError: it cannot be heard.
        """
        if self._samples is None:
            try:
                heard = self._hear()
            except BadCutError:  # of a clip in it
                raise
            except AudioError as error:
                raise BadCutError(str(error), error.reason, self.cut_id) from error
            except OSError as error:
                raise BadCutError(f"cut {self.cut_id!r}: {error}.", Reason.audio_unreadable, self.cut_id) from error
            self._samples = played(heard, self._speed, self._encoder())
        return self._samples

    def frames(self) -> Frames:
        """Its encoder frames (T, F): those of `encode_clips`, else encoded by itself.

        Raises:
            BadCutError: it cannot be heard, or the encoder fails on it.
        """
        if self._frames is None and not self.recall():
            samples = self.samples()
            try:
                self.keep(encode_pieces(self._encoder(), samples))
            except (RuntimeError, ValueError) as error:
                raise BadCutError(
                    f"cut {self.cut_id!r}: the encoder fails on its {len(samples) / SAMPLE_RATE:.2f} s of sound "
                    f"({error}).",
                    Reason.encoder_failed,
                    self.cut_id,
                ) from error
        assert self._frames is not None
        return self._frames

    def keep(self, frames: Frames) -> None:
        """These are its frames; its sound is needed no more."""
        self._frames, self._samples = frames, None
        if self._kept is not None:
            self._kept.put(as_array(frames))


def stays(encoder: Encoder) -> TypeGuard[DeviceEncoder]:
    """Do frames stay on the encoder's device?"""
    return bool(getattr(encoder, "stays", False))


def played(samples: NDArray[np.float32], speed: float, encoder: Encoder) -> Sound:
    """The clip (N,) played `speed` times as fast: (N / speed,); on the encoder's device, if frames stay there.

    There torchaudio resamples it, else soxr does: they agree but for what is close to the highest frequencies.
    """
    if not stays(encoder):
        return at_speed(samples, speed)
    if speed == 1.0:
        return torch.from_numpy(samples).to(encoder.device)
    try:
        from torchaudio.functional import resample
    except (ImportError, OSError):  # it is not installed, or does not fit this torch
        return torch.from_numpy(at_speed(samples, speed)).to(encoder.device)
    faster: Tensor = resample(torch.from_numpy(samples).to(encoder.device), round(SAMPLE_RATE * speed), SAMPLE_RATE)
    return faster


def encode_pieces(encoder: Encoder, samples: Sound) -> Frames:
    """Frames (T, F) of a clip (N,) of any length, 16 kHz.

    A clip of more than LONGEST is encoded in equal pieces of at most PIECE: each hears nothing of the others.
    """
    return concatenated(_encoded(encoder, _pieces(samples)))


def encode_clips(encoder: Encoder, clips: Iterable[HeardClip], pool: Executor) -> None:
    """Give clips their frames: heard in the pool's threads, then encoded in batches of like lengths.

    The batches follow from the clips and their order alone. A batch that fails is encoded clip by clip.

    Raises:
        BadCutError: of the first clip, in their order, that cannot be heard or encoded.
    """
    asked = [clip for clip in dict.fromkeys(clips) if not clip.encoded]
    missing = [clip for clip, there in zip(asked, pool.map(HeardClip.recall, asked), strict=True) if not there]
    heard = _heard(missing, pool)
    pieces = [(number, piece) for number, samples in enumerate(heard) for piece in _pieces(samples)]
    order = sorted(range(len(pieces)), key=lambda at: len(pieces[at][1]))
    batches = list(_batches(order, [len(piece) for _, piece in pieces]))
    if getattr(encoder, "one_at_a_time", False):  # then threads gain what a batch does elsewhere
        batches = [[at] for at in reversed(order)]
        results: Iterable[Sequence[Frames | None]] = pool.map(
            lambda batch: _tried(encoder, [pieces[at][1] for at in batch]), batches
        )
    else:
        results = (_tried(encoder, [pieces[at][1] for at in batch]) for batch in batches)
    found = {
        at: part for batch, frames in zip(batches, results, strict=True) for at, part in zip(batch, frames, strict=True)
    }
    own: list[list[Frames | None]] = [[] for _ in missing]
    for at, (number, _) in enumerate(pieces):
        own[number].append(found[at])
    for clip, parts in zip(missing, own, strict=True):
        whole = [part for part in parts if part is not None]
        if len(whole) == len(parts):
            clip.keep(concatenated(whole))
        else:
            clip.frames()


def _heard(clips: Sequence[HeardClip], pool: Executor) -> list[Sound]:
    """The clips' samples (N,). Those of one recording are read in the order of their times, near each other: one that
    cannot be entered in the middle is then decoded once (see `manifests.audio.cursors`).

    Raises:
        BadCutError: of the first clip, in their order, that cannot be heard.
    """
    order = sorted(range(len(clips)), key=lambda at: clips[at].place)
    jobs = {at: pool.submit(clips[at].samples) for at in order}
    return [jobs[at].result() for at in range(len(clips))]


def _encoded(encoder: Encoder, pieces: Sequence[Sound]) -> Sequence[Frames]:
    return encoder.encode_there(pieces) if stays(encoder) else encoder.encode([np.asarray(piece) for piece in pieces])


def _tried(encoder: Encoder, pieces: Sequence[Sound]) -> Sequence[Frames | None]:
    try:
        return _encoded(encoder, pieces)
    except (RuntimeError, ValueError):  # whose fault it is shows when each is encoded by itself
        return [None] * len(pieces)


def _pieces(samples: Sound) -> Sequence[Sound]:
    if len(samples) <= LONGEST * SAMPLE_RATE:
        return [samples]
    count = math.ceil(len(samples) / (PIECE * SAMPLE_RATE))
    return samples.tensor_split(count) if isinstance(samples, Tensor) else np.array_split(samples, count)


def _batches(order: Sequence[int], lengths: Sequence[int]) -> Iterable[list[int]]:
    """Numbers in order of length, cut so that a batch, padded to its longest, is at most BATCH long."""
    held: list[int] = []
    for at in order:
        if held and lengths[at] * (len(held) + 1) > BATCH * SAMPLE_RATE:
            yield held
            held = []
        held.append(at)
    if held:
        yield held
