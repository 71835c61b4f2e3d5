"""`soundwave eval`: metrics of finished runs on held-out rows; error rates when nothing is said."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from soundwave.cli import _completion
from soundwave.cli._settings import MOST, QuietOption, SetOption, overrides
from soundwave.evaluate.registry import ALL, METRICS, RATES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from soundwave.evaluate.held_out import EvalOptions
    from soundwave.evaluate.settings import EvalSettings

CORPUS = "asterisk"  # of the demo
CatalogOption = Annotated[
    Path | None, typer.Option(help="The catalog with the clips. Default: that on which each run was trained.")
]

DecodeOption = Annotated[
    list[str] | None,
    typer.Option(help="ctc (greedy), llm (its own answers), joint (both choose). Default: ctc and llm."),
]
AlsoOption = Annotated[
    Path | None,
    typer.Option(
        help="A YAML list of further questions (split, corpus, metrics, decode, limit, ...), answered in `also`; "
        "without another question they are all that is asked."
    ),
]
OwnFoldOption = Annotated[
    bool, typer.Option("--own-fold", help="Of the corpus of a mixture's `folds`: the fold that the run never saw.")
]
MetricsOption = Annotated[
    list[str] | None,
    typer.Option(
        help=f"Any of {', '.join(METRICS.names())} (commas, or given twice), or all. "
        f"Default: {RATES}, the error rates. --list-metrics says what they measure.",
        autocompletion=_completion.metrics,
    ),
]
ClipsOption = Annotated[
    Path | None, typer.Option(help="Write what each clip gave to the figures: value and weight, as Parquet.")
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("eval")(evaluate_runs)


def evaluate_runs(
    runs: Annotated[list[Path] | None, typer.Argument(help="Run folders.")] = None,
    *,
    catalog: CatalogOption = None,
    split: Annotated[str | None, typer.Option(help="dev (the default) to choose settings on, test to report.")] = None,
    corpus: Annotated[
        str | None,
        typer.Option(help="Whose clips. Default: asterisk for error rates, for other metrics all that have some."),
    ] = None,
    min_words: Annotated[
        int | None, typer.Option(help="Clips with fewer words are left out (default 3).", min=1, max=MOST)
    ] = None,
    metrics: MetricsOption = None,
    decode: DecodeOption = None,
    own_fold: OwnFoldOption = False,
    limit: Annotated[int | None, typer.Option(help="So many clips of each task only.", min=1, max=MOST)] = None,
    text: Annotated[Path | None, typer.Option(help="Plain text for the perplexity of `retention`.")] = None,
    air_bench: Annotated[
        Path | None, typer.Option(help="Ask the questions of this AIR-Bench file (.json, .jsonl) and nothing else.")
    ] = None,
    audio_root: Annotated[Path, typer.Option(help="The audio of --air-bench: its folder of TASK_DATASET/.")] = Path(),
    choose: Annotated[
        str, typer.Option(help="--air-bench: read choices from the answer, or take the likeliest: answer | likelihood.")
    ] = "answer",
    also: AlsoOption = None,
    clips: ClipsOption = None,
    ceiling: Annotated[bool, typer.Option("--ceiling", help="Score Moonshine's own decoder beside them.")] = False,
    list_: Annotated[
        bool,
        typer.Option("--list-metrics", help="List the metrics and stop; with --json also their figures and needs."),
    ] = False,
    set_: SetOption = None,
    quiet: QuietOption = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON: an object for one run, else a list.")] = False,
) -> None:
    """Score finished runs: word and character error rates with 95 % bands over clips; other metrics with --metrics.

    Example: `soundwave eval demo/runs/stage-1 demo/runs/stage-2 --split dev`
    """
    if list_:
        _list(as_json=as_json)
        return
    if not runs:
        raise typer.BadParameter("Name a run folder, or ask for --list-metrics.")
    if air_bench is not None:
        _air_bench(runs, air_bench, audio_root, choose=choose, limit=limit, as_json=as_json)
        return
    given: dict[str, Any] = {"split": split, "corpus": corpus, "min_words": min_words, "limit": limit}
    given |= {"metrics": metrics, "decode": decode, "text": text, "ceiling": ceiling or None}
    given["own_fold"] = own_fold or None
    settings = _settings(given, set_)
    places = {run: catalog or _catalog(run) for run in runs}
    asked = None if also is not None and not set_ and not any(given.values()) else settings
    if asked is not None and also is None and clips is None:
        _score(places, [*settings.metrics], settings.options(), ceiling=settings.ceiling, as_json=as_json)
    else:
        _answer(places, asked, also, clips, as_json=as_json)


def _settings(given: dict[str, Any], pairs: list[str] | None) -> "EvalSettings":
    """What flags and --set say, over the defaults."""
    from manifests.settings import replace_defaults
    from soundwave.evaluate.settings import EvalSettings

    flags = {f"--{name.replace('_', '-')}": (name, value) for name, value in given.items()}
    return replace_defaults(EvalSettings, overrides(pairs, flags), where="the evaluation")


def _score(
    runs: "Mapping[Path, Path]", wanted: list[str], options: "EvalOptions", *, ceiling: bool, as_json: bool
) -> None:
    """Measure the metrics that are wanted, each run on its catalog, and print them."""
    from manifests.errors import InputError
    from soundwave.evaluate.held_out_fold import with_fold
    from soundwave.evaluate.metrics.asr import ceiling as own_decoder
    from soundwave.evaluate.registry import choose

    chosen = choose(wanted)
    if ceiling and len({*runs.values()}) > 1:
        raise InputError("The runs have several catalogs: name the one whose clips Moonshine hears as `catalog`.")
    found = [_measure(run, catalog, chosen, options, skip=ALL in wanted) for run, catalog in runs.items()]
    first, where = next(iter(runs.items()))
    best = own_decoder(where, with_fold(first, where, _of_rates(options))) if ceiling else None
    if as_json:
        _print_json(found, best)
        return
    _show([result for results in found for result in results if RATES in result["families"]], best)
    _show_families([result for results in found for result in results if RATES not in result["families"]])


def _answer(
    runs: "Mapping[Path, Path]", asked: "EvalSettings | None", also: Path | None, clips: Path | None, *, as_json: bool
) -> None:
    """Several questions to each run, and what single clips gave."""
    from soundwave.evaluate.further import FurtherQuestion, clip_rows, read_questions, write_clips
    from soundwave.evaluate.registry import choose
    from soundwave.evaluate.table import json_row

    further = read_questions(also) if also else []
    questions = [*([asked] if asked else []), *further]
    chosen = [choose(question.metrics) for question in questions]
    rows, answers, every = [], [], []
    for run, catalog in runs.items():
        found = []
        for number, (question, names) in enumerate(zip(questions, chosen, strict=True), 0 if asked else 1):
            skip = ALL in question.metrics or (isinstance(question, FurtherQuestion) and question.skip)
            values: dict[str, Any] = {}
            found.append(_measure(run, catalog, names, question.options(), skip=skip, values=values))
            rows += clip_rows(run.name, number, values)
        every += [result for results in found for result in results]
        first = json_row(found[0]) if asked else {"run": run.name, "stage": found[0][0]["stage"]} if found else {}
        answers.append(first | {"also": [json_row(results) for results in found[1 if asked else 0 :]]})
    if clips is not None:
        write_clips(clips, rows)
    if as_json:
        _print_rows(answers)
        return
    _show([result for result in every if RATES in result["families"]], None)
    for result in every:
        if RATES not in result["families"]:
            _show_families([result])


def _catalog(run: Path) -> Path:
    """The catalog that a run was trained on; standard error is told if its rows are others by now."""
    from soundwave.train.runs.places import run_catalog

    found, change = run_catalog(run)
    if change:
        print(f"note: {change}", file=sys.stderr)
    return found


def _of_rates(options: "EvalOptions") -> "EvalOptions":
    """Error rates are the demo's where no corpus is named."""
    from dataclasses import replace

    return replace(options, corpus=options.corpus or CORPUS)


