"""NeMo manifests: one JSON object a line.

    {"audio_filepath": "wav/a1.wav", "offset": 0.0, "duration": 2.5, "text": "turn left", "lang": "en", "speaker": "7"}
    {"audio_filepath": "wav/b2.wav", "duration": 3.1, "text": "links", "source_lang": "en", "target_lang": "de"}

Paths are relative to the manifest. A duration without an offset is that of the whole file, and must be: a row that
means the first seconds of a longer file has an offset of 0. A row's `split` names its split; of rows without one the
manifest's own name tells (dev.json), where it is a name of a split. Where source and target language differ, `text` (or
`answer`) is the translation. Fields that the contract has no place for stand in `cut.custom["nemo"]`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from curation.interchange.common import content_of, write_items
from manifests.files import has_file, need_file
from manifests.items import About, Item
from manifests.lines.jsonl import Repeated
from manifests.lines.jsonl import rows as json_rows
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
    "split",
}


def import_nemo(files: Sequence[Path], output: Path, about: About) -> CorpusInfo:
    """Prepare `output/CORPUS` from NeMo manifests; a line that is no JSON object or lacks its audio is a reject.

    Raises:
        MissingFileError: no such manifest, or an empty one.
        SettingsError: a name of a split that is not known.
        OccupiedError: the folder holds another corpus, or something else.
    """
    paths = [need_file(path, what="NeMo manifest") for path in files]
    root = Path(os.path.commonpath([path.absolute().parent for path in paths]))
    source = f"NeMo: {', '.join(path.name for path in paths)}"
    return write_items(
        lambda: (item for path in paths for item in read_nemo(path, about, root)),
        output,
        about,
        source=source,
        inputs=content_of(paths),
    )


def read_nemo(path: Path, about: About, root: Path) -> Iterator[Item | Reject]:
    """Items of one manifest. Ids are MANIFEST-LINE unless rows have an `id`.

    root: a folder that holds this manifest and all others; ids of recordings are paths in there.
    """
    split = about.own_split(path.name.partition(".")[0])
    for number, row in json_rows(path):
        key = f"{path.name.partition('.')[0]}-{number:06}"
        problem = row if isinstance(row, str) else _problem(row)
        if isinstance(row, str) or problem:
            yield about.reject(key, Reason.bad_row, f"{path.name}:{number}: {problem}")
        elif "shard_id" in row and not has_file(path.parent / row["audio_filepath"]):
            yield about.reject(key, Reason.audio_missing, f"{path}:{number}: {_TARRED}")
        else:
            yield _item(row, key, path.absolute().parent, root, place=f"{path}:{number}", split=split)


_TARRED = "a row of a tarred data set (it has a shard_id); unpack the archives beside the manifest first"


def _item(row: dict[str, Any], key: str, folder: Path, root: Path, *, place: str, split: str | None) -> Item:
    name = Path(row["audio_filepath"])
    recording = name if name.is_absolute() else folder.relative_to(root) / name
    source, target = row.get("source_lang") or row.get("lang"), row.get("target_lang")
    said = _text(row, ("text", "answer"))
    length = None if row.get("duration") is None else float(row["duration"])
    translated = bool(source and target and source != target)
    given = row.get("id")
    return Item(
        key=key if given in (None, "") else str(given),
        place=place,
        recording=str(recording.with_suffix("")).lstrip("/"),
        audio=folder / name,
        channel=row.get("channel_selector"),
        start=float(row.get("offset") or 0.0),
        duration=length,
        recording_claimed=length if row.get("offset") is None else None,
        text=None if translated else said,
        target_text=said if translated else None,
        language=source,
        target_language=target if translated else None,
        speaker=None if row.get("speaker") is None else str(row["speaker"]),
        split=str(row["split"]) if row.get("split") else split,
        task="st" if translated else None,
        extra={"nemo": {name: value for name, value in row.items() if name not in USED}} if set(row) - USED else {},
    )


def _problem(row: dict[str, Any]) -> str | None:
    if isinstance(row, Repeated):
        return f"the key `{row.key}` occurs twice"
    if not isinstance(row.get("audio_filepath"), str) or not row["audio_filepath"]:
        return f"audio_filepath is {row.get('audio_filepath')!r}, expected a path"
    for name in ("id", "split", "speaker", "lang", "source_lang", "target_lang", "text", "answer"):
        if isinstance(row.get(name), list | dict):
            return f"{name} is a {type(row[name]).__name__}, expected text"
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
