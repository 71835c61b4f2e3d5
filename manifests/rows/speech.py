"""The row of a cut as a manifest has it: what Lhotse's `MonoCut.to_dict()` gives, made without Lhotse.

Lhotse comes with torch, which takes seconds and half a gigabyte to load, and its rows are copied value by value. A
command that makes a million rows needs none of that; what must hear a cut makes one of the row (`as_cut`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from manifests.units import Seconds

if TYPE_CHECKING:
    from lhotse import MonoCut

Word = tuple[str, Seconds, Seconds]  # a word, its start in the cut, its length


def speech_row(
    *,
    cut_id: str,
    recording: Mapping[str, Any],
    corpus: str,
    split: str,
    task: str,
    license: str,
    audio_sha256: str,
    text: str | None = None,
    language: str | None = None,
    speaker: str | None = None,
    target_text: str | None = None,
    target_language: str | None = None,
    sound: list[str] | None = None,
    sound_original: str | None = None,
    domain: str | None = None,
    channel: int = 0,
    start: Seconds = 0.0,
    duration: Seconds | None = None,
    words: Sequence[Word] = (),
) -> dict[str, Any]:
    """The row of a cut: one supervision over the whole of it, our fields in `custom`; what is None is left out.

    recording: its row (`AudioFacts.recording_row`).
    """
    length = recording["duration"] - start if duration is None else duration
    said = {"id": cut_id, "recording_id": recording["id"], "start": 0.0, "duration": length, "channel": channel}
    labels = _given(
        target_text=target_text, target_language=target_language, sound=sound, sound_original=sound_original
    )
    times = {"word": [[word, begin, round(long, ndigits=8), None] for word, begin, long in words]} if words else None
    said |= _given(text=text, language=language, speaker=speaker, custom=labels or None, alignment=times)
    facts = {"corpus": corpus, "split": split, "task": task, "domain": domain or task, "license": license}
    return {
        "id": cut_id,
        "start": start,
        "duration": length,
        "channel": channel,
        "supervisions": [said],
        "recording": recording,
        "custom": facts | {"audio_sha256": audio_sha256},
        "type": "MonoCut",
    }


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def as_cut(row: Mapping[str, Any]) -> MonoCut:
    """Lhotse's cut of a row, which stays as it is."""
    from lhotse import MonoCut, Recording, SupervisionSegment

    said = [SupervisionSegment.from_dict(one) for one in row["supervisions"]]
    fields = {name: row[name] for name in ("id", "start", "duration", "channel")}
    recording = Recording.from_dict(dict(row["recording"]))
    return MonoCut(**fields, supervisions=said, recording=recording, custom=dict(row["custom"]))
