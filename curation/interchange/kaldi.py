"""Kaldi data folders.

    wav.scp     rec1 /data/rec1.wav          or: rec1 flac -c -d -s /data/rec1.flac |
    segments    rec1-utt1 rec1 0.50 3.20     (optional; end -1: to the end; without it an utterance is a recording;
                                             a fifth word is a channel of the recording, from 0)
    text        rec1-utt1 TURN LEFT
    utt2spk     rec1-utt1 spk7               (optional, as are utt2lang and spk2gender)
    reco2file_and_channel  rec1 call A       (optional: the side of a file with several channels; A or 1 is the first)
    utt2dur     rec1-utt1 2.70               (optional, as is reco2dur: lengths that the audio must have)
    cuts.jsonl  {"utterance": "rec1-utt1", "id": "a/1", ...}   (optional: what an export of ours knew of an utterance)

Relative paths are relative to the data folder, or else to the working folder, as Kaldi's scripts are run. A pipe that
only unpacks a file (flac, cat) is read without it; other pipes and ark offsets are refused, row by row. Of an id that
has two lines in a file the first counts, the others are rejects. The folder's name tells the split, where it is a name
of one (test_clean, eval2000) and no other is asked for.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from curation.interchange.common import write_items
from curation.interchange.stored import address_of
from curation.storage import in_store
from manifests.errors import MissingFileError
from manifests.files import has_file, need_file, need_folder
from manifests.fingerprint import file_sha256, fingerprint
from manifests.items import About, Item
from manifests.lines import lines
from manifests.lines.jsonl import rows as json_rows
from manifests.reasons import Reason
from manifests.rows import CorpusInfo, Reject
from manifests.rows.places import found_audio
from manifests.units import Seconds

_UNPACK = re.compile(r"^(?:\S*/)?(?:flac(?:\s+-{1,2}[\w-]+)+|cat)\s+(?P<path>\S+)\s*\|$")
SIDES = {"A": 0, "1": 0, "B": 1, "2": 1}
NO_SIDE = -1  # another word than these: no file has that channel
FILES = (
    "wav.scp",
    "segments",
    "text",
    "utt2spk",
    "utt2lang",
    "spk2gender",
    "reco2file_and_channel",
    "utt2dur",
    "reco2dur",
)
EXPORTED = "cuts.jsonl"
_LABELS = ("target_text", "target_language", "sound_original", "task", "domain", "license")
_ARK = re.compile(r":\d+$")


@dataclass
class _Table:
    """One file of a data folder."""

    path: Path
    values: dict[str, str] = field(default_factory=dict)  # id -> the rest of its line
    lines: dict[str, int] = field(default_factory=dict)  # id -> number of its line, from 1
    problems: list[tuple[int, str]] = field(default_factory=list)  # lines that cannot be read, and why
    repeats: list[tuple[str, int, int]] = field(default_factory=list)  # id, its line, the line that has it again


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
    files = [path for name in (*FILES, EXPORTED) if (path := folder / name).is_file()]
    return write_items(
        lambda: read_kaldi(folder, about),
        output,
        about,
        source=f"Kaldi: {folder.name}",
        inputs={str(folder.absolute()): fingerprint([(path.name, file_sha256(path)) for path in files])},
    )


def read_kaldi(folder: Path, about: About) -> Iterator[Item | Reject]:
    """Items of a data folder: its segments, or whole recordings where there are none."""
    tables = {name: _table(folder / name) for name in FILES}
    texts = tables["text"].values
    spoken = tables["segments"] if (folder / "segments").is_file() else tables["wav.scp"]
    split = about.own_split(folder.absolute().name)
    for name, table in tables.items():
        for number, problem in table.problems:
            yield about.reject(f"{name}:{number}", Reason.bad_row, problem)
        for key, first, again in table.repeats:
            yield about.repeated(key, f"{name}:{first}", f"{name}:{again}")
    exported, unread = _exported(folder / EXPORTED, about)
    yield from unread
    for key in spoken.values:
        item = _item(folder, key, tables, about, place=f"{spoken.path}:{spoken.lines[key]}", split=split)
        yield as_exported(item, exported[key], about) if isinstance(item, Item) and key in exported else item
    for key in sorted(set(texts) - set(spoken.values)):
        yield about.reject(key, Reason.audio_missing, "a line of `text` without a segment or recording")


def _item(
    folder: Path, key: str, tables: Mapping[str, _Table], about: About, *, place: str, split: str | None
) -> Item | Reject:
    recordings, speaker = tables["wav.scp"].values, tables["utt2spk"].values.get(key)
    recording, start, duration, channel = _span(key, tables)
    audio = _audio(folder, recordings.get(recording, ""))
    if duration is not None and math.isnan(duration):
        return about.reject(key, Reason.bad_row, "segments: expected UTTERANCE RECORDING START END [CHANNEL]")
    if recording not in recordings:
        return about.reject(key, Reason.audio_missing, f"recording {recording!r} is not in wav.scp")
    if audio is None:
        detail = f"wav.scp has no plain file: {recordings[recording][:120]}"
        return about.reject(key, Reason.audio_unreadable, detail)
    side = tables["reco2file_and_channel"].values.get(recording)
    gender = tables["spk2gender"].values.get(speaker or "")
    return Item(
        key=key,
        place=place,
        recording=recording,
        audio=audio,
        start=start,
        duration=duration,
        channel=channel,
        claimed=_seconds(tables["utt2dur"].values.get(key)),
        recording_claimed=_seconds(tables["reco2dur"].values.get(recording)),
        side=SIDES.get(side.split()[-1].upper(), NO_SIDE) if side else None,
        text=tables["text"].values.get(key),
        speaker=speaker,
        language=tables["utt2lang"].values.get(key),
        split=split,
        extra={"gender": gender} if gender else {},
    )


def _exported(path: Path, about: About) -> tuple[dict[str, dict[str, Any]], list[Reject]]:
    """Utterance -> what an export knew of it; and its lines that cannot be read."""
    found: dict[str, dict[str, Any]] = {}
    unread = []
    for number, row in json_rows(path) if path.is_file() else ():
        problem = row if isinstance(row, str) else _no_facts(row)
        if isinstance(row, str) or problem:
            unread.append(about.reject(f"{path.name}:{number}", Reason.bad_row, f"{path}:{number}: {problem}"))
        else:
            found.setdefault(str(row["utterance"]), row)
    return found, unread


def _no_facts(row: Mapping[str, Any]) -> str | None:
    if not isinstance(row.get("utterance"), str) or not isinstance(row.get("id"), str) or not row["id"]:
        return "no utterance with an id"
    sound = row.get("sound")
    odd = [name for name in ("speaker", "text", *_LABELS) if not isinstance(row.get(name), str | None)]
    if sound is not None and not (isinstance(sound, list) and all(isinstance(one, str) for one in sound)):
        odd.append("sound")
    return f"{odd[0]} is no text" if odd else None


def as_exported(item: Item, facts: Mapping[str, Any], about: About) -> Item:
    """The item with the id, names and labels that an export of ours knew; what the folder's own files say stays."""
    own = facts["id"].removeprefix(f"{about.corpus}-") if facts.get("corpus") == about.corpus else facts["id"]
    text = facts.get("text")
    same = text is not None and item.text is not None and text.split() == item.text.split()
    labels = {name: facts[name] for name in _LABELS if facts.get(name) is not None}
    return replace(
        item,
        key=own,
        recording=own if item.recording == item.key else item.recording,
        speaker=facts.get("speaker"),
        text=text if same else item.text,
        sound=facts.get("sound"),
        **labels,
    )


