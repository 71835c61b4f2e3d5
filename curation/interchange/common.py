"""What imports share: items of any origin become a prepared corpus (manifests/rows), each a cut or a reject."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curation.interchange.splits import split_cuts
from manifests.audio import PADDING, AudioFacts, Channels, audio_facts, map_in_context, need_channels
from manifests.audio.settle import settle_channels
from manifests.disk.names import need_name
from manifests.errors import AudioError, ManifestError, MissingFileError, OccupiedError, SettingsError
from manifests.fingerprint import file_sha256, provenance, stable_split
from manifests.linked.groups import LINKS
from manifests.reasons import Reason
from manifests.rows import TASKS, CorpusInfo, Reject, claim_corpus, read_corpus, speech_cut, write_corpus
from manifests.rows.languages import need_language
from manifests.rows.splits import HASH, REJECT, as_split, doubt, known_split, map_splits, plain, read_split_map
from manifests.units import SLACK, Seconds

if TYPE_CHECKING:
    from lhotse import MonoCut, MultiCut

JSON_VALUES = (str, bool, int, float, type(None))  # beside lists and objects


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
    extra: dict[str, Any] = field(default_factory=dict)  # fields we have no place for: kept in cut.custom


def write_items(
    items: Iterable[Item | Reject],
    output: Path,
    about: About,
    *,
    source: str,
    inputs: Mapping[str, str],
    names: Mapping[str, str] | None = None,
) -> CorpusInfo:
    """Write the corpus folder `output/CORPUS`; every item becomes a cut or a reject.

    Args:
        items: from a reader of this package.
        output: the corpora folder.
        about: of the corpus.
        source: where the items came from, for the corpus's provenance.
        inputs: what the source is (path, or name) -> fingerprint of its content; see `claim_import`.
        names: the names of splits in the items -> where they stand, for items that are not to be read before the folder
            is claimed; by default the items are read and tell.

    Raises:
        SettingsError: a name of a split that is not known; nothing was written.
        OccupiedError: the folder holds something else; nothing in it was touched.

    Where the split is a hash, a group of rows that is most of the corpus is said on standard error.
    """
    folder = output / about.corpus
    if names is None:
        items = list(items)
        names = _split_names(items)
    splits = about.map_of(names)
    claim_import(folder, source, inputs)
    listed = list(items)
    cuts, rejects = _sorted_out(listed, about, splits)
    hashed = [item.key for item in listed if isinstance(item, Item) and splits[item.split or ""] == HASH]
    by_hash = {f"{about.corpus}-{key}" for key in hashed}
    split_cuts(cuts, by_hash, output, corpus=about.corpus, links=about.links, beside=about.beside)
    settings = {"imported": source, "split": about.split or "train", "task": about.task, "channels": about.channels}
    info = CorpusInfo(
        name=about.corpus,
        title=about.title or about.corpus,
        license=about.license,
        makers=about.makers,
        provenance=provenance(settings, inputs),
        splits=splits,
    )
    return write_corpus(folder, info, cuts, [], rejects)


def claim_import(folder: Path, source: str, inputs: Mapping[str, str]) -> None:
    """Take a folder for an import: a new one, or one that was imported from the same paths or the same content.

    Raises:
        OccupiedError: another corpus has the name, or something else is there. Nothing is touched.
    """
    try:
        known = read_corpus(folder).provenance
    except (MissingFileError, ManifestError):
        known = {}
    before = known.get("inputs") if "imported" in known.get("settings", {}) else None
    if not before:  # nothing there, what is no import, or an import of an earlier version, which tells names of files
        claim_corpus(folder, {"imported": source})
        return
    if before.keys() != inputs.keys() and sorted(before.values()) != sorted(inputs.values()):
        raise OccupiedError(
            f"{folder} holds another corpus (imported from {', '.join(before)}; asked: {', '.join(inputs)}). Nothing "
            "was touched. Give this one another name, or remove the folder first."
        )
    claim_corpus(folder, {})


def content_of(paths: Iterable[Path]) -> dict[str, str]:
    """Absolute path -> fingerprint of the file, as `inputs` of an import."""
    return {str(path.absolute()): file_sha256(path) for path in paths if path.is_file()}


def _split_names(items: Sequence[Item | Reject]) -> dict[str, str]:
    """Name of a split ("" for none) -> the first place that has it."""
    found: dict[str, str] = {}
    for item in items:
        if isinstance(item, Item):
            found.setdefault(item.split or "", item.place)
    return found


def _sorted_out(
    items: Sequence[Item | Reject], about: About, splits: Mapping[str, str]
) -> tuple[list[MonoCut | MultiCut], list[Reject]]:
    audio = _audio_facts({item.audio for item in items if isinstance(item, Item)})
    seen = _Seen()
    cuts: list[MonoCut | MultiCut] = []
    unsettled: list[MonoCut] = []
    rejects: list[Reject] = []
    for item in items:
        found = item if isinstance(item, Reject) else _cut(item, audio[item.audio], about, splits, seen)
        if isinstance(found, Reject):
            rejects.append(found)
        elif isinstance(item, Item) and (item.channel, item.side) != (None, None):
            cuts.append(found)
        else:
            unsettled.append(found)
    for settled in settle_channels(unsettled, about.channels):
        if isinstance(settled, Reject):
            rejects.append(settled)
        else:
            cuts.append(settled)
    return cuts, rejects


@dataclass
class _Seen:
    """Ids in use and where they were met."""

    keys: dict[str, str] = field(default_factory=dict)  # id of an item -> place
    recordings: dict[str, tuple[str, str]] = field(default_factory=dict)  # id of a recording -> its hash, its place


def _audio_facts(paths: set[Path]) -> dict[Path, AudioFacts | AudioError]:
    """Length and hash of every file, read in threads."""
    ordered = sorted(paths)
    with ThreadPoolExecutor(min(8, 2 * (os.cpu_count() or 1))) as pool:
        return dict(zip(ordered, map_in_context(pool, _facts_or_error, ordered), strict=True))


def _facts_or_error(path: Path) -> AudioFacts | AudioError:
    try:
        return audio_facts(path)
    except AudioError as error:
        return error


def _cut(
    item: Item, audio: AudioFacts | AudioError, about: About, splits: Mapping[str, str], seen: _Seen
) -> MonoCut | Reject:
    split = splits[item.split or ""]
    if split == REJECT:
        return about.reject(item.key, Reason.out_of_scope, f"{item.place}: split {item.split!r} is left out")
    if isinstance(audio, AudioError):
        return about.reject(item.key, Reason(audio.reason), str(audio))
    problem = _no_channel(item, audio) or _problem(item, audio, about) or _false_claim(item, audio.duration)
    if problem is not None:
        return about.reject(item.key, *problem)
    if item.key in seen.keys:
        return about.repeated(item.key, seen.keys[item.key], item.place)
    digest, place = seen.recordings.setdefault(item.recording, (audio.sha256, item.place))
    if digest != audio.sha256:
        detail = f"{item.place}: the recording id {item.recording!r} is that of other audio in {place}, which was kept"
        return about.reject(item.key, Reason.duplicate_id, detail)
    seen.keys[item.key] = item.place
    return _made(item, audio, about, split)


def _made(item: Item, audio: AudioFacts, about: About, split: str) -> MonoCut:
    cut = speech_cut(
        cut_id=f"{about.corpus}-{item.key}",
        recording=audio.recording(f"{about.corpus}-{item.recording}"),
        corpus=about.corpus,
        split=split if split != HASH else _hashed(item, about),
        task=item.task or about.task,
        domain=item.domain,
        license=item.license or about.license,
        audio_sha256=audio.sha256,
        text=item.text,
        language=item.language or about.language,
        speaker=item.speaker,
        target_text=item.target_text,
        target_language=item.target_language,
        sound=item.sound,
        sound_original=item.sound_original,
        channel=_channel(item, audio) or 0,
        start=item.start,
        duration=min(audio.duration - item.start, audio.duration if item.duration is None else item.duration),
    )
    cut.custom |= {name: value for name, value in item.extra.items() if name not in cut.custom and value is not None}
    return cut


def _hashed(item: Item, about: About) -> str:
    """The split by the row's own hash, which `split_cuts` keeps where the row shares nothing with others."""
    speaker = item.speaker if "speaker" in about.links else None
    return stable_split(speaker or item.text or item.key)


