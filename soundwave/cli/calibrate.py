"""`soundwave calibrate`: from CTC spikes to word edges."""

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(calibrate)


def calibrate(
    *,
    output: Annotated[Path, typer.Option(help="The calibration (JSON), for `label align --calibration`.")],
    backend: Annotated[str, typer.Option(help="hf-ctc, torchaudio or soundwave.")] = "soundwave",
    model: Annotated[str | None, typer.Option(help="A hub name or folder, a torchaudio bundle, a stage-I run.")] = None,
    corpus: Annotated[str, typer.Option(help="The corpus to learn from (its train split).")] = "asterisk",
    source: Annotated[
        str, typer.Option(help="reference: the words of `label align`; joined: one-word cuts end to end; both.")
    ] = "both",
    noise: Annotated[bool, typer.Option(help="Use every clip once more, with noise.")] = True,
    corpora: Annotated[Path, typer.Option(help="Folder of the prepared corpora.")] = Path("demo/corpora"),
    labels: Annotated[Path, typer.Option(help="Folder of the labels.")] = Path("demo/labels"),
    as_json: Annotated[bool, typer.Option("--json", help="Print the calibration instead of a line.")] = False,
) -> None:
    """Learn where a CTC aligner's words begin and end, seen from where it hears their letters.

    Example: `soundwave calibrate --model demo/runs/stage-1 --output stage-1.json`
    """
    from curation.align import load_aligner
    from curation.align.calibration import calibrate as learn
    from curation.align.ctc_model import SpikeAligner
    from curation.passes.known_edges import examples
    from manifests.disk.names import need_name
    from manifests.errors import SettingsError
    from manifests.files import need_folder
    from soundwave.cli._tables import print_json, say

    sources = ("reference", "joined", "both")
    if source not in sources:
        raise SettingsError(f"--source is {source!r}, expected one of: {', '.join(sources)}.")
    aligner = load_aligner(backend, model=model)
    if not isinstance(aligner, SpikeAligner):
        raise SettingsError(f"The aligner `{backend}` gives edges as they are: only CTC aligners are calibrated.")
    folder = need_folder(
        corpora / need_name(corpus, setting="corpus"), what="corpus", hint=f"Run `soundwave prepare {corpus}` first."
    )
    clips = examples(folder, labels, source=source, noise=noise)  # type: ignore[arg-type]
    learned = learn(aligner, clips, reference=f"{corpus}: {source}{' and noise' if noise else ''}")
    learned.save(output)
    if as_json:
        print_json(learned.model_dump(mode="json"))
        return
    say(f"{output}: learned from {learned.words:,} words of {learned.reference}")
