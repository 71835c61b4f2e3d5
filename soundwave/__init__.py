"""Model, three-stage training, evaluation, ablations, report, and the one command line `soundwave`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from manifests.lazy import lazy_names
from manifests.plugins import look_in

if TYPE_CHECKING:
    from soundwave.model.ctc.linear_ctc import linear_ctc_loss
    from soundwave.model.speech_llm import SpeechLLM

__all__ = ["SpeechLLM", "linear_ctc_loss"]

look_in("curation.align", "soundwave.infer.aligners")

# torch takes seconds, and `soundwave --help` needs none of it.
__getattr__ = lazy_names(
    __name__, {"SpeechLLM": "soundwave.model.speech_llm", "linear_ctc_loss": "soundwave.model.ctc.linear_ctc"}
)
