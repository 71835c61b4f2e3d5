"""Lhotse's manifests in: cuts, recordings with supervisions, and Shar folders.

    cuts.jsonl.gz                                     cuts, each with its recording inside
    recordings.jsonl.gz supervisions.jsonl.gz         an item a supervision; several pairs are read together
    a folder                                          Shar (cuts.000000.jsonl.gz, recording.000000.tar), or one that
                                                      holds the files above

A cut is a span of one recording (a MonoCut, or a MultiCut of all channels) with its supervisions used together; what
cannot be had so is a reject: mixed cuts, transforms, sounds behind URLs and commands. Relative paths are relative to
the manifest's folder, or else to the working folder. A cut's own `custom.split` names its split; where there is none
the manifest's name tells, if it is one of a split. Ids that begin with the corpus's name, as an earlier import or
recipe made them, stay as they are. Audio of a Shar is written to CORPUS/audio, byte for byte.
"""

from __future__ import annotations

import json
import re
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from curation.interchange.archives import Member, members
from curation.interchange.common import content_of, write_items
from curation.interchange.lhotse.rows import LABELS, MADE, OWN, channel_of, facts_of, need_plain, object_in, source_of
from curation.interchange.stored import in_place, member_audio, need_readable
from manifests.errors import ManifestError
from manifests.files import need_file
from manifests.items import About, Item
from manifests.lines.jsonl import rows as json_rows
from manifests.lines.supervisions import spoken
from manifests.lines.values import number, walk
from manifests.reasons import Reason
from manifests.rows import AUDIO, CorpusInfo, Reject

CUTS, RECORDINGS, SUPERVISIONS = "cuts", "recordings", "supervisions"
_SHARD = re.compile(r"cuts\.(\d+)\.jsonl(\.gz)?")
_JSONL = re.compile(r".+\.jsonl(\.gz|\.xz|\.zst|\.bz2|\.lz4)?")


@dataclass(frozen=True)
class LhotseSource:
    """Files of Lhotse, by what they hold."""

    cuts: tuple[Path, ...] = ()
    recordings: tuple[Path, ...] = ()
    supervisions: tuple[Path, ...] = ()
    shards: tuple[tuple[Path, Path], ...] = ()  # of a Shar: cuts, and the tar of their recordings

    @property
    def files(self) -> list[Path]:
        """All of them."""
        return [*self.cuts, *self.recordings, *self.supervisions, *(path for pair in self.shards for path in pair)]


def import_lhotse(sources: Sequence[Path], output: Path, about: About) -> CorpusInfo:
    """Prepare `output/CORPUS` from Lhotse's manifests.

    Raises:
        MissingFileError: no such file or folder, or an empty file.
        ManifestError: files of something else, or supervisions without recordings.
        SettingsError: a name of a split that is not known.
        OccupiedError: the folder holds another corpus, or something else.
    """
    source = open_lhotse(sources)
    need_readable(tar for _, tar in source.shards)
    items = read_lhotse(source, about, output / about.corpus / AUDIO)
    return write_items(
        items,
        output,
        about,
        source=f"Lhotse: {', '.join(path.absolute().name for path in sources)}",
        inputs=content_of(source.files),
        names=_split_names(source, about) if source.shards else None,  # their audio is written as they are read
    )


def open_lhotse(sources: Sequence[Path]) -> LhotseSource:
    """Find out what files hold.

    Raises:
        As `import_lhotse`.
    """
    if len(sources) == 1 and (shards := shar_shards(sources[0])):
        return LhotseSource(shards=shards)
    paths = [path for source in sources for path in _files(source)]
    found: dict[str, list[Path]] = {CUTS: [], RECORDINGS: [], SUPERVISIONS: []}
    for path in paths:
        found[_kind(path)].append(path)
    if found[CUTS] and (found[RECORDINGS] or found[SUPERVISIONS]):
        names = ", ".join(path.name for path in paths)
        raise ManifestError(f"{names} are cuts beside recordings or supervisions. Name the files of one of both.")
    if not found[CUTS] and not (found[RECORDINGS] and found[SUPERVISIONS]):
        lacking = RECORDINGS if found[SUPERVISIONS] else SUPERVISIONS
        raise ManifestError(f"{', '.join(map(str, paths))}: no {lacking} among them, expected cuts, or both.")
    return LhotseSource(tuple(found[CUTS]), tuple(found[RECORDINGS]), tuple(found[SUPERVISIONS]))


def shar_shards(folder: Path) -> tuple[tuple[Path, Path], ...]:
    """The shards of a Shar folder; none if it is no such folder.

    Raises:
        ManifestError: a shard without its recordings.
    """
    cuts = sorted(path for path in folder.iterdir() if _SHARD.fullmatch(path.name)) if folder.is_dir() else []
    pairs = tuple((path, folder / f"recording.{path.name.split('.')[1]}.tar") for path in cuts)
    for path, tar in pairs:
        need_file(tar, what="tar of recordings", hint=f"{path.name} needs it.")
    return pairs


