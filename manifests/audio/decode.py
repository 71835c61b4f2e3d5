"""Decode audio: any file libsndfile or FFmpeg reads."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import soundfile
import soxr

from manifests.errors import AudioError
from manifests.units import SAMPLE_RATE, SLACK, Seconds

if TYPE_CHECKING:
    from numpy.typing import NDArray

LIBAV_ONLY = {".g722", ".m4a", ".mp4", ".aac", ".webm", ".wma"}


def read_audio(
    path: Path, *, start: Seconds = 0.0, duration: Seconds | None = None, rate: int = SAMPLE_RATE
) -> NDArray[np.float32]:
    """Samples of `path` in [start, start + duration) seconds: mono (channels averaged), resampled to `rate` Hz.

    Raises:
        AudioError: no such file, 0 bytes, truncated, or not audio; `.reason` is the reject code.
    """
    samples, source_rate = decode(path, start=start, duration=duration)
    mono = samples.mean(axis=1) if samples.shape[1] > 1 else samples[:, 0]
    if source_rate != rate:
        mono = soxr.resample(mono, source_rate, rate)
    return np.ascontiguousarray(mono, dtype=np.float32)


def decode(path: Path, *, start: Seconds = 0.0, duration: Seconds | None = None) -> tuple[NDArray[np.float32], int]:
    """Samples (frames, channels) float32 in [-1, 1] at the file's own rate, and that rate in Hz.

    Raises:
        AudioError: as `read_audio`.
    """
    need_audio(path)
    if path.suffix.lower() in LIBAV_ONLY:
        return _decode_libav(path, start, duration)
    return _decode_sndfile(path, start, duration)


def need_audio(path: Path) -> None:
    """Raises AudioError where there is no such file, or it holds 0 bytes."""
    if not path.is_file():
        raise AudioError(f"No such audio file: {path}.", reason="audio_missing")
    if path.stat().st_size == 0:
        raise AudioError(f"{path} is empty (0 bytes), expected audio.")


def _decode_sndfile(path: Path, start: Seconds, duration: Seconds | None) -> tuple[NDArray[np.float32], int]:
    try:
        with soundfile.SoundFile(path) as stream:
            rate = int(stream.samplerate)
            stream.seek(min(round(start * rate), stream.frames))
            wanted = stream.frames - stream.tell() if duration is None else round(duration * rate)
            samples = stream.read(wanted, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, RuntimeError) as error:
        raise AudioError(f"{path} does not decode as audio ({error}).") from error
    if len(samples) < wanted - SLACK * rate:
        raise AudioError(f"{path} is truncated: {len(samples) / rate:.2f} s decoded, {wanted / rate:.2f} s declared.")
    return samples, rate


def _decode_libav(path: Path, start: Seconds, duration: Seconds | None) -> tuple[NDArray[np.float32], int]:
    options = {"format": "g722"} if path.suffix.lower() == ".g722" else {}
    try:
        with av.open(str(path), **options) as container:
            stream = container.streams.audio[0]
            rate = int(stream.rate)
            pieces = [_planar(frame) for frame in container.decode(stream)]
    except (av.error.FFmpegError, IndexError, OSError) as error:
        raise AudioError(f"{path} does not decode as audio ({error}).") from error
    if not pieces:
        raise AudioError(f"{path} holds no audio frames.")
    samples = np.concatenate(pieces, axis=1).T
    first = round(start * rate)
    last = len(samples) if duration is None else first + round(duration * rate)
    return np.ascontiguousarray(samples[first:last], dtype=np.float32), rate


def _planar(frame: Any) -> NDArray[np.float32]:
    """One libav frame as (channels, samples) float32."""
    array: NDArray[Any] = frame.to_ndarray()
    if array.dtype == np.int16:
        array = array.astype(np.float32) / 32768.0
    elif array.dtype == np.int32:
        array = array.astype(np.float32) / 2147483648.0
    channels = len(frame.layout.channels)
    return array.reshape(-1, channels).T if array.shape[0] == 1 and channels > 1 else array
