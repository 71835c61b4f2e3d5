"""The catalog: a Parquet mirror of every corpus and labelling pass, and a DuckDB connection that reads it.

    CATALOG/TABLE/CORPUS/NAME-KEY.parquet   parts; KEY comes from a part's inputs
    CATALOG/catalog.json                    which parts are current, and the fingerprint of their rows; replaced last

Readers follow catalog.json, so they see the old catalog or the new one, never half of each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import duckdb

from curation.catalog.parts import Part, Source, corpus_source, pass_source, write_parts
from curation.catalog.repeats import places
from curation.catalog.runs import create_run_views, run_ledgers
from curation.catalog.views import create_views
from curation.duck import Opened, first, lock_down, open_memory, quoted_list, reading_parquet
from curation.storage import answering, open_place, resolve
from manifests.errors import ManifestError, MissingFileError
from manifests.files import claim_folder, need_folder, read_json, write_json
from manifests.fingerprint import file_sha256, fingerprint
from manifests.plans import plan_files
from manifests.rows import PASS_FILE, corpus_folders
from manifests.settings import stored
from manifests.units import Hours

__all__ = ["CatalogSummary", "build", "catalog_fingerprint", "connect"]

INDEX = "catalog.json"
DAMAGED = (
    "Of a catalog: delete its catalog.json and run `soundwave catalog build` again; of a plan: `soundwave mix plan`; "
    "of a run: train it again."
)
CATALOG_TABLES = ("cuts", "words", "labels", "rejects", "features")
FINGERPRINTED = ("cuts", "words", "labels", "rejects")  # features are derived, and their paths name a machine


@dataclass(frozen=True)
class CatalogSummary:
    """What a build found and did."""

    catalog: Path
    fingerprint: str
    parts: tuple[Part, ...]
    written: int  # parts written now
    reused: int  # parts whose inputs had not changed

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
        OccupiedError: `catalog` holds something else; nothing in it was touched.
    """
    corpora, labels, catalog = resolve(corpora), resolve(labels), resolve(catalog)
    with answering(corpora):
        sources = _sources(corpora, labels)
    with answering(catalog):
        claim_folder(catalog, "a catalog", known=(INDEX,))
        known = _known(catalog)
    parts: list[Part] = []
    written = 0
    with open_memory() as con:
        for folder in (corpora, labels, catalog):
            open_place(con, folder)
        for source in sources:
            old = known.get((source.corpus, source.name, source.key), [])
            if old and all((catalog / part.path).is_file() for part in old):
                parts += old
                continue
            fresh = write_parts(con, source, catalog)
            parts += fresh
            written += len(fresh)
        if written:
            _refuse_shared_ids(con, catalog, parts, sources)
    parts.sort(key=lambda part: (part.table, part.corpus, part.name))
    mark = _fingerprint(parts)
    write_json(catalog / INDEX, {"fingerprint": mark, "parts": [part.row() for part in parts]})
    _sweep(catalog, {part.path for old in known.values() for part in old} - {part.path for part in parts})
    return CatalogSummary(catalog, mark, tuple(parts), written, len(parts) - written)


def connect(
    catalog: Path,
    *,
    read_only: bool = True,
    plans: Path | None = None,
    runs: Sequence[Path] = (),
    threads: int | None = None,
    variables: dict[str, Any] | None = None,
) -> duckdb.DuckDBPyConnection:
    """A DuckDB connection with a view per table of manifests/schema.sql, the views and macros of sql/.

    Args:
        catalog: the catalog's folder, or `s3://BUCKET/PREFIX`.
        read_only: lock the connection down: it reads the catalog's files and nothing else, and cannot be reopened.
        plans: a folder of plans (PLANS/NAME/plan.parquet) for the view `plans`, with the column `plan` = NAME.
        runs: folders of runs (RUNS/NAME) for the views `runs` and `ledger` and those of sql/ledger.sql.
        threads: DuckDB threads; all cores by default.
        variables: read in SQL with getvariable('name').

    Raises:
        MissingFileError: no catalog there, or one of its parts is missing or empty.
    """
    catalog = resolve(catalog)
    parts = catalog_parts(catalog)
    for part in parts:
        path = catalog / part.path
        if not path.is_file() or path.stat().st_size == 0:
            raise MissingFileError(
                f"{path} is missing or empty (0 bytes), but {catalog / INDEX} names it. "
                "Delete catalog.json and run `soundwave catalog build` again."
            )
    con = open_memory(threads)
    open_place(con, catalog)
    files = {table: [catalog / p.path for p in parts if p.table == table] for table in CATALOG_TABLES}
    drawn = plan_files(plans) if plans else []
    for name, value in (variables or {}).items():
        con.execute(f"SET VARIABLE {name} = ?", [value])
    read = [*(path for paths in files.values() for path in paths), *drawn]
    with reading_parquet([*read, *run_ledgers(runs)], go_on=DAMAGED):
        create_views(con, files, drawn)
        run_files = create_run_views(con, runs, drawn)
    if read_only:
        lock_down(con, read + run_files)
    # It is a connection in all but its class, which is DuckDB's own.
    return cast(duckdb.DuckDBPyConnection, Opened(con, [*read, *run_ledgers(runs)], DAMAGED))


