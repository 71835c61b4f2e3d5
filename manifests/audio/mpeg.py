"""The index that encoders write into the first frame of an MP3 (Xing, Info): how many frames the file has."""

from __future__ import annotations

import re
from pathlib import Path

from manifests.units import Seconds

_INDEX = re.compile(rb"\xff[\xe0-\xff].{2,128}?(?:Xing|Info)(...[\x01\x03\x05\x07\x09\x0b\x0d\x0f])(....)", re.DOTALL)
_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}  # MPEG 1, 2, 2.5; Hz


def index_length(path: Path) -> Seconds | None:
    """Length that an MP3's index declares, with what the encoder padded; None for a file without an index."""
    with path.open("rb") as stream:
        head = stream.read(10)
        tag = sum((byte & 127) << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=False))
        stream.seek(10 + tag if head.startswith(b"ID3") else 0)
        found = _INDEX.match(stream.read(4096).lstrip(b"\0"))
    if found is None:
        return None
    version, rate = found[0][1] >> 3 & 3, found[0][2] >> 2 & 3
    if version not in _RATES or rate == 3:
        return None
    return int.from_bytes(found[2], "big") * (1152 if version == 3 else 576) / _RATES[version][rate]
