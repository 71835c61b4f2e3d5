"""How long a file is: by its bytes where samples have one size, by decoding it otherwise."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from manifests.audio.mpeg import index_length
from manifests.audio.mpeg_frames import need_whole_mpeg
from manifests.audio.pages import need_whole_ogg
from manifests.audio.sizes import data_size
from manifests.audio.streams import MPEG, UNKNOWN, is_mpeg, libav_frames, libav_reads, open_libav, sndfile
from manifests.errors import AudioError
from manifests.places import reachable
from manifests.units import SLACK, Seconds

TAIL: Seconds = 0.25  # decoded at both ends of a file that is not decoded whole
PADDING: Seconds = 0.25  # so much more than decodes a lossy file may declare: codecs pad and delay by some frames
BLOCK = 1 << 16  # frames in hand at a time
PLAIN = {"PCM_S8", "PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW"}  # samples of one size
# Demuxers whose duration is what the file says; the others work it out from the file's size and the first bit rate.
DECLARING = {"mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "asf", "flac", "caf", "wv", "tta", "ape"}


@dataclass(frozen=True)
class Length:
    """Rate in Hz, channels, samples per channel."""

    rate: int
    channels: int
    samples: int


def header_length(path: Path, stream: soundfile.SoundFile) -> Length | None:
    """The length by the bytes of the samples; None where only decoding tells.

    stream: the file, of which nothing was read.

    Raises:
        AudioError: the header's sizes contradict the bytes, or the file's ends do not decode.
        soundfile.LibsndfileError: libsndfile does not read it.
    """
    if stream.format == "FLAC" or stream.subtype not in PLAIN or not _need_sizes(path, stream):
        return None
    rate, channels, frames = int(stream.samplerate), int(stream.channels), int(stream.frames)
    tail = min(frames, round(TAIL * rate))
    stream.read(tail)
    stream.seek(frames - tail)
    decoded = len(stream.read(tail))
    if frames == 0 or decoded < tail - SLACK * rate:
        raise AudioError(f"{path} is truncated: {decoded} of its last {tail} samples decode ({frames} declared).")
    return Length(rate, channels, frames)


def decoded_length(path: Path, stream: soundfile.SoundFile | None) -> Length:
    """The length by decoding the whole file, block by block.

    stream: the file, of which nothing was read; None: FFmpeg reads it.

    Raises:
        AudioError: it does not decode, holds no samples, or its header declares another length that readers believe.
        soundfile.LibsndfileError: libsndfile does not read it.
    """
    if stream is None:
        framed = need_whole_mpeg(path) if is_mpeg(path) else None
        found = _by_libav(path)
        declared = _declared_by_libav(path, found, framed) if found.samples else None
    else:
        found, declared = _by_sndfile(path, stream), stream.frames / stream.samplerate
    if not found.samples:
        raise AudioError(f"{path} holds no samples (0 declared, 0 decoded).")
    decoded = found.samples / found.rate
    if declared is not None and decoded < declared - PADDING:
        raise AudioError(f"{path} is truncated: {decoded:.2f} s decoded, {declared:.2f} s declared.", decoded=decoded)
    return found


def seconds_after(path: Path, end: Seconds, *, most: Seconds = 1.0) -> Seconds:
    """How much audio follows the time `end`, up to `most`: whatever a header says of the end.

    Raises:
        AudioError: it does not decode.
    """
    with reachable(path) as heard:
        return _after(heard, end, most)


def _after(path: Path, end: Seconds, most: Seconds) -> Seconds:
    if not libav_reads(path):
        with sndfile(path) as stream:
            if stream.format != "FLAC":
                return min(most, max(0.0, float(stream.frames / stream.samplerate) - end))
    last = end
    for frame, position in libav_frames(path, start=end, stop=end + most):
        last = (position + frame.samples) / frame.sample_rate
    return min(most, max(0.0, last - end))


def _by_libav(path: Path) -> Length:
    rate = channels = samples = 0
    for frame, position in libav_frames(path):
        rate, channels, samples = frame.sample_rate, len(frame.layout.channels), position + frame.samples
    return Length(rate, channels, samples)


def _by_sndfile(path: Path, stream: soundfile.SoundFile) -> Length:
    rate, channels, frames = int(stream.samplerate), int(stream.channels), int(stream.frames)
    if stream.format == "FLAC":  # libsndfile ends where the header says, FFmpeg where the frames end
        heard = _by_libav(path)
        if heard.samples and (heard.rate, heard.channels) != (rate, channels):
            raise AudioError(
                f"{path}: its header says {rate:,} Hz and {channels} channels, its frames {heard.rate:,} Hz and "
                f"{heard.channels}. Get the file anew, or write it with the right header."
            )
        decoded = heard.samples
        if decoded != frames and frames < UNKNOWN:
            raise AudioError(
                f"{path}: {decoded / rate:.2f} s decoded, {frames / rate:.2f} s declared in its header. "
                "Write it anew, for example: ffmpeg -i IN.flac OUT.flac",
                decoded=decoded / rate,
            )
        return Length(rate, channels, decoded)
    if stream.format == "OGG":
        need_whole_ogg(path)
    _need_sizes(path, stream)
    block = np.empty((BLOCK, channels), dtype=np.float32)
    samples = 0
    while count := len(stream.read(out=block)):
        samples += count
    return Length(rate, channels, samples)


def _need_sizes(path: Path, stream: soundfile.SoundFile) -> bool:
    """Whether the header's size of the data is one we know; raises AudioError where it contradicts the bytes."""
    size = data_size(path)
    if size is None:
        return False
    per_second = size.held / (stream.frames / stream.samplerate) if stream.frames else 0.0
    slack = SLACK * per_second
    if size.declared is not None and size.held < size.declared - slack:
        raise AudioError(
            f"{path} is truncated: its header declares {size.declared:,} bytes of samples, {size.held:,} are there "
            f"({stream.frames / stream.samplerate:.2f} s)."
        )
    if size.surplus > slack:
        raise AudioError(
            f"{path}: its header declares {size.held:,} bytes of samples, and {size.surplus:,} bytes follow that are "
            "no part of it. Write the file anew with the right size."
        )
    return True


def _declared_by_libav(path: Path, found: Length, framed: Seconds | None) -> Seconds | None:
    """What the header says; None where it says nothing, or where libav only guesses.

    framed: length of an MPEG file's frames.
    """
    size = data_size(path)
    if size is not None:
        return found.samples / found.rate * size.declared / size.held if size.declared and size.held else None
    with open_libav(path) as container:
        stream = container.streams.audio[0]
        if container.format.name == MPEG:
            return index_length(path) or framed
        if container.format.name not in DECLARING:
            return None
        if stream.duration is not None:
            return float(stream.duration * stream.time_base)
        alone = len(container.streams) == 1 and container.duration is not None
        return container.duration / 1_000_000 if alone else None
