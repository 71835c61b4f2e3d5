"""`soundwave label`: a labelling pass over prepared corpora, on Dask."""

from pathlib import Path
from typing import Annotated, Any

import typer

from soundwave.cli import _completion
from soundwave.cli._settings import MOST, PROCESSES, QuietOption, SetOption, finite

# Passes, aligners and encoders declare their own options: --set reaches all of them, flags some.
Backend = Annotated[str | None, typer.Option(help="align: the aligner, pocketsphinx unless given; see --list.")]
Model = Annotated[str | None, typer.Option(help="align: a hub name or folder, a torchaudio bundle, a stage-I run.")]
Calibrated = Annotated[Path | None, typer.Option(help="align: what `soundwave calibrate` learned for this CTC model.")]
Wildcard = Annotated[
    str | None,
    typer.Option(
        metavar="WHERE",
        help="align by CTC: where speech may be that the transcript lacks: none (default), ends or words.",
    ),
]
LeastScore = Annotated[
    float | None,
    typer.Option(
        help="align: cuts whose words score less on average are rejected. Default: the aligner's limit.",
        callback=finite,
    ),
]
EncoderName = Annotated[
    str | None, typer.Option(help="encode: moonshine-tiny-en (default), or a Whisper name or folder.")
]
Speeds = Annotated[
    list[float] | None,
    typer.Option(
        "--speed", "--speeds", help="encode: a variant at this speed; may be repeated. Default: 1.", callback=finite
    ),
]

PassArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="PASS", help="quality, align, encode, agree, ...; see --list.", autocompletion=_completion.passes
    ),
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(label)


