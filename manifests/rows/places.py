"""Where a row's audio files are: the one rule for relative paths.

A relative path is looked for in the corpus's folder, then in the folder where the command runs. What is in neither
counts as the corpus folder's, so that a message names the place where it belongs. Passes, the catalog (whose
`source_path` is absolute for that reason), imports and calibration all ask here.
"""

from __future__ import annotations

import json
import posixpath
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from manifests.places import PLACE, as_sound, is_place

Row = Mapping[str, Any]


def found_audio(name: str, folder: Path) -> Path:
    """The absolute path of an audio file that a row of the corpus in `folder` names."""
    path = Path(name)
    if path.is_absolute():
        return path
    if getattr(folder, "fs", None) is not None:
        return _in_store(name, folder)
    inside = (folder / path).absolute()
    return path.absolute() if path.is_file() and not inside.is_file() else inside


def _in_store(name: str, folder: Path) -> Path:
    """The file that a list in a store's folder names (see `curation.storage.source_place`); of other addresses none."""
    place: Any = folder
    if "://" in name:
        own = name.startswith(f"{place.protocol}://")
        return cast(Path, type(place)(name, **place.storage_options)) if own else Path(name)
    kind, _, inside = str(place).partition("://")
    bucket, _, key = inside.partition("/")
    within = posixpath.normpath(posixpath.join("/", key, name)).lstrip("/")
    return cast(Path, type(place)(f"{kind}://{bucket}/{within}", **place.storage_options))


def audio_paths(row: Row, folder: Path) -> list[Path]:
    """The files of a cut's recording, whatever else the row says: nobody need have checked it."""
    return [
        found_audio(source["source"], folder) if _is_file(source) else as_sound(source["source"])
        for source in _sources(row)
        if _is_file(source) or _is_place(source)
    ]


def with_found_audio(row: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The row with absolute paths of audio files, as any folder can use it; of a mixed cut in all of its tracks."""
    tracks = row.get("tracks")
    if isinstance(tracks, list):
        row = {**row, "tracks": [_found_track(track, folder) for track in tracks]}
    if not any(_is_file(source) and not Path(source["source"]).is_absolute() for source in _sources(row)):
        return row
    sources = [
        {**source, "source": str(found_audio(source["source"], folder))} if _is_file(source) else source
        for source in _sources(row)
    ]
    return {**row, "recording": {**row["recording"], "sources": sources}}


def line_with_found_audio(line: str, folder: Path) -> str:
    """The same for a row as JSON."""
    return json.dumps(with_found_audio(json.loads(line), folder), ensure_ascii=False)


def _found_track(track: Any, folder: Path) -> Any:
    cut = track.get("cut") if isinstance(track, dict) else None
    return {**track, "cut": with_found_audio(cut, folder)} if isinstance(cut, dict) else track


def _sources(row: Row) -> list[Any]:
    recording = row.get("recording")
    sources = recording.get("sources") if isinstance(recording, dict) else None
    return sources if isinstance(sources, list) else []


def _is_place(source: Any) -> bool:
    named = isinstance(source, dict) and source.get("type") == PLACE and isinstance(source.get("source"), str)
    return named and is_place(source["source"])


def _is_file(source: Any) -> bool:
    return isinstance(source, dict) and source.get("type") == "file" and isinstance(source.get("source"), str)
