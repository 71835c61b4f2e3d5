"""Hugging Face datasets in: a saved dataset, a folder of Parquet files, or a dataset of the Hub by its name.

Columns named like columns of `cuts` (text, language, speaker, target_text, task, ...) are understood; others are named
in `columns`, e.g. {"text": "sentence", "speaker": "client_id"}. What is left over stands in `cut.custom["columns"]`; a
column of what JSON cannot hold (times, decimals, bytes) is an error until it is left out or cast. A length that rows
state (a column `duration`, `duration_ms`, ..., or what `columns` names as `duration`, in seconds) must be that of the
audio. Splits are the dataset's own, or a column `split`: of a dataset of one part, or one that `columns` names.
Audio that lies inside the dataset is written to CORPUS/audio, byte for byte.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curation.interchange.archives.parquet import RowLayout, import_rows
from curation.interchange.archives.stream import open_stream
from curation.interchange.columns import FIELDS, NAMES, claimed, unknown_columns
from curation.interchange.common import write_items
from curation.interchange.loading import load, unfit
from curation.interchange.stored import stored_audio
from manifests.errors import InputError, ManifestError, SettingsError
from manifests.fingerprint import fingerprint
from manifests.items import About, Item
from manifests.reasons import Reason
from manifests.rows import CorpusInfo, Reject
from manifests.rows.places import found_audio

if TYPE_CHECKING:
    from datasets import Dataset, DatasetDict


def import_huggingface(
    source: str,
    output: Path,
    about: About,
    *,
    columns: Mapping[str, str] | None = None,
    without: Collection[str] = (),
    streaming: bool = False,
) -> CorpusInfo:
    """Prepare `output/CORPUS` from a dataset: a folder (save_to_disk, or Parquet files), or a name of the Hub.

    A dataset's own splits are kept (validation is dev); rows of a dataset without splits get About's.

    Args:
        source: the folder or name.
        output: the corpora folder.
        about: of the corpus.
        columns: field -> column.
        without: columns to leave out.
        streaming: rows come a few at a time, and `datasets` makes no copy of its own of Parquet files or of what it
            fetches. The corpus is the same.

    Raises:
        InputError: no such dataset.
        ManifestError: no column with audio, or a column of what a manifest cannot hold.
        SettingsError: `columns` names something that is no field, or no column; a name of a split that is not known.
        OccupiedError: the folder holds another corpus, or something else.
    """
    if "://" in source:
        raise InputError(
            f"{source}: expected a folder, or a name of the Hub. Parquet files of a store are of the kind `parquet`."
        )
    if streaming:
        parts, content = open_stream(source)
        known_by = str(Path(source).absolute()) if Path(source).is_dir() else source
        layout = RowLayout(columns or {}, without)
        named = f"Hugging Face: {Path(source).name}"
        return import_rows(parts, output, about, layout, source=named, inputs={known_by: content}, strict=True)
    return import_dataset(load(source), output, about, columns=columns, without=without, source=source)


def import_dataset(
    dataset: DatasetDict | Dataset,
    output: Path,
    about: About,
    *,
    columns: Mapping[str, str] | None = None,
    without: Collection[str] = (),
    source: str = "",
) -> CorpusInfo:
    """As `import_huggingface`, of a dataset that is loaded already.

    source: the folder or name it is from; what comes without one is known by its content alone.

    Raises:
        ManifestError, SettingsError, OccupiedError: as `import_huggingface`.
    """
    tables = dict(dataset) if isinstance(dataset, dict) else {"": dataset}
    absent = sorted(set(without) - {column for table in tables.values() for column in table.column_names})
    if absent:
        raise SettingsError(f"without names {', '.join(absent)}, which is no column of the dataset.")
    parts = [
        _part(name, table.remove_columns([c for c in without if c in table.column_names]), columns or {}, len(tables))
        for name, table in tables.items()
    ]
    _refuse_unfit(parts)
    default = about.own_split(Path(source).name)
    content = fingerprint({part.name: part.table._fingerprint for part in parts})
    known_by = str(Path(source).absolute()) if source and Path(source).is_dir() else source or f"dataset {content[:12]}"
    return write_items(
        (
            item
            for part in parts
            for item in _items(part, output / about.corpus / "audio", about, default, Path(source))
        ),
        output,
        about,
        source=f"Hugging Face: {Path(source).name or 'datasets'}",
        inputs={known_by: content},
        names=_split_names(parts, default),
    )


@dataclass(frozen=True)
class _Part:
    """One table of a dataset."""

    name: str  # of the split; "" in a dataset without
    table: Dataset
    columns: dict[str, str]  # field -> column
    split: str | None  # the column that names each row's split

    def place(self, number: int) -> str:
        """A row as messages name it."""
        return f"row {number} of {self.name or 'the dataset'}"


def _part(name: str, table: Dataset, columns: Mapping[str, str], parts: int) -> _Part:
    import datasets

    fields = _names(table, columns)
    own = fields.get("split") if parts == 1 or "split" in columns else None
    return _Part(name, table.cast_column(fields["audio"], datasets.Audio(decode=False)), fields, own)


def _names(part: Dataset, columns: Mapping[str, str]) -> dict[str, str]:
    """Field -> column."""
    import datasets

    unknown_columns(columns, part.column_names)
    names = {name: name for name in NAMES if name in part.column_names} | dict(columns)
    if "audio" not in names:
        found = [name for name, feature in part.features.items() if isinstance(feature, datasets.Audio)]
        if not found:
            raise ManifestError(f"no column of audio among {', '.join(part.column_names)}. Name it with audio=COLUMN.")
        names["audio"] = found[0]
    return names


def _refuse_unfit(parts: Iterable[_Part]) -> None:
    """Refuse columns of what a manifest cannot hold, before anything is written.

    Raises:
        ManifestError: all of them, with what they hold.
    """
    found = {message: None for part in parts for message in _unfit_columns(part)}
    if found:
        raise ManifestError(
            "Columns of what a manifest cannot hold:\n  " + "\n  ".join(found) + "\n"
            "Cast them (`dataset.cast_column`), or leave them out with the setting `without`."
        )


def _unfit_columns(part: _Part) -> Iterator[str]:
    fields = {column: field for field, column in part.columns.items() if field != "sound"}
    for column in part.table.data.schema:
        if column.name == part.columns["audio"]:
            continue
        kind = unfit(column.type, single=column.name in fields)
        if kind is not None:
            wanted = f"text for the field {fields[column.name]}" if column.name in fields else "text, numbers or lists"
            yield f"column {column.name!r} holds {kind}, expected {wanted}"


def _split_names(parts: Iterable[_Part], default: str | None) -> dict[str, str]:
    """Names of splits ("" for none) -> the first place that has it."""
    found: dict[str, str] = {}
    for part in parts:
        rows = part.table.select_columns([part.split]) if part.split else [{}]
        for number, row in enumerate(rows):
            found.setdefault(_own_split(part, row, default), part.place(number))
    return found


def _own_split(part: _Part, row: Mapping[str, Any], default: str | None) -> str:
    value = _plain(part, part.split, row[part.split]) if part.split else None
    return part.name or default or "" if value in (None, "") else str(value)


def _items(part: _Part, folder: Path, about: About, default: str | None, root: Path) -> Iterator[Item | Reject]:
    """folder: where audio from inside the dataset is written; root: the dataset's own, if it has one."""
    for number, row in enumerate(part.table):
        given = row.get(part.columns.get("id", ""))
        key = f"{part.name or 'row'}-{number:06}" if given in (None, "") else str(given)
        audio = row.pop(part.columns["audio"])
        split = _own_split(part, row, default)
        if not audio or not (audio.get("bytes") or audio.get("path")):
            yield about.reject(key, Reason.audio_missing, f"{part.place(number)} has no audio")
        elif about.leaves_out(split):
            yield about.reject(key, Reason.out_of_scope, f"{part.place(number)}: split {split!r} is left out")
        else:
            yield _item(row, key, _audio(audio, folder, root), part, place=part.place(number), split=split)


