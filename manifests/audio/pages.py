"""The pages of an Ogg file: whether all are there, and whether they are one stream.

libsndfile plays over missing pages as if nothing were amiss, so that all later samples stand at the wrong time, and of
streams one after another it reads the first.
"""

from __future__ import annotations

from pathlib import Path

from manifests.errors import AudioError

HEAD = 27  # bytes before the table of segment sizes
BEGINS = 2  # flag of a stream's first page


def need_whole_ogg(path: Path) -> None:
    """Check that an Ogg file is one whole stream, or several side by side.

    Raises:
        AudioError: pages are missing, the last is cut, or a second stream follows the first.
    """
    expected: dict[bytes, int] = {}  # stream -> number of its next page
    started = False  # a page that is no stream's first was seen
    length = path.stat().st_size
    with path.open("rb") as stream:
        while len(head := stream.read(HEAD)) == HEAD and head.startswith(b"OggS"):
            serial, number = head[14:18], int.from_bytes(head[18:22], "little")
            if head[5] & BEGINS:
                if started:
                    raise AudioError(f"{path} is a chain of streams, of which only the first would be heard. {JOIN}")
            else:
                started = True
                if number != expected.get(serial, number):
                    raise AudioError(f"{path} lacks Ogg pages {expected[serial]} to {number - 1}: audio is missing.")
            expected[serial] = number + 1
            stream.seek(sum(stream.read(head[26])), 1)
            if stream.tell() > length:
                raise AudioError(f"{path} is truncated: it ends inside Ogg page {number}.")


JOIN = "Write it anew as one stream, for example: ffmpeg -i IN.ogg OUT.flac"
