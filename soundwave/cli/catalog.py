"""`soundwave catalog`: corpora and labels as Parquet."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from soundwave.cli._imports import (
    AudioOption,
    BesideOption,
    ChannelsOption,
    CheckedSource,
    ColumnOption,
    CorpusOption,
    DecodeOption,
    DelimiterOption,
    FoldersOption,
    ImportSource,
    InPlaceOption,
    LanguageOption,
    LicenseOption,
    LinksOption,
    SplitLinksOption,
    SplitMapOption,
    SplitOption,
    StreamingOption,
    TarsOption,
    TaskOption,
    TierOption,
    WithoutOption,
    about_of,
    import_corpus,
    layout_of,
    show_check,
)
from soundwave.cli._limits import MEMORY, SECONDS, MemoryOption, SecondsOption
from soundwave.cli._settings import MeasureDask, MeasureWorkers, QuietOption

if TYPE_CHECKING:
    from curation.catalog import CatalogSummary
    from curation.duck import Limits
    from manifests.audio import Probing
    from manifests.rows import CorpusInfo

CATALOG = Path("demo/catalog")


class ExportFormat(StrEnum):
    """What cuts are exported as."""

    jsonl = "jsonl"
    huggingface = "huggingface"
    shar = "shar"
    webdataset = "webdataset"
    nemo = "nemo"
    nemo_tarred = "nemo-tarred"
    kaldi = "kaldi"


FormatOption = Annotated[ExportFormat, typer.Option("--format", help="jsonl: manifests; the others hold audio.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    commands = typer.Typer(help="Corpora and labels as Parquet, for SQL.", no_args_is_help=True)
    app.add_typer(commands, name="catalog")
    commands.command("import")(import_)
    commands.command("check")(check_)
    commands.command("verify")(verify)
    commands.command("questions")(questions)

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
        format_: FormatOption = ExportFormat.jsonl,
        seconds: SecondsOption = SECONDS,
        memory: MemoryOption = MEMORY,
        json_: Annotated[bool, typer.Option("--json", help="Print JSON instead of a line.")] = False,
    ) -> None:
        """Write cuts back as Lhotse JSONL, byte for byte as they came in; or with their audio in one of the formats.

        Example: soundwave catalog export train.jsonl.gz --where "split = 'train' AND task = 'asr'"
        """
        from soundwave.cli._limits import limits
        from soundwave.cli._tables import print_json, say

        rows = _export(format_, catalog, output, where, limits(seconds, memory))
        facts = {"output": str(output), "format": str(format_), "rows": rows}
        print_json(facts) if json_ else say(f"{rows:,} rows to {output}")


def questions(  # noqa: PLR0917 - options are keywords
    task: Annotated[str, typer.Argument(help="age, emotion, gender, grounding, language or speakers.")],
    corpus: Annotated[str, typer.Option(help="Whose cuts are asked.")],
    catalog: Annotated[Path, typer.Option(help="The catalog that has it.")] = CATALOG,
    corpora: Annotated[Path, typer.Option(help="The new corpus goes to CORPORA/CORPUS_TASK.")] = Path("demo/corpora"),
    quiet: QuietOption = False,
    json_: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Ask a task of the paper's stage III of a corpus that was made for another: a corpus of questions beside it.

    The same recordings and splits, each span once; cuts that do not say what is asked are rejects.

    Example: soundwave catalog questions language --corpus common_voice
    """
    from dataclasses import asdict

    from curation.questions.corpus import make_questions
    from soundwave.cli._tables import print_json

    info = make_questions(catalog, task, corpus, corpora)
    if json_:
        print_json(asdict(info) | {"folder": str(corpora / info.name)})
        return
    print(f"{corpora / info.name}: {info.cuts:,} cuts, {info.hours:.3f} h, {info.rejects:,} rejects")


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
    quiet: QuietOption = False,
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
    from curation.interchange.outputs.kaldi import export_kaldi
    from curation.interchange.outputs.nemo import export_nemo, export_tarred_nemo

    writers: dict[ExportFormat, Callable[..., int]] = {
        ExportFormat.huggingface: exports.export_huggingface,
        ExportFormat.shar: exports.export_shar,
        ExportFormat.webdataset: exports.export_webdataset,
        ExportFormat.nemo: export_nemo,
        ExportFormat.nemo_tarred: export_tarred_nemo,
        ExportFormat.kaldi: export_kaldi,
    }
    return writers[kind](catalog, output, where=where, limits=limits)


