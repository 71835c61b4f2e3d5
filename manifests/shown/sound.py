"""Sound as browsers play it inside a page: MP3, which all of them know, in an address of its own."""

from __future__ import annotations

import base64
import io

import numpy as np
import soundfile
from numpy.typing import NDArray

from manifests.errors import AudioError
from manifests.units import SAMPLE_RATE

# Of 0 (largest) to 1. Speech at 16 kHz then takes 35 kbit/s. Variable rates alone say in the file where the sound
# begins: with constant ones it would begin 70 ms late, and words would be lit too early.
COMPRESSION = 0.5


def mp3(samples: NDArray[np.float32]) -> bytes:
    """Samples (N,) at 16,000 Hz as MP3, mono, sample for sample in place; what is beyond -1 to 1 is cut off.

    Raises:
        AudioError: this machine's libsndfile writes no MP3.
    """
    buffer = io.BytesIO()
    kind = {"format": "MP3", "bitrate_mode": "VARIABLE", "compression_level": COMPRESSION}
    try:
        soundfile.write(buffer, samples.clip(-1, 1), SAMPLE_RATE, **kind)
    except (soundfile.LibsndfileError, ValueError, TypeError) as error:
        raise AudioError(
            f"No MP3 can be written here ({error}): libsndfile 1.1 and soundfile 0.13 or later do."
        ) from error
    return buffer.getvalue()


def sound_url(samples: NDArray[np.float32]) -> str:
    """Samples as `mp3` writes them, as an address that holds the sound itself. Raises as `mp3`."""
    return f"data:audio/mpeg;base64,{base64.b64encode(mp3(samples)).decode()}"
