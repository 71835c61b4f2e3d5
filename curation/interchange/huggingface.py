"""Hugging Face datasets in: a saved dataset, a folder of Parquet files, or a dataset of the Hub by its name.

Columns named like columns of `cuts` (text, language, speaker, target_text, task, ...) are understood; others are named
in `columns`, e.g. {"text": "sentence", "speaker": "client_id"}. What is left over stands in `cut.custom["columns"]`.
Audio that lies inside the dataset is written to CORPUS/audio, byte for byte.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curation.interchange.common import About, Item, write_items
from manifests.errors import InputError, ManifestError, SettingsError
from manifests.files import atomic_write
from manifests.reasons import Reason
from manifests.rows import CorpusInfo, Reject

if TYPE_CHECKING:
    from datasets import Dataset, DatasetDict

SPLITS = {"validation": "dev", "valid": "dev", "val": "dev", "dev": "dev", "test": "test", "train": "train"}
FIELDS = ("text", "language", "speaker", "target_text", "target_language", "sound", "sound_original", "task", "domain")
NAMES = ("audio", "id", "split", "license", *FIELDS)
_MAGIC = ((b"RIFF", ".wav"), (b"fLaC", ".flac"), (b"OggS", ".ogg"), (b"ID3", ".mp3"), (b"\xff", ".mp3"))


def import_huggingface(
    source: str, output: Path, about: About, *, columns: Mapping[str, str] | None = None
) -> CorpusInfo:
    """Prepare `output/CORPUS` from a dataset: a folder (save_to_disk, or Parquet files), or a name of the Hub.

    A dataset's own splits are kept (validation is dev); rows of a dataset without splits get About's.

    Raises:
        InputError: no such dataset.
        ManifestError: no column with audio.
        SettingsError: `columns` names something that is no field, or no column.
    """
    return import_dataset(_load(source), output, about, columns=columns, source=source)


def import_dataset(
    dataset: DatasetDict | Dataset,
    output: Path,
    about: About,
    *,
    columns: Mapping[str, str] | None = None,
    source: str = "datasets",
) -> CorpusInfo:
    """As `import_huggingface`, of a dataset that is loaded already.

    Raises:
        ManifestError, SettingsError: as `import_huggingface`.
    """
    parts = dict(dataset) if isinstance(dataset, dict) else {"": dataset}
    named = {name: _names(part, columns or {}) for name, part in parts.items()}
    folder = output / about.corpus / "audio"
    items = (item for name, part in parts.items() for item in _items(part, name, named[name], folder, about))
    return write_items(items, output, about, source=f"Hugging Face: {Path(source).name}")


def _load(source: str) -> DatasetDict | Dataset:
    import datasets

    folder = Path(source)
    try:
        if any((folder / name).is_file() for name in ("dataset_dict.json", "state.json")):
            return datasets.load_from_disk(source)
        return datasets.load_dataset(source)
    except (FileNotFoundError, ValueError, ConnectionError, datasets.exceptions.DatasetsError) as error:
        raise InputError(
            f"{source} is no dataset that can be loaded ({error}). Expected a folder that save_to_disk wrote, a folder "
            "of Parquet files, or a name of the Hub."
        ) from error


def _names(part: Dataset, columns: Mapping[str, str]) -> dict[str, str]:
    """Field -> column."""
    import datasets

    unknown = [f"{field}={column}" for field, column in columns.items() if field not in NAMES]
    absent = [f"{field}={column}" for field, column in columns.items() if column not in part.column_names]
    if unknown or absent:
        raise SettingsError(
            f"columns {', '.join(unknown or absent)}: expected FIELD=COLUMN with a field of {', '.join(NAMES)} and a "
            f"column of {', '.join(part.column_names)}."
        )
    names = {name: name for name in NAMES if name in part.column_names} | dict(columns)
    if "audio" not in names:
        found = [name for name, feature in part.features.items() if isinstance(feature, datasets.Audio)]
        if not found:
            raise ManifestError(f"no column of audio among {', '.join(part.column_names)}. Name it with audio=COLUMN.")
        names["audio"] = found[0]
    return names


def _items(part: Dataset, name: str, names: Mapping[str, str], folder: Path, about: About) -> Iterator[Item | Reject]:
    import datasets

    part = part.cast_column(names["audio"], datasets.Audio(decode=False))
    split = SPLITS.get(re.split(r"[-._]", name)[0].lower()) if name else None
    for number, row in enumerate(part):
        given = row.get(names.get("id", ""))
        key = str(given) if given else f"{name or 'row'}-{number:06}"
        audio = row.pop(names["audio"])
        if not audio or not (audio.get("bytes") or audio.get("path")):
            yield about.reject(key, Reason.audio_missing, f"row {number} of {name or 'the dataset'} has no audio")
            continue
        yield _item(row, key, _audio(audio, folder), names, split or _own_split(row, names))


def _item(row: dict[str, Any], key: str, audio: Path, names: Mapping[str, str], split: str | None) -> Item:
    values: dict[str, Any] = {field: row.get(names[field]) for field in FIELDS if field in names}
    sound = values.pop("sound", None)
    texts: dict[str, Any] = {field: None if value is None else str(value) for field, value in values.items()}
    used = {names[field] for field in (*FIELDS, "split", "id", "license") if field in names}
    left = {column: value for column, value in row.items() if column not in used and value is not None}
    return Item(
        key=key,
        recording=key,
        audio=audio,
        split=split,
        sound=[sound] if isinstance(sound, str) else sound or None,
        license=row.get(names.get("license", "")),
        extra={"columns": left} if left else {},
        **texts,
    )


def _own_split(row: Mapping[str, Any], names: Mapping[str, str]) -> str | None:
    value = row.get(names.get("split", ""))
    return None if value is None else SPLITS.get(str(value), str(value))


def _audio(audio: Mapping[str, Any], folder: Path) -> Path:
    """The file of a row's audio: where the dataset says it is, or written out of it under the hash of its bytes."""
    data = audio.get("bytes")
    if data is None:
        return Path(audio["path"])
    suffix = Path(audio.get("path") or "").suffix or next(
        (ending for magic, ending in _MAGIC if data.startswith(magic)), ".wav"
    )
    path = folder / f"{sha256(data).hexdigest()[:24]}{suffix}"
    if not path.is_file():
        with atomic_write(path) as temporary:
            temporary.write_bytes(data)
    return path
