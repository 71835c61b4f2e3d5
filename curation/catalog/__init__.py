"""The catalog: a Parquet mirror of every corpus and labelling pass, and a DuckDB connection that reads it.

    CATALOG/TABLE/CORPUS/NAME-KEY.parquet   parts; KEY comes from a part's inputs
    CATALOG/catalog.json                    which parts are current, and the fingerprint of their rows; replaced last
    reviews/reviews.parquet beside it       marks that listeners gave its cuts: the view `reviews`

Readers follow catalog.json, so they see the old catalog or the new one, never half of each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import duckdb
import pyarrow as pa

from curation.catalog.index import CATALOG_TABLES as CATALOG_TABLES
from curation.catalog.index import INDEX as INDEX
from curation.catalog.index import (
    incomplete,
    known_parts,
    part_files,
    read_index,
    refuse_damaged_parts,
    remember,
    whole_parts,
)
from curation.catalog.parts import Part, Source, corpus_source, pass_source, write_parts
from curation.catalog.repeats import places
from curation.catalog.reviews import review_file, reviews_view
from curation.catalog.runs import create_run_views, run_ledgers
from curation.catalog.studies import Studies
from curation.catalog.study_views import create_study_views, study_tables
from curation.catalog.views import create_tables, create_views
from curation.duck import Limits, Opened, first, lock_down, open_memory, quoted_list, read_only_files, reading_parquet
from curation.storage import answering, open_place, resolve, sibling
from manifests.digests import Checked, write_sealed
from manifests.errors import ManifestError, MissingFileError, StaleError
from manifests.files import claim_folder, need_folder
from manifests.fingerprint import file_sha256, fingerprint
from manifests.plans import LOCK, PLAN, plan_files, read_whole
from manifests.rows import PASS_FILE, corpus_folders
from manifests.units import Hours

__all__ = ["CatalogSummary", "build", "catalog_fingerprint", "connect"]

DAMAGED = (
    "Of a catalog: delete its catalog.json and run `soundwave catalog build` again; of a plan: `soundwave mix plan`; "
    "of a run: train it again; of results: `soundwave ablate` again."
)
FINGERPRINTED = ("cuts", "words", "labels", "rejects")  # features are derived, and their paths name a machine


@dataclass(frozen=True)
class CatalogSummary:
    """What a build found and did."""

    catalog: Path
    fingerprint: str
    parts: tuple[Part, ...]
    written: int  # parts written now
    reused: int  # parts whose inputs had not changed
    damaged: tuple[str, ...] = ()  # what was not as it had been written, and was made again
    changed: tuple[str, ...] = ()  # what was changed by hand, as it seems, and is taken as it is
    left: tuple[str, ...] = ()  # whose rows were in the catalog and have left it, though their files are there
    unfinished: tuple[str, ...] = ()  # what has files but no mark that it is complete

    def rows(self, table: str) -> int:
        """Rows of one table."""
        return sum(part.rows for part in self.parts if part.table == table)

    @property
    def hours(self) -> Hours:
        """Audio hours of all cuts."""
        return sum(part.hours for part in self.parts)

    def corpora(self) -> list[dict[str, Any]]:
        """One row per corpus: rows of each table, and hours."""
        names = sorted({part.corpus for part in self.parts})
        return [
            {"corpus": name}
            | {t: sum(p.rows for p in self.parts if p.corpus == name and p.table == t) for t in CATALOG_TABLES}
            | {"hours": sum(p.hours for p in self.parts if p.corpus == name)}
            for name in names
        ]


def build(corpora: Path, labels: Path, catalog: Path) -> CatalogSummary:
    """Mirror the corpora under `corpora` and the finished passes under `labels` into `catalog`.

    Only what changed is written. The old catalog stays whole and readable until the new one is complete.
    Any of the three may lie on S3 (`s3://BUCKET/PREFIX`).

    Raises:
        MissingFileError: no corpora folder, or no prepared corpus in it.
        ManifestError: an id that two corpora share, or label shards that break the schema.
        DamagedError: a file of a corpus or of labels is not what was written. The old catalog stays.
        OccupiedError: `catalog` holds something else; nothing in it was touched.
        StaleError: another command wrote what is read here.
    """
    corpora, labels, catalog = resolve(corpora), resolve(labels), resolve(catalog)
    with answering(corpora):
        sources = _sources(corpora, labels)
    with answering(catalog):
        claim_folder(catalog, "a catalog", known=(INDEX,))
        known, before, notes = known_parts(catalog)
    parts: list[Part] = []
    written = 0
    checked, changed = Checked(catalog), list[str]()
    with open_memory() as con:
        for folder in (corpora, labels, catalog):
            open_place(con, folder)
        for source in sources:
            old = known.get((source.corpus, source.name, source.key), [])
            whole, said = whole_parts(con, catalog, old, checked)
            notes += said
            if not whole:
                changed += source.check()
                whole = write_parts(con, source, catalog)
                written += len(whole)
            parts += whole
        if written:
            _refuse_shared_ids(con, catalog, parts, sources)
    if written:
        _need_unchanged(corpora, labels, sources)
    parts.sort(key=lambda part: (part.table, part.corpus, part.name))
    mark = fingerprint_of(parts)
    gone = sorted(path for path in before - {part.path for part in parts} if (catalog / path).is_file())
    # What goes is named, so that a build that is killed here is tidied up by the next one.
    value = {"fingerprint": mark, "parts": [part.row() for part in parts]} | ({"gone": gone} if gone else {})
    write_sealed(catalog / INDEX, value)
    for path in gone:
        (catalog / path).unlink(missing_ok=True)
    remember(catalog, parts, checked)
    left, unfinished = incomplete(corpora, labels, {(corpus, name) for corpus, name, _ in known})
    facts = (tuple(notes), tuple(changed), tuple(left), tuple(unfinished))
    return CatalogSummary(catalog, mark, tuple(parts), written, len(parts) - written, *facts)


def _need_unchanged(corpora: Path, labels: Path, sources: Sequence[Source]) -> None:
    """Refuse a catalog of half an old corpus and half a new one.

    Raises:
        StaleError: a corpus or the labels of a pass were written while they were read.
    """
    with answering(corpora):
        now = {(source.corpus, source.name): source.key for source in _sources(corpora, labels)}
    for source in sources:
        if now.get((source.corpus, source.name)) != source.key:
            raise StaleError(
                f"{source.folder} was written while the catalog was built. The old catalog was left as it was. When "
                "the other command has ended, run the same command again."
            )


def connect(
    catalog: Path | None,
    *,
    read_only: bool = True,
    plans: Path | None = None,
    runs: Sequence[Path] = (),
    studies: Studies | None = None,
    threads: int | None = None,
    variables: dict[str, Any] | None = None,
    limits: Limits | None = None,
    splits: pa.Table | None = None,
    bare: bool = False,
) -> duckdb.DuckDBPyConnection:
    """A DuckDB connection with a view per table of manifests/schema.sql, the views and macros of sql/.

    Args:
        catalog: the catalog's folder, or `s3://BUCKET/PREFIX`; None: its tables are empty.
        read_only: lock the connection down: it reads the catalog's files and nothing else, cannot write them, and
            cannot be reopened. Without it the connection is for our own SQL only.
        plans: a folder of plans (PLANS/NAME/plan.parquet) for the view `plans`, with the column `plan` = NAME.
        runs: folders of runs (RUNS/NAME) for the views `runs` and `ledger` and those of sql/ledger.sql.
        studies: what workspaces hold, for the same views and `results`, `outcomes`, `clips`, `locks`, `rules`,
            `label_settings`, `corpora`, `parts`; these are there only then.
        threads: DuckDB threads; all cores by default.
        variables: read in SQL with getvariable('name').
        limits: of memory and of what is spilled to disk.
        splits: cut_id and split of cuts that are in other splits here than the catalog says: see `folds.py`.
        bare: only the catalog's tables, views over them (`accepted`, ...) and macros: the rest takes most of the time.

    Raises:
        MissingFileError: no catalog there, or one of its parts is missing or empty.
        DamagedError: a part is not what was written.
        StaleError: a plan is not the one that its lock was made for.
    """
    parts = _whole(catalog)
    con = open_memory(threads, limits)
    door, listed = read_only_files(con) if read_only else (None, quoted_list)
    files: dict[str, list[Path]] = {table: [] for table in CATALOG_TABLES}
    if catalog is not None:
        open_place(con, resolve(catalog))
        files |= {table: [resolve(catalog) / p.path for p in parts if p.table == table] for table in files}
    drawn = _drawn(plans, found := studies or Studies())
    for name, value in (variables or {}).items():
        con.execute(f"SET VARIABLE {name} = ?", [value])
    runs = list(dict.fromkeys([*runs, *found.runs]))
    marks, names = None if catalog is None else review_file(catalog), found.runs | found.plans
    read = [*(path for paths in files.values() for path in paths), *drawn, *run_ledgers(runs), *study_tables(found)]
    read += filter(None, [marks])
    with reading_parquet(read, go_on=DAMAGED):
        create_tables(con, files, listed, splits)
        if not bare:
            create_views(con, drawn, listed=listed, names=names)
            con.execute(f"CREATE VIEW reviews AS {reviews_view(marks, listed)}")
            create_run_views(con, runs, drawn, listed=listed, names=names, found_in=found.found_in)
        if studies is not None:
            corpora, labels = _corpora(catalog, studies), _labels(catalog, studies)
            create_study_views(con, studies, drawn, parts, corpora=corpora, labels=labels, listed=listed)
    if door is not None:
        lock_down(con, door)
    return cast(duckdb.DuckDBPyConnection, Opened(con, read, DAMAGED))  # one in all but its class


def _drawn(plans: Path | None, studies: Studies) -> list[Path]:
    """Files of the plans in a folder and of those of studies, looked at."""
    found = list(dict.fromkeys([*(plan_files(plans) if plans else []), *(folder / PLAN for folder in studies.plans)]))
    for path in found:
        if (path.parent / LOCK).is_file():
            read_whole(path.parent)
    return found


def _whole(catalog: Path | None) -> list[Part]:
    """The parts of a catalog, looked at."""
    if catalog is None:
        return []
    catalog = resolve(catalog)
    parts = catalog_parts(catalog)
    with answering(catalog):
        refuse_damaged_parts(catalog, parts)
    return parts


def _corpora(catalog: Path | None, studies: Studies) -> list[Path]:
    """Prepared corpora of the studies, or else those beside the catalog."""
    beside = sibling(catalog, "corpora") if catalog is not None and not studies.folders("corpora") else None
    return studies.folders("corpora") or (corpus_folders(beside) if beside is not None else [])


def _labels(catalog: Path | None, studies: Studies) -> list[Path]:
    """Folders of passes over a corpus, in the studies, or else beside the catalog."""
    beside = sibling(catalog, "labels") if catalog is not None and not studies.folders("labels") else None
    found = sorted(path.parent for path in beside.glob(f"*/*/{PASS_FILE}")) if beside is not None else []
    return studies.folders("labels") or found


def catalog_fingerprint(catalog: Path) -> str:
    """The fingerprint of the rows of cuts, words, labels and rejects: the same rows give it in any order or layout.

    Raises:
        MissingFileError: no catalog there.
    """
    catalog = resolve(catalog)
    with answering(catalog):
        value = read_index(catalog)
    return str(value["fingerprint"]) if value else fingerprint_of(catalog_parts(catalog))


def catalog_parts(catalog: Path) -> list[Part]:
    """The current parts; those found on disk when there is no catalog.json (Parquet written by another tool).

    Raises:
        MissingFileError: no catalog there.
    """
    catalog = resolve(catalog)
    with answering(catalog):
        need_folder(catalog, what="catalog", hint="Run `soundwave catalog build` first.")
        value = read_index(catalog)
    if value is not None:
        return list(value["parts"])
    found = part_files(catalog)
    if not found:
        raise MissingFileError(f"{catalog} holds no catalog. Run `soundwave catalog build` first.")
    return [_foreign_part(catalog, table, path) for table, path in found]


def _foreign_part(catalog: Path, table: str, path: Path) -> Part:
    digest = file_sha256(path)
    return Part(table, path.parent.name, path.stem, f"{table}/{path.parent.name}/{path.name}", -1, digest, digest)


def _sources(corpora: Path, labels: Path) -> list[Source]:
    need_folder(corpora, what="corpora folder", hint="Run `soundwave prepare` first.")
    folders = corpus_folders(corpora)
    if not folders:
        raise MissingFileError(
            f"{corpora} holds no prepared corpus (CORPUS/corpus.json). Run `soundwave prepare` first."
        )
    names = {folder.name for folder in folders}
    passes = sorted(path.parent for path in labels.glob(f"*/*/{PASS_FILE}") if path.parent.name in names)
    return [corpus_source(folder) for folder in folders] + [pass_source(folder) for folder in passes]


def _refuse_shared_ids(
    con: duckdb.DuckDBPyConnection, catalog: Path, parts: Sequence[Part], sources: Sequence[Source]
) -> None:
    """Ids are unique over the whole catalog: labels and plans name cuts by id alone."""
    paths = [catalog / part.path for part in _overlapping([part for part in parts if part.table == "cuts"])]
    if not paths:
        return
    row = first(
        con,
        f"SELECT cut_id, count(*) OVER () "
        f"FROM read_parquet({quoted_list(paths)}) "
        "GROUP BY cut_id HAVING count(*) > 1 ORDER BY cut_id LIMIT 1",
    )
    if row:
        raise ManifestError(
            f"{row[1]} cut ids occur in more than one corpus, e.g. {row[0]!r} in {_places(con, row[0], sources)}; "
            "expected ids unique over the catalog, such as CORPUS-ID. The old catalog was left as it was."
        )


def _places(con: duckdb.DuckDBPyConnection, cut_id: str, sources: Sequence[Source]) -> str:
    """Where an id stands, as CORPUS/FILE:LINE."""
    corpora = [source for source in sources if source.name == "prepare"]
    found = {source.corpus: places(con, source.files["cuts"], cut_id) for source in corpora}
    return ", ".join(f"{corpus}/{place}" for corpus, lines in found.items() for place in lines)


def _overlapping(parts: Sequence[Part]) -> list[Part]:
    """Parts whose range of ids meets another's. Ids of the form CORPUS-ID never do, which saves reading them."""
    found: dict[str, Part] = {}
    furthest: Part | None = None
    for part in sorted((p for p in parts if p.rows), key=lambda part: str(part.first_id)):
        if furthest and str(part.first_id) <= str(furthest.last_id):
            found |= {furthest.path: furthest, part.path: part}
        if furthest is None or str(part.last_id) > str(furthest.last_id):
            furthest = part
    return list(found.values())


def fingerprint_of(parts: Sequence[Part]) -> str:
    """The fingerprint of these parts together."""
    facts = sorted((p.table, p.corpus, p.name, p.digest) for p in parts if p.table in FINGERPRINTED and p.rows != 0)
    return fingerprint(facts)
