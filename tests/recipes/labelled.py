"""What tests of recipes ask of prepared cuts of sounds and voices."""

from __future__ import annotations

from typing import Any

from tests.recipes.speech.conftest import Prepared


def heard(found: Prepared) -> dict[str, tuple[list[str], str, str]]:
    """Id -> names of AudioSet's ontology, the corpus's own label, and the answer."""
    labels = {key: row["supervisions"][0]["custom"] for key, row in found.cuts.items()}
    return {key: (one["sound"], one["sound_original"], one["target_text"]) for key, one in labels.items()}


def answers(found: Prepared) -> dict[str, tuple[str, str]]:
    """Id -> task and answer."""
    return {
        key: (row["custom"]["task"], row["supervisions"][0]["custom"]["target_text"]) for key, row in found.cuts.items()
    }


def about(found: Prepared, key: str, *names: str) -> tuple[Any, ...]:
    """Facts of a cut that have no column."""
    return tuple(found.cuts[key]["custom"].get(name) for name in names)
