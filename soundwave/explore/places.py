"""What `soundwave explore` looks at: a catalog, and the plans, runs and studies around it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from curation.catalog.index import INDEX, part_files
from curation.catalog.studies import Studies, find_studies
from curation.storage import is_remote, local, resolve, sibling
from manifests.errors import MissingFileError
from manifests.files import need_folder
from soundwave.train.runs.places import run_catalog

CATALOG = "catalog"


@dataclass(frozen=True)
class Explored:
    """What is looked at."""

    catalog: Path
    plans: Path | None = None
    """Folder of plans beside the catalog."""
    studies: Studies | None = None
    mixtures: tuple[Path, ...] = field(default=())
    """Mixtures' YAML files to open, beside the bundled ones and those in the folder of plans."""

    @property
    def saved_in(self) -> Path:
        """Where the workshop saves mixtures: the folder of plans, beside the catalog."""
        return self.catalog.absolute().parent / "mixtures"


def find_explored(place: Path, *, catalog: Path | None = None, mixtures: tuple[Path, ...] = ()) -> Explored:
    """What lies at `place`: a catalog, or a workspace that holds one, or whose runs know one.

    Args:
        place: a catalog's folder (also `s3://BUCKET/PREFIX`), or a workspace.
        catalog: in place of the workspace's own.
        mixtures: YAML files to open.

    Raises:
        MissingFileError: no such folder, or neither a catalog nor a workspace with one.
    """
    if is_remote(place):
        return Explored(resolve(place), sibling(place, "mixtures"), None, mixtures)
    place = need_folder(place, what="catalog or workspace", hint=_HINT).resolve()
    if catalog is None and _is_catalog(place):
        return Explored(place, sibling(place, "mixtures"), None, mixtures)
    studies = _studies(local(place, what="a workspace", use="is read from"))
    found = catalog.resolve() if catalog is not None else _catalog(place, studies)
    return Explored(found, sibling(found, "mixtures"), studies, mixtures)


_HINT = "Name a catalog's folder (`soundwave catalog build` makes one) or the workspace that holds it, such as demo."


def _is_catalog(place: Path) -> bool:
    return (place / INDEX).is_file() or bool(part_files(place))


def _studies(place: Path) -> Studies | None:
    """What a workspace holds of runs, plans and results; None where it holds none, or only a catalog."""
    try:
        return find_studies([place])
    except MissingFileError:
        return None


def _catalog(place: Path, studies: Studies | None) -> Path:
    if _is_catalog(place / CATALOG):
        return place / CATALOG
    if studies is not None:
        if found := studies.folders("catalogs"):
            return found[0]
        for run in studies.folders("runs"):
            return run_catalog(run)[0].resolve()
    raise MissingFileError(f"{place} is neither a catalog nor a workspace with one in {CATALOG}/. {_HINT}")
