"""NeMo manifests: one JSON object a line.

    {"audio_filepath": "wav/a1.wav", "offset": 0.0, "duration": 2.5, "text": "turn left", "lang": "en", "speaker": "7"}
    {"audio_filepath": "wav/b2.wav", "duration": 3.1, "text": "links", "source_lang": "en", "target_lang": "de"}

Paths are relative to the manifest. Where source and target language differ, `text` (or `answer`) is the translation.
Fields that the contract has no place for stand in `cut.custom["nemo"]`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from curation.interchange.common import About, Item, write_items
from manifests.files import need_file, open_text
from manifests.reasons import Reason
from manifests.rows import CorpusInfo, Reject

USED = {
    "id",
    "audio_filepath",
    "channel_selector",
    "offset",
    "duration",
    "text",
    "answer",
    "lang",
    "source_lang",
    "target_lang",
    "speaker",
}


def import_nemo(files: Sequence[Path], output: Path, about: About) -> CorpusInfo:
    """Prepare `output/CORPUS` from NeMo manifests; a line that is no JSON object or lacks its audio is a reject.

    Raises:
        MissingFileError: no such manifest, or an empty one.
    """
    paths = [need_file(path, what="NeMo manifest") for path in files]
    items = (item for path in paths for item in read_nemo(path, about))
    return write_items(items, output, about, source=f"NeMo: {', '.join(path.name for path in paths)}")


def read_nemo(path: Path, about: About) -> Iterator[Item | Reject]:
    """Items of one manifest. Ids are MANIFEST-LINE unless rows have an `id`."""
    with open_text(path, "r") as lines:
        for number, line in enumerate(lines, 1):
            key = f"{path.name.partition('.')[0]}-{number:06}"
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except ValueError as error:
                yield about.reject(key, Reason.bad_row, f"{path.name}:{number}: not valid JSON ({error})")
                continue
            yield _item(row, key, path, about)


def _item(row: Any, key: str, path: Path, about: About) -> Item | Reject:
    problem = _problem(row)
    if problem:
        return about.reject(key, Reason.bad_row, f"{path.name}: {problem}")
    name = row["audio_filepath"]
    source, target = row.get("source_lang") or row.get("lang"), row.get("target_lang")
    said = _text(row, ("text", "answer"))
    translated = bool(source and target and source != target)
    return Item(
        key=str(row.get("id") or key),
        recording=str(Path(name).with_suffix("")).lstrip("/"),
        audio=path.parent / name,
        channel=row.get("channel_selector"),
        start=float(row.get("offset") or 0.0),
        duration=None if row.get("duration") is None else float(row["duration"]),
        text=None if translated else said,
        target_text=said if translated else None,
        language=source,
        target_language=target if translated else None,
        speaker=None if row.get("speaker") is None else str(row["speaker"]),
        task="st" if translated else None,
        extra={"nemo": {name: value for name, value in row.items() if name not in USED}} if set(row) - USED else {},
    )


def _problem(row: Any) -> str | None:
    if not isinstance(row, dict):
        return f"found {type(row).__name__}, expected a JSON object"
    if not isinstance(row.get("audio_filepath"), str) or not row["audio_filepath"]:
        return f"audio_filepath is {row.get('audio_filepath')!r}, expected a path"
    for name in ("offset", "duration"):
        value = row.get(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            return f"{name} is {value!r}, expected seconds"
    channel = row.get("channel_selector")
    if channel is not None and (isinstance(channel, bool) or not isinstance(channel, int) or channel < 0):
        return f"channel_selector is {channel!r}, expected the number of one channel, from 0"
    return None


def _text(row: dict[str, Any], names: Iterable[str]) -> str | None:
    found = next((row[name] for name in names if row.get(name) is not None), None)
    return None if found is None else str(found)
