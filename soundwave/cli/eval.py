"""`soundwave eval`: error rates of finished runs on held-out clips, and other metrics when asked for."""

from pathlib import Path
from typing import Annotated, Any

import typer

CORPUS = "asterisk"  # of the demo


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("eval")(evaluate_runs)


def evaluate_runs(
    runs: Annotated[list[Path], typer.Argument(help="Run folders.")],
    *,
    catalog: Annotated[Path, typer.Option(help="The catalog with the clips.")] = Path("demo/catalog"),
    split: Annotated[str, typer.Option(help="dev to choose settings on, test to report.")] = "dev",
    corpus: Annotated[
        str | None,
        typer.Option(help="Whose clips. Default: asterisk for error rates, for other metrics all that have some."),
    ] = None,
    min_words: Annotated[int, typer.Option(help="Clips with fewer words are left out.", min=1)] = 3,
    metrics: Annotated[
        list[str] | None,
        typer.Option(
            help="Any of asr, st, sound, ctc, kept, similarity, retention, speed (commas, or given twice), or all. "
            "Default: asr, the error rates."
        ),
    ] = None,
    decode: Annotated[
        list[str] | None,
        typer.Option(help="ctc (greedy), llm (its own answers), joint (both choose). Default: ctc and llm."),
    ] = None,
    limit: Annotated[int | None, typer.Option(help="So many clips of each task only.", min=1)] = None,
    text: Annotated[Path | None, typer.Option(help="Plain text for the perplexity of `retention`.")] = None,
    air_bench: Annotated[
        Path | None, typer.Option(help="Ask the questions of this AIR-Bench file (.json, .jsonl) and nothing else.")
    ] = None,
    audio_root: Annotated[Path, typer.Option(help="The audio of --air-bench: its folder of TASK_DATASET/.")] = Path(),
    choose: Annotated[
        str, typer.Option(help="--air-bench: read choices from the answer, or take the likeliest: answer | likelihood.")
    ] = "answer",
    ceiling: Annotated[bool, typer.Option("--ceiling", help="Score Moonshine's own decoder beside them.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON: an object for one run, else a list.")] = False,
) -> None:
    """Score finished runs: word and character error rates with 95 % bands over clips; other metrics with --metrics.

    Example: `soundwave eval demo/runs/stage-1 demo/runs/stage-2 --split dev`
    """
    if air_bench is not None:
        _air_bench(runs, air_bench, audio_root, choose=choose, limit=limit, as_json=as_json)
        return
    from soundwave.evaluate.families import choose as choose_metrics
    from soundwave.evaluate.families import measure
    from soundwave.evaluate.metrics.asr import DECODES, evaluate
    from soundwave.evaluate.metrics.asr import ceiling as own_decoder

    wanted = metrics or ["asr"]
    rates, families = choose_metrics(wanted)
    where: dict[str, Any] = {"split": split, "min_words": min_words, "limit": limit}
    speech = corpus or CORPUS
    rows = [evaluate(run, catalog, corpus=speech, decode=decode or DECODES, **where) for run in runs] if rates else []
    best = own_decoder(catalog, corpus=speech, **where) if ceiling else None
    more: dict[str, Any] = {"corpus": corpus, "text": text, "skip": "all" in wanted, **where}
    found = [measure(run, catalog, families, **more) for run in runs] if families else []
    if as_json:
        _print_json(rows, found, best)
    else:
        _show(rows, best)
        _show_families(found)


def _air_bench(runs: list[Path], questions: Path, root: Path, *, choose: str, limit: int | None, as_json: bool) -> None:
    import json

    from manifests.errors import InputError
    from soundwave.cli._tables import print_rows
    from soundwave.evaluate.air_bench import air_bench

    if choose not in ("answer", "likelihood"):
        raise InputError(f"--choose is {choose!r}, expected answer or likelihood.")
    found = [air_bench(run, questions, root, choose=choose, limit=limit) for run in runs]  # type: ignore[arg-type]
    if as_json:
        print(json.dumps(found[0] if len(found) == 1 else found, indent=2))
        return
    for result in found:
        rows = [{"task": name, **figures} for name, figures in result.get("tasks", {}).items()]
        title = f"{result['run']}: {result['answered']:,} of {result['questions']:,} questions asked"
        print_rows(rows, title=title, names=["task", "questions", "correct", "unparsed", "accuracy"])
        for reason, count in result["rejected"].items():
            print(f"{count:,} not asked: {reason}")
        if rows:
            print(f"accuracy {result['accuracy']:.4f}, average over tasks {result['average']:.4f}")


def _print_json(rows: list[dict[str, Any]], found: list[dict[str, Any]], best: dict[str, Any] | None) -> None:
    import json

    if found:
        rows = [
            {**row, **{name: value for name, value in more.items() if name not in row and name != "families"}}
            | {"metrics": more["families"]}
            for row, more in zip(rows or [{} for _ in found], found, strict=True)
        ]
    answer: Any = rows[0] if len(rows) == 1 else rows
    print(json.dumps(answer if best is None else {"runs": rows, "ceiling": best}, indent=2))


def _show_families(found: list[dict[str, Any]]) -> None:
    from soundwave.cli._tables import print_rows
    from soundwave.evaluate.table import family_rows

    if found:
        where = found[0]["corpus"] or "every corpus with such rows"
        print_rows(family_rows(found), title=f"{where}, {found[0]['split']}")


def _show(rows: list[dict[str, Any]], best: dict[str, Any] | None) -> None:
    from rich.console import Console
    from rich.table import Table

    if not rows and best is None:
        return
    title = f"{rows[0]['clips']} clips of {rows[0]['corpus']}, {rows[0]['split']}" if rows else None
    table = Table(title=title, title_justify="left")
    decodings = {"ctc": "CTC", "llm": "LLM", "joint": "joint"}
    shown = [name for name in decodings if name != "joint" or any("joint_wer" in row for row in rows)]
    columns = [f"{decodings[name]} {rate}" for rate in ("WER", "CER") for name in shown]
    for name in ("run", "stage", *columns):
        table.add_column(name, justify="left" if name in ("run", "stage") else "right")
    for row in rows:
        rates = [_band(row.get(f"{name}_wer"), row.get(f"{name}_wer_band")) for name in shown]
        letters = [f"{row[f'{name}_cer']:.3f}" if f"{name}_cer" in row else "-" for name in shown]
        table.add_row(row["run"], row["stage"], *rates, *letters)
    if best is not None:
        blank = ["-"] * (len(shown) - 1)
        band, letters = _band(best["wer"], best["wer_band"]), [f"{best['cer']:.3f}", *blank]
        table.add_row("Moonshine's own decoder", "-", band, *blank, *letters)
    Console().print(table)


def _band(rate: float | None, band: Any) -> str:
    return "-" if rate is None else f"{rate:.3f} ({band[0]:.2f}-{band[1]:.2f})"
