"""Labelling passes by name. A pass is a module of this package with a `PASS`; its name is the file's name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from curation.passes.shards import LabelPass
from manifests.plugins import Plugins, look_in
from manifests.settings.makers import Maker

__all__ = ["LabelPass", "describe_passes", "make_pass"]

look_in("curation.passes", "curation.passes.scores")  # a room for those that only score
PASSES: Plugins[Maker[LabelPass]] = Plugins("labelling pass", "curation.passes", "PASS", Maker)


def make_pass(name: str, options: Mapping[str, Any] | None = None) -> LabelPass:
    """The pass `name` with these options, and its defaults for all others.

    Raises:
        SettingsError: no such pass, an option that it does not have, or a wrong value.
        MissingFileError, MissingPackageError: what an option names, or what it needs, is not there.
    """
    return PASSES.find(name)(options or {}, where=f"the pass `{name}`")


def describe_passes() -> list[dict[str, Any]]:
    """One row a pass: name, what it does, options, needed packages and those that are missing."""
    return [{"name": name, "does": PASSES.title(name)} | kind.described() for name, kind in PASSES.all().items()]
