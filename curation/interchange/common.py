"""What imports share: items of any origin become a prepared corpus (manifests/rows.py), each a cut or a reject."""

from __future__ import annotations

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from manifests.audio import AudioFacts, Channels, audio_facts, need_channels
from manifests.audio.settle import settle_channels
from manifests.errors import AudioError, SettingsError
from manifests.fingerprint import provenance, stable_split
from manifests.reasons import Reason
from manifests.rows import CORPUS, SPLITS, TASKS, CorpusInfo, Reject, claim_corpus, speech_cut, write_corpus
from manifests.units import SLACK, Seconds

if TYPE_CHECKING:
    from lhotse import MonoCut, MultiCut

HASH = "hash"  # splits by a hash of the speaker, or of the text where there is none


@dataclass(frozen=True)
class About:
    """What the source does not say of its corpus, and the defaults of what its rows may say."""

    corpus: str  # folder's name, and first part of every id
    license: str  # SPDX identifier
    split: str = "train"  # train | dev | test | hash
    task: str = "asr"
    language: str | None = None
    title: str = ""
    makers: str = "unknown"
    channels: Channels = "reject"  # what is heard of several channels that differ, where rows name none: mix, first

    def __post_init__(self) -> None:
        need_channels(self.channels)
        for name, value, allowed in (("split", self.split, (*SPLITS, HASH)), ("task", self.task, TASKS)):
            if value not in allowed:
                raise SettingsError(f"{name} is {value!r}, expected one of {', '.join(allowed)}.")
        if not self.corpus or "/" in self.corpus or self.corpus.startswith("."):
            raise SettingsError(f"corpus is {self.corpus!r}, expected the name of a folder.")
        if not self.license:
            raise SettingsError("license is empty, expected an SPDX identifier such as CC-BY-4.0 (or LicenseRef-NAME).")

    def reject(self, key: str, reason: Reason, detail: str) -> Reject:
        """A reject of the item `key`."""
        return Reject(f"{self.corpus}-{key}", self.corpus, "prepare", reason, detail)


@dataclass(frozen=True)
class Item:
    """One utterance or sound, as a source describes it. What is None gets About's default, or stays unknown."""

    key: str  # the source's own id
    recording: str  # the source's own id of the audio file
    audio: Path
    start: Seconds = 0.0
    duration: Seconds | None = None  # None: to the end of the file
    channel: int | None = None  # of the file, from 0; None: `side`
    side: int | None = None  # the same of a file with several channels; None: as About's `channels` says
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


def write_items(items: Iterable[Item | Reject], output: Path, about: About, *, source: str) -> CorpusInfo:
    """Write the corpus folder `output/CORPUS`; every item becomes a cut or a reject.

    Args:
        items: from a reader of this package.
        output: the corpora folder.
        about: of the corpus.
        source: where the items came from, for the corpus's provenance.

    Raises:
        OccupiedError: the folder holds something else; nothing in it was touched.
    """
    folder = output / about.corpus
    claim_corpus(folder, {"imported": source})
    listed = list(items)
    audio = _audio_facts({item.audio for item in listed if isinstance(item, Item)})
    cuts: list[MonoCut | MultiCut] = []
    unsettled: list[MonoCut] = []
    rejects: list[Reject] = []
    seen: set[str] = set()
    for item in listed:
        found = item if isinstance(item, Reject) else _cut(item, audio[item.audio], about, seen)
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
    info = CorpusInfo(
        name=about.corpus,
        title=about.title or about.corpus,
        license=about.license,
        makers=about.makers,
        provenance=provenance(
            {"imported": source, "split": about.split, "task": about.task, "channels": about.channels}, {}
        ),
    )
    (folder / CORPUS).unlink(missing_ok=True)  # while the parts change, a killed import must not look complete
    return write_corpus(folder, info, cuts, [], rejects)


def _audio_facts(paths: set[Path]) -> dict[Path, AudioFacts | AudioError]:
    """Header and hash of every file, read in threads."""
    ordered = sorted(paths)
    with ThreadPoolExecutor(min(8, 2 * (os.cpu_count() or 1))) as pool:
        return dict(zip(ordered, pool.map(_facts_or_error, ordered), strict=True))


def _facts_or_error(path: Path) -> AudioFacts | AudioError:
    try:
        return audio_facts(path)
    except AudioError as error:
        return error


def _cut(item: Item, audio: AudioFacts | AudioError, about: About, seen: set[str]) -> MonoCut | Reject:
    if isinstance(audio, AudioError):
        return about.reject(item.key, Reason(audio.reason), str(audio))
    problem = _no_channel(item, audio) or _problem(item, audio, about)
    if problem is None and item.key in seen:
        problem = Reason.bad_row, "the id occurs twice; the first was kept"
    if problem is not None:
        return about.reject(item.key, *problem)
    seen.add(item.key)
    cut = speech_cut(
        cut_id=f"{about.corpus}-{item.key}",
        recording=audio.recording(f"{about.corpus}-{item.recording}"),
        corpus=about.corpus,
        split=_split(item, about),
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
    task, split = item.task or about.task, item.split or about.split
    if not (0 <= item.start < end <= length + SLACK):  # false for NaN too
        return (
            Reason.bad_row,
            f"the item spans {item.start:g} to {end:g} s of {item.audio.name}, which has {length:g} s",
        )
    if task not in TASKS or split not in (*SPLITS, HASH):
        return Reason.bad_row, f"task {task!r}, split {split!r}: expected one of {TASKS} and one of {SPLITS}"
    if task == "asr" and item.text is None:
        return Reason.text_missing, "no transcript"
    if task == "asr" and not str(item.text).strip():
        return Reason.empty_text, "the transcript is empty"
    if task in ("st", "qa") and not (item.target_text or "").strip():
        return Reason.target_missing, "no translation or answer"
    return None


def _split(item: Item, about: About) -> str:
    split = item.split or about.split
    return split if split != HASH else stable_split(item.speaker or item.text or item.key)