def _channel(item: Item, audio: AudioFacts) -> int | None:
    """The channel that an item names. A mono file has no sides: it may be one side of a call, saved for itself."""
    return item.channel if item.channel is not None or audio.channels == 1 else item.side


def _no_channel(item: Item, audio: AudioFacts) -> tuple[Reason, str] | None:
    channel = _channel(item, audio) or 0
    if 0 <= channel < audio.channels:
        return None
    return Reason.channel_missing, f"channel {channel} of {item.audio.name}, which has {audio.channels}"


def _problem(item: Item, audio: AudioFacts, about: About) -> tuple[Reason, str] | None:
    """Why an item with readable audio is refused, if it is."""
    length = audio.duration
    end = item.start + item.duration if item.duration is not None else length
    task = item.task or about.task
    if not (0 <= item.start < end <= length + SLACK):  # false for NaN too
        return (
            Reason.bad_row,
            f"the item spans {item.start:g} to {end:g} s of {item.audio.name}, which has {length:g} s",
        )
    if task not in TASKS:
        return Reason.bad_row, f"task is {task!r}, expected one of {', '.join(TASKS)}"
    if task == "asr" and item.text is None:
        return Reason.text_missing, "no transcript"
    if task == "asr" and not str(item.text).strip():
        return Reason.empty_text, "the transcript is empty"
    if task in ("st", "qa") and not (item.target_text or "").strip():
        return Reason.target_missing, "no translation or answer"
    unfit = next(no_json(item.extra), None)
    return None if unfit is None else (Reason.bad_row, f"{item.place}: {unfit}")


def _false_claim(item: Item, length: Seconds) -> tuple[Reason, str] | None:
    """A length that the source states apart from the span, where it is not what was decoded."""
    heard = length - item.start if item.duration is None else item.duration
    for claimed, found in ((item.claimed, heard), (item.recording_claimed, length)):
        if claimed is not None and not abs(claimed - found) <= PADDING:  # true for NaN too
            return Reason.duration_mismatch, f"{item.audio.name}: {claimed:g} s claimed, {found:g} s decoded"
    return None


def no_json(value: Any, where: str = "") -> Iterator[str]:
    """What JSON cannot hold in a value: where it stands (as `columns.age`), and what it is."""
    if isinstance(value, float) and not math.isfinite(value):
        yield f"{where} is {value}, expected a finite number"
    elif isinstance(value, dict):
        for name, part in value.items():
            yield from no_json(part, f"{where}.{name}" if where else str(name))
    elif isinstance(value, list | tuple):
        for number, part in enumerate(value):
            yield from no_json(part, f"{where}[{number}]")
    elif not isinstance(value, JSON_VALUES):
        yield f"{where} is {type(value).__name__}, expected text, a number, true or false"