def catalog_fingerprint(catalog: Path) -> str:
    """The fingerprint of the rows of cuts, words, labels and rejects: the same rows give it in any order or layout.

    Raises:
        MissingFileError: no catalog there.
    """
    catalog = resolve(catalog)
    with answering(catalog):
        value = _index(catalog)
    return str(value["fingerprint"]) if value else _fingerprint(catalog_parts(catalog))


def catalog_parts(catalog: Path) -> list[Part]:
    """The current parts; those found on disk when there is no catalog.json (Parquet written by another tool).

    Raises:
        MissingFileError: no catalog there.
    """
    catalog = resolve(catalog)
    with answering(catalog):
        need_folder(catalog, what="catalog", hint="Run `soundwave catalog build` first.")
        value = _index(catalog)
    if value is not None:
        return _parts_of(value, catalog)
    found = [
        (table, path)
        for table in CATALOG_TABLES
        for path in sorted(catalog.glob(f"{table}/*/*.parquet"))
        if not path.name.startswith(".")
    ]
    if not found:
        raise MissingFileError(f"{catalog} holds no catalog. Run `soundwave catalog build` first.")
    return [_foreign_part(catalog, table, path) for table, path in found]


def _foreign_part(catalog: Path, table: str, path: Path) -> Part:
    digest = file_sha256(path)
    return Part(table, path.parent.name, path.stem, f"{table}/{path.parent.name}/{path.name}", -1, digest, digest)


def _index(catalog: Path) -> dict[str, Any] | None:
    path = catalog / INDEX
    if not path.is_file():
        return None
    value = read_json(path)
    if not isinstance(value, dict) or not {"fingerprint", "parts"} <= set(value):
        raise ManifestError(f"{path} is no catalog index. Delete it and run `soundwave catalog build` again.")
    return value


def _parts_of(index: dict[str, Any], catalog: Path) -> list[Part]:
    where, go_on = str(catalog / INDEX), "Delete it and run `soundwave catalog build` again."
    if not isinstance(index["parts"], list):
        raise ManifestError(f"{where}: `parts` is {type(index['parts']).__name__}, expected a list. {go_on}")
    return [stored(Part, row, where=where, go_on=go_on) for row in index["parts"]]


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


def _known(catalog: Path) -> dict[tuple[str, str, str], list[Part]]:
    known: dict[tuple[str, str, str], list[Part]] = {}
    value = _index(catalog) if catalog.is_dir() else None
    for part in _parts_of(value, catalog) if value else []:
        known.setdefault((part.corpus, part.name, part.key), []).append(part)
    return known


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
            f"{row[1]} cut ids occur in more than one corpus, e.g. {row[0]!r} in {_places(row[0], sources)}; expected "
            "ids unique over the catalog, such as CORPUS-ID. The old catalog was left as it was."
        )


def _places(cut_id: str, sources: Sequence[Source]) -> str:
    """Where an id stands, as CORPUS/FILE:LINE."""
    corpora = [source for source in sources if source.name == "prepare"]
    found = {source.corpus: places(source.files["cuts"], {cut_id}).get(cut_id, []) for source in corpora}
    return ", ".join(f"{corpus}/{place}" for corpus, lines in found.items() for _, place in lines)


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


def _fingerprint(parts: Sequence[Part]) -> str:
    facts = sorted((p.table, p.corpus, p.name, p.digest) for p in parts if p.table in FINGERPRINTED and p.rows != 0)
    return fingerprint(facts)


def _sweep(catalog: Path, gone: set[str]) -> None:
    """Remove parts that the index named before and names no longer. Files that no index named are not ours."""
    for path in gone:
        (catalog / path).unlink(missing_ok=True)
