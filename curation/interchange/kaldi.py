"""Kaldi data folders.

    wav.scp     rec1 /data/rec1.wav          or: rec1 flac -c -d -s /data/rec1.flac |
    segments    rec1-utt1 rec1 0.50 3.20     (optional; end -1: to the end; without it an utterance is a recording)
                                         a fifth word of `segments` is a channel of the recording, from 0
    reco2file_and_channel  rec1 call A       (optional: the side of a file with several channels; A or 1 is the first)
    text        rec1-utt1 TURN LEFT
    utt2spk     rec1-utt1 spk7               (optional, as are utt2lang and spk2gender)

Relative paths are relative to the data folder, or else to the working folder, as Kaldi's scripts are run. A pipe that
only unpacks a file (flac, cat) is read without it; other pipes and ark offsets are refused, row by row.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path

from curation.interchange.common import About, Item, write_items
from manifests.errors import MissingFileError
from manifests.files import need_file, need_folder
from manifests.reasons import Reason
from manifests.rows import CorpusInfo, Reject

_UNPACK = re.compile(r"^(?:\S*/)?(?:flac(?:\s+-{1,2}[\w-]+)+|cat)\s+(?P<path>\S+)\s*\|$")
SIDES = {"A": 0, "1": 0, "B": 1, "2": 1}
NO_SIDE = -1  # another word than these: no file has that channel
_ARK = re.compile(r":\d+$")


def import_kaldi(folder: Path, output: Path, about: About) -> CorpusInfo:
    """Prepare `output/CORPUS` from a Kaldi data folder.

    Raises:
        MissingFileError: no such folder, or one without wav.scp or, for speech recognition, text.
    """
    need_folder(folder, what="Kaldi data folder")
    need_file(folder / "wav.scp", what="Kaldi file", hint="A Kaldi data folder has wav.scp and text.")
    if about.task == "asr" and not (folder / "text").is_file():
        raise MissingFileError(
            f"No such Kaldi file: {folder / 'text'}. Change the setting `task` if there are no words."
        )
    return write_items(read_kaldi(folder, about), output, about, source=f"Kaldi: {folder.name}")


def read_kaldi(folder: Path, about: About) -> Iterator[Item | Reject]:
    """Items of a data folder: its segments, or whole recordings where there are none."""
    recordings = _table(folder / "wav.scp")
    texts, speakers = _table(folder / "text"), _table(folder / "utt2spk")
    languages, genders = _table(folder / "utt2lang"), _table(folder / "spk2gender")
    sides = _table(folder / "reco2file_and_channel")
    spans = _spans(folder, recordings)
    for key, span in spans.items():
        recording, start, duration, channel = span
        audio = _audio(folder, recordings.get(recording, ""))
        if duration is not None and math.isnan(duration):
            yield about.reject(key, Reason.bad_row, "segments: expected UTTERANCE RECORDING START END [CHANNEL]")
        elif recording not in recordings:
            yield about.reject(key, Reason.audio_missing, f"recording {recording!r} is not in wav.scp")
        elif audio is None:
            yield about.reject(
                key, Reason.audio_unreadable, f"wav.scp has no plain file: {recordings[recording][:120]}"
            )
        else:
            speaker = speakers.get(key)
            gender = genders.get(speaker or "")
            yield Item(
                key=key,
                recording=recording,
                audio=audio,
                start=start,
                duration=duration,
                channel=channel,
                side=SIDES.get(sides[recording].split()[-1].upper(), NO_SIDE) if sides.get(recording) else None,
                text=texts.get(key),
                speaker=speaker,
                language=languages.get(key),
                extra={"gender": gender} if gender else {},
            )
    for key in sorted(set(texts) - set(spans)):
        yield about.reject(key, Reason.audio_missing, "a line of `text` without a segment or recording")


def _spans(folder: Path, recordings: dict[str, str]) -> dict[str, tuple[str, float, float | None, int | None]]:
    """Utterance -> recording, start, duration, channel; a NaN duration marks a line that cannot be read."""
    if not (folder / "segments").is_file():
        return {key: (key, 0.0, None, None) for key in recordings}
    spans: dict[str, tuple[str, float, float | None, int | None]] = {}
    for key, value in _table(folder / "segments").items():
        try:
            recording, start, end, *channel = value.split()
            length = None if float(end) == -1 else float(end) - float(start)
            spans[key] = (recording, float(start), length, int(*channel) if channel else None)
        except (TypeError, ValueError):
            spans[key] = (value, 0.0, float("nan"), None)
    return spans


def _audio(folder: Path, entry: str) -> Path | None:
    """The file that a line of wav.scp reads; None where it is no plain file."""
    unpacked = _UNPACK.match(entry)
    name = unpacked["path"] if unpacked else entry
    if not name or name.endswith("|") or _ARK.search(name):
        return None
    return folder / name if (folder / name).is_file() else Path(name)


def _table(path: Path) -> dict[str, str]:
    """First word of each line -> the rest of it; empty when there is no such file."""
    if not path.is_file():
        return {}
    pairs = (line.strip().partition(" ") for line in path.read_text(encoding="utf-8").replace("\t", " ").splitlines())
    return {key: value.strip() for key, _, value in pairs if key}
