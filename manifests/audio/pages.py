"""The pages of an Ogg file: whether all are there, and whether they are one stream.

libsndfile plays over missing pages as if nothing were amiss, so that all later samples stand at the wrong time, and of
streams one after another it reads the first.
"""

from __future__ import annotations

import zlib
from pathlib import Path

from manifests.errors import AudioError

HEAD = 27  # bytes before the table of segment sizes
BEGINS, ENDS = 2, 4  # flags of a stream's first page, and of its last


def need_whole_ogg(path: Path) -> None:
    """Check that an Ogg file is one whole stream, or several side by side.

    Raises:
        AudioError: pages are missing or damaged, the last is cut, or a second stream follows the first.
    """
    expected: dict[bytes, int] = {}  # stream -> number of its next page
    started = ended = False  # a page that is no stream's first was seen; one that is its stream's last
    length = path.stat().st_size
    with path.open("rb") as stream:
        while len(head := stream.read(HEAD)) == HEAD and head.startswith(b"OggS"):
            serial, number = head[14:18], int.from_bytes(head[18:22], "little")
            ended = bool(head[5] & ENDS)
            if head[5] & BEGINS:
                if started:
                    raise AudioError(f"{path} is a chain of streams, of which only the first would be heard. {JOIN}")
            else:
                started = True
                if number != expected.get(serial, number):
                    raise AudioError(f"{path} lacks Ogg pages {expected[serial]} to {number - 1}: audio is missing.")
            expected[serial] = number + 1
            sizes = stream.read(head[26])
            body = stream.read(sum(sizes))
            if len(body) < sum(sizes):
                raise AudioError(f"{path} is truncated: it ends inside Ogg page {number}.")
            if int.from_bytes(head[22:26], "little") != checksum(head[:22] + bytes(4) + head[26:] + sizes + body):
                raise AudioError(f"{path}: Ogg page {number} is damaged (its checksum differs): audio is missing.")
        rest = head + stream.read()
    if rest and (not ended or b"OggS" in rest):
        raise AudioError(f"{path} is damaged: no Ogg page begins at byte {length - len(rest):,}: audio is missing.")


def checksum(page: bytes) -> int:
    """Ogg's CRC of a page whose own field of it is 0: that of zlib with the order of bits turned round."""
    turned = zlib.crc32(page.translate(_TURNED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{turned:032b}"[::-1], 2)


_TURNED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
JOIN = "Write it anew as one stream, for example: ffmpeg -i IN.ogg OUT.flac"
