"""Audio files whose headers lie, built from bytes: each is a good file with bytes cut, repeated or overwritten."""

from __future__ import annotations

import io
import struct
from functools import cache
from typing import Any

import av
import numpy as np
import soundfile

RATE = 16_000
SECONDS = 3.0
SAMPLES = round(SECONDS * RATE)


@cache
def sound(seconds: float = SECONDS, rate: int = RATE) -> np.ndarray:
    """(N,) int16 that is nowhere the same: a rising tone in bursts over noise, so that VBR varies."""
    time = np.arange(round(seconds * rate)) / rate
    tone = 0.3 * np.sin(2 * np.pi * (200 + 150 * time) * time) * (np.floor(time * 2) % 2)
    noise = 0.05 * np.random.default_rng(0).normal(size=len(time))
    return ((tone + noise) * 32767).astype(np.int16)


@cache
def sndfile(format: str, subtype: str | None = None, seconds: float = SECONDS, rate: int = RATE) -> bytes:
    """A good file by libsndfile."""
    buffer = io.BytesIO()
    soundfile.write(buffer, sound(seconds, rate), rate, format=format, subtype=subtype)
    return buffer.getvalue()


@cache
def libav(format: str, codec: str, rate: int = RATE, **options: str) -> bytes:
    """A good file by FFmpeg; options of the codec start with `c_`, others are the container's."""
    buffer = io.BytesIO()
    inner = {name[2:]: value for name, value in options.items() if name.startswith("c_")}
    outer = {name: value for name, value in options.items() if not name.startswith("c_")}
    with av.open(buffer, "w", format=format, options=outer) as container:
        stream: Any = container.add_stream(codec, rate=rate, options=inner)
        stream.layout = "mono"
        frame = av.AudioFrame.from_ndarray(sound(rate=rate)[None], format="s16", layout="mono")
        frame.sample_rate = rate
        size = stream.codec_context.frame_size or None
        resampler = av.AudioResampler(format=stream.format, layout="mono", rate=rate, frame_size=size)
        for part in [*resampler.resample(frame), *resampler.resample(None), None]:
            container.mux(stream.encode(part))
    return buffer.getvalue()


def mp3(*, index: bool = True, constant: bool = False) -> bytes:
    """With variable bit rate, and an index of its frames (Xing)."""
    rate = {"c_b": "32000"} if constant else {"c_flags": "+qscale", "c_global_quality": "472"}
    return libav("mp3", "libmp3lame", write_xing=str(int(index)), id3v2_version="4" if index else "0", **rate)


def half(data: bytes, odd: int = 0) -> bytes:
    return data[: len(data) // 2 + odd]


def patched(data: bytes, mark: bytes, offset: int, value: bytes) -> bytes:
    """`value` written `offset` bytes after the first `mark`."""
    place = data.index(mark) + offset
    return data[:place] + value + data[place + len(value) :]


def wav(riff: int | None = None, size: int | None = None, subtype: str = "PCM_16", tail: bytes = b"") -> bytes:
    """A WAV that declares other sizes than it has."""
    data = sndfile("WAV", subtype)
    data = data if riff is None else patched(data, b"RIFF", 4, struct.pack("<I", riff))
    return (data if size is None else patched(data, b"data", 4, struct.pack("<I", size))) + tail


def fact(frames: int, subtype: str) -> bytes:
    """A WAV whose chunk `fact` says how many frames it has."""
    return patched(sndfile("WAV", subtype), b"fact", 8, struct.pack("<I", frames))


def aiff(frames: int | None = None, size: int | None = None) -> bytes:
    """An AIFF that declares other frames or bytes than it has."""
    data = sndfile("AIFF")
    data = data if frames is None else patched(data, b"COMM", 10, struct.pack(">I", frames))
    return data if size is None else patched(data, b"SSND", 4, struct.pack(">I", size))


def au(size: int) -> bytes:
    """An AU that declares another size than it has."""
    return patched(sndfile("AU"), b".snd", 8, struct.pack(">I", size))


def flac(frames: int, bit: int | None = None) -> bytes:
    """A FLAC whose header counts `frames` (0 is what encoders write that stream); `bit` of its rate and the like flips.

    Of the 64 bits there the first 20 are the rate in Hz, the next 3 the channels less 1.
    """
    data = sndfile("FLAC")
    kept = int.from_bytes(data[18:26], "big") >> 36 << 36
    flipped = 0 if bit is None else 1 << (63 - bit)
    return data[:18] + ((kept | frames) ^ flipped).to_bytes(8, "big") + data[26:]


def xing(times: float) -> bytes:
    """An MP3 whose index counts so many times its frames."""
    data = mp3()
    place = data.index(b"Xing") + 8
    frames = int.from_bytes(data[place : place + 4], "big")
    return data[:place] + round(frames * times).to_bytes(4, "big") + data[place + 4 :]


def id3(size: int = 50_000) -> bytes:
    """A tag as large as one with a picture."""
    return b"ID3\x04\x00\x00" + bytes(size >> shift & 127 for shift in (21, 14, 7, 0)) + bytes(size)


def ape() -> bytes:
    """A tag of one item, with header and footer."""
    item = b"\x03\0\0\0\0\0\0\0key\0" + b"abc"
    facts = struct.pack("<III", 2000, len(item) + 32, 1)
    parts = [b"APETAGEX" + facts + struct.pack("<I", flags) + bytes(8) for flags in (0xA0000000, 0x80000000)]
    return parts[0] + item + parts[1]


def lyrics() -> bytes:
    """Lyrics as Lyrics3 writes them before an ID3 tag."""
    return b"LYRICSBEGIN" + b"IND0000200" + b"000021" + b"LYRICS200"


def zeroed(data: bytes, share: float, size: int = 4096) -> bytes:
    """A file of which a page was never written, at a share of its length."""
    place = round((len(data) - size) * share)
    return data[:place] + bytes(size) + data[place + size :]


def cut_out(data: bytes, size: int = 2000) -> bytes:
    """A file without some bytes in the middle."""
    return data[: len(data) // 2] + data[len(data) // 2 + size :]


def noised(data: bytes, size: int = 40) -> bytes:
    """A file with other bytes in the body of a frame or page."""
    place = len(data) // 2 + 40
    return data[:place] + bytes(byte ^ 0x5A for byte in data[place : place + size]) + data[place + size :]


def pages(data: bytes) -> list[bytes]:
    """Of an Ogg file."""
    found, place = [], 0
    while place < len(data):
        table = data[place + 27 : place + 27 + data[place + 26]]
        end = place + 27 + len(table) + sum(table)
        found.append(data[place:end])
        place = end
    return found


def lost_page(data: bytes) -> bytes:
    whole = pages(data)
    return b"".join(page for number, page in enumerate(whole) if number != len(whole) - 3)


def edited(seconds: float) -> bytes:
    """An M4A whose edit list plays its first seconds only."""
    data = libav("ipod", "aac")
    return patched(data, b"elst", 12, struct.pack(">I", round(seconds * 1000)))
