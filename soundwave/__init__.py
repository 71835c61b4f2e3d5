"""Model, three-stage training, evaluation, ablations, report, and the one command line `soundwave`."""

from __future__ import annotations

import importlib
from typing import Any

from manifests.plugins import look_in

__all__ = ["SpeechLLM", "linear_ctc_loss"]

# Imported when first used: torch takes seconds, and `soundwave --help` needs none of it.
_HOMES = {"SpeechLLM": "soundwave.model.speech_llm", "linear_ctc_loss": "soundwave.model.ctc.linear_ctc"}

look_in("curation.align", "soundwave.infer.aligners")


def __getattr__(name: str) -> Any:
    """The public names, from the modules that define them."""
    if name not in _HOMES:
        raise AttributeError(f"module 'soundwave' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
