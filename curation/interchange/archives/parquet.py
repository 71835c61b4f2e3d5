"""Parquet in: rows with the bytes of their sound, as Hugging Face datasets are stored, and others.

    audio: {bytes, path}    a file's bytes (as `datasets` writes it), or the path of one
    audio: binary           a file's bytes
    audio: string           the path of a file, from the Parquet file's folder on

The column of sound is `audio`, what the file calls one, or the first of the first kind; `columns` names another. All
other columns are read as `huggingface` reads them, and ids are the same: SPLIT-ROW unless there is a column `id`. Rows
are read a few at a time, so memory grows with a row group at most, not with the file; the sound is written to
CORPUS/audio, byte for byte.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from curation.interchange.archives import expand, found_in
from curation.interchange.columns import NAMES, item_of, text_row, unknown_columns
from curation.interchange.common import content_of, write_items
from curation.interchange.loading import split_name, unfit
from curation.interchange.stored import stored_audio
from curation.storage import source_place
from manifests.errors import ManifestError, SettingsError, reading
from manifests.files import has_file, need_file
from manifests.items import About, Item
from manifests.reasons import Reason
from manifests.rows import AUDIO, CorpusInfo, Reject, TextRow
from manifests.rows.places import found_audio

BATCH = 16  # rows in hand: each holds a whole file of sound
BUFFER = 1 << 20  # bytes read at a time of each column
_BINARY = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_fixed_size_binary)


@dataclass(frozen=True)
class RowLayout:
    """How rows are read."""

    columns: Mapping[str, str] = field(default_factory=dict)  # field -> column
    without: Collection[str] = ()  # columns to leave out


@dataclass(frozen=True)
class RowTable:
    """Rows that are read a few at a time."""

    place: str  # of the table, for messages
    folder: Path  # where relative paths begin
    schema: pa.Schema
    rows: Callable[[Sequence[str]], Iterator[dict[str, Any]]]  # names of columns -> their values, row by row

    @property
    def features(self) -> Mapping[str, Any]:
        """What `datasets` says of the columns, where it wrote the table."""
        try:
            found = json.loads((self.schema.metadata or {})[b"huggingface"])["info"]["features"]
        except (KeyError, TypeError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}


@dataclass(frozen=True)
class RowPart:
    """The tables of one split, as far as names tell."""

    name: str  # of the split; else what the files are called; "" where they are numbered only
    tables: list[RowTable]
    root: str = ""  # the name of the folder that was named


@dataclass(frozen=True)
class _Read:
    """How the rows of a table are read."""

    names: tuple[str, ...]  # of columns
    fields: dict[str, str]  # field -> column
    classes: Mapping[str, Sequence[str]]  # column of numbers of classes -> the classes' names


def import_parquet(sources: Sequence[Path], output: Path, about: About, layout: RowLayout | None = None) -> CorpusInfo:
    """Prepare `output/CORPUS` from Parquet files, folders of them, or patterns (`train-{0..9}.parquet`).

    Raises:
        MissingFileError: no such file or folder, or an empty file.
        ManifestError: no Parquet file, no column of sound, a column of what a manifest cannot hold, or a file that is
            damaged further down: then nothing of it is used.
        SettingsError: `columns` or `without` name what is not there; a name of a split that is not known.
        OccupiedError: the folder holds another corpus, or something else.
    """
    parts = open_parts(sources)
    inputs = content_of(source_place(table.place) for part in parts for table in part.tables)
    named = f"Parquet: {', '.join(path.name for path in sources)}"
    return import_rows(parts, output, about, layout or RowLayout(), source=named, inputs=inputs)


def import_rows(
    parts: Sequence[RowPart],
    output: Path,
    about: About,
    layout: RowLayout,
    *,
    source: str,
    inputs: Mapping[str, str],
    strict: bool = False,
) -> CorpusInfo:
    """As `import_parquet`, of tables that are open.

    strict: the name of a part is that of a split, or an error.
    """
    reads = read_plan(parts, layout)
    return write_items(
        read_rows(parts, about, reads, output / about.corpus / AUDIO, strict=strict),
        output,
        about,
        source=source,
        inputs=inputs,
        names=_split_names(parts, about, reads, strict=strict),
    )


def open_parts(sources: Sequence[Path]) -> list[RowPart]:
    """The Parquet files of sources, by the split that their names say.

    Raises:
        MissingFileError: no such file or folder, or an empty file.
        ManifestError: a folder without Parquet files, or no Parquet file.
    """
    found: dict[tuple[str, str], RowPart] = {}
    for source in sources:
        root = source.absolute().name if source.is_dir() else ""
        for path, inside in _files(source):
            name = split_name(inside, path.stem)
            part = found.setdefault((name, root), RowPart(name, [], root))
            part.tables.append(_table(need_file(path, what="Parquet file")))
    return list(found.values())


def _files(source: Path) -> Iterator[tuple[Path, PurePosixPath]]:
    if source.is_dir():
        found = found_in(source, lambda name: name.endswith(".parquet"))
        if not found:
            raise ManifestError(f"{source} holds no Parquet file (.parquet).")
        yield from found
        return
    for name in expand(str(source)) if not has_file(source) else [source]:
        yield source_place(name), PurePosixPath(PurePosixPath(str(name)).name)


def _table(path: Path) -> RowTable:
    with reading(path, "a Parquet file"), path.open("rb") as stream:
        schema = pq.read_schema(stream)

    def rows(names: Sequence[str]) -> Iterator[dict[str, Any]]:
        with reading(path, "a Parquet file", go_on="Copy or make it again."), path.open("rb") as stream:
            # Without buffers for whole columns of a row group: they hold all of its sound.
            file = pq.ParquetFile(stream, buffer_size=BUFFER, pre_buffer=False)
            for batch in file.iter_batches(BATCH, columns=list(names)):
                yield from batch.to_pylist()

    return RowTable(str(path), path.parent, schema, rows)


def read_plan(parts: Sequence[RowPart], layout: RowLayout) -> list[list[_Read]]:
    """How each table of each part is read; all columns that cannot be read are refused at once.

    Raises:
        ManifestError, SettingsError: as `import_parquet`.
    """
    tables = [table for part in parts for table in part.tables]
    known = list(dict.fromkeys(name for table in tables for name in table.schema.names))
    if absent := sorted(set(layout.without) - set(known)):
        raise SettingsError(f"without names {', '.join(absent)}, which is no column ({', '.join(known)}).")
    reads = [[_read(table, layout) for table in part.tables] for part in parts]
    found = dict.fromkeys(
        problem
        for part, some in zip(parts, reads, strict=True)
        for table, read in zip(part.tables, some, strict=True)
        for problem in _unfit(table, read)
    )
    if found:
        raise ManifestError(
            "Columns of what a manifest cannot hold:\n  " + "\n  ".join(found) + "\n"
            "Cast them, or leave them out with the setting `without`."
        )
    return reads


def _read(table: RowTable, layout: RowLayout) -> _Read:
    names = [name for name in table.schema.names if name not in layout.without]
    if twice := [name for name in names if names.count(name) > 1]:
        raise ManifestError(f"{table.place} has the column {twice[0]!r} twice, expected each name once.")
    unknown_columns(layout.columns, names)
    fields = {name: name for name in NAMES if name in names} | dict(layout.columns)
    if "audio" not in fields:
        sounds = [name for name in names if _kind(table.features.get(name)) == "Audio" or _holds_file(table, name)]
        if not sounds:
            raise ManifestError(
                f"{table.place}: no column of audio among {', '.join(names)}. Name it with the setting `columns`: "
                "audio=COLUMN."
            )
        fields["audio"] = sounds[0]
    features = {name: table.features.get(name) for name in names}
    classes = {name: _class_names(feature) for name, feature in features.items()}
    return _Read(tuple(names), fields, {name: found for name, found in classes.items() if found})


def _kind(feature: Any) -> str:
    return str(feature.get("_type", "")) if isinstance(feature, dict) else ""


def _class_names(feature: Any) -> list[str]:
    """The names of a column of classes, or of lists of them."""
    inner = feature.get("feature", feature) if isinstance(feature, dict) else None
    inner = inner[0] if isinstance(inner, list) and inner else inner
    names = inner.get("names") if isinstance(inner, dict) and _kind(inner) == "ClassLabel" else None
    return [str(name) for name in names] if isinstance(names, list) else []


def _holds_file(table: RowTable, name: str) -> bool:
    """Whether a column holds {bytes, path}."""
    kind = table.schema.field(name).type
    held = {kind.field(n).name: kind.field(n).type for n in range(kind.num_fields)} if pa.types.is_struct(kind) else {}
    return "bytes" in held and any(fits(held["bytes"]) for fits in _BINARY)


def _unfit(table: RowTable, read: _Read) -> Iterator[str]:
    columns = {column: field for field, column in read.fields.items() if field != "sound"}
    for name in read.names:
        kind = table.schema.field(name).type
        if name != read.fields["audio"]:
            found = unfit(kind, single=name in columns)
            wanted = f"text for the field {columns[name]}" if name in columns else "text, numbers or lists"
        else:
            plain = (*_BINARY, pa.types.is_string, pa.types.is_large_string, pa.types.is_null)
            found = None if _holds_file(table, name) or any(fits(kind) for fits in plain) else str(kind)
            wanted = "the bytes of a file, {bytes, path}, or a path"
        if found is not None:
            yield f"column {name!r} holds {found}, expected {wanted}"


def _split_names(
    parts: Sequence[RowPart], about: About, reads: Sequence[Sequence[_Read]], *, strict: bool
) -> dict[str, str]:
    """Names of splits ("" for none) -> the first place that has it; of rows their column of splits alone is read."""
    found: dict[str, str] = {}
    for part, some in zip(parts, reads, strict=True):
        own = _own_split(part, about, strict=strict)
        for table, read in zip(part.tables, some, strict=True):
            column = _split_column(parts, read)
            for number, row in enumerate(table.rows([column]) if column else ({},)):
                name = _plain(row.get(column or ""), column or "", read)
                found.setdefault(str(name) if name not in (None, "") else own, f"row {number} of {table.place}")
    return found


def _own_split(part: RowPart, about: About, *, strict: bool) -> str:
    own = part.name if strict else part.name and about.own_split(part.name)
    return own or (part.root and about.own_split(part.root)) or ""


def _split_column(parts: Sequence[RowPart], read: _Read) -> str | None:
    """The column that names each row's split: of files of several splits only one that is named `split` by a user."""
    column = read.fields.get("split")
    return column if len(parts) == 1 or column != "split" else None


