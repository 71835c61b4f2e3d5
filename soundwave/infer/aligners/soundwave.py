"""A finished stage-I run: realign with what was just trained."""

from __future__ import annotations

from pathlib import Path

from curation.align.base import Aligner
from curation.align.ctc_aligner import CTCAligner, CTCOptions
from manifests.errors import SettingsError
from manifests.settings.makers import Maker, Needs

NAME = "soundwave"


class RunOptions(CTCOptions):
    """Options of this aligner."""

    model: str | None = None
    """The folder of a finished stage-I run."""


def _make(options: RunOptions) -> Aligner:
    """Raises StaleError where the run is not finished."""
    if not options.model:
        raise SettingsError(f"The aligner `{NAME}` needs a finished stage-I run: its folder as `model`.")
    from soundwave.infer.stage_one import run_aligner  # torch and transformers: the list does not wait

    return CTCAligner.from_options(run_aligner(Path(options.model)).loader, options)


ALIGNER = Maker(RunOptions, _make, Needs(("torch", "transformers")))
