"""Audio: cuts and files decoded to samples, and what a manifest says of a file."""

from __future__ import annotations

from manifests.audio.channels import Channels, need_channels
from manifests.audio.cuts import SOUND_COLUMNS, CutSound, decode_channels, decode_cut, heard, read_cut
from manifests.audio.decode import decode, read_audio
from manifests.audio.facts import AudioFacts, audio_facts
from manifests.audio.length import PADDING, seconds_after
from manifests.audio.probing import Probing, current_probing, map_in_context, probing

__all__ = [
    "PADDING",
    "SOUND_COLUMNS",
    "AudioFacts",
    "Channels",
    "CutSound",
    "Probing",
    "audio_facts",
    "current_probing",
    "decode",
    "decode_channels",
    "decode_cut",
    "heard",
    "map_in_context",
    "need_channels",
    "probing",
    "read_audio",
    "read_cut",
    "seconds_after",
]
