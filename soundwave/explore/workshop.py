"""The mixture workshop: what a mixture with other shares and another budget would be, and saving it as a new file."""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from curation.plan import load_mixture, make_plan
from curation.plan.mixture import MIXTURES, Mixture
from curation.plan.show import uses
from manifests.disk.alone import in_turn
from manifests.disk.names import need_name
from manifests.errors import MissingFileError, OccupiedError, SettingsError
from manifests.files import atomic_write
from manifests.settings import Override
from soundwave.explore.asking import Explorer

CHANGED = ("shares", "budget", "epochs", "max_repeats", "seed", "fraction", "batch.seconds")  # what the page may set
PAPERS = "paper/"  # bundled mixtures of the paper's corpora, which no catalog of ours has
_ONE_AT_A_TIME = threading.Lock()  # plans are made of all cores


class _Block(str):
    """SQL, which YAML is to write line by line."""


class _Dumper(yaml.SafeDumper):
    """YAML with blocks."""


_Dumper.add_representer(_Block, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|"))


def mixture_names(explorer: Explorer) -> list[str]:
    """Mixtures that can be opened: those that were named, those in the folder of plans, and the bundled ones."""
    return list(_known(explorer))


def _known(explorer: Explorer) -> dict[str, str | Path]:
    saved = sorted(explorer.places.saved_in.glob("*.yaml"))
    files = {str(path): path for path in (*explorer.places.mixtures, *saved)}
    return files | {name: name for name in MIXTURES.names() if not name.startswith(PAPERS)}


def open_mixture(explorer: Explorer, name: str) -> dict[str, Any]:
    """A mixture's settings, and where the workshop saves mixtures.

    Raises:
        SettingsError: it is none.
    """
    loaded = _load(explorer, name, {})
    return {"settings": loaded.model_dump(mode="json"), "saved_in": str(explorer.places.saved_in)}


def certificate(explorer: Explorer, name: str, changes: Mapping[str, Any]) -> dict[str, Any]:
    """What `soundwave mix plan NAME --json` prints with these changes, and how often cuts are used: the plan is made in
    a folder for temporary files and thrown away.

    Raises:
        SettingsError: a change that is none.
        MixtureError: the mixture cannot be had; the message has the numbers and what can be had.
    """
    mixture = _load(explorer, name, changes)
    with _ONE_AT_A_TIME, tempfile.TemporaryDirectory(prefix="soundwave-explore-") as folder:
        plan = Path(folder) / "plan"
        lock = make_plan(mixture, explorer.places.catalog, plan, limits=explorer.limits)
        return {"lock": lock.row(), "uses": uses(plan)}


def save_mixture(explorer: Explorer, name: str, changes: Mapping[str, Any], save_as: str) -> Path:
    """Write the mixture as a new file MIXTURES/SAVE_AS.yaml beside the catalog, whole: its SQL stands in it.

    Raises:
        OccupiedError: there is such a file. Nothing was touched.
        SettingsError: no name, or changes that are none.
    """
    mixture = _load(explorer, name, changes)
    target = explorer.places.saved_in / f"{need_name(save_as, setting='name')}.yaml"
    text = yaml.dump(_written(mixture), Dumper=_Dumper, sort_keys=False, allow_unicode=True)
    with in_turn(target.parent):
        if os.path.lexists(target):
            raise OccupiedError(f"{target} is there already. Nothing was touched. Choose another name.")
        with atomic_write(target) as temporary:
            temporary.write_text(text, encoding="utf-8")
    load_mixture(target)
    return target


def _written(mixture: Mixture) -> dict[str, Any]:
    """The settings that are not the default, SQL as blocks; the file's name is the mixture's name."""
    values = mixture.model_copy(update={"name": "", "select": None, "rules": None})
    kept = values.model_dump(mode="json", exclude_defaults=True)
    return {key: _Block(value) if key in ("query", "rules_query") else value for key, value in kept.items()}


def _load(explorer: Explorer, name: str, changes: Mapping[str, Any]) -> Mixture:
    known = _known(explorer)
    if name not in known:
        raise MissingFileError(f"No mixture {name!r} is open here. Known: {', '.join(known)}.")
    if odd := sorted(set(changes) - set(CHANGED)):
        raise SettingsError(f"{odd[0]!r} is not changed here, expected {', '.join(CHANGED)}.")
    given = [Override(key, value, f"the page's {key}") for key, value in changes.items() if value is not None]
    return load_mixture(known[name], given)
