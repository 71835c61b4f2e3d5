"""How long 1,000 files are: by their headers where those count bytes, by decoding all, and as other libraries say.

    python -m benchmarks.probe --files 1000 --json

Files of 2 to 6 seconds, as many of each of ten kinds (KINDS), are written first (not timed); among them such as every
crawl holds, whose header says nothing or guesses. All run one after another in one thread, files in the page cache. A
length is wrong when it is more than a quarter of a second (what codecs pad) from the length of the sound that was
encoded; a file that a library refuses is wrong too, for nothing is broken.

Rows (ratio: how many times better ours is):
    header_ms, decode_ms           milliseconds of processor time a file of ours, as `soundwave prepare` probes and
                                   with `--decode`; both also hash the file's bytes (hash_ms). Peer: Lhotse's
                                   Recording.from_file.
    header_wrong, decode_wrong     lengths that are wrong. Peer: Lhotse's.
    soundfile_ms, soundfile_wrong  the first of each pair again; peer: soundfile.info.
    decode_KIND_ms                 of one kind, with `--decode`; peer: Lhotse's.

Both peers read M4A only where an FFmpeg of the system is at hand. torchaudio's `info` is gone since torchaudio 2.9.
"""

from __future__ import annotations

import argparse
import io
import math
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import av
import numpy as np
import soundfile

from benchmarks.rows import Row, row, show
from manifests.audio import PADDING, audio_facts, probing
from manifests.fingerprint import file_sha256

RATE = 16_000
KINDS = (
    "wav",
    "wav_pipe",  # sizes 0xFFFFFFFF, as FFmpeg writes to a pipe
    "wav_zero",  # sizes 0, as a recorder leaves it that was not closed
    "flac",
    "flac_pipe",  # no number of samples
    "vorbis",
    "mp3",  # variable bit rate, with an index
    "mp3_bare",  # without one
    "mp3_glued",  # two of them, one after the other
    "m4a",
)
SUFFIXES = {"vorbis": "ogg", "m4a": "m4a"}  # of the others: what the kind's name starts with


def sound(seconds: float, seed: int) -> np.ndarray:
    """(N,) int16: bursts of a tone in noise."""
    at = np.arange(round(seconds * RATE)) / RATE
    tone = 0.3 * np.sin(2 * np.pi * 300 * at) * (np.floor(at * 2 + seed) % 2)
    return ((tone + 0.05 * np.random.default_rng(seed).normal(size=len(at))) * 32767).astype(np.int16)


def encoded(kind: str, samples: np.ndarray) -> bytes:
    """A file of the kind."""
    family, _, variant = kind.partition("_")
    if family == "m4a":
        return _libav(samples, "ipod", "aac", {}, {})
    if family == "mp3":
        quality = {"flags": "+qscale", "global_quality": "472"}
        bare = {"write_xing": "0", "id3v2_version": "0"} if variant else {}
        return _libav(samples, "mp3", "libmp3lame", quality, bare) * (2 if variant == "glued" else 1)
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, RATE, format={"vorbis": "OGG"}.get(family, family.upper()))
    data = bytearray(buffer.getvalue())
    if family == "wav" and variant:
        size = b"\0" * 4 if variant == "zero" else b"\xff" * 4
        data[4:8] = size
        data[40:44] = size
    if kind == "flac_pipe":
        data[21] &= 0xF0
        data[22:26] = b"\0" * 4
    return bytes(data)


def _libav(samples: np.ndarray, form: str, codec: str, inner: dict[str, str], outer: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=form, options=outer) as container:
        stream: Any = container.add_stream(codec, rate=RATE, options=inner)
        stream.layout = "mono"
        frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
        frame.sample_rate = RATE
        size = stream.codec_context.frame_size or None
        resampler = av.AudioResampler(format=stream.format, layout="mono", rate=RATE, frame_size=size)
        for part in [*resampler.resample(frame), *resampler.resample(None), None]:
            container.mux(stream.encode(part))
    return buffer.getvalue()


def generate(folder: Path, files: int) -> dict[Path, float]:
    """Path -> seconds of sound in it."""
    made: dict[Path, float] = {}
    for number in range(files):
        kind = KINDS[number % len(KINDS)]
        seconds = 2.0 + 4.0 * (number * 37 % files) / files
        path = folder / kind / f"{number:06}.{SUFFIXES.get(kind, kind.partition('_')[0])}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded(kind, sound(seconds, number)))
        made[path] = seconds * (2 if kind == "mp3_glued" else 1)
    return made


def ours(path: Path) -> float:
    """Seconds, hash included."""
    return audio_facts(path).duration


def lhotse(path: Path) -> float:
    """Seconds."""
    from lhotse import Recording

    return float(Recording.from_file(path).duration)


def libsndfile(path: Path) -> float:
    """Seconds."""
    return float(soundfile.info(path).duration)


class Probed:
    """What one way of probing found."""

    def __init__(self, files: dict[Path, float], probe: Callable[[Path], float]) -> None:
        self.seconds: dict[str, float] = dict.fromkeys(KINDS, 0.0)
        self.wrong: dict[str, int] = dict.fromkeys(KINDS, 0)
        self.count = len(files)
        for path, expected in files.items():
            kind = path.parent.name
            start = time.process_time()
            try:
                found = probe(path)
            except Exception:  # each library has exceptions of its own
                found = math.nan
            self.seconds[kind] += time.process_time() - start
            self.wrong[kind] += not abs(found - expected) <= PADDING

    @property
    def ms(self) -> float:
        """Milliseconds of processor time a file."""
        return 1000 * sum(self.seconds.values()) / self.count

    @property
    def wrongs(self) -> int:
        """Files of all kinds with a wrong length."""
        return sum(self.wrong.values())


def measure(folder: Path, files: int) -> Iterator[Row]:
    """All rows of the benchmark."""
    made = generate(folder, files)
    ways = {"header": ours, "decode": ours, "lhotse": lhotse, "soundfile": libsndfile}
    for path in made:  # into the page cache; and every library's first call loads its parts
        path.read_bytes()
    for probe in ways.values():
        Probed(dict(list(made.items())[: len(KINDS)]), probe)
    found = {}
    for name, probe in ways.items():
        with probing(decode=True) if name == "decode" else nullcontext():
            found[name] = Probed(made, probe)
    header, decode, peer, sndfile = found.values()
    yield row("header_ms", header.ms, peer.ms, "ms")
    yield row("decode_ms", decode.ms, peer.ms, "ms")
    yield row("hash_ms", Probed(made, lambda path: float(len(file_sha256(path)))).ms, None, "ms")
    yield row("soundfile_ms", header.ms, sndfile.ms, "ms")
    yield row("header_wrong", header.wrongs, peer.wrongs, f"of {files} files")
    yield row("decode_wrong", decode.wrongs, peer.wrongs, f"of {files} files")
    yield row("soundfile_wrong", header.wrongs, sndfile.wrongs, f"of {files} files")
    each = len(KINDS) * 1000 / files
    for kind in KINDS:
        yield row(f"decode_{kind}_ms", decode.seconds[kind] * each, peer.seconds[kind] * each, "ms")
        yield row(f"wrong_{kind}", header.wrong[kind], peer.wrong[kind], f"of {files // len(KINDS)} files")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        show(list(measure(Path(folder), options.files)), as_json=options.json)


if __name__ == "__main__":
    main()
