"""NeMo manifests: one JSON object a line.

    {"audio_filepath": "wav/a1.wav", "offset": 0.0, "duration": 2.5, "text": "turn left", "lang": "en", "speaker": "7"}
    {"audio_filepath": "wav/b2.wav", "duration": 3.1, "text": "links", "source_lang": "en", "target_lang": "de"}

Paths are relative to the manifest. A duration without an offset is that of the whole file, and must be: a row that
means the first seconds of a longer file has an offset of 0. A row's `split` names its split; of rows without one the
manifest's own name tells (dev.json), where it is a name of a split. Where source and target language differ, `text` (or
`answer`) is the translation. Fields that the contract has no place for stand in `cut.custom["nemo"]`. A row with
`_skipme` is left out.

Tarred data sets: `audio_filepath` is the name of a member of a tar, whose number is the row's `shard_id` or that of the
manifest (`manifest_3.json`, `audio_3.tar`). NAME-sub2.wav is the second row of the member NAME.wav.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from curation.interchange.archives import expand
from curation.interchange.archives.nemo import TarredRows, TarShards, found_tars
from curation.interchange.common import common_folder, content_of, place_of, write_items
from curation.interchange.stored import need_readable
from curation.storage import source_place
from manifests.files import has_file, need_file
from manifests.items import About, Item
from manifests.items.corpus import names_of
from manifests.lines.jsonl import Repeated
from manifests.lines.jsonl import rows as json_rows
from manifests.reasons import Reason
from manifests.rows import AUDIO, CorpusInfo, Reject

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
    "source_text",
    "target_lang",
    "speaker",
    "split",
    "_skipme",
    "shard_id",
    "soundwave",
}
OWN = "soundwave"  # the key of facts that NeMo has no name for, as an export of ours writes them
_FACTS = ("corpus", "task", "domain", "license", "sound_original")


def import_nemo(files: Sequence[Path], output: Path, about: About, tars: Sequence[Path] = ()) -> CorpusInfo:
    """Prepare `output/CORPUS` from NeMo manifests; a line that is no JSON object or lacks its audio is a reject.

    Args:
        files: manifests, or patterns of them (`manifest__OP_0..7_CL_.json`).
        output: the corpora folder.
        about: of the corpus.
        tars: tar files of the audio, or patterns of them; without any, those that stand beside a manifest or its folder
            by their names (`audio_3.tar`) are used for rows whose file is not there.

    Raises:
        MissingFileError: no such manifest or tar, or an empty one.
        SettingsError: a name of a split that is not known; two tars of one number.
        OccupiedError: the folder holds another corpus, or something else.
    """
    paths, root = open_manifests(files)
    shards = {path: found_tars(path, tars) for path in paths}
    archives = {tar: None for found in shards.values() for tar in found.paths}
    need_readable(archives)
    audio = output / about.corpus / AUDIO

    def read(folder: Path | None) -> Iterator[Item | Reject]:
        for path in paths:
            yield from read_nemo(path, about, root, shards[path], folder)

    return write_items(
        lambda: read(audio),
        output,
        about,
        source=f"NeMo: {', '.join(path.name for path in paths)}",
        inputs=content_of([*paths, *archives]),
        names=names_of(read(None))[0] if archives else None,  # their audio is written as it is read
    )


def open_manifests(files: Sequence[Path]) -> tuple[list[Path], Path]:
    """The manifests that names and patterns stand for, and the folder that holds them all.

    Raises:
        MissingFileError: no such manifest, or an empty one.
    """
    names = [name for file in files for name in ([file] if has_file(file) else map(source_place, expand(str(file))))]
    paths = [need_file(path, what="NeMo manifest") for path in names]
    return paths, common_folder(paths)


def read_nemo(
    path: Path, about: About, root: Path, tars: TarShards | None = None, folder: Path | None = None
) -> Iterator[Item | Reject]:
    """Items of one manifest. Ids are MANIFEST-LINE unless rows have an `id`.

    Args:
        path: the manifest.
        about: of the corpus.
        root: a folder that holds this manifest and all others; ids of recordings are paths in there.
        tars: archives of its audio.
        folder: where audio from archives is written; None: it is not, and items name no file.
    """
    waiting = TarredRows(about, folder, root)
    for found in _rows(path, about):
        if isinstance(found, Reject):
            yield found
            continue
        key, row, place, split = found
        name = row["audio_filepath"]
        tar = None if tars is None else tars.of(name, row.get("shard_id"), path)
        if row.get("_skipme"):
            yield about.reject(key, Reason.out_of_scope, f"{place}: the row says `_skipme`")
        elif tar is None and "shard_id" in row and not has_file(place_of(name, path.absolute().parent)):
            yield about.reject(key, Reason.audio_missing, f"{place}: {_TARRED}")
        else:
            item = _item(row, key, path.absolute().parent, root, about, place=place, split=split)
            if tar is None:
                yield item
            else:
                yield from waiting.add(tar, name, item)
    yield from waiting.rest()


def _rows(path: Path, about: About) -> Iterator[tuple[str, dict[str, Any], str, str | None] | Reject]:
    """Id, row, place and split of each line; or why it cannot be read."""
    stem = path.name.partition(".")[0]
    split = about.own_split(stem)
    for number, row in json_rows(path):
        key = f"{stem}-{number:06}"
        problem = row if isinstance(row, str) else _problem(row)
        if isinstance(row, str) or problem:
            yield about.reject(key, Reason.bad_row, f"{path.name}:{number}: {problem}")
        else:
            yield key, row, f"{path}:{number}", split


_TARRED = "a row of a tarred data set (it has a shard_id); name its archives with the setting `tars`"


def _item(
    row: dict[str, Any], key: str, folder: Path, root: Path, about: About, *, place: str, split: str | None
) -> Item:
    name = Path(row["audio_filepath"])
    recording = name if name.is_absolute() else Path(str(folder).removeprefix(str(root)).lstrip("/"), name)
    source, target = row.get("source_lang") or row.get("lang"), row.get("target_lang")
    said = _text(row, ("text", "answer"))
    answer = row.get("answer") if row.get("text") is not None else None
    length = None if row.get("duration") is None else float(row["duration"])
    translated = bool(source and target and source != target)
    given = row.get("id")
    facts = row.get(OWN) or {}
    own = f"{about.corpus}-" if facts.get("corpus") == about.corpus else ""
    labels = {name: facts[name] for name in ("domain", "license", "sound", "sound_original") if name in facts}
    return Item(
        key=key if given in (None, "") else str(given).removeprefix(own),
        place=place,
        recording=str(recording.with_suffix("")).lstrip("/"),
        audio=place_of(row["audio_filepath"], folder),
        channel=row.get("channel_selector"),
        start=float(row.get("offset") or 0.0),
        duration=length,
        recording_claimed=length if row.get("offset") is None else None,
        text=row.get("source_text") if translated else said,
        target_text=said if translated else answer,
        language=source,
        target_language=target if translated or answer is not None else None,
        speaker=None if row.get("speaker") is None else str(row["speaker"]),
        split=str(row["split"]) if row.get("split") else split,
        task=facts.get("task") or ("st" if translated else None),
        extra={"nemo": {name: value for name, value in row.items() if name not in USED}} if set(row) - USED else {},
        **labels,
    )


def _problem(row: dict[str, Any]) -> str | None:
    if isinstance(row, Repeated):
        return f"the key `{row.key}` occurs twice"
    if not isinstance(row.get("audio_filepath"), str) or not row["audio_filepath"]:
        return f"audio_filepath is {row.get('audio_filepath')!r}, expected a path"
    for name in ("id", "split", "speaker", "lang", "source_lang", "source_text", "target_lang", "text", "answer"):
        if isinstance(row.get(name), list | dict):
            return f"{name} is a {type(row[name]).__name__}, expected text"
    for name in ("offset", "duration"):
        value = row.get(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            return f"{name} is {value!r}, expected seconds"
    channel = row.get("channel_selector")
    if channel is not None and (isinstance(channel, bool) or not isinstance(channel, int) or channel < 0):
        return f"channel_selector is {channel!r}, expected the number of one channel, from 0"
    return _own_problem(row.get(OWN) or {})


def _own_problem(facts: Any) -> str | None:
    """What is wrong with the facts that an export of ours wrote."""
    if not (isinstance(facts, dict) and all(isinstance(facts.get(name), str | None) for name in _FACTS)):
        return f"{OWN} is no object of texts"
    sound = facts.get("sound", [])
    fits = isinstance(sound, list) and all(isinstance(one, str) for one in sound)
    return None if fits else f"{OWN}.sound is no list of texts"


def _text(row: dict[str, Any], names: Iterable[str]) -> str | None:
    found = next((row[name] for name in names if row.get(name) is not None), None)
    return None if found is None else str(found)