def label(
    pass_: PassArgument = None,
    *,
    corpora: Annotated[Path, typer.Option(help="Folder of the prepared corpora.")] = Path("demo/corpora"),
    labels: Annotated[Path, typer.Option(help="Labels go to LABELS/PASS/CORPUS.")] = Path("demo/labels"),
    corpus: Annotated[
        list[str] | None, typer.Option(help="Label this corpus alone; may be repeated. Default: all.")
    ] = None,
    backend: Backend = None,
    model: Model = None,
    calibration: Calibrated = None,
    wildcard: Wildcard = None,
    least_score: LeastScore = None,
    encoder: EncoderName = None,
    speed: Speeds = None,
    set_: SetOption = None,
    workers: Annotated[
        int | None, typer.Option(min=0, max=PROCESSES, help="Processes. Default: one per core; 0: in this process.")
    ] = None,
    dask: Annotated[
        str | None, typer.Option(metavar="ADDR", help="A running scheduler, e.g. tcp://host:8786, instead.")
    ] = None,
    shard_size: Annotated[int, typer.Option(min=1, max=MOST, help="Cuts per shard, roughly.")] = 64,
    export: Annotated[
        Path | None, typer.Option(help="align: also write Lhotse cuts with their words to EXPORT/CORPUS.jsonl.gz.")
    ] = None,
    list_: Annotated[bool, typer.Option("--list", help="List passes and their models, and stop.")] = False,
    quiet: QuietOption = False,
    json_: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Label every cut, or reject it with a reason. What is done already is not done again.

    The workers of --dask need this command's versions of Python, soundwave and its libraries, and see corpora, labels
    and models at the same paths; each is asked before work starts. A worker takes one shard at a time: start several,
    `dask worker ADDR --nworkers auto --nthreads 1`.

    Exit 1 if the words of more cuts of a corpus are not heard by `align` than are: its texts are not what is said.

    Example: `soundwave label align --corpus asterisk`
    """
    from curation.passes.runner import run_pass
    from curation.passes.workers import WorkerPool

    if list_:
        _list(as_json=json_)
        return
    chosen = {"backend": backend, "model": model, "calibration": calibration, "wildcard": wildcard}
    job = _chosen(pass_, chosen | {"encoder": encoder, "speeds": speed or None, "least_score": least_score}, set_)
    _check_export(job.name, export)
    _need_local(corpora, labels)
    rows = []
    with WorkerPool(workers=workers, dask=dask) as pool:
        for folder in _folders(corpora, corpus):
            rows.append(run_pass(job, folder, labels, shard_size=shard_size, pool=pool).row())
            if export is not None:
                rows[-1]["exported"] = _export(folder, labels, export)
    _show(rows, as_json=json_)
    if job.name == "align" and sum(_says_other_texts(row) for row in rows):
        raise typer.Exit(1)


def _need_local(corpora: Path, labels: Path) -> None:
    from curation.storage import local

    local(corpora, what="the audio of a corpus (--corpora)", use="is read from")
    local(labels, what="what a pass finds (--labels)")


def _chosen(name: str | None, options: dict[str, Any], set_: list[str] | None) -> Any:
    """The pass with the options that were given, and those of --set."""
    from manifests.settings.makers import Text
    from soundwave.cli._settings import overrides

    options |= {pair.key: Text(pair.value) for pair in overrides(set_)}
    return _make(name, {key: value for key, value in options.items() if value is not None})


def _says_other_texts(row: dict[str, Any]) -> bool:
    """Whether the texts of a corpus are not what is said in it; if so, say it."""
    import sys

    from curation.align.base import UNHEARD

    unheard = sum(row["reasons"].get(reason, 0) for reason in UNHEARD)
    if unheard <= row["labelled"]:
        return False
    print(
        f"{row['corpus']}: the words of {unheard} cuts are not heard, those of {row['labelled']} are. Its texts are "
        "not what is said: check the pairing of audio and text. Another model may need another --least-score.",
        file=sys.stderr,
    )
    return True


def _make(name: str | None, options: dict[str, Any]) -> Any:
    """The pass, checked: it can run here."""
    from curation.passes import PASSES, make_pass
    from manifests.errors import SettingsError

    if name is None:
        raise SettingsError(f"Name a pass: {', '.join(PASSES.names())}. `soundwave label --list` says what they do.")
    job = make_pass(name, options)
    job.check()
    return job


def _list(*, as_json: bool) -> None:
    """Passes and their models: what each does, its options, what it needs, whether that is here."""
    from curation.align import describe_aligners
    from curation.encoders import ENCODERS
    from curation.passes import describe_passes
    from curation.recognise import RECOGNISERS
    from curation.tagging import TAGGERS
    from curation.voices import VOICES
    from soundwave.cli._tables import print_json, print_rows

    found = {"passes": describe_passes(), "aligners": describe_aligners(), "encoders": ENCODERS.described()}
    found |= {"recognisers": RECOGNISERS.described(), "taggers": TAGGERS.described(), "voices": VOICES.described()}
    if as_json:
        print_json(found)
        return
    for kind, rows in found.items():
        shown = [
            {
                kind: row["name"],
                "what it does": row["does"],
                "takes": row["models"] if "models" in row else ", ".join(row["options"]),
                "needs": ", ".join(row["needs"]),
                "here": f"no: {row['install']}" if row["missing"] else "yes",
            }
            for row in rows
        ]
        print_rows(shown)


def _check_export(pass_: str, export: Path | None) -> None:
    from manifests.errors import SettingsError

    if export is not None and pass_ != "align":
        raise SettingsError(f"--export is an option of the pass `align`, not of `{pass_}`. Leave it out.")


def _export(folder: Path, labels: Path, output: Path) -> int:
    from curation.passes.align import export_alignments

    return export_alignments(folder, labels, output / f"{folder.name}.jsonl.gz")


def _folders(corpora: Path, names: list[str] | None) -> list[Path]:
    """The corpora to label: all that have cuts, or those named."""
    from manifests.errors import MissingFileError
    from manifests.files import need_folder
    from manifests.rows import corpus_folders, read_corpus

    found = corpus_folders(need_folder(corpora, what="folder of corpora", hint="Run `soundwave prepare` first."))
    known = {folder.name: folder for folder in found}
    if missing := [name for name in names or [] if name not in known]:
        raise MissingFileError(
            f"No prepared corpus {', '.join(missing)} in {corpora}, expected one of: {', '.join(known) or '(none)'}. "
            "Run `soundwave prepare` first."
        )
    chosen = [known[name] for name in dict.fromkeys(names)] if names else found
    with_audio = [folder for folder in chosen if read_corpus(folder).cuts]
    if not with_audio:
        raise MissingFileError(f"No corpus with audio in {corpora}. Run `soundwave prepare` first.")
    return with_audio


def _show(rows: list[dict[str, Any]], *, as_json: bool) -> None:
    from manifests.units import clock
    from soundwave.cli._tables import print_json, print_rows

    if as_json:
        print_json(rows)
        return
    print_rows(
        [
            {name: row[key] for name, key in (("pass", "name"), ("corpus", "corpus"))}
            | {name: row[name] for name in ("cuts", "labelled", "rejected")}
            | {"audio": clock(row["seconds"]), "took": clock(row["wall_seconds"])}
            | {"shards (reused)": f"{row['shards']} ({row['shards_reused']})"}
            | {"why rejected": ", ".join(f"{count} {reason}" for reason, count in row["reasons"].items())}
            for row in rows
        ],
        right=("audio", "took", "shards (reused)"),
    )