def _item(row: dict[str, Any], key: str, audio: Path, part: _Part, *, place: str, split: str) -> Item:
    names = part.columns
    row = {column: _plain(part, column, value) for column, value in row.items()}
    values: dict[str, Any] = {field: row.get(names[field]) for field in FIELDS if field in names}
    sound = values.pop("sound", None)
    texts: dict[str, Any] = {field: None if value is None else str(value) for field, value in values.items()}
    used = {names[field] for field in (*FIELDS, "split", "id", "license") if field in names}
    left = {column: value for column, value in row.items() if column not in used and value is not None}
    return Item(
        key=key,
        place=place,
        recording=key,
        audio=audio,
        split=split or None,
        claimed=claimed(row, names.get("duration")),
        sound=[sound] if isinstance(sound, str) else sound or None,
        license=row.get(names.get("license", "")),
        extra={"columns": left} if left else {},
        **texts,
    )


def _plain(part: _Part, column: str | None, value: Any) -> Any:
    """A value; of a column of classes the class's name."""
    import datasets

    feature = part.table.features.get(column)
    inner = getattr(feature, "feature", feature)  # of a list
    if not isinstance(inner, datasets.ClassLabel) or value is None:
        return value
    return [inner.int2str(one) for one in value] if isinstance(value, list) else inner.int2str(value)


def _audio(audio: Mapping[str, Any], folder: Path, root: Path) -> Path:
    """The file of a row's audio: where the dataset says it is, or written out of it under the hash of its bytes."""
    data = audio.get("bytes")
    if data is None:
        return found_audio(audio["path"], root)
    return stored_audio(data, audio.get("path") or "", folder)
