"""Decode audio files: any that libsndfile or FFmpeg reads. Cuts are heard through `manifests.audio.cuts`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import soundfile
import soxr

from manifests.audio.channels import Channels, one_signal
from manifests.audio.streams import libav_frames, libav_reads, sndfile
from manifests.errors import AudioError
from manifests.files import has_file
from manifests.places import reachable
from manifests.units import SAMPLE_RATE, SLACK, Seconds

if TYPE_CHECKING:
    from numpy.typing import NDArray

RATES = (1_000, 1_000_000)  # Hz; a header that claims another rate is broken, and resampling it could fill the memory
_ADDRESS = re.compile(r"(?:^|/)([a-z][a-z0-9+.-]+):/")
_NOT_FETCHED = (
    "a list on disk fetches nothing: copy the files here, or import the list by its own address in that store."
)
_SCALES = {np.dtype(np.int16): 1 << 15, np.dtype(np.int32): 1 << 31}  # full scale of libav's whole numbers


def read_audio(
    path: Path,
    *,
    start: Seconds = 0.0,
    duration: Seconds | None = None,
    rate: int = SAMPLE_RATE,
    channels: Channels = "reject",
) -> NDArray[np.float32]:
    """Samples (N,) of a file in [start, start + duration) seconds: one signal, resampled to `rate` Hz.

    For a file that belongs to no cut; a cut says which channels it hears (`manifests.audio.read_cut`).

    Args:
        path: the file.
        start: seconds.
        duration: seconds; None: to the end.
        rate: Hz of the samples given.
        channels: of several that differ: "mix" them, take the "first", or "reject" the file.

    Raises:
        AudioError: no such file, 0 bytes, truncated, not audio, a sample that is no number, or channels that differ;
            `.reason` is the reject code.
    """
    samples, source_rate = decode(path, start=start, duration=duration)
    return to_rate(one_signal(samples, channels, where=str(path), rate=source_rate), source_rate, rate)


def decode(path: Path, *, start: Seconds = 0.0, duration: Seconds | None = None) -> tuple[NDArray[np.float32], int]:
    """Samples (frames, channels) float32 at the file's own rate, and that rate in Hz.

    All are finite. Whole numbers come as [-1, 1]; float and lossy files may go beyond.

    Raises:
        AudioError: as `read_audio`, but for the channels.
    """
    with reachable(path) as heard:
        need_audio(heard)
        read = _decode_libav if libav_reads(heard) else _decode_sndfile
        samples, rate = read(heard, start, duration)
    if duration is not None and len(samples) < round(duration * rate) - SLACK * rate:
        found = len(samples) / rate
        raise AudioError(f"{path} is truncated: {found:.2f} s decoded, {duration:.2f} s declared.", decoded=found)
    if not np.isfinite(samples).all():
        place, channel = np.argwhere(~np.isfinite(samples))[0]
        raise AudioError(
            f"{path}: the sample at {start + place / rate:.6f} s (channel {channel}) is {samples[place, channel]}, "
            "expected a number.",
            reason="not_finite",
        )
    return samples, rate


def to_rate(mono: NDArray[np.float32], source_rate: int, rate: int) -> NDArray[np.float32]:
    """Samples (N,) at `source_rate` Hz resampled to `rate` Hz."""
    if source_rate != rate:
        mono = soxr.resample(np.ascontiguousarray(mono), source_rate, rate)
    return np.ascontiguousarray(mono, dtype=np.float32)


def need_audio(path: Path) -> None:
    """Raises AudioError where there is no such file, or it holds 0 bytes."""
    if not has_file(path):
        address = _ADDRESS.search(str(path))  # a path has one slash where an address has two
        hint = f" It reads like an address ({address[1]}://), and {_NOT_FETCHED}" if address else ""
        raise AudioError(f"No such audio file: {path}.{hint}", reason="audio_missing")
    if path.stat().st_size == 0:
        raise AudioError(f"{path} is empty (0 bytes), expected audio.")


def _need_rate(path: Path, rate: int) -> int:
    if not RATES[0] <= rate <= RATES[1]:
        raise AudioError(
            f"{path} has a sampling rate of {rate:,} Hz, expected {RATES[0]:,} to {RATES[1]:,} Hz.",
            reason="unsupported_audio",
        )
    return rate


def _decode_sndfile(path: Path, start: Seconds, duration: Seconds | None) -> tuple[NDArray[np.float32], int]:
    try:
        with sndfile(path) as stream:
            rate = _need_rate(path, int(stream.samplerate))
            stream.seek(min(round(start * rate), stream.frames))
            left = stream.frames - stream.tell()
            wanted = left if duration is None else min(left, round(duration * rate))
            samples = stream.read(wanted, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, RuntimeError) as error:
        raise AudioError(f"{path} does not decode as audio ({error}).") from error
    if len(samples) < wanted - SLACK * rate and duration is None:  # of a span `decode` says it
        raise AudioError(f"{path} is truncated: {len(samples) / rate:.2f} s decoded, {wanted / rate:.2f} s declared.")
    return samples, rate


def _decode_libav(path: Path, start: Seconds, duration: Seconds | None) -> tuple[NDArray[np.float32], int]:
    pieces: list[NDArray[np.float32]] = []
    rate = position = 0
    for frame, place in libav_frames(path, start=start, stop=None if duration is None else start + duration):
        rate, position = _need_rate(path, frame.sample_rate), position if pieces else place
        pieces.append(_planar(frame))
    if not pieces:
        raise AudioError(f"{path} holds no audio frames from {start:g} s on.", decoded=0.0)
    samples = np.concatenate(pieces, axis=1).T
    first = max(0, round(start * rate) - position)
    last = len(samples) if duration is None else first + round(duration * rate)
    return np.ascontiguousarray(samples[first:last], dtype=np.float32), rate


def _planar(frame: Any) -> NDArray[np.float32]:
    """One libav frame as (channels, samples) float32."""
    array: NDArray[Any] = frame.to_ndarray()
    if array.dtype == np.uint8:
        array = (array.astype(np.float32) - 128.0) / 128.0
    elif array.dtype in _SCALES:
        array = array.astype(np.float32) / float(_SCALES[array.dtype])
    channels = len(frame.layout.channels)
    return array.reshape(-1, channels).T if array.shape[0] == 1 and channels > 1 else array
