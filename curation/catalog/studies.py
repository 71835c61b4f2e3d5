"""Studies on disk: what `soundwave ablate`, `train` and `mix plan` left in folders, found by its marks.

A place may be a folder of ablations, one grid's results in it, a run, a plan, a folder of runs or of plans, or a folder
that holds several of these (the demo's). What lies in it is found by the files that say what it is, wherever the place
was moved: paths inside it are relative to it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from curation.catalog.index import INDEX
from curation.catalog.runs import run_name
from curation.storage import local
from manifests.errors import MissingFileError
from manifests.files import is_aside, need_folder
from manifests.plans import LOCK, PLAN
from manifests.rows import CORPUS, PASS_FILE
from manifests.runs import GRID, PLANS, RESULTS, RUN, RUNS, TABLE
from manifests.switch import settle_inside

DEPTH = 3  # folders below a place that are looked at: demo/ablation/runs/NAME
KINDS = {RUN: "runs", GRID: "grids", INDEX: "catalogs", CORPUS: "corpora", PASS_FILE: "labels", LOCK: "plans"}


@dataclass
class StudyPlace:
    """What one place holds; lists of folders, sorted."""

    place: Path
    name: str = ""
    runs: list[Path] = field(default_factory=list)
    plans: list[Path] = field(default_factory=list)
    grids: list[Path] = field(default_factory=list)
    catalogs: list[Path] = field(default_factory=list)
    corpora: list[Path] = field(default_factory=list)
    labels: list[Path] = field(default_factory=list)
    """Of passes: LABELS/PASS/CORPUS."""


@dataclass(frozen=True)
class Studies:
    """Several studies, and by which names SQL has their runs and plans: each name stands for one."""

    studies: tuple[StudyPlace, ...] = ()
    runs: dict[Path, str] = field(default_factory=dict)
    """Folder of a run -> name."""
    plans: dict[Path, str] = field(default_factory=dict)
    """Folder of a plan -> name."""

    @property
    def found_in(self) -> dict[Path, str]:
        """Folder of a run or plan -> name of its study."""
        return {folder: study.name for study in self.studies for folder in (*study.runs, *study.plans)}

    def folders(self, kind: str) -> list[Path]:
        """All folders of one kind, each once."""
        return list(dict.fromkeys(folder for study in self.studies for folder in getattr(study, kind)))


def find_studies(places: Sequence[Path]) -> Studies:
    """What lies in `places`.

    Raises:
        MissingFileError: no such folder, or nothing in it that a study leaves.
        InputError: a place in an object store.
        ManifestError: a run.json that is none.
    """
    found = [_look(place) for place in dict.fromkeys(_real(place) for place in places)]
    names = _distinct([study.place for study in found])
    for study in found:
        study.name = names[study.place]
    runs = _named(found, "runs", run_name)
    plans = _named(found, "plans", lambda folder: folder.name)
    return Studies(tuple(found), runs, plans)


def _real(place: Path) -> Path:
    return need_folder(local(place, what="a workspace", use="is read from"), what="workspace").resolve()


def _look(place: Path) -> StudyPlace:
    study = StudyPlace(place)
    if (place / GRID).is_file():  # one grid's results: its runs and plans lie beside it
        study.grids.append(place)
        for name in (RUNS, PLANS):
            _sort_in(place.parent / name, study, 1)
    else:
        _sort_in(place, study, DEPTH)
    if not (study.runs or study.plans or study.grids):
        raise MissingFileError(
            f"{place} is no workspace: neither in it nor {DEPTH} folders below it is a run ({RUN}), a plan ({LOCK}) or "
            f"results of `soundwave ablate` ({GRID}). Name the output folder of `soundwave ablate`, or a run."
        )
    return study


def _sort_in(folder: Path, study: StudyPlace, depth: int) -> None:
    """Put what `folder` is into the study; where it is nothing by itself, what its folders are."""
    for mark, kind in KINDS.items():
        if (folder / mark).is_file() and (mark != LOCK or (folder / PLAN).is_file()):
            if kind != "grids" or any((folder / name).is_file() for name in (TABLE, RESULTS)):
                getattr(study, kind).append(folder)
            return
    if depth:
        settle_inside(folder)
        for inside in _folders(folder):
            _sort_in(inside, study, depth - 1)


def _folders(folder: Path) -> Iterator[Path]:
    with suppress(PermissionError, FileNotFoundError):
        for path in sorted(folder.iterdir()):
            if path.is_dir() and not path.name.startswith(".") and not is_aside(path):
                yield path


def _named(studies: Sequence[StudyPlace], kind: str, name: Callable[[Path], str]) -> dict[Path, str]:
    """Folder -> its name; where several have it, with the study and, if that is not enough, the folders before it."""
    places = {folder: study for study in studies for folder in getattr(study, kind)}
    names = {folder: name(folder) for folder in places}
    used: dict[str, list[Path]] = {}
    for folder, said in names.items():
        used.setdefault(said, []).append(folder)
    for said, folders in used.items():
        if len(folders) > 1:
            longer = [f"{places[folder].name}/{said}" for folder in folders]
            distinct = _distinct(folders)
            same = len(set(longer)) < len(folders)
            names |= {f: distinct[f] if same else new for f, new in zip(folders, longer, strict=True)}
    return names


def _distinct(folders: Sequence[Path]) -> dict[Path, str]:
    """Folder -> the end of its path that no other one has."""
    names = {}
    for folder in folders:
        parts, others = folder.parts, [other.parts for other in folders if other != folder]
        sizes = range(1, len(parts) + 1)
        size = next((n for n in sizes if all(other[-n:] != parts[-n:] for other in others)), len(parts))
        names[folder] = "/".join(parts[-size:])
    return names
