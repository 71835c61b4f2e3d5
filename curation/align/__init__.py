"""Aligners by name.

An aligner is a module of this package with an `ALIGNER`; its name is the file's name, with `-` for `_`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from curation.align.base import AlignedWord, Aligner
from manifests.plugins import Plugins, unknown
from manifests.settings.makers import Maker

__all__ = ["AlignedWord", "Aligner", "aligner_names", "describe_aligners", "load_aligner"]

ALIGNERS: Plugins[Maker[Aligner]] = Plugins("aligner", "curation.align", "ALIGNER", Maker)


def aligner_names() -> list[str]:
    """Names of all aligners, sorted."""
    return [name.replace("_", "-") for name in ALIGNERS.names()]


def aligner_maker(name: str) -> Maker[Aligner]:
    """How the aligner `name` is made, and from which options. Raises SettingsError for an unknown name."""
    known = aligner_names()
    if name not in known:
        raise unknown("aligner", name, known)
    return ALIGNERS.find(name.replace("-", "_"))


def load_aligner(name: str, **options: Any) -> Aligner:
    """The aligner `name`; models are loaded with its first use.

    Args:
        name: of a module of this package.
        options: the aligner's own, such as `model`, which weights, and `calibration`, a file that `soundwave calibrate`
            wrote. None means that an option is not given.

    Raises:
        SettingsError: no such aligner, an option that it does not have, a calibration of another model.
        MissingFileError, MissingPackageError: the calibration, or what the aligner needs, is not there.
    """
    given: Mapping[str, Any] = {key: value for key, value in options.items() if value is not None}
    return aligner_maker(name)(given, where=f"the aligner `{name}`")


def describe_aligners() -> list[dict[str, Any]]:
    """One row an aligner: name, what it does, options, needed packages and those that are missing."""
    return [
        {"name": name, "does": ALIGNERS.title(name.replace("-", "_"))} | aligner_maker(name).described()
        for name in aligner_names()
    ]