def _files(source: Path) -> list[Path]:
    if not source.is_dir():
        return [need_file(source, what="manifest of Lhotse")]
    found = sorted(path for path in source.iterdir() if _JSONL.fullmatch(path.name) and not path.name.startswith("."))
    if not found:
        raise ManifestError(f"{source} holds no manifest of Lhotse, expected .jsonl or .jsonl.gz, or a Shar.")
    return [need_file(path) for path in found]


def _kind(path: Path) -> str:
    """What a file holds, by its first rows that can be read."""
    if not _JSONL.fullmatch(path.name):
        raise ManifestError(f"{path}: expected .jsonl or .jsonl.gz. Convert it: lhotse copy IN OUT.jsonl.gz")
    for _, row in json_rows(path):
        if isinstance(row, dict) and (kind := kind_of(row)):
            return kind
    raise ManifestError(f"{path} holds no cuts, recordings or supervisions of Lhotse.")


def kind_of(row: Mapping[str, Any]) -> str | None:
    """What a row of Lhotse is; None: something else."""
    if "sources" in row and "sampling_rate" in row:
        return RECORDINGS
    if "recording_id" in row and "start" in row and "duration" in row and "recording" not in row:
        return SUPERVISIONS
    return CUTS if "recording" in row or "tracks" in row or "supervisions" in row else None


def read_lhotse(source: LhotseSource, about: About, folder: Path) -> Iterator[Item | Reject]:
    """Items of all files, one after another.

    folder: where audio from inside a Shar is written.
    """
    for path in source.cuts:
        for number_, row in json_rows(path):
            yield _of_cut(row, about, place=f"{path}:{number_}", split=_file_split(path, about), folder=path.parent)
    for cuts, tar in source.shards:
        yield from _of_shard(cuts, tar, about, folder)
    if source.supervisions:
        yield from _of_supervisions(source, about)


def _split_names(source: LhotseSource, about: About) -> dict[str, str]:
    found: dict[str, str] = {}
    for path, _ in source.shards:
        for number_, row in json_rows(path):
            if isinstance(row, dict):
                name = walk(row, ("custom", "split")) or _file_split(path.parent, about)
                found.setdefault(str(name or ""), f"{path}:{number_}")
    return found or {"": str(source.shards[0][0])}


def _file_split(path: Path, about: About) -> str | None:
    return about.own_split(path.absolute().name.partition(".")[0])


def _of_cut(
    row: dict[str, Any] | str, about: About, *, place: str, split: str | None, folder: Path, audio: Path | None = None
) -> Item | Reject:
    """audio: of a row of a Shar, where it has been written."""
    if isinstance(row, str):
        return about.reject(Path(place).name, Reason.bad_row, f"{place}: {row}")
    custom = object_in(row, "custom")
    key = _own_id(row.get("id"), custom, about) or Path(place).name
    try:
        need_plain(row)
        facts = facts_of(spoken(row), float(row["duration"]))
        channel = channel_of(row)
        try:
            path, channel, apart = (audio, channel, "") if audio else source_of(row["recording"], channel, folder)
        except ManifestError as error:
            return about.reject(key, Reason.unsupported_audio, f"{place}: {error}")
    except ManifestError as error:
        return about.reject(key, Reason.bad_row, f"{place}: {error}")
    recording = _own_id(row["recording"].get("id"), custom, about) or key
    left = {name: value for name, value in custom.items() if name not in (*OWN, *MADE, *LABELS)}
    own = {name: str(custom[name]) for name in OWN if custom.get(name) not in (None, "")}
    if audio:  # a Shar holds what a cut hears of its recording: files of their own
        left, recording = left | {"recording_id": recording}, key
    facts |= {"split": split, **own, "extra": left | facts["extra"]}
    return Item(
        key=key,
        place=place,
        recording=f"{recording}{apart}",
        audio=path or Path(),
        start=float(row["start"]),
        duration=float(row["duration"]),
        channel=channel,
        recording_claimed=None if audio else number(row["recording"].get("duration")),
        **facts,
    )


def _own_id(value: Any, custom: Mapping[str, Any], about: About) -> str:
    """An id without the corpus's name before it, where the row is of this corpus."""
    if not isinstance(value, str):
        return ""
    return value.removeprefix(f"{about.corpus}-") if custom.get("corpus") == about.corpus else value


def _of_shard(cuts: Path, tar: Path, about: About, folder: Path) -> Iterator[Item | Reject]:
    split = _file_split(cuts.parent, about)
    sounds = _places(tar) if in_place() else _sounds(tar)
    for number_, row in json_rows(cuts):
        place, sound = f"{cuts}:{number_}", next(sounds)
        key = row["id"] if isinstance(row, dict) and isinstance(row.get("id"), str) else f"{cuts.name}:{number_}"
        if isinstance(sound, str) or sound[0] != key or not isinstance(row, dict):
            problem = sound if isinstance(sound, str) else f"{tar.name} has the sound of {sound[0]!r} in its place"
            reason = Reason.audio_unreadable if isinstance(row, dict) else Reason.bad_row
            yield about.reject(key, reason, f"{place}: {problem if isinstance(row, dict) else row}")
        elif about.leaves_out(str(walk(row, ("custom", "split")) or split or "")):
            yield about.reject(key, Reason.out_of_scope, f"{place}: its split is left out")
        else:
            audio = member_audio(tar, sound[1], folder)
            yield _of_cut(_as_it_was(row), about, place=place, split=split, folder=cuts.parent, audio=audio)


