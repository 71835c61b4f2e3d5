"""What an import of a file or folder would do: its kind, columns, first rows, splits and rejects. Nothing is written.

The kind is guessed by what is there: names of files, then the keys of their first row. The first ROWS rows are read as
the import reads them, their audio included.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

from curation.interchange.archives import TAR, expand
from curation.interchange.archives.nemo import found_tars
from curation.interchange.archives.parquet import RowLayout, open_parts, read_plan, read_rows
from curation.interchange.archives.webdataset import WebLayout, open_shards, read_webdataset
from curation.interchange.common import with_files
from curation.interchange.folder import FolderLayout, read_folder
from curation.interchange.kaldi import read_kaldi
from curation.interchange.lhotse import kind_of, open_lhotse, read_lhotse, shar_shards
from curation.interchange.nemo import open_manifests, read_nemo
from curation.interchange.tables import DELIMITERS, TableLayout, open_table, read_table
from curation.storage import in_store, source_place, store_root
from manifests.audio.endings import ENDINGS
from manifests.errors import InputError, MissingFileError
from manifests.files import need_file
from manifests.items import About, Item
from manifests.items.judge import judge_items
from manifests.lines import PACKINGS
from manifests.lines.jsonl import rows as json_rows
from manifests.rows import Reject, TextRow
from manifests.rows.splits import doubt, known_split, plain

KINDS = ("nemo", "kaldi", "lhotse", "folder", "tsv", "csv", "webdataset", "parquet")  # that are checked here
ROWS = 1000  # that are read
UNPACKED = 100  # of them, where their audio is in an archive or in a store
SHOWN = 3  # rows that are shown
EXAMPLES = 3  # of rejects, for each reason
LOOKED_AT = 2000  # files of a folder, to guess what it is


@dataclass
class ImportCheck:
    """What an import would do with the first rows."""

    source: str
    kind: str
    columns: list[str] = field(default_factory=list)  # that the source has
    fields: dict[str, str] = field(default_factory=dict)  # field -> column, where it is a table
    first: list[dict[str, Any]] = field(default_factory=list)  # as they would be read
    rows: int = 0  # that were read
    more: bool = False  # whether there are others
    cuts: int = 0
    rejects: dict[str, int] = field(default_factory=dict)  # reason -> rows
    examples: dict[str, list[str]] = field(default_factory=dict)  # reason -> what was found
    splits: dict[str, str | None] = field(default_factory=dict)  # a name in the source -> ours; None: not known
    without_language: int = 0  # rows with a text whose language nobody names
    problem: str = ""  # why an import would be refused as a whole

    @property
    def good(self) -> bool:
        """Whether an import would make cuts."""
        return self.cuts > 0 and not self.problem


def guess_kind(source: Path) -> str:
    """What a file or folder is.

    Raises:
        MissingFileError: nothing is there.
        InputError: it is nothing that is known; says what was looked for.
    """
    one = _one_of(source)
    kind = _kind_of_folder(one) if one.is_dir() else _kind_of_file(need_file(one))
    if kind is None:
        raise InputError(
            f"{source} is nothing that is known here. Expected JSON lines of NeMo or Lhotse, a table (.tsv, .csv), "
            "tars of WebDataset, Parquet, or a folder of those, of Kaldi (with wav.scp), of Lhotse (Shar, or "
            ".jsonl.gz), or of audio files with texts beside them. "
            f"If it is one, name it with the setting `kind`: {', '.join(KINDS)}."
        )
    return kind


def _one_of(source: Path) -> Path:
    """The source, or the first file that a pattern stands for.

    Raises:
        MissingFileError: nothing is there.
    """
    found = source if source.exists() else source_place(expand(str(source))[0])
    if not found.exists():
        raise MissingFileError(f"No such file or folder: {source}.")
    return found


def _kind_of_folder(folder: Path) -> str | None:
    if (folder / "wav.scp").is_file():
        return "kaldi"
    if shar_shards(folder) or any(_kind_of_file(path) == "lhotse" for path in sorted(folder.glob("*.jsonl*"))):
        return "lhotse"
    files = list(islice((path for path in folder.rglob("*") if not path.name.startswith(".")), LOOKED_AT))
    if any(path.suffix.lower() in ENDINGS for path in files):
        return "folder"
    found = next((kind for path in files if (kind := _kind_of_archive(path))), None)
    lists = [path for path in sorted(folder.glob("*.json*")) if found == "webdataset" and _kind_of_file(path) == "nemo"]
    if lists:
        raise InputError(f"{folder} holds tars of NeMo's and their manifests. Name a manifest, e.g. {lists[0]}.")
    return found


def _kind_of_archive(path: Path) -> str | None:
    return "webdataset" if TAR.fullmatch(path.name) else "parquet" if path.suffix.lower() == ".parquet" else None


def _kind_of_file(path: Path) -> str | None:
    plain = path.with_suffix("") if path.suffix in PACKINGS else path
    if (ending := plain.suffix.lower()) in DELIMITERS:
        return "tsv" if DELIMITERS[ending] == "\t" else "csv"
    if ending not in (".json", ".jsonl"):
        return _kind_of_archive(path)
    for _, row in islice(json_rows(path), ROWS):
        if isinstance(row, dict):
            return "nemo" if "audio_filepath" in row else "lhotse" if kind_of(row) else None
    return None


def check(
    source: Path, about: About, *, kind: str | None = None, layout: Mapping[str, Any] | None = None
) -> ImportCheck:
    """Read the first rows of a source as an import would.

    Args:
        source: a file or folder.
        about: as of the import.
        kind: one of KINDS; None: as `guess_kind` says.
        layout: settings of a table (`TableLayout`) or folder (`FolderLayout`).

    Raises:
        MissingFileError, InputError: as `guess_kind`. What an import refuses is `problem`.
    """
    _one_of(source)
    found = ImportCheck(str(source), kind or guess_kind(source))
    stores = [store_root(source)] if in_store(source) else []
    most = UNPACKED if stores or found.kind in ("webdataset", "parquet") or (layout or {}).get("tars") else ROWS
    with tempfile.TemporaryDirectory(prefix="soundwave-") as folder:
        try:
            rows = _READERS[found.kind](found, source, about, layout or {}, Path(folder))
            items = list(with_files(islice(rows, most), Path(folder), about, stores))
            found.more = next(rows, None) is not None
            found.first = [_shown(item, Path(folder)) for item in items if isinstance(item, Item)][:SHOWN]
            _judge(found, items, about)
        except (InputError, FileNotFoundError) as error:
            found.problem = str(error)
    return found


_Read = Iterator[Item | TextRow | Reject]


def _table(found: ImportCheck, source: Path, about: About, layout: Mapping[str, Any], _: Path) -> _Read:
    table_layout = TableLayout(kind=found.kind, **layout)
    table = open_table(source, table_layout)
    found.columns, found.fields = list(table.header), table.fields
    return read_table(table, about, table_layout)


def _folder(_: ImportCheck, source: Path, about: About, layout: Mapping[str, Any], __: Path) -> _Read:
    return read_folder(source, about, FolderLayout(**layout))


def _kaldi(found: ImportCheck, source: Path, about: About, _: Mapping[str, Any], __: Path) -> _Read:
    need_file(source / "wav.scp", what="Kaldi file")
    found.columns = sorted(path.name for path in source.iterdir() if path.is_file())
    return read_kaldi(source, about)


def _lhotse(found: ImportCheck, source: Path, about: About, _: Mapping[str, Any], folder: Path) -> _Read:
    opened = open_lhotse([source])
    found.columns = _keys([*opened.cuts, *opened.supervisions, *(cuts for cuts, _ in opened.shards)])
    return read_lhotse(opened, about, folder)


def _webdataset(found: ImportCheck, source: Path, about: About, layout: Mapping[str, Any], folder: Path) -> _Read:
    shards, web_layout, seen = open_shards([source], about), WebLayout(**layout), set[str]()
    list(islice(read_webdataset(shards, about, web_layout, None, seen=seen), SHOWN))
    found.columns = sorted(seen)
    return read_webdataset(shards, about, web_layout, folder)


def _parquet(found: ImportCheck, source: Path, about: About, layout: Mapping[str, Any], folder: Path) -> _Read:
    parts = open_parts([source])
    reads = read_plan(parts, RowLayout(**layout))
    found.columns, found.fields = list(parts[0].tables[0].schema.names), reads[0][0].fields
    return read_rows(parts, about, reads, folder)


def _nemo(found: ImportCheck, source: Path, about: About, layout: Mapping[str, Any], folder: Path) -> _Read:
    paths, root = open_manifests([source])
    found.columns = _keys(paths)
    tars = [source_place(tar) for tar in layout.get("tars", ())]
    shards = {path: found_tars(path, tars) for path in paths}
    return (item for path in paths for item in read_nemo(path, about, root, shards[path], folder))


_READERS: Mapping[str, Callable[[ImportCheck, Path, About, Mapping[str, Any], Path], _Read]] = {
    "nemo": _nemo,  # the last argument: where audio from inside a source may lie for a while
    "kaldi": _kaldi,
    "lhotse": _lhotse,
    "folder": _folder,
    "tsv": _table,
    "csv": _table,
    "webdataset": _webdataset,
    "parquet": _parquet,
}


def _keys(paths: Sequence[Path]) -> list[str]:
    """The keys of the first rows of JSON lines."""
    rows = (row for path in paths for _, row in islice(json_rows(path), SHOWN))
    return sorted({key for row in rows if isinstance(row, dict) for key in row})


def _judge(found: ImportCheck, items: Sequence[Item | TextRow | Reject], about: About) -> None:
    """Fill in what becomes of the rows; the mapping of splits is refused as an import refuses it."""
    found.rows = len(items)
    names: dict[str, str] = {}
    for item in items:
        if isinstance(item, Item):
            names.setdefault(item.split or "", item.place)
    found.splits = {name: known_split(name) if name and not doubt(name) else None for name in names}
    if found.more:  # names that the setting gives may stand further down
        here = {name: split for name, split in about.split_map.items() if plain(name) in map(plain, names)}
        about = replace(about, split_map=here)
    splits = about.map_of(names)
    found.splits = dict(splits)
    if about.language is None:
        spoken = [item for item in items if isinstance(item, Item) and item.text]
        found.without_language = sum(1 for item in spoken if not item.language)
    texts = [item for item in items if isinstance(item, TextRow)]
    cuts, rejects = judge_items([item for item in items if not isinstance(item, TextRow)], about, splits)
    found.cuts = cuts + len(texts)
    found.rejects = dict(sorted(Counter(str(reject.reason) for reject in rejects).items()))
    for reject in rejects:
        told = found.examples.setdefault(str(reject.reason), [])
        if len(told) < EXAMPLES:
            told.append(f"{reject.cut_id}: {reject.detail}")


def _shown(item: Item, folder: Path) -> dict[str, Any]:
    """What an item says, without what it does not; of audio that lies in `folder` for a while, where it is from."""
    facts = {
        "id": item.key,
        "audio": item.place if item.audio.is_relative_to(folder) else str(item.audio),
        "text": item.text,
        "target_text": item.target_text,
        "language": item.language,
        "speaker": item.speaker,
        "split": item.split,
        "sound": item.sound,
        "start": item.start or None,
        "duration": item.duration,
        "words": len(item.words) or None,
        **item.extra,
    }
    return {name: value for name, value in facts.items() if value is not None}
