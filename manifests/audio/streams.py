"""Which library reads a file, and FFmpeg's frames of it from any time on, in bounded memory.

libsndfile stops where a header says that the audio ends. Where a header is no more than a guess (MP3: the file's size
times the first frame's bit rate) or says nothing (streamed FLAC, WAV written to a pipe), FFmpeg reads: it goes on to
the end of the data. The bytes decide, not the name: an MP3 called .wav is an MP3.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import soundfile

from manifests.audio.cursors import from_cursor
from manifests.audio.mpeg import index_length
from manifests.audio.mpeg_frames import Frames, mpeg_frames
from manifests.audio.sizes import data_size
from manifests.errors import AudioError
from manifests.reasons import Reason
from manifests.units import Seconds

# Decoded before a time that was asked for, in turns: what codecs carry over from earlier frames.
PREROLLS: tuple[Seconds, ...] = (0.5, 4.0)
MPEG = "mp3"  # FFmpeg's name of the format
UNKNOWN = 1 << 62  # frames that libsndfile reports at least where a header gives no length
# Of these FFmpeg knows the time of each packet to the sample after seeking; all others are decoded from the beginning.
SEEKABLE = {MPEG, "flac", "wav", "mov,mp4,m4a,3gp,3g2,mj2"}
QUICK = {MPEG, "flac", "wav"}
# Demuxers of audio: playlists and scripts, which name other files, are none.
DEMUXERS = "aac,ac3,aiff,amr,ape,asf,au,avi,caf,eac3,flac,flv,g722,gsm,matroska,mov,mp3,mpeg,mpegts,ogg,tta,w64,wav,wv"
_CONTAINERS = (b"RIFF", b"RF64", b"riff", b"FORM", b".snd", b"fLaC", b"OggS", b"caff")  # G.722 has no header at all
_NOT_ITS_OWN = (1, 4)  # libsndfile's codes: unknown format, unknown encoding in a known format


def libav_reads(path: Path) -> bool:
    """Whether FFmpeg reads `path`, rather than libsndfile.

    Raises:
        AudioError: as `open_sndfile`.
    """
    try:
        file = open_sndfile(path)
    except soundfile.LibsndfileError:
        return False
    if file is not None:
        file.close()
    return file is None


def open_sndfile(path: Path) -> soundfile.SoundFile | None:
    """The file in libsndfile, to be closed; None: FFmpeg reads it.

    Raises:
        AudioError: a Sphere file that is compressed with shorten, of which neither reads every kind.
        soundfile.LibsndfileError: it should read the file, and does not.
    """
    with path.open("rb") as stream:
        head = stream.read(4)
        if head == b"NIST" and b"embedded-shorten" in stream.read(1020):
            raise AudioError(
                f"{path} is a Sphere file compressed with shorten, which is not decoded here. "
                "Unpack it with `sph2pipe -f sph`.",
                Reason.unsupported_audio,
            )
    if path.suffix.lower() == ".g722":
        return sndfile(path) if head.startswith(_CONTAINERS) else None
    if head.startswith(b"ID3") or (len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0):  # MPEG audio
        return None
    try:
        file = sndfile(path)
    except soundfile.LibsndfileError as error:
        if error.code in _NOT_ITS_OWN:
            return None
        raise
    except TypeError:  # .raw: to soundfile the name alone says samples without a header, of a rate that nobody knows
        return None
    if _is_libavs(path, file):
        file.close()
        return None
    return file


def sndfile(path: Path) -> soundfile.SoundFile:
    """A file, or the bytes of a place, in libsndfile. Raises soundfile.LibsndfileError."""
    return soundfile.SoundFile(path if isinstance(path, Path) else path.open("rb"))


def _is_libavs(path: Path, file: soundfile.SoundFile) -> bool:
    """Whether a file that libsndfile opens is read by FFmpeg all the same: MPEG after other bytes, no known end."""
    if file.format == "MP3":
        return True
    return not file.seekable() or file.frames >= UNKNOWN or (file.frames == 0 and _goes_on(path))


def _goes_on(path: Path) -> bool:
    """Does audio follow a data chunk of 0 bytes, as programs leave it that write to a pipe?"""
    size = data_size(path)
    return size is not None and size.held == 0 and size.surplus > 0


def quick_to_enter(path: Path) -> bool:
    """Whether a span in the middle is read without decoding what comes before, or finding it in an index.

    Raises:
        AudioError: FFmpeg reads it, and reads nothing.
    """
    return not libav_reads(path) or _format(path) in QUICK


def is_mpeg(path: Path) -> bool:
    """Whether FFmpeg reads it as a plain stream of MPEG audio: MP3, MP2.

    Raises:
        AudioError: it reads nothing.
    """
    return _format(path) == MPEG


def _format(path: Path) -> str:
    try:
        with open_libav(path) as container:
            return str(container.format.name)
    except av.error.FFmpegError as error:
        raise AudioError(f"{path} does not decode as audio ({error}).") from error


def open_libav(path: Path) -> Any:
    """The file as an av container. Raises av.error.FFmpegError.

    A name such as `http:x` or `concat:a|b` is a file's here, and what the file says of other places is not opened.
    """
    raw = path.suffix.lower() == ".g722"
    options = {"format_whitelist": DEMUXERS, "protocol_whitelist": "file"}
    # Names of artists and the like are in any encoding, or none.
    source = f"file:{path}" if isinstance(path, Path) else path.open("rb")
    return av.open(source, format="g722" if raw else None, options=options, metadata_errors="replace")


def libav_frames(path: Path, *, start: Seconds = 0.0, stop: Seconds | None = None) -> Iterator[tuple[Any, int]]:
    """Decoded frames of [start, stop) seconds and a little around, each with the position of its first sample.

    Positions count the samples that decode from the file's beginning, whatever its time stamps say.

    Raises:
        AudioError: the file does not decode, or its rate or channels change.
    """
    kind: tuple[int, int] | None = None
    try:
        for frame, position in _entered(path, start):
            found = frame.sample_rate, len(frame.layout.channels)
            kind = kind or found
            if found != kind:
                raise AudioError(f"{path} changes from {_kind(*kind)} to {_kind(*found)}. Cut it where it changes.")
            if stop is not None and position >= stop * frame.sample_rate:
                return
            if position + frame.samples > start * frame.sample_rate:
                yield frame, position
    except (av.error.FFmpegError, IndexError, OSError) as error:
        raise AudioError(f"{path} does not decode as audio ({error}).") from error


def _kind(rate: int, channels: int) -> str:
    return f"{rate:,} Hz with {channels} channels"


def _entered(path: Path, start: Seconds) -> Iterator[tuple[Any, int]]:
    """Frames from somewhere before `start` on: from near to it where FFmpeg can go there exactly."""
    origin = _origin(path, start) if start > PREROLLS[0] else None
    for back in PREROLLS:
        if origin is not None and start > back:
            with open_libav(path) as container:
                stream = container.streams.audio[0]
                try:
                    container.seek(int((start - back + origin) / stream.time_base), stream=stream)
                except av.error.FFmpegError:  # as near the end of a FLAC: from further before it works
                    continue
                yield from _placed(_decoded(path, container, stream), origin)
                return
    if start > PREROLLS[0]:
        yield from from_cursor(_key(path), start, lambda: _from_beginning(path))
    else:
        yield from _from_beginning(path)


def _from_beginning(path: Path) -> Iterator[tuple[Any, int]]:
    with open_libav(path) as container:
        yield from _placed(_decoded(path, container, container.streams.audio[0]), None)


def _key(path: Path) -> tuple[object, ...]:
    """What a recording is as long as its bytes are the same."""
    found = path.stat()
    return str(path), *(getattr(found, name, 0) for name in ("st_size", "st_mtime_ns", "st_ctime_ns", "st_ino"))


def _placed(frames: Iterator[Any], origin: Seconds | None) -> Iterator[tuple[Any, int]]:
    """Each frame with its position; `origin`: time stamp of the file's first sample, None if these are its first."""
    position = 0 if origin is None else None
    for frame in frames:
        if position is None:
            position = round((frame.time - origin) * frame.sample_rate)
        yield frame, position
        position += frame.samples


def _decoded(path: Path, container: Any, stream: Any) -> Iterator[Any]:
    frames: Frames | None = None
    for packet in container.demux(stream):
        try:
            yield from packet.decode()
        except av.error.InvalidDataError:
            # Tags between MP3s that were glued together look like a frame; whatever else does not decode is broken.
            if container.format.name != MPEG:
                raise
            frames = frames or mpeg_frames(path)
            if not frames.whole or frames.has(packet.pos or 0):
                raise


def _origin(path: Path, start: Seconds) -> Seconds | None:
    """Time stamp of the first sample; None where time stamps do not tell the sample that they belong to."""
    with open_libav(path) as container:
        if container.format.name not in SEEKABLE:
            return None
        end = index_length(path) if container.format.name == MPEG else None
        if end is not None and start > end:  # past the end that an MP3's index names, time stamps are off
            return None
        first = next(_decoded(path, container, container.streams.audio[0]), None)
        return None if first is None or first.time is None else float(first.time)
