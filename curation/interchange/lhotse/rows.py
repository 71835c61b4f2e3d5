"""Fields of Lhotse's rows (a cut, or a supervision with its recording) as an item.

What a row is already stays: word alignments are the item's words, custom fields stand in `cut.custom`; alignments of
other kinds, scores of words, `gender` and the custom fields of supervisions stand in `cut.custom["supervision"]`, times
of sounds that do not last for the whole cut in `cut.custom["sound_times"]`: name, start, duration.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from curation.interchange.stored import address_of
from manifests.errors import ManifestError
from manifests.lines.supervisions import Spoken, disagreement, overlaps, spoken, supervision_problems
from manifests.lines.values import as_list, number, repeats, walk
from manifests.places import PLACE
from manifests.rows.places import found_audio
from manifests.units import SLACK, Seconds

LABELS = ("target_text", "target_language", "sound", "sound_original")  # in `supervision.custom`, by our contract
OWN = ("split", "task", "domain", "license")  # in `cut.custom`
MADE = ("corpus", "audio_sha256", "channel_mode")  # in there too: every import says them anew
ONE_VALUE = {"language": ("language",), "speaker": ("speaker",), "target_language": ("custom", "target_language")}


def need_plain(row: Mapping[str, Any]) -> None:
    """Refuse a cut that is no span of one recording, or whose supervisions cannot stand in one row.

    Raises:
        ManifestError: says why.
    """
    if repeats(row):
        raise ManifestError("a key occurs twice in one object, expected once")
    if not isinstance(row.get("id"), str) or not row["id"]:
        raise ManifestError(f"id is {row.get('id')!r}, expected text")
    if row.get("type", "MonoCut") not in ("MonoCut", "MultiCut"):
        raise ManifestError(f"type is {row['type']}, expected MonoCut or MultiCut: save its audio with Lhotse first")
    start, duration = number(row.get("start")), number(row.get("duration"))
    if start is None or duration is None or not (start >= 0 and 0 < duration < math.inf):
        raise ManifestError(f"the cut spans {row.get('duration')!r} s from {row.get('start')!r} s, expected seconds")
    if not isinstance(row.get("recording"), dict):
        raise ManifestError("the cut has no recording, expected one inside it")
    parts = [row, *(one for one in as_list(row.get("supervisions")) if isinstance(one, dict))]
    for part in parts:
        for name in ("custom", "alignment"):
            if part.get(name) is not None and not isinstance(part[name], dict):
                raise ManifestError(f"{name} is no object")
    said = spoken(row)
    problems = [*supervision_problems(row, said, duration), *overlaps(said)]
    for name, steps in ONE_VALUE.items():
        problems += disagreement(name, steps, said)
    if problems:
        raise ManifestError("; ".join(problems))


def source_of(recording: Mapping[str, Any], channel: int | None, folder: Path) -> tuple[Path, int | None, str]:
    """The file that a cut hears, the channel in it (None: its only one, or all), and what the recording's id lacks.

    Raises:
        ManifestError: no file, or files that only together are what the cut hears.
    """
    if recording.get("transforms"):
        named = [str(walk(step, ("name",))) for step in as_list(recording["transforms"])]
        raise ManifestError(f"the recording has the transforms {', '.join(named)}: save its audio with Lhotse first")
    sources = [source for source in as_list(recording.get("sources")) if isinstance(source, dict)]
    if not sources:
        raise ManifestError("the recording has no sources, expected a file")
    held = [source for source in sources if channel is None or channel in as_list(source.get("channels"))] or sources
    if len(held) > 1:
        raise ManifestError(f"the cut hears {len(held)} files together, expected one: make a cut of each channel")
    source = held[0]
    there = address_of(str(source.get("source"))) if source.get("type") in ("url", PLACE) else None
    if (there is None and source.get("type") != "file") or not isinstance(source.get("source"), str):
        raise ManifestError(f"its recording comes from a source of type {source.get('type')!r}, expected a file")
    numbers = as_list(source.get("channels"))
    place = numbers.index(channel) if channel is not None and channel in numbers else channel
    apart = f"-c{channel}" if len(sources) > 1 else ""
    return there or found_audio(source["source"], folder), place, apart


def channel_of(row: Mapping[str, Any]) -> int | None:
    """The one channel that a cut hears; None: all of its recording's, as the import's setting says.

    Raises:
        ManifestError: some of several.
    """
    own = row.get("channel")
    listed = own if isinstance(own, list) else [] if own is None else [own]
    if any(isinstance(one, bool) or not isinstance(one, int) or one < 0 for one in listed):
        raise ManifestError(f"the channel is {own!r}, expected a number from 0, or a list of them")
    known = {one for source in as_list(walk(row, ("recording", "sources"))) for one in as_list(source.get("channels"))}
    if len(listed) == 1:
        return int(listed[0])
    if known and listed and set(listed) != known:
        raise ManifestError(f"the cut hears the channels {listed} of {sorted(known)}, expected one or all")
    return None


def facts_of(said: Sequence[Spoken], duration: Seconds) -> dict[str, Any]:
    """What supervisions of a cut give an item: text, language, speaker, labels, words, and `extra` for the rest."""
    fields = [one.fields for one in said]
    texts = [str(one["text"]) for one in fields if one.get("text") is not None]
    found: dict[str, Any] = {"text": " ".join(texts) if texts else None}
    for name in ("language", "speaker"):
        found[name] = _first(fields, (name,))
    custom = [object_in(one, "custom") for one in fields]
    for name in ("target_language", "sound_original"):
        found[name] = _first(custom, (name,))
    targets = [str(one["target_text"]) for one in custom if one.get("target_text") is not None]
    found["target_text"] = " ".join(targets) if targets else None
    sounds = [label for one in custom for label in as_list(one.get("sound"))]
    found["sound"] = sounds or None
    items = [item for one in fields for item in as_list(walk(one, ("alignment", "word")))]
    found["words"] = tuple(_word(item) for item in items)
    left = [rest for one in fields if (rest := _rest(one))]
    found["extra"] = {"supervision": left[0] if len(fields) == 1 else left} if left else {}
    if times := _sound_times(said, duration):
        found["extra"]["sound_times"] = times
    return found


def _sound_times(said: Sequence[Spoken], duration: Seconds) -> list[list[Any]]:
    """When each sound is heard in a cut: name, start, duration (seconds). None where all last for the whole cut."""
    timed: list[tuple[list[Any], bool]] = []
    for one in said:
        start, given = one.span or (0.0, None)
        length = duration - start if given is None else given
        partly = start > SLACK or start + length < duration - SLACK
        timed += [([str(label), start, length], partly) for label in as_list(walk(one.fields, ("custom", "sound")))]
    return [times for times, _ in timed] if any(partly for _, partly in timed) else []


def object_in(row: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The object that a row has under a name; an empty one for everything else."""
    value = row.get(name)
    return value if isinstance(value, dict) else {}


