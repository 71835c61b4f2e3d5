"""What the library `datasets` loads, and which of its columns a manifest can hold."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from manifests.errors import InputError
from manifests.rows.splits import doubt, known_split

if TYPE_CHECKING:
    from datasets import Dataset, DatasetDict

_SHARD = re.compile(r"(^|[-_.])\d+([-_.]of[-_.]\d+)?$")  # of a file's stem: test-00000-of-00001, 0000


def load(source: str, *, streaming: bool = False) -> DatasetDict | Dataset:
    """A dataset: a folder that save_to_disk wrote, a folder of Parquet files, or a name of the Hub.

    streaming: one of the Hub, or of a folder that says how it is read, is an IterableDataset.

    Raises:
        InputError: no such dataset, or one whose files `datasets` takes for another split than their names say.
    """
    import datasets

    from curation.pretrained.hub import hub_or_cache  # it comes with transformers

    folder = Path(source)
    try:
        if any((folder / name).is_file() for name in ("dataset_dict.json", "state.json")):
            return datasets.load_from_disk(source)
        if is_plain(folder):
            return _load_files(_by_split(folder))
        with hub_or_cache(source):
            loaded = datasets.load_dataset(source, streaming=streaming)
    except (FileNotFoundError, ValueError, ConnectionError, datasets.exceptions.DatasetsError) as error:
        raise InputError(
            f"{source} is no dataset that can be loaded ({error}). Expected a folder that save_to_disk wrote, a folder "
            "of Parquet files, or a name of the Hub."
        ) from error
    if folder.is_dir():
        _refuse_guesses(folder, loaded)
    return loaded


def is_plain(folder: Path) -> bool:
    """Whether a folder holds Parquet files, and nothing says how they are read."""
    known = ("dataset_dict.json", "state.json", "README.md")
    return not any((folder / name).is_file() for name in known) and bool(_by_split(folder))


def _by_split(folder: Path) -> dict[str, list[str]]:
    """Parquet files by the split that they name, "" where they name none: `datasets` makes train of other names."""
    found: dict[str, list[str]] = {}
    for path in sorted(folder.rglob("*.parquet")) if folder.is_dir() else []:
        inside = path.relative_to(folder)
        if not any(part.startswith(".") for part in inside.parts):
            found.setdefault(split_name(inside, path.stem), []).append(str(path))
    return found


def split_name(path: PurePath, stem: str) -> str:
    """The name of a shard's split: that of its file without its number, or of a folder above, where one names a split.

    Args:
        path: in the data set's folder.
        stem: the file's name without its end.
    """
    names = [_SHARD.sub("", stem), *(part.name for part in path.parents)]
    return next((name for name in names if known_split(name) or doubt(name)), names[0])


def _load_files(files: Mapping[str, list[str]]) -> DatasetDict | Dataset:
    import datasets

    # Its names of splits may have no hyphens.
    loaded = datasets.load_dataset("parquet", data_files={f"part{n}": paths for n, paths in enumerate(files.values())})
    parts = {name: loaded[f"part{n}"] for n, name in enumerate(files)}
    return parts[""] if set(parts) == {""} else datasets.DatasetDict(parts)


def _refuse_guesses(folder: Path, loaded: Mapping[str, Any]) -> None:
    """Refuse a folder with files that name a split which was not loaded as such: they became train, or were left out.

    Raises:
        InputError: names the file or folder.
    """
    splits = {known_split(str(name)) for name in loaded}
    for path in sorted(folder.iterdir()):
        name = _SHARD.sub("", path.stem)
        meant = known_split(name)
        if (meant or doubt(name)) and meant not in splits:
            raise InputError(
                f"{path} is named for {meant or 'no one split'}, but `datasets` loads the folder as "
                f"{', '.join(map(str, loaded))}. Rename it (train, validation, test), or load it yourself and use "
                "`import_dataset`."
            )


def unfit(kind: pa.DataType, *, single: bool) -> str | None:
    """What a column's type has that JSON cannot hold, None if nothing.

    single: lists and objects do not fit either.
    """
    if isinstance(kind, pa.BaseExtensionType):
        return unfit(kind.storage_type, single=single)
    if pa.types.is_dictionary(kind):
        return unfit(kind.value_type, single=single)
    plain = (pa.types.is_null, pa.types.is_boolean, pa.types.is_integer, pa.types.is_floating, pa.types.is_string)
    if any(fits(kind) for fits in (*plain, pa.types.is_large_string)):
        return None
    if pa.types.is_struct(kind) or pa.types.is_list(kind) or pa.types.is_large_list(kind):
        if single:
            return str(kind)
        inner = [kind.field(n).type for n in range(kind.num_fields)]
        return next((found for part in inner if (found := unfit(part, single=False))), None)
    return str(kind)
