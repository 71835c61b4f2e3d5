"""What a manifest says of an audio file: rate, channels, length, hash."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import soundfile

from manifests.audio.decode import need_audio
from manifests.audio.length import Length, decoded_length, header_length
from manifests.audio.probing import current_probing
from manifests.audio.streams import open_sndfile
from manifests.errors import AudioError
from manifests.fingerprint import file_sha256
from manifests.places import PLACE, reachable
from manifests.units import Seconds

if TYPE_CHECKING:
    from lhotse import Recording


@dataclass(frozen=True)
class AudioFacts:
    """What a manifest needs to know of an audio file."""

    path: Path
    sampling_rate: int  # Hz
    channels: int
    samples: int  # per channel, as decoding gives them
    sha256: str  # of the file's bytes

    @property
    def duration(self) -> Seconds:
        """Length of the recording."""
        return self.samples / self.sampling_rate

    def recording_row(self, recording_id: str) -> dict[str, Any]:
        """The recording of this file (absolute path), as a manifest's row has it."""
        kind = "file" if isinstance(self.path, Path) else PLACE
        source = {"type": kind, "channels": [*range(self.channels)], "source": str(self.path.absolute())}
        return {
            "id": recording_id,
            "sources": [source],
            "sampling_rate": self.sampling_rate,
            "num_samples": self.samples,
            "duration": self.duration,
            "channel_ids": [*range(self.channels)],
        }

    def recording(self, recording_id: str) -> Recording:
        """The same as Lhotse's."""
        from lhotse import Recording

        return Recording.from_dict(self.recording_row(recording_id))


def audio_facts(path: Path) -> AudioFacts:
    """Rate, channels, hash, and the length that the file decodes to.

    Samples of one size (PCM) are counted by the bytes that are there, and both ends are decoded. All else is decoded
    whole, in blocks, for its header is a claim; within `probing(decode=True)` everything is.

    Raises:
        AudioError: no such file, 0 bytes, not audio, without samples, truncated, or with a header whose length is not
            that of what decodes.
    """
    try:
        with reachable(path) as heard:
            need_audio(heard)
            found = _length(heard)
            digest = file_sha256(heard)
    except (soundfile.LibsndfileError, RuntimeError, OSError) as error:
        raise AudioError(f"{path} does not decode as audio ({error}).") from error
    return AudioFacts(
        path=path, sampling_rate=found.rate, channels=found.channels, samples=found.samples, sha256=digest
    )


def _length(path: Path) -> Length:
    probing = current_probing()
    stream = open_sndfile(path)  # once: opening takes as long as decoding a second of speech
    with stream or nullcontext():
        found = None if probing.decode or stream is None else header_length(path, stream)
        if found is not None:
            probing.add(None)
            return found
        with probing.timed():
            return decoded_length(path, stream)