def _first(rows: Sequence[Mapping[str, Any]], steps: tuple[str, ...]) -> str | None:
    value = next((value for row in rows if (value := walk(row, steps)) is not None), None)
    return None if value is None else str(value)


def _word(item: Any) -> tuple[str, Seconds, Seconds]:
    """A word of an alignment: [symbol, start, duration, score]."""
    values = item if isinstance(item, list) else []
    times = [number(value) for value in values[1:3]]
    if len(times) < 2 or None in times or not isinstance(values[0], str):
        raise ManifestError(f"alignment has {str(item)[:80]}, expected [word, start, duration, score]")
    return values[0], times[0] or 0.0, times[1] or 0.0


def _rest(fields: Mapping[str, Any]) -> dict[str, Any]:
    """What an item has no place for."""
    custom = {name: value for name, value in object_in(fields, "custom").items() if name not in LABELS}
    kinds = object_in(fields, "alignment")
    scores = [item[3] if len(item) > 3 else None for item in as_list(kinds.get("word"))]
    found = {
        "gender": fields.get("gender"),
        "alignment": {kind: items for kind, items in kinds.items() if kind != "word"},
        "word_scores": scores if any(score is not None for score in scores) else None,
        "custom": custom,
    }
    return {name: value for name, value in found.items() if value}