def read_rows(
    parts: Sequence[RowPart], about: About, reads: Sequence[Sequence[_Read]], folder: Path, *, strict: bool = False
) -> Iterator[Item | TextRow | Reject]:
    """The rows of all parts.

    Args:
        parts: from `open_parts`.
        about: of the corpus.
        reads: from `read_plan`.
        folder: where their sound is written.
        strict: as of `import_rows`.
    """
    for part, some in zip(parts, reads, strict=True):
        numbers = itertools.count()
        own = _own_split(part, about, strict=strict)
        for table, read in zip(part.tables, some, strict=True):
            passed_over = "split" in read.fields and _split_column(parts, read) is None
            for row in table.rows(read.names):
                if passed_over:
                    row[read.fields["split"]] = None
                yield _item(row, f"{part.name or 'row'}-{next(numbers):06}", table, read, about, own=own, folder=folder)


def _item(
    row: dict[str, Any], key: str, table: RowTable, read: _Read, about: About, *, own: str, folder: Path
) -> Item | TextRow | Reject:
    place = f"{table.place}:{key.rpartition('-')[2]}"
    sound = row.pop(read.fields["audio"])
    row = {column: _plain(value, column, read) for column, value in row.items()}
    given = row.get(read.fields.get("id", ""))
    key = key if given in (None, "") else str(given)
    data, name = (sound.get("bytes"), sound.get("path")) if isinstance(sound, dict) else (sound, None)
    data, name = (None, data) if isinstance(data, str) else (data, name)
    if not data and not name:
        return text_row(row, key, about) or about.reject(key, Reason.audio_missing, f"{place} has no audio")
    item = item_of(row, read.fields, about, key=key, place=place, audio=Path(), split=own or None)
    if isinstance(item, Reject):
        return item
    if about.leaves_out(item.split or ""):
        return about.reject(key, Reason.out_of_scope, f"{place}: split {item.split!r} is left out")
    try:
        audio = stored_audio(data, str(name or ""), folder) if data else found_audio(str(name), table.folder)
    except ValueError as error:  # a name with a NUL
        return about.reject(key, Reason.bad_row, f"{place}: {name!r} is no name of a file ({error})")
    return replace(item, audio=audio)


def _plain(value: Any, column: str, read: _Read) -> Any:
    """A value; of a column of classes the class's name."""
    names = read.classes.get(column)
    if not names or value is None:
        return value
    return [_class_name(one, names) for one in value] if isinstance(value, list) else _class_name(value, names)


def _class_name(value: Any, names: Sequence[str]) -> Any:
    """The name of a class by its number: none for another number; what is no number stays, whatever the table says."""
    if isinstance(value, bool) or not isinstance(value, int):
        return value
    return names[value] if 0 <= value < len(names) else None
