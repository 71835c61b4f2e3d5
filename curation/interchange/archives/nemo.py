"""NeMo's tarred data sets: which tar a row's audio is in, and rows with the audio of their members."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

from curation.interchange.archives import TAR, expand, members
from curation.interchange.common import place_of
from curation.interchange.stored import in_place, member_audio
from curation.storage import source_place
from manifests.errors import SettingsError
from manifests.files import has_file, need_file
from manifests.items import About, Item
from manifests.reasons import Reason
from manifests.rows import Reject

MOST = 100_000  # rows that wait for their audio
_NUMBER = re.compile(r"_(\d+)(?!.*_\d)")  # the last one of a name
_SUB = re.compile(r"(?P<stem>.+)-sub\d+(?P<end>\.\w+)?")  # of several rows of one member


@dataclass(frozen=True)
class TarShards:
    """Tar files by their numbers."""

    by_number: Mapping[int, Path]
    named: bool  # by the user: then all audio is in them

    @property
    def paths(self) -> list[Path]:
        """All of them."""
        return list(self.by_number.values())

    def of(self, name: str, shard: Any, manifest: Path) -> Path | None:
        """The tar that a row's audio is in; None: it is in none, so far as the row and the manifest's name say.

        Args:
            name: of the audio file.
            shard: the row's `shard_id`, if it has one.
            manifest: that the row stands in.
        """
        if not self.by_number or (not self.named and has_file(place_of(name, manifest.absolute().parent))):
            return None
        number = shard if isinstance(shard, int) and not isinstance(shard, bool) else _number(manifest.name)
        if number is not None and number in self.by_number:
            return self.by_number[number]
        return self.paths[0] if len(self.by_number) == 1 and self.named else None


def found_tars(manifest: Path, named: Sequence[Path]) -> TarShards:
    """The tar files of a manifest's audio: those that a user names, else those beside it, or beside its folder.

    Raises:
        MissingFileError: one that is named is not there, or empty.
        SettingsError: two of one number.
    """
    if named:
        names = [
            name for path in named for name in ([path] if has_file(path) else map(source_place, expand(str(path))))
        ]
        return TarShards(_numbered([need_file(path, what="tar file") for path in names]), named=True)
    for folder in (manifest.absolute().parent, manifest.absolute().parent.parent):
        if tars := sorted(path for path in folder.glob("audio*_*.tar") if _number(path.name) is not None):
            return TarShards(_numbered(tars), named=False)
    return TarShards({}, named=False)


def _number(name: str) -> int | None:
    found = _NUMBER.search(name.partition(".")[0])
    return int(found[1]) if found and len(found[1]) < 18 else None


def _numbered(paths: Sequence[Path]) -> dict[int, Path]:
    found: dict[int, Path] = {}
    for path in paths:
        number = _number(path.name)
        if number is None and len(paths) > 1:
            raise SettingsError(f"tars names {path}, which has no number, expected names such as audio_3.tar.")
        if (first := found.setdefault(number or 0, path)) != path:
            raise SettingsError(f"{first} and {path} have one number. Import them one after another, as two corpora.")
    return found


@dataclass
class TarredRows:
    """Items that wait for the audio in their archives."""

    about: About
    folder: Path | None  # where audio is written; None: it is not
    root: Path  # ids of recordings are paths in there
    waiting: dict[Path, list[tuple[str, Item]]] = field(default_factory=dict)
    count: int = 0

    def add(self, tar: Path, name: str, item: Item) -> Iterator[Item | Reject]:
        """One more, with the name of its member; when there are many, all come out."""
        if self.folder is None or self.about.leaves_out(item.split or ""):
            yield item
            return
        self.waiting.setdefault(tar, []).append((str(PurePosixPath(name)), item))
        self.count += 1
        if self.count >= MOST:
            yield from self.rest()

    def rest(self) -> Iterator[Item | Reject]:
        """Those that wait, with their audio."""
        waiting, self.waiting, self.count = self.waiting, {}, 0
        for tar, rows in waiting.items():
            yield from self._read(tar, rows)

    def _read(self, tar: Path, rows: Sequence[tuple[str, Item]]) -> Iterator[Item | Reject]:
        assert self.folder is not None  # else nothing waits
        by_name: dict[str, list[int]] = {}
        for number, (name, _) in enumerate(rows):
            for one in {name, _member(name)}:
                by_name.setdefault(one, []).append(number)
        left = dict(enumerate(rows))
        problems: dict[str, str] = {}
        for member in members(tar, lambda name, _: name in by_name and not in_place()):
            numbers = [number for number in by_name.get(member.name, ()) if number in left]
            if member.problem:
                problems[member.name] = member.problem
                continue
            if not numbers and member.name in by_name:
                detail = f"{tar}: {member.name} stands twice in the archive; the first was kept"
                yield self.about.reject(f"{tar.name}:{member.name}", Reason.duplicate_id, detail)
            audio = member_audio(tar, member, self.folder) if numbers else Path()
            for number in numbers:
                item = left.pop(number)[1]
                recording = PurePosixPath(self._name(tar), PurePosixPath(member.name).with_suffix(""))
                yield replace(item, audio=audio, recording=str(recording))
        for name, item in left.values():
            problem = problems.get(name) or problems.get(_member(name)) or problems.get("")
            reason = Reason.audio_missing if problem is None else Reason.audio_unreadable
            yield self.about.reject(
                item.key, reason, f"{item.place}: {problem or f'{tar.name} has no member {name!r}'}"
            )

    def _name(self, tar: Path) -> str:
        """What a tar is called in ids of recordings: others of its name are in other folders."""
        place, root = str(tar.absolute().parent), str(self.root)
        inside = place == root or place.startswith(f"{root}/")
        return str(PurePosixPath(place[len(root) + 1 :] if inside else tar.absolute().parent.name, _stem(tar)))


def _member(name: str) -> str:
    found = _SUB.fullmatch(name)
    return f"{found['stem']}{found['end'] or ''}" if found else name


def _stem(tar: Path) -> str:
    named = TAR.fullmatch(tar.name)
    return named["stem"] if named else tar.name