def _measure(
    run: Path,
    catalog: Path,
    chosen: list[str],
    options: "EvalOptions",
    *,
    skip: bool,
    values: dict[str, Any] | None = None,
) -> list[dict[str, Any]]:
    """A run's error rates and its other metrics: apart, since they may be of different corpora."""
    from soundwave.evaluate.families import measure

    asked = [([name for name in chosen if name == RATES], _of_rates(options))]
    asked += [([name for name in chosen if name != RATES], options)]
    return [measure(run, catalog, some, how, skip=skip, values=values) for some, how in asked if some]


def _list(*, as_json: bool) -> None:
    from soundwave.cli._tables import print_json
    from soundwave.evaluate.registry import describe

    if as_json:
        print_json(describe())
        return
    for name in METRICS.names():
        print(f"{name:12}{METRICS.title(name)}")


def _air_bench(runs: list[Path], questions: Path, root: Path, *, choose: str, limit: int | None, as_json: bool) -> None:
    from manifests.errors import InputError
    from soundwave.cli._tables import print_json, print_rows
    from soundwave.evaluate.air_bench import air_bench

    if choose not in ("answer", "likelihood"):
        raise InputError(f"--choose is {choose!r}, expected answer or likelihood.")
    found = [air_bench(run, questions, root, choose=choose, limit=limit) for run in runs]  # type: ignore[arg-type]
    if as_json:
        print_json(found[0] if len(found) == 1 else found)
        return
    for result in found:
        rows = [{"task": name, **figures} for name, figures in result.get("tasks", {}).items()]
        title = f"{result['run']}: {result['answered']:,} of {result['questions']:,} questions asked"
        print_rows(rows, title=title, names=["task", "questions", "correct", "unparsed", "accuracy"])
        for reason, count in result["rejected"].items():
            print(f"{count:,} not asked: {reason}")
        if rows:
            print(f"accuracy {result['accuracy']:.4f}, average over tasks {result['average']:.4f}")


