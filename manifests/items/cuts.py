"""Items become cuts or rejects: their audio is measured and hashed, their claims are checked."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from manifests.audio import PADDING, AudioFacts, audio_facts, map_in_context
from manifests.audio.settle import settle_channels
from manifests.errors import AudioError
from manifests.fingerprint import stable_split
from manifests.items import About, Item
from manifests.reasons import Reason
from manifests.rows import TASKS, Reject, speech_cut
from manifests.rows.splits import HASH, REJECT
from manifests.units import SLACK, Seconds

if TYPE_CHECKING:
    from lhotse import MonoCut, MultiCut

JSON_VALUES = (str, bool, int, float, type(None))  # beside lists and objects


def make_cuts(
    items: Sequence[Item | Reject], about: About, splits: Mapping[str, str]
) -> tuple[list[MonoCut | MultiCut], list[Reject]]:
    """Cuts and rejects of all items.

    splits: a split's name in the source ("": items without one) -> train, dev, test, hash or reject.
    """
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


def judge_items(items: Sequence[Item | Reject], about: About, splits: Mapping[str, str]) -> tuple[int, list[Reject]]:
    """How many cuts `make_cuts` would make, and its rejects: it loads Lhotse only where channels must be compared."""
    audio = _audio_facts({item.audio for item in items if isinstance(item, Item)})
    seen, count, compared = _Seen(), 0, []
    rejects = [item for item in items if isinstance(item, Reject)]
    for item in (item for item in items if isinstance(item, Item)):
        facts = audio[item.audio]
        refused = _refused(item, facts, about, splits, seen)
        if refused is not None or isinstance(facts, AudioError):
            rejects += [refused] if refused is not None else []
        elif facts.channels > 1 and (item.channel, item.side) == (None, None):
            compared.append(_made(item, facts, about, splits[item.split or ""]))
        else:
            count += 1
    settled = settle_channels(compared, about.channels) if compared else []
    differ = [cut for cut in settled if isinstance(cut, Reject)]
    return count + len(settled) - len(differ), rejects + differ


def _cut(
    item: Item, audio: AudioFacts | AudioError, about: About, splits: Mapping[str, str], seen: _Seen
) -> MonoCut | Reject:
    refused = _refused(item, audio, about, splits, seen)
    if refused is not None:
        return refused
    assert not isinstance(audio, AudioError)  # that was refused
    return _made(item, audio, about, splits[item.split or ""])


def _refused(
    item: Item, audio: AudioFacts | AudioError, about: About, splits: Mapping[str, str], seen: _Seen
) -> Reject | None:
    """Why an item is no cut, if it is none; else its ids are taken."""
    split = splits[item.split or ""]
    if split == REJECT:
        return about.reject(item.key, Reason.out_of_scope, f"{item.place}: split {item.split!r} is left out")
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
    if item.key in seen.keys:
        return about.repeated(item.key, seen.keys[item.key], item.place)
    digest, place = seen.recordings.setdefault(item.recording, (audio.sha256, item.place))
    if digest != audio.sha256:
        detail = f"{item.place}: the recording id {item.recording!r} is that of other audio in {place}, which was kept"
        return about.reject(item.key, Reason.duplicate_id, detail)
    seen.keys[item.key] = item.place
    return None


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
    if item.words:
        from lhotse.supervision import AlignmentItem

        said = [AlignmentItem(word, start, round(length, ndigits=8)) for word, start, length in item.words]
        cut.supervisions[0].alignment = {"word": said}
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
