"""Audio: cuts and files decoded to samples, and what a manifest says of a file."""

from __future__ import annotations

from manifests.audio.channels import Channels, need_channels
from manifests.audio.cuts import SOUND_COLUMNS, CutSound, decode_channels, decode_cut, heard, read_cut
from manifests.audio.decode import LIBAV_ONLY, decode, read_audio
from manifests.audio.facts import AudioFacts, audio_facts

__all__ = [
    "LIBAV_ONLY",
    "SOUND_COLUMNS",
    "AudioFacts",
    "Channels",
    "CutSound",
    "audio_facts",
    "decode",
    "decode_channels",
    "decode_cut",
    "heard",
    "need_channels",
    "read_audio",
    "read_cut",
]
