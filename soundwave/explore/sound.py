"""A cut's samples as a WAV file, whole or in ranges (RFC 9110, one range a request)."""

from __future__ import annotations

import io
import re
import threading
from collections import OrderedDict

import soundfile

from manifests.audio import CutSound, decode_cut
from manifests.errors import AudioError
from soundwave.explore.asking import Explorer
from soundwave.explore.one_cut import need_cut

KEPT_BYTES = 64 << 20  # of sounds that were heard last
LONGEST = 3600.0  # seconds of a cut that is sent
_RANGE = re.compile(r"bytes=(\d*)-(\d*)", re.ASCII)


class Sounds:
    """WAV files of the cuts that were heard last."""

    def __init__(self, explorer: Explorer) -> None:
        self._explorer = explorer
        self._kept: OrderedDict[tuple[str, str, float], bytes] = OrderedDict()
        self._lock = threading.Lock()

    def wav(self, cut_id: str) -> bytes:
        """What the cut sounds like, at its recording's own rate, 16 bits.

        Raises:
            MissingFileError: the catalog has no such cut.
            AudioError: it has no audio, or it cannot be read.
        """
        row = need_cut(self._explorer, cut_id)
        if row["recording_id"] is None:
            raise AudioError(f"{cut_id} is text alone: there is nothing to hear.")
        if row["duration"] > LONGEST:
            raise AudioError(f"{cut_id} lasts {row['duration']:.0f} s; cuts of up to {LONGEST:.0f} s are played here.")
        key = (cut_id, str(row["source_path"]), float(row["start"]))
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        samples, rate = decode_cut(CutSound.of_catalog(row))
        stream = io.BytesIO()
        soundfile.write(stream, samples.clip(-1, 1), rate, format="WAV", subtype="PCM_16")
        found = stream.getvalue()
        with self._lock:
            self._kept[key] = found
            while len(self._kept) > 1 and sum(map(len, self._kept.values())) > KEPT_BYTES:
                self._kept.popitem(last=False)
        return found


def byte_range(header: str | None, size: int) -> tuple[int, int] | None:
    """First byte and end of what a `Range` header asks for; None: of the whole, also where it is not understood.

    Raises:
        ValueError: nothing of it is there.
    """
    match = _RANGE.fullmatch((header or "").strip())
    if match is None or match[0] == "bytes=-":
        return None
    if not match[1]:
        first, end = max(0, size - int(match[2])), size
    else:
        first, end = int(match[1]), min(size, int(match[2]) + 1 if match[2] else size)
        if match[2] and int(match[2]) < first:
            return None
    if first >= size or first >= end:
        raise ValueError(f"{header}: the sound has {size} bytes")
    return first, end
