"""A finished stage-I run: realign with what was just trained."""

from __future__ import annotations

from pathlib import Path

from curation.align.base import Aligner
from curation.align.ctc_aligner import CTCAligner, CTCOptions
from manifests.errors import SettingsError
from manifests.makers import Maker, Needs

NAME = "soundwave"


class Options(CTCOptions):
    """Options of this aligner."""

    model: str | None = None
    """The folder of a finished stage-I run."""


def _make(options: Options) -> Aligner:
    """Raises StaleError where the run is not finished."""
    from soundwave.infer.aligner import run_aligner  # torch and transformers: the list of aligners does not wait

    if not options.model:
        raise SettingsError(f"The aligner `{NAME}` needs a finished stage-I run: its folder as `model`.")
    from soundwave.infer.stage_one import run_aligner  # torch and transformers: only for those who ask for it

    return CTCAligner.from_options(run_aligner(Path(options.model)).loader, options)


ALIGNER = Maker(Options, _make, Needs(("torch", "transformers")))
