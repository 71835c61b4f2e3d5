"""What a manifest says of an audio file: rate, channels, length, hash."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import soundfile

from manifests.audio.decode import LIBAV_ONLY, decode, need_audio
from manifests.errors import AudioError
from manifests.fingerprint import file_sha256
from manifests.units import SLACK, Seconds

if TYPE_CHECKING:
    from lhotse import Recording

TAIL: Seconds = 0.25  # decoded at the end of every file: a truncated file fails there


@dataclass(frozen=True)
class AudioFacts:
    """What a manifest needs to know of an audio file."""

    path: Path
    sampling_rate: int  # Hz
    channels: int
    samples: int  # per channel
    sha256: str  # of the file's bytes

    @property
    def duration(self) -> Seconds:
        """Length of the recording."""
        return self.samples / self.sampling_rate

    def recording(self, recording_id: str) -> Recording:
        """The Lhotse recording of this file (absolute path)."""
        from lhotse import AudioSource, Recording

        source = AudioSource(type="file", channels=list(range(self.channels)), source=str(self.path.absolute()))
        return Recording(
            id=recording_id,
            sources=[source],
            sampling_rate=self.sampling_rate,
            num_samples=self.samples,
            duration=self.duration,
        )


def audio_facts(path: Path) -> AudioFacts:
    """Header, hash, and a decode of the first and last quarter second: enough to refuse broken files quickly.

    What libsndfile does not read is decoded whole: its header does not say how long it is.

    Raises:
        AudioError: no such file, 0 bytes, truncated, without samples, or not audio.
    """
    need_audio(path)
    try:
        rate, channels, frames = (_probe_libav if path.suffix.lower() in LIBAV_ONLY else _probe_sndfile)(path)
        digest = file_sha256(path)
    except (soundfile.LibsndfileError, RuntimeError, OSError) as error:
        raise AudioError(f"{path} does not decode as audio ({error}).") from error
    return AudioFacts(path=path, sampling_rate=rate, channels=channels, samples=frames, sha256=digest)


def _probe_sndfile(path: Path) -> tuple[int, int, int]:
    """Rate in Hz, channels, frames."""
    with soundfile.SoundFile(path) as stream:
        rate, channels, frames = int(stream.samplerate), int(stream.channels), int(stream.frames)
        tail = min(frames, round(TAIL * rate))
        stream.read(tail)
        stream.seek(frames - tail)
        decoded = len(stream.read(tail))
    if frames == 0 or decoded < tail - SLACK * rate:
        raise AudioError(f"{path} is truncated: {decoded} of its last {tail} samples decode ({frames} declared).")
    return rate, channels, frames


def _probe_libav(path: Path) -> tuple[int, int, int]:
    samples, rate = decode(path)
    return rate, samples.shape[1], len(samples)
