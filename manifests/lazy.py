"""Public names that are imported when they are first used (PEP 562), so that a package costs nothing until then."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any


def lazy_names(package: str, homes: Mapping[str, str]) -> Callable[[str], Any]:
    """What a package's `__getattr__` is to be. `homes`: the module of each public name.

    `__getattr__ = lazy_names(__name__, {"SpeechLLM": "soundwave.model.speech_llm"})`
    """

    def find(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(importlib.import_module(homes[name]), name)

    return find
