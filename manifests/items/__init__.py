"""What a source says of its items, whatever the source is: recipes and imports read it, `cuts` makes rows of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from manifests.audio import Channels, need_channels
from manifests.disk.names import need_name
from manifests.errors import SettingsError
from manifests.linked.groups import LINKS
from manifests.reasons import Reason
from manifests.rows import TASKS, Reject
from manifests.rows.languages import need_language
from manifests.rows.splits import HASH, REJECT, as_split, doubt, known_split, map_splits, plain, read_split_map
from manifests.units import Seconds


@dataclass(frozen=True)
class About:
    """What the source does not say of its corpus, and the defaults of what its rows may say."""

    corpus: str  # folder's name, and first part of every id
    license: str  # SPDX identifier
    split: str | None = None  # where rows name none: a known name or hash; None: the source's own name, or else train
    task: str = "asr"
    language: str | None = None
    title: str = ""
    makers: str = "unknown"
    channels: Channels = "reject"  # what is heard of several channels that differ, where rows name none: mix, first
    split_map: Mapping[str, str] = field(default_factory=dict)  # a split's name in the source -> ours, hash or reject
    links: tuple[str, ...] = LINKS  # what rows in different splits never share, where the split is `hash`

    beside: bool = True  # whether such rows go with linked rows in the corpora beside, too

    def __post_init__(self) -> None:
        need_channels(self.channels)
        if unknown := [link for link in self.links if link not in LINKS]:
            raise SettingsError(f"links name {', '.join(unknown)}, expected some of {', '.join(LINKS)}.")
        if self.split is not None:
            object.__setattr__(self, "split", as_split(self.split, setting="split", others=(HASH,)))
        read_split_map(self.split_map)
        if self.language is not None:
            need_language(self.language, setting="language")
        if self.task not in TASKS:
            raise SettingsError(f"task is {self.task!r}, expected one of {', '.join(TASKS)}.")
        need_name(self.corpus, setting="corpus")
        if not self.license:
            raise SettingsError("license is empty, expected an SPDX identifier such as CC-BY-4.0 (or LicenseRef-NAME).")

    def reject(self, key: str, reason: Reason, detail: str) -> Reject:
        """A reject of the item `key`."""
        return Reject(f"{self.corpus}-{key}", self.corpus, "prepare", reason, detail)

    def repeated(self, key: str, first: str, again: str) -> Reject:
        """The reject of an id's second place; what stands in the first is kept."""
        return self.reject(key, Reason.duplicate_id, f"{again}: the id {key!r} is that of {first}, which was kept")

    def own_split(self, source: str) -> str | None:
        """The name of a source (a file, a folder) where it names a split, for rows that name none."""
        if self.split is not None:
            return None
        named = plain(source) in map(plain, self.split_map) or known_split(source) or doubt(source)
        return source if named else None

    def leaves_out(self, name: str) -> bool:
        """Whether `split_map` leaves the rows of a split out."""
        return bool(name) and read_split_map(self.split_map).get(plain(name)) == REJECT

    def map_of(self, names: Mapping[str, str]) -> dict[str, str]:
        """Names of splits -> ours; the name "" (rows without one) stands for `split`.

        Raises:
            SettingsError: a name that is not known; see `map_splits`.
        """
        found = map_splits({name: place for name, place in names.items() if name}, self.split_map)
        return found | ({"": self.split or "train"} if "" in names else {})


@dataclass(frozen=True)
class Item:
    """One utterance or sound, as a source describes it. What is None gets About's default, or stays unknown."""

    key: str  # the source's own id
    place: str  # where it stands in the source: file and line, or table and row
    recording: str  # the source's own id of the audio file
    audio: Path
    start: Seconds = 0.0
    duration: Seconds | None = None  # None: to the end of the file
    channel: int | None = None  # of the file, from 0; None: `side`
    side: int | None = None  # the same of a file with several channels; None: as About's `channels` says
    claimed: Seconds | None = None  # length of the item, where the source states it apart from the span
    recording_claimed: Seconds | None = None  # length of the audio file, where the source states it
    text: str | None = None
    language: str | None = None
    speaker: str | None = None
    target_text: str | None = None
    target_language: str | None = None
    sound: list[str] | None = None
    sound_original: str | None = None
    split: str | None = None
    task: str | None = None
    domain: str | None = None
    license: str | None = None
    words: Sequence[tuple[str, Seconds, Seconds]] = ()  # word, start from the item's start, duration; (): not known
    extra: dict[str, Any] = field(default_factory=dict)  # fields we have no place for: kept in cut.custom
