"""Options of `soundwave catalog import`, and which reader takes which of them."""

import json
import shlex
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

if TYPE_CHECKING:
    from curation.interchange.check import ImportCheck
    from manifests.items import About
    from manifests.rows import CorpusInfo


class CheckedSource(StrEnum):
    """What is checked before it is imported: as `curation.interchange.check.KINDS`."""

    nemo = "nemo"
    kaldi = "kaldi"
    lhotse = "lhotse"
    folder = "folder"
    tsv = "tsv"
    csv = "csv"
    webdataset = "webdataset"
    parquet = "parquet"


class ImportSource(StrEnum):
    """What a corpus is imported from."""

    nemo = "nemo"
    kaldi = "kaldi"
    huggingface = "huggingface"
    folder = "folder"
    tsv = "tsv"
    csv = "csv"
    lhotse = "lhotse"
    webdataset = "webdataset"
    parquet = "parquet"


SPLIT_HELP = (
    "train, dev, test, or hash, where rows name none; by default what the source's own name says (dev.json, "
    "data/test_clean), else train."
)
SPLIT_MAP_HELP = "NAME=train: what a split's name in the source means; or dev, test, hash, reject. Repeatable."


_TABLES = (ImportSource.tsv, ImportSource.csv)
_ROWS = (ImportSource.webdataset, ImportSource.parquet)
OPTIONS = {  # which kinds of source an option is for
    "column": (ImportSource.huggingface, *_TABLES, *_ROWS),
    "without": (ImportSource.huggingface, *_TABLES, *_ROWS),
    "audio": _TABLES,
    "delimiter": _TABLES,
    "folders": (ImportSource.folder,),
    "tier": (ImportSource.folder,),
    "follow_links": (ImportSource.folder,),
    "tars": (ImportSource.nemo,),
    "streaming": (ImportSource.huggingface,),
    "in_place": tuple(kind for kind in ImportSource if kind not in (ImportSource.huggingface, ImportSource.parquet)),
}
ColumnOption: TypeAlias = Annotated[
    list[str] | None, typer.Option(help="FIELD=COLUMN of a dataset or table, e.g. text=sentence. Repeatable.")
]
WithoutOption: TypeAlias = Annotated[
    list[str] | None, typer.Option(help="A column of a dataset or table to leave out. Repeatable.")
]
AudioOption: TypeAlias = Annotated[
    Path | None, typer.Option(help="Folder of a table's audio; by default the table's own, or clips in there.")
]
DelimiterOption: TypeAlias = Annotated[
    str | None, typer.Option(help="Of a table, one character or tab; by default what its name says (.tsv, .csv).")
]
FoldersOption: TypeAlias = Annotated[
    str | None, typer.Option(help="What a folder's levels give, outermost first, e.g. split/speaker; - for nothing.")
]
TierOption: TypeAlias = Annotated[
    str | None, typer.Option(help="Tier of TextGrids that holds the words; by default that named words.")
]
DecodeOption: TypeAlias = Annotated[
    bool, typer.Option("--decode", help="Decode every file whole, also where bytes say how long it is.")
]
LinksOption: TypeAlias = Annotated[
    bool, typer.Option("--follow-links", help="Of a folder: also files that links lead to, outside of it.")
]
TarsOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        help="Of NeMo's manifests: tars of their audio, e.g. audio_{0..7}.tar; by default those beside. Repeatable."
    ),
]
StreamingOption: TypeAlias = Annotated[
    bool, typer.Option("--streaming", help="Of a dataset: row by row, without a copy on disk or in memory.")
]
InPlaceOption: TypeAlias = Annotated[
    bool,
    typer.Option("--in-place", help="Copy no audio: rows name the bytes of plain tars, and objects in stores."),
]
CorpusOption: TypeAlias = Annotated[
    str, typer.Option(help="Name of the corpus: its folder, and the first part of every id.")
]
LicenseOption: TypeAlias = Annotated[str, typer.Option("--license", help="SPDX identifier, where rows name none.")]
SplitOption: TypeAlias = Annotated[str | None, typer.Option(help=SPLIT_HELP)]
SplitMapOption: TypeAlias = Annotated[list[str] | None, typer.Option(help=SPLIT_MAP_HELP)]
SplitLinksOption: TypeAlias = Annotated[str, typer.Option(help="With hash: what rows of different splits never share.")]
BesideOption: TypeAlias = Annotated[
    bool, typer.Option(help="With hash: go with linked rows of the corpora beside, in the folder --output.")
]
TaskOption: TypeAlias = Annotated[str, typer.Option(help="asr, st, sound, qa, ..., where rows name none.")]
LanguageOption: TypeAlias = Annotated[str | None, typer.Option(help="ISO 639-1, where rows name none.")]
ChannelsOption: TypeAlias = Annotated[
    str, typer.Option(help="Of recordings whose channels differ, where rows choose none: mix, first or reject.")
]


