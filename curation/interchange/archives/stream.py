"""Datasets of the library `datasets`, read a few rows at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from curation.interchange.archives.parquet import BATCH, RowPart, RowTable, open_parts
from curation.interchange.common import content_of
from curation.interchange.loading import is_plain, load
from curation.storage import source_place
from manifests.errors import InputError, ManifestError
from manifests.fingerprint import fingerprint


def open_stream(source: str) -> tuple[list[RowPart], str]:
    """The parts of a dataset, and the fingerprint of what it is.

    source: a folder that save_to_disk wrote, a folder of Parquet files, or a name of the Hub.

    Raises:
        InputError: no such dataset.
        ManifestError: a dataset that does not say what its columns are.
    """
    folder = Path(source)
    if is_plain(folder):
        parts = open_parts([folder])
        return parts, fingerprint(content_of(source_place(table.place) for part in parts for table in part.tables))
    loaded: Any = load(source, streaming=True)
    tables: dict[str, Any] = dict(loaded) if isinstance(loaded, dict) else {"": loaded}
    parts = [RowPart(name, [_table(source, name, table, folder)], folder.name) for name, table in tables.items()]
    known = {name: getattr(table, "_fingerprint", None) or repr(table.info) for name, table in tables.items()}
    return parts, fingerprint([source, known])


def _table(source: str, name: str, table: Any, folder: Path) -> RowTable:
    import datasets

    if table.features is None:
        table = table._resolve_features()
    if table.features is None:
        raise ManifestError(f"{source} does not say what its columns are, and has no rows that do.")
    for column, feature in table.features.items():
        if isinstance(feature, datasets.Audio):
            table = table.cast_column(column, datasets.Audio(decode=False))
    place = f"{source} ({name})" if name else source
    return RowTable(place, folder, table.features.arrow_schema, partial(_rows, table, place))


def _rows(table: Any, place: str, names: Sequence[str]) -> Iterator[dict[str, Any]]:
    batches: Callable[..., Iterator[Any]] = table.select_columns(list(names)).with_format("arrow").iter
    try:
        for batch in batches(batch_size=BATCH):
            yield from batch.to_pylist()
    except InputError:
        raise
    except Exception as error:  # whatever a file of any format, or the network, makes `datasets` raise
        said = str(error).partition("\n")[0][:300] or type(error).__name__
        raise ManifestError(f"{place} can be read no further ({said}). Nothing of it is used.") from error