def _print_json(found: list[list[dict[str, Any]]], best: dict[str, Any] | None) -> None:
    from soundwave.evaluate.table import json_row

    _print_rows([json_row(results) for results in found], best)


def _print_rows(rows: list[dict[str, Any]], best: dict[str, Any] | None = None) -> None:
    from soundwave.cli._tables import print_json

    answer: Any = rows[0] if len(rows) == 1 else rows
    print_json(answer if best is None else {"runs": rows, "ceiling": best})


def _show_families(found: list[dict[str, Any]]) -> None:
    from soundwave.cli._tables import print_rows
    from soundwave.evaluate.table import family_rows

    if found:
        where = found[0]["corpus"] or "every corpus with such rows"
        print_rows(family_rows(found), title=f"{where}, {_rows_of(found[0])}")


def _rows_of(result: "Mapping[str, Any]") -> str:
    """The split, or the fold that stands for it."""
    folds = result.get("folds")
    said = f", fold {folds['fold']} of {folds['number']} of {folds['corpus']}" if folds else ""
    return f"{result['split']}{said}"


def _show(found: list[dict[str, Any]], best: dict[str, Any] | None) -> None:
    from soundwave.cli._tables import print_rows, say
    from soundwave.evaluate.table import json_row

    rows = [json_row([result]) for result in found]
    for row in rows:
        if "skipped" in row:
            say(f"{row['run']}: no error rates. {row['skipped']}")
    rows = [row for row in rows if "skipped" not in row]
    if not rows and best is None:
        return
    title = f"{rows[0]['clips']} clips of {rows[0]['corpus']}, {_rows_of(rows[0])}" if rows else None
    decodings = {"ctc": "CTC", "llm": "LLM", "joint": "joint"}
    shown = [name for name in decodings if name != "joint" or any("joint_wer" in row for row in rows)]
    table = [
        {"run": row["run"], "stage": row["stage"]}
        | {f"{decodings[name]} WER": _band(row.get(f"{name}_wer"), row.get(f"{name}_wer_band")) for name in shown}
        | {f"{decodings[name]} CER": f"{row[f'{name}_cer']:.3f}" if f"{name}_cer" in row else "-" for name in shown}
        for row in rows
    ]
    columns = [f"{decodings[name]} {rate}" for rate in ("WER", "CER") for name in shown]
    if best is not None:
        own = {"run": "Moonshine's own decoder", "CTC WER": _band(best["wer"], best["wer_band"])}
        own["CTC CER"] = f"{best['cer']:.3f}"
        table.append(dict.fromkeys(("run", "stage", *columns), "-") | own)
    print_rows(table, title=title, right=columns)
    if units := {str(row["wer_unit"]) for row in rows if row.get("wer_unit", "words") != "words"}:
        say(f"WER counts {'; '.join(sorted(units))}: there are no spaces between words.")


def _band(rate: float | None, band: Any) -> str:
    return "-" if rate is None else f"{rate:.3f} ({band[0]:.2f}-{band[1]:.2f})"
