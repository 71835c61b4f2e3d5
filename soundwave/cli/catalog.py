"""`soundwave catalog`: corpora and labels as Parquet."""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from soundwave.cli._limits import MEMORY, SECONDS, MemoryOption, SecondsOption
from soundwave.cli._settings import MeasureDask, MeasureWorkers

if TYPE_CHECKING:
    from curation.catalog import CatalogSummary
    from curation.duck import Limits
    from manifests.audio import Channels, Probing
    from manifests.items import About
    from manifests.rows import CorpusInfo

CATALOG = Path("demo/catalog")


class ExportFormat(StrEnum):
    """What cuts are exported as."""

    jsonl = "jsonl"
    huggingface = "huggingface"
    shar = "shar"
    webdataset = "webdataset"


class ImportSource(StrEnum):
    """What a corpus is imported from."""

    nemo = "nemo"
    kaldi = "kaldi"
    huggingface = "huggingface"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    commands = typer.Typer(help="Corpora and labels as Parquet, for SQL.", no_args_is_help=True)
    app.add_typer(commands, name="catalog")
    commands.command("import")(import_)
    commands.command("verify")(verify)

    @commands.command()
    def build(
        corpora: Annotated[Path, typer.Option(help="Folder of prepared corpora.")] = Path("demo/corpora"),
        labels: Annotated[Path, typer.Option(help="Folder of labelling passes.")] = Path("demo/labels"),
        catalog: Annotated[Path, typer.Option(help="The catalog to write.")] = CATALOG,
        json_: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
    ) -> None:
        """Mirror prepared corpora and finished labelling passes as Parquet; only what changed or is damaged is written.

        Exit 1: rows left the catalog because a corpus or pass lost the file that marks it complete.

        Example: soundwave catalog build --corpora demo/corpora --labels demo/labels --catalog demo/catalog
        """
        from curation.catalog import build as build_catalog
        from soundwave.cli._tables import print_json, print_rows

        summary = build_catalog(corpora, labels, catalog)
        _say(summary)
        found = {name: list(getattr(summary, name)) for name in ("damaged", "changed", "left", "unfinished")}
        facts = {"fingerprint": summary.fingerprint, "parts_written": summary.written, "parts_reused": summary.reused}
        if json_:
            print_json({"catalog": str(catalog), **facts, **found, "corpora": summary.corpora()})
        else:
            print_rows(summary.corpora(), title=f"{catalog}  ({summary.hours:.3f} h of audio)")
            mended = f", {len(summary.damaged)} damaged and made again" if summary.damaged else ""
            counts = f"{summary.written} parts written, {summary.reused} unchanged{mended}"
            print(f"{counts}; fingerprint {summary.fingerprint[:12]}")
        if summary.left:
            raise typer.Exit(1)

    @commands.command()
    def export(  # noqa: PLR0917 - options are keywords
        output: Annotated[Path, typer.Argument(help="File to write, .jsonl or .jsonl.gz; a new folder with --format.")],
        catalog: Annotated[Path, typer.Option(help="The catalog to read.")] = CATALOG,
        where: Annotated[str, typer.Option(help="Which cuts, as a SQL condition.")] = "true",
        format_: Annotated[ExportFormat, typer.Option("--format", help="jsonl: manifests; the others hold audio.")] = (
            ExportFormat.jsonl
        ),
        seconds: SecondsOption = SECONDS,
        memory: MemoryOption = MEMORY,
    ) -> None:
        """Write cuts back as Lhotse JSONL, byte for byte as they came in; or with their audio in one of the formats.

        Example: soundwave catalog export train.jsonl.gz --where "split = 'train' AND task = 'asr'"
        """
        from soundwave.cli._limits import limits

        print(f"{_export(format_, catalog, output, where, limits(seconds, memory)):,} rows to {output}")


def _say(summary: "CatalogSummary") -> None:
    """What a build found that nobody wrote so, on standard error."""
    from soundwave.cli._tables import say

    for title, lines in (
        ("damaged, made again", summary.damaged),
        ("changed", summary.changed),
        ("left the catalog", summary.left),
        ("not in the catalog", summary.unfinished),
    ):
        for line in lines:
            say(f"{title}: {line}", error=True)