def import_(
    kind: Annotated[ImportSource, typer.Argument(help="What the corpus is written as.")],
    sources: Annotated[list[str], typer.Argument(help="Manifests, tables, a folder, or a dataset.")],
    *,
    corpus: CorpusOption,
    license_: LicenseOption,
    output: Annotated[Path, typer.Option(help="The corpora folder.")] = Path("demo/corpora"),
    split: SplitOption = None,
    split_map: SplitMapOption = None,
    split_links: SplitLinksOption = "recording,speaker,text,audio",
    beside: BesideOption = True,
    task: TaskOption = "asr",
    language: LanguageOption = None,
    channels: ChannelsOption = "reject",
    column: ColumnOption = None,
    without: WithoutOption = None,
    audio: AudioOption = None,
    delimiter: DelimiterOption = None,
    folders: FoldersOption = None,
    tier: TierOption = None,
    follow_links: LinksOption = False,
    tars: TarsOption = None,
    streaming: StreamingOption = False,
    in_place: InPlaceOption = False,
    decode: DecodeOption = False,
    workers: MeasureWorkers = None,
    dask: MeasureDask = None,
    quiet: QuietOption = False,
    json_: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Prepare a corpus from what another tool wrote, a table, or a folder of audio with texts beside it.

    nemo: manifests. kaldi: a data folder. huggingface: a dataset (a folder, or a Hub name). tsv, csv: tables with a
    line of column names, by default Common Voice's. folder: audio files with .txt, .lab or .TextGrid of the same stem.
    lhotse: cuts, recordings with supervisions, or a Shar folder. webdataset: tar shards. parquet: rows with audio.
    A source may be an address (s3://BUCKET/...; file://...); its audio is fetched into the corpus. With --in-place the
    audio of tars and stores stays where it is, and passes and trainings read it there.

    Every row becomes a cut or a reject with a reason; `soundwave catalog build` takes it from there. Exit 1: no row
    became a cut.

    Example: soundwave catalog import nemo train.json --corpus mine --license CC-BY-4.0 --language en
    """

    facts: dict[str, Any] = {
        "split": split,
        "split_map": split_map,
        "task": task,
        "language": language,
        "channels": channels,
    }
    about = about_of(corpus, license_, **facts, links=split_links, beside=beside)
    given: dict[str, Any] = {"column": column, "without": without, "audio": audio, "delimiter": delimiter}
    given |= {"folders": folders, "tier": tier, "follow_links": follow_links, "tars": tars}
    layout = layout_of(kind, given | {"streaming": streaming, "in_place": in_place})
    with _measured(workers, dask, decode=decode) as cost:
        info = import_corpus(kind, sources, output, about, layout)
    _show_import(info, output / corpus, cost.row(), as_json=json_)


def check_(
    source: Annotated[str, typer.Argument(help="A manifest, a table, tars, Parquet, or a folder; or an address.")],
    *,
    kind: Annotated[CheckedSource | None, typer.Option(help="What it is; by default what it looks like.")] = None,
    split: SplitOption = None,
    split_map: SplitMapOption = None,
    task: TaskOption = "asr",
    language: LanguageOption = None,
    channels: ChannelsOption = "reject",
    column: ColumnOption = None,
    without: WithoutOption = None,
    audio: AudioOption = None,
    delimiter: DelimiterOption = None,
    folders: FoldersOption = None,
    tier: TierOption = None,
    follow_links: LinksOption = False,
    tars: TarsOption = None,
    json_: Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")] = False,
) -> None:
    """Say what `catalog import` would do, by the first 1,000 rows: columns, rows as read, rejects, splits.

    Of archives and stores it reads 100. Nothing is written. Exit 1: the import would be refused, or none of these rows
    would become a cut.

    Example: soundwave catalog check cv/train.tsv --column text=sentence
    """
    from dataclasses import asdict

    from curation.interchange.check import check, guess_kind
    from curation.storage import need_answer, source_place
    from soundwave.cli._tables import print_json

    facts: dict[str, Any] = {"split": split, "split_map": split_map, "task": task, "language": language}
    about = about_of(**facts, channels=channels)
    place = need_answer(source_place(source))
    known = str(kind or guess_kind(place))
    given = {"column": column, "without": without, "audio": audio, "delimiter": delimiter}
    layout = layout_of(known, given | {"folders": folders, "tier": tier, "follow_links": follow_links} | {"tars": tars})
    found = check(place, about, kind=known, layout=layout)
    if json_:
        print_json(asdict(found) | {"good": found.good})
    else:
        show_check(found)
    if not found.good:
        raise typer.Exit(1)


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