def _span(key: str, tables: Mapping[str, _Table]) -> tuple[str, float, float | None, int | None]:
    """Recording, start, duration and channel of an utterance; a NaN duration marks a line that cannot be read."""
    line = tables["segments"].values.get(key)
    if line is None:
        return key, 0.0, None, None
    try:
        recording, start, end, *channel = line.split()
        length = None if float(end) == -1 else float(end) - float(start)
        return recording, float(start), length, int(*channel) if channel else None
    except (TypeError, ValueError):
        return line, 0.0, float("nan"), None


def _seconds(value: str | None) -> Seconds | None:
    """A length; NaN, which no audio has, where there is something else."""
    try:
        return None if value is None else float(value)
    except ValueError:
        return math.nan


def _audio(folder: Path, entry: str) -> Path | None:
    """The file that a line of wav.scp reads; None where it is no plain file."""
    unpacked = _UNPACK.match(entry)
    name = unpacked["path"] if unpacked else entry
    if not name or name.endswith("|") or _ARK.search(name):
        return None
    if in_store(folder) or address_of(name):
        return address_of(name) or found_audio(name, folder)
    return folder / name if has_file(folder / name) else Path(name)


def _table(path: Path) -> _Table:
    """First word of each line -> the rest of it; empty when there is no such file."""
    table = _Table(path)
    if not path.is_file():
        return table
    for line in lines(path):
        key, _, value = line.text.replace("\t", " ").strip(" ").partition(" ")
        if line.problem:
            table.problems.append((line.number, line.problem))
        elif key in table.values:
            table.repeats.append((key, table.lines[key], line.number))
        elif key:
            table.values[key], table.lines[key] = value.strip(" "), line.number
    return table
