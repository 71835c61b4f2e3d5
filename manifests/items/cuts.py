"""Items become cuts or rejects: their claims are checked against what their audio is."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from manifests.audio import PADDING, AudioFacts
from manifests.errors import AudioError
from manifests.fingerprint import stable_split
from manifests.items import About, Item
from manifests.reasons import Reason
from manifests.rows import TASKS, Reject
from manifests.rows.speech import speech_row
from manifests.rows.splits import HASH
from manifests.units import SLACK, Seconds

JSON_VALUES = (str, bool, int, float, type(None))  # beside lists and objects


@dataclass(frozen=True)
class Claim:
    """The ids that an item's cut takes: the first one to take them keeps them."""

    key: str
    recording: str  # the source's id of the audio file
    digest: str  # of that file
    place: str


def make_cut(
    item: Item, audio: AudioFacts | AudioError, about: About, split: str
) -> tuple[dict[str, Any], Claim] | Reject:
    """The row of an item's cut and the ids that it takes, or why there is none. split: train, dev, test or hash."""
    found = claim(item, audio, about)
    if isinstance(found, Reject):
        return found
    assert not isinstance(audio, AudioError)  # that was refused
    return plain_row(item, audio, about, split), found


def claim(item: Item, audio: AudioFacts | AudioError, about: About) -> Claim | Reject:
    """The ids that an item's cut takes, or why there is none: without making it, for which Lhotse is loaded."""
    if isinstance(audio, AudioError):
        return about.reject(item.key, Reason(audio.reason), str(audio))
    problem = (
        _no_channel(item, audio)
        or _problem(item, audio, about)
        or _false_claim(item, audio.duration)
        or _false_words(item, audio.duration)
    )
    if problem is not None:
        return about.reject(item.key, *problem)
    return Claim(item.key, item.recording, audio.sha256, item.place)


def left_out(item: Item, about: About) -> Reject:
    """The reject of an item whose split is left out."""
    return about.reject(item.key, Reason.out_of_scope, f"{item.place}: split {item.split!r} is left out")


def chooses_channel(item: Item) -> bool:
    """Whether the item says which channel it is: nothing is left to settle."""
    return (item.channel, item.side) != (None, None)


class Taken:
    """Ids in use and where they were met."""

    def __init__(self, about: About) -> None:
        self._about = about
        self._keys: dict[str, str] = {}  # id of an item -> place
        self._recordings: dict[str, tuple[str, str]] = {}  # id of a recording -> its hash, its place

    def refuse(self, claim: Claim) -> Reject | None:
        """The reject of an item whose ids are those of others; otherwise they are taken now."""
        if claim.key in self._keys:
            return self._about.repeated(claim.key, self._keys[claim.key], claim.place)
        digest, place = self._recordings.setdefault(claim.recording, (claim.digest, claim.place))
        if digest != claim.digest:
            detail = f"the recording id {claim.recording!r} is that of other audio in {place}, which was kept"
            return self._about.reject(claim.key, Reason.duplicate_id, f"{claim.place}: {detail}")
        self._keys[claim.key] = claim.place
        return None


def plain_row(item: Item, audio: AudioFacts, about: About, split: str) -> dict[str, Any]:
    """The row of the cut of an item that nothing is wrong with."""
    row = speech_row(
        cut_id=f"{about.corpus}-{item.key}",
        recording=audio.recording_row(f"{about.corpus}-{item.recording}"),
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
        words=item.words,
    )
    known = row["custom"]
    row["custom"] = known | {
        name: value for name, value in item.extra.items() if name not in known and value is not None
    }
    return row


def _hashed(item: Item, about: About) -> str:
    """The split by the row's own hash, which `splits` keeps where the row shares nothing with others."""
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


def _false_words(item: Item, length: Seconds) -> tuple[Reason, str] | None:
    """Times of words, where they end after the audio does."""
    heard = length - item.start if item.duration is None else item.duration
    last = max((start + duration for _, start, duration in item.words), default=0.0)
    if last <= heard + SLACK:  # false for NaN too
        return None
    return Reason.bad_row, f"{item.place}: a word ends at {last:g} s, the item has {heard:g} s"


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