def pairs(given: list[str] | None, flag: str, expected: str) -> dict[str, str]:
    """NAME=VALUE options.

    Raises:
        SettingsError: another form, or a name with two values.
    """
    from manifests.errors import SettingsError

    found: dict[str, str] = {}
    for text in given or []:
        name, equals, value = text.partition("=")
        if not (name and equals and value):
            raise SettingsError(f"{flag} {text}: expected {expected}.")
        if found.setdefault(name, value) != value:
            raise SettingsError(f"{flag} names {name} twice: {found[name]} and {value}.")
    return found


def about_of(
    corpus: str = "checked",
    license_: str = "LicenseRef-unknown",
    *,
    split: str | None,
    split_map: list[str] | None,
    task: str,
    language: str | None,
    channels: str,
    links: str = "",
    beside: bool = True,
) -> "About":
    """What the options say of a corpus.

    Raises:
        SettingsError: one of them says what there is not.
    """
    from manifests.audio import need_channels
    from manifests.items import About

    return About(
        corpus,
        license_,
        split=split,
        task=task,
        language=language,
        channels=need_channels(channels),
        split_map=pairs(split_map, "--split-map", "NAME=train"),
        links=tuple(filter(None, links.split(","))),
        beside=beside,
    )


def layout_of(kind: str, given: dict[str, Any]) -> dict[str, Any]:
    """The options that were given, of those that a kind of source has.

    Raises:
        SettingsError: one that is for other kinds.
    """
    from manifests.errors import SettingsError

    for name, value in given.items():
        if value and kind not in OPTIONS[name]:
            raise SettingsError(
                f"--{name.replace('_', '-')} is for {', '.join(OPTIONS[name])}; {kind} has no such thing."
            )
    found = {name: value for name, value in given.items() if kind in OPTIONS[name] and value}
    if "column" in found:
        found["columns"] = pairs(found.pop("column"), "--column", "FIELD=COLUMN")
    return found


_READERS = {  # module of curation.interchange, its function, its class of settings, how many sources
    ImportSource.nemo: ("nemo", "import_nemo", "", "many"),
    ImportSource.kaldi: ("kaldi", "import_kaldi", "", "one"),
    ImportSource.huggingface: ("huggingface", "import_huggingface", "", "name"),
    ImportSource.folder: ("folder", "import_folder", "FolderLayout", "one"),
    ImportSource.tsv: ("tables", "import_tables", "TableLayout", "many"),
    ImportSource.csv: ("tables", "import_tables", "TableLayout", "many"),
    ImportSource.lhotse: ("lhotse", "import_lhotse", "", "many"),
    ImportSource.webdataset: ("archives.webdataset", "import_webdataset", "WebLayout", "many"),
    ImportSource.parquet: ("archives.parquet", "import_parquet", "RowLayout", "many"),
}


def import_corpus(
    kind: ImportSource, sources: list[str], output: Path, about: "About", layout: dict[str, Any]
) -> "CorpusInfo":
    """Import by the reader of a kind.

    layout: from `layout_of`.

    Raises:
        InputError: as the reader says.
    """
    from importlib import import_module

    from curation.interchange.stored import left_in_place
    from curation.storage import need_answer, source_place

    module, function, settings, count = _READERS[kind]
    reader = import_module(f"curation.interchange.{module}")
    places = sources if count == "name" else [need_answer(source_place(source)) for source in sources]
    if kind in _TABLES:
        layout = {**layout, "kind": kind}
    wanted = bool(layout.get("in_place"))
    layout = {name: value for name, value in layout.items() if name != "in_place"}
    given = (getattr(reader, settings)(**layout),) if settings else ()
    with left_in_place(wanted=wanted):
        found: CorpusInfo = getattr(reader, function)(
            places if count == "many" else _one(places), output, about, *given, **({} if settings else layout)
        )
    return found


def _one(sources: Sequence[Any]) -> Any:
    from manifests.errors import SettingsError

    if len(sources) != 1:
        raise SettingsError(f"{len(sources)} sources, expected one: {', '.join(map(str, sources))}.")
    return sources[0]


def show_check(found: "ImportCheck") -> None:
    """Print what an import would do."""
    from soundwave.cli._tables import say

    say(f"{found.source}: {found.kind}")
    if found.columns:
        say(f"columns: {', '.join(found.columns)}")
    if found.fields:
        say(f"read as: {', '.join(f'{field}={column}' for field, column in found.fields.items())}")
    for row in found.first:
        say(f"row: {json.dumps(row, ensure_ascii=False)}")
    for name, meaning in found.splits.items():
        say(f"split {name or '(rows that name none)'}: {meaning or 'not known'}")
    more = f"the first {found.rows:,} rows; there are more" if found.more else f"{found.rows:,} rows, all there are"
    say(f"{found.cuts:,} cuts of {more}")
    for reason, count in found.rejects.items():
        say(f"rejected: {count:,} {reason}")
        for example in found.examples[reason]:
            say(f"  {example}")
    if found.without_language:
        say(
            f"{found.without_language:,} rows have a text and name no language: passes that read texts (agree, align) "
            "refuse such rows. Name it, e.g. --language en."
        )
    if found.good:
        say(
            f"To import it, with the options given here: soundwave catalog import {found.kind} "
            f"{shlex.quote(found.source)} --corpus NAME --license SPDX-ID --output corpora"
        )
    if found.problem:
        say(f"An import would be refused: {found.problem}", error=True)
