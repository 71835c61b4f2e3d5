"""Read every file of a workspace's artefacts to its end: is it what was written?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from curation.catalog.index import INDEX, part_problem, read_index
from curation.passes.shards import shard_on_disk
from curation.storage import answering, resolve
from manifests.digests import SEAL, Checked, Written, files_of
from manifests.errors import InputError, MissingFileError
from manifests.files import is_aside, need_folder, read_json
from manifests.plans import LOCK, PLAN, read_lock, read_whole
from manifests.progress import progress_bar
from manifests.rows import CORPUS, PASS_FILE, corpus_folders, row_files
from manifests.rows.passes import marker_path, read_pass, recorded
from manifests.rows.written import CUTS, FILES, REJECTS, TEXTS, accept_corpus, check_corpus
from manifests.runs import CHECKPOINTS, FINAL, LEDGER, METRICS, RUN, WEIGHTS, read_run
from soundwave.train.runs import checkpoint

KINDS = ("catalog", "labels", "corpora", "plans", "runs")
WHOLE, NO_RECORD = "whole", "no record"


@dataclass(frozen=True)
class CheckedFile:
    """One file to look at; `look` says WHOLE or NO_RECORD, or raises InputError with what is wrong."""

    kind: str
    path: Path
    look: Callable[[], str]


@dataclass
class Verified:
    """What was found of one kind of artefact."""

    kind: str
    checked: int = 0  # files that are what was written
    damaged: int = 0
    missing: int = 0
    no_record: int = 0  # files of which nobody wrote down what they were
    bytes: int = 0
    problems: list[dict[str, str]] = field(default_factory=list)

    def row(self) -> dict[str, Any]:
        """As a row of a table."""
        return {name: value for name, value in vars(self).items() if name != "problems"}

    def add(self, item: CheckedFile) -> None:
        """Look at one file."""
        try:
            self.bytes += item.path.stat().st_size if item.path.is_file() else 0
            found = item.look()
        except (InputError, OSError) as error:
            lost = isinstance(error, MissingFileError) or not item.path.exists()
            self.missing, self.damaged = self.missing + lost, self.damaged + (not lost)
            self.problems.append({"kind": self.kind, "path": str(item.path), "problem": str(error)})
            return
        self.checked, self.no_record = self.checked + (found == WHOLE), self.no_record + (found == NO_RECORD)


def verify(places: Mapping[str, Path]) -> list[Verified]:
    """Look at all artefacts in folders; places: of KINDS, where each is.

    Raises:
        MissingFileError: a place that is not there.
    """
    finders = {"catalog": _catalog, "labels": _labels, "corpora": _corpora, "plans": _plans, "runs": _runs}
    results = []
    with progress_bar() as bar:
        for kind in (kind for kind in KINDS if kind in places):
            place = resolve(places[kind])
            with answering(place):
                items = list(finders[kind](need_folder(place, what=f"folder ({kind})")))
                task = bar.add_task(f"verify {kind}", total=len(items), note="")
                result = Verified(kind)
                for item in items:
                    result.add(item)
                    bar.update(task, advance=1, note=f"{result.bytes / 1e6:,.0f} MB")
            results.append(result)
    return results


def accept(corpora: Path) -> list[Path]:
    """Write down the files of corpora as they are now, where they are no longer what was written; return the corpora.

    Raises:
        ManifestError: a file that cannot be read to its end.
    """
    changed = []
    for folder in corpus_folders(need_folder(corpora, what="corpora folder")):
        try:
            same = not check_corpus(folder)
        except InputError:
            same = False
        if not same:
            accept_corpus(folder)
            changed.append(folder)
    return changed


def _record(path: Path) -> str:
    """Whether a JSON record has a seal (that it fits was seen by its reader)."""
    value = read_json(path)
    return WHOLE if isinstance(value, dict) and SEAL in value else NO_RECORD


def _said(problem: str | None) -> None:
    if problem is not None:
        raise InputError(problem)


def _catalog(catalog: Path) -> Iterator[CheckedFile]:
    def index() -> str:
        read_index(catalog)
        return _record(catalog / INDEX) if (catalog / INDEX).is_file() else NO_RECORD

    yield CheckedFile("catalog", catalog / INDEX, index)
    try:
        value = read_index(catalog)
    except InputError:
        return
    parts, checked = (value["parts"] if value else []), Checked(catalog, afresh=True)
    for part in parts:

        def look(part: Any = part) -> str:
            _said(part_problem(catalog, part, checked))
            return NO_RECORD if part.written is None else WHOLE

        yield CheckedFile("catalog", catalog / part.path, look)


def _labels(labels: Path) -> Iterator[CheckedFile]:
    for folder in sorted(path for path in labels.glob("*/*") if path.is_dir()):
        if not (folder / PASS_FILE).is_file() and not any(folder.glob("shard-*.json")):
            continue

        def whole(folder: Path = folder) -> str:
            recorded(folder, read_pass(folder))
            return _record(folder / PASS_FILE)

        yield CheckedFile("labels", folder / PASS_FILE, whole)
        try:
            facts = read_pass(folder)
            record = recorded(folder, facts)
        except InputError:
            continue
        checked = Checked(folder, afresh=True)
        for key in facts["shards"]:

            def mark(folder: Path = folder, key: str = key) -> str:
                found = shard_on_disk(folder, key)
                _said("is missing" if found is None else found if isinstance(found, str) else None)
                return _record(marker_path(folder, key))

            yield CheckedFile("labels", marker_path(folder, key), mark)
        yield from (_file("labels", folder, name, row, checked) for name, row in record.items())


def _file(kind: str, folder: Path, name: str, record: Written, checked: Checked) -> CheckedFile:
    def look() -> str:
        _said(checked.problem(name, record))
        return WHOLE if record.xxh3_128 else NO_RECORD

    return CheckedFile(kind, folder / name, look)


def _corpora(corpora: Path) -> Iterator[CheckedFile]:
    for folder in corpus_folders(corpora):

        def look(folder: Path = folder) -> str:
            changed = check_corpus(folder)
            _said("; ".join(changed) or None)
            return _record(folder / CORPUS)

        yield CheckedFile("corpora", folder / CORPUS, look)
        for path in row_files(folder, CUTS, TEXTS, REJECTS):

            def known(path: Path = path) -> str:
                facts = read_json(path.parent / CORPUS)
                return WHOLE if path.name in (facts.get(FILES) or {}) else NO_RECORD

            yield CheckedFile("corpora", path, known)


def _plans(plans: Path) -> Iterator[CheckedFile]:
    for folder in sorted({path.parent for name in (PLAN, LOCK) for path in plans.glob(f"*/{name}")}):
        if is_aside(folder):
            continue

        def lock(folder: Path = folder) -> str:
            read_lock(folder)
            return _record(folder / LOCK)

        def plan(folder: Path = folder) -> str:
            read_whole(folder)
            return WHOLE

        yield CheckedFile("plans", folder / LOCK, lock)
        yield CheckedFile("plans", folder / PLAN, plan)


def _runs(runs: Path) -> Iterator[CheckedFile]:
    inside = [runs] if (runs / RUN).is_file() else sorted(path.parent for path in runs.glob(f"*/{RUN}"))
    for folder in inside:

        def look(folder: Path = folder) -> str:
            read_run(folder)
            return _record(folder / RUN)

        yield CheckedFile("runs", folder / RUN, look)
        try:
            record = files_of(folder / RUN, read_run(folder).files, go_on="")
        except InputError:
            continue
        checked = Checked(folder, afresh=True)
        yield from (_file("runs", folder, name, row, checked) for name, row in record.items())
        for name in (METRICS, LEDGER, f"{FINAL}/{WEIGHTS}"):
            if name not in record and (folder / name).is_file():
                yield CheckedFile("runs", folder / name, lambda: NO_RECORD)
        for path in checkpoint.found(folder / CHECKPOINTS):
            yield CheckedFile("runs", path, lambda path=path: _checkpoint(path))  # type: ignore[misc]


def _checkpoint(path: Path) -> str:
    checkpoint.load(path)
    return WHOLE if checkpoint.has_checksum(path) else NO_RECORD
