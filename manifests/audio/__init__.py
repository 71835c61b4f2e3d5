"""Audio files: decoding them, and what a manifest says of them."""

from __future__ import annotations

from manifests.audio.decode import LIBAV_ONLY, decode, read_audio
from manifests.audio.facts import AudioFacts, audio_facts

__all__ = ["LIBAV_ONLY", "AudioFacts", "audio_facts", "decode", "read_audio"]