def verify(
    catalog: Annotated[Path | None, typer.Option(help="A catalog.")] = None,
    labels: Annotated[Path | None, typer.Option(help="A folder of labelling passes.")] = None,
    corpora: Annotated[Path | None, typer.Option(help="A folder of prepared corpora.")] = None,
    plans: Annotated[Path | None, typer.Option(help="A folder of plans.")] = None,
    runs: Annotated[Path | None, typer.Option(help="A run, or a folder of runs.")] = None,
    *,
    accept: Annotated[bool, typer.Option("--accept", help="Take changed corpora as they are now.")] = False,
    json_: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Read every file to its end and say which are no longer what was written; without options those of the demo.

    Exit 1: something is damaged or missing. What has no record was made before there were checksums, or by another
    tool.

    Example: soundwave catalog verify --catalog demo/catalog --labels demo/labels
    """
    from soundwave.cli._tables import print_json, print_rows, say
    from soundwave.report import verify as verifying

    demo = {"catalog": "catalog", "labels": "labels", "corpora": "corpora", "plans": "mixtures", "runs": "runs"}
    given = {"catalog": catalog, "labels": labels, "corpora": corpora, "plans": plans, "runs": runs}
    places = {kind: place for kind, place in given.items() if place is not None}
    places = places or {kind: path for kind, name in demo.items() if (path := Path("demo") / name).is_dir()}
    if not places:
        places = {"catalog": CATALOG}
    if accept and "corpora" in places:
        for folder in verifying.accept(places["corpora"]):
            say(f"taken as it is now: {folder}", error=True)
    found = verifying.verify(places)
    problems = [row for result in found for row in result.problems]
    if json_:
        print_json({"kinds": [result.row() for result in found], "problems": problems})
    else:
        print_rows([result.row() for result in found])
        for row in problems:
            say(f"{row['path']}: {row['problem'].removeprefix(row['path']).strip()}")
    if problems:
        raise typer.Exit(1)


def _export(kind: ExportFormat, catalog: Path, output: Path, where: str, limits: "Limits") -> int:
    if kind is ExportFormat.jsonl:
        from curation.interchange.jsonl import export_jsonl

        return export_jsonl(catalog, output, where=where, limits=limits)
    from curation.interchange import export as exports

    writers = {
        ExportFormat.huggingface: exports.export_huggingface,
        ExportFormat.shar: exports.export_shar,
        ExportFormat.webdataset: exports.export_webdataset,
    }
    return writers[kind](catalog, output, where=where, limits=limits)


SPLIT_HELP = (
    "train, dev, test, or hash, where rows name none; by default what the source's own name says (dev.json, "
    "data/test_clean), else train."
)
SPLIT_MAP_HELP = "NAME=train: what a split's name in the source means; or dev, test, hash, reject. Repeatable."


def import_(
    kind: Annotated[ImportSource, typer.Argument(help="What the corpus is written as.")],
    sources: Annotated[list[str], typer.Argument(help="NeMo manifests, a Kaldi data folder, or a dataset.")],
    *,
    corpus: Annotated[str, typer.Option(help="Name of the corpus: its folder, and the first part of every id.")],
    license_: Annotated[str, typer.Option("--license", help="SPDX identifier, where rows name none.")],
    output: Annotated[Path, typer.Option(help="The corpora folder.")] = Path("demo/corpora"),
    split: Annotated[str | None, typer.Option(help=SPLIT_HELP)] = None,
    split_map: Annotated[list[str] | None, typer.Option(help=SPLIT_MAP_HELP)] = None,
    split_links: Annotated[
        str, typer.Option(help="With hash: what rows of different splits never share.")
    ] = "recording,speaker,text,audio",
    beside: Annotated[
        bool, typer.Option(help="With hash: go with linked rows of the corpora beside, in the folder --output.")
    ] = True,
    task: Annotated[str, typer.Option(help="asr, st, sound, qa, ..., where rows name none.")] = "asr",
    language: Annotated[str | None, typer.Option(help="ISO 639-1, where rows name none.")] = None,
    channels: Annotated[
        str, typer.Option(help="Of recordings whose channels differ, where rows choose none: mix, first or reject.")
    ] = "reject",
    column: Annotated[list[str] | None, typer.Option(help="FIELD=COLUMN of a dataset, e.g. text=sentence.")] = None,
    without: Annotated[list[str] | None, typer.Option(help="A column of a dataset to leave out. Repeatable.")] = None,
    decode: Annotated[
        bool, typer.Option("--decode", help="Decode every file whole, also where bytes say how long it is.")
    ] = False,
    workers: MeasureWorkers = None,
    dask: MeasureDask = None,
    json_: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Prepare a corpus from NeMo manifests, a Kaldi data folder or a Hugging Face dataset (a folder, or a Hub name).

    Every row becomes a cut or a reject with a reason; `soundwave catalog build` takes it from there. Exit 1: no row
    became a cut.

    Example: soundwave catalog import nemo train.json --corpus mine --license CC-BY-4.0 --language en
    """
    from manifests.items import About

    about = About(
        corpus,
        license_,
        split=split,
        task=task,
        language=language,
        channels=_channels(channels),
        split_map=_pairs(split_map, "--split-map", "NAME=train"),
        links=tuple(filter(None, split_links.split(","))),
        beside=beside,
    )
    pairs = _pairs(column, "--column", "FIELD=COLUMN")
    with _measured(workers, dask, decode=decode) as cost:
        info = _import(kind, sources, output, about, columns=pairs, without=without or [])
    _show_import(info, output / corpus, cost.row(), as_json=json_)


def _channels(given: str) -> "Channels":
    from manifests.audio import need_channels

    return need_channels(given)


@contextmanager
def _measured(workers: int | None, dask: str | None, *, decode: bool) -> Iterator["Probing"]:
    from curation.passes.measure import measuring
    from manifests.audio import probing

    with measuring(workers, dask) as measurer, probing(decode=decode, measurer=measurer) as cost:
        yield cost


def _show_import(info: "CorpusInfo", folder: Path, lengths: dict[str, Any], *, as_json: bool) -> None:
    """What became of an import; lengths: what finding them cost. Exit 1: no row became a cut."""
    from collections import Counter
    from dataclasses import asdict

    from manifests.files import read_jsonl
    from manifests.rows import REJECTS
    from soundwave.cli._tables import print_json, print_rows, say

    counts: Counter[str] = Counter()
    first = None
    for row in read_jsonl(folder / REJECTS) if info.rejects else ():
        counts[str(row["reason"])] += 1
        first = first or row["detail"]
    if as_json:
        print_json(asdict(info) | {"reasons": dict(counts), "lengths": lengths})
    else:
        print_rows([{"corpus": info.name, "cuts": info.cuts, "hours": info.hours, "rejects": info.rejects}])
        for name, meaning in info.splits.items():
            say(f"split {name or '(rows that name none)'}: {meaning}")
        for reason, count in sorted(counts.items()):
            say(f"rejected: {count:,} {reason}")
        print(lengths["text"])
    if not info.cuts:
        why = f"the first was refused for: {first}" if info.rejects else "the source has no rows"
        say(f"No row became a cut: {why}", error=True)
        raise typer.Exit(1)


def _pairs(given: list[str] | None, flag: str, expected: str) -> dict[str, str]:
    """NAME=VALUE options."""
    from manifests.errors import SettingsError

    found: dict[str, str] = {}
    for text in given or []:
        name, equals, value = text.partition("=")
        if not (name and equals and value):
            raise SettingsError(f"{flag} {text}: expected {expected}.")
        if found.setdefault(name, value) != value:
            raise SettingsError(f"{flag} names {name} twice: {found[name]} and {value}.")
    return found


def _import(
    kind: ImportSource, sources: list[str], output: Path, about: "About", *, columns: dict[str, str], without: list[str]
) -> "CorpusInfo":
    from manifests.errors import SettingsError

    if (columns or without) and kind is not ImportSource.huggingface:
        flag = "--column" if columns else "--without"
        raise SettingsError(f"{flag} is for Hugging Face datasets; {kind} has fields of its own.")
    if kind is ImportSource.nemo:
        from curation.interchange.nemo import import_nemo

        return import_nemo([Path(source) for source in sources], output, about)
    if len(sources) != 1:
        raise SettingsError(f"{len(sources)} sources, expected one: {', '.join(sources)}.")
    if kind is ImportSource.kaldi:
        from curation.interchange.kaldi import import_kaldi

        return import_kaldi(Path(sources[0]), output, about)
    from curation.interchange.huggingface import import_huggingface

    return import_huggingface(sources[0], output, about, columns=columns, without=without)
