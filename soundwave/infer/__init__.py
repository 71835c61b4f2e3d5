"""Ask a trained run about audio: files in batches, answers as they come, conversations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from manifests.lazy import lazy_names

if TYPE_CHECKING:
    from soundwave.infer.ask import infer, stream

__all__ = ["infer", "stream"]

# The aligner of a stage-I run lives here too, and needs nothing of the trainer.
__getattr__ = lazy_names(__name__, dict.fromkeys(__all__, "soundwave.infer.ask"))