def _as_it_was(row: dict[str, Any]) -> dict[str, Any]:
    """A row with the id that it had before an export made a file's name of it."""
    custom = object_in(row, "custom")
    if not isinstance(custom.get("cut_id"), str):
        return row
    return {**row, "id": custom["cut_id"], "custom": {k: v for k, v in custom.items() if k != "cut_id"}}


def _places(tar: Path) -> Iterator[tuple[str, Member] | str]:
    """As `_sounds`, without their bytes."""
    problem = f"{tar.name} has no more sounds"
    for member in members(tar, lambda *_: False):
        if member.problem:
            problem = member.problem
            break
        path = PurePosixPath(member.name)
        if path.suffix != ".json":  # facts about the sound before
            missing = f"{tar.name} has no sound of {path.stem}"
            yield missing if path.suffix == ".nodata" else (str(path.with_suffix("")), member)
    while True:
        yield problem


def _sounds(tar: Path) -> Iterator[tuple[str, Member] | str]:
    """Cut's id, and its file in the archive; then without end why there is no more."""
    from lhotse.shar.readers.tar import iterate_tarfile_pairwise

    problem = f"{tar.name} has no more sounds"
    try:
        with tarfile.open(tar, mode="r|*") as members:
            for (data, name), _ in iterate_tarfile_pairwise(members):
                yield (
                    f"{tar.name} has no sound of {name.stem}"
                    if data is None
                    else (str(name.parent / name.stem), Member(name.name, data))
                )
    except Exception as error:  # whatever a damaged archive makes its readers raise
        problem = f"{tar.name} can be read no further ({str(error)[:200] or type(error).__name__})"
    while True:
        yield problem


def _of_supervisions(source: LhotseSource, about: About) -> Iterator[Item | Reject]:
    recordings: dict[str, tuple[dict[str, Any], str, Path]] = {}
    for path in source.recordings:
        for number_, row in json_rows(path):
            place = f"{path}:{number_}"
            if isinstance(row, str) or not isinstance(row.get("id"), str):
                detail = row if isinstance(row, str) else "the recording has no id"
                yield about.reject(f"{path.name}:{number_}", Reason.bad_row, f"{place}: {detail}")
            elif row["id"] in recordings:
                if json.dumps(row) != json.dumps(recordings[row["id"]][0]):
                    yield about.repeated(row["id"], recordings[row["id"]][1], place)
            else:
                recordings[row["id"]] = (row, place, path.parent)
    spoken_of = set()
    for path in source.supervisions:
        split = _file_split(path, about)
        for number_, row in json_rows(path):
            spoken_of.add(row.get("recording_id") if isinstance(row, dict) else None)
            yield _of_supervision(row, recordings, about, place=f"{path}:{number_}", split=split)
    for key in sorted(set(recordings) - spoken_of):
        yield about.reject(key, Reason.text_missing, f"{recordings[key][1]}: a recording without a supervision")


def _of_supervision(
    row: dict[str, Any] | str,
    recordings: Mapping[str, tuple[dict[str, Any], str, Path]],
    about: About,
    *,
    place: str,
    split: str | None,
) -> Item | Reject:
    """A supervision as the cut that Lhotse makes of it: its span, with times from there."""
    if isinstance(row, str) or not isinstance(row.get("id"), str):
        detail = row if isinstance(row, str) else "the supervision has no id"
        return about.reject(Path(place).name, Reason.bad_row, f"{place}: {detail}")
    recording, _, folder = recordings.get(str(row.get("recording_id")), (None, "", Path()))
    if recording is None:
        detail = f"{place}: its recording {row.get('recording_id')!r} is in no file of recordings"
        return about.reject(row["id"], Reason.audio_missing, detail)
    start = number(row.get("start"))
    kinds = object_in(row, "alignment")
    try:
        moved = {kind: [_moved(item, start or 0.0) for item in items] for kind, items in kinds.items()}
    except (TypeError, ValueError):
        return about.reject(row["id"], Reason.bad_row, f"{place}: alignment has no [word, start, duration, score]")
    said = {**row, "start": 0.0} | ({"alignment": moved} if moved else {})
    channel = row.get("channel")
    cut = {"id": row["id"], "type": "MonoCut", "start": row.get("start"), "duration": row.get("duration")}
    cut |= {"channel": channel, "recording": recording, "supervisions": [said]}
    own = walk(row, ("custom", "split"))
    return _of_cut(cut, about, place=place, split=str(own) if own else split, folder=folder)


def _moved(item: Any, start: float) -> list[Any]:
    symbol, time, *rest = item
    return [symbol, round(float(time) - start, 8), *rest]
