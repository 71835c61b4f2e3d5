"""catalog.json: which parts are current, what their files were when they were written, and what is no longer so."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from curation.catalog.parts import Part, rows_digest
from curation.storage import is_remote
from manifests.digests import Checked, read_sealed, written
from manifests.errors import DamagedError, InputError, MissingFileError
from manifests.files import MARK
from manifests.rows import CORPUS, CUTS, PASS_FILE, TEXTS, row_files
from manifests.settings import stored

INDEX = "catalog.json"
CATALOG_TABLES = ("cuts", "words", "labels", "rejects", "features", "embeddings")
_PART = re.compile(rf"({'|'.join(CATALOG_TABLES)})/(?!\.\.?/)[^/]+/[^/]+\.parquet")  # in the index: never outside
AGAIN = "Run `soundwave catalog build` again: it makes damaged parts again."


def read_index(catalog: Path) -> dict[str, Any] | None:
    """What catalog.json says: `fingerprint`, `parts` as Part, and `gone`: paths of parts that a build was to remove.

    None: another tool wrote the Parquet files.

    Raises:
        MissingFileError: a catalog that we built has lost it.
        DamagedError: it is not what was written.
    """
    path = catalog / INDEX
    if not path.is_file():
        if (catalog / MARK).is_file() and part_files(catalog):
            raise MissingFileError(f"{path} is missing, which says what the catalog's parts are. {AGAIN}")
        return None
    value = read_sealed(path, go_on=AGAIN)
    try:
        parts = [stored(Part, row, where=str(path), go_on=AGAIN) for row in value["parts"]]
        gone = [str(name) for name in value.get("gone", ())]
        mark = str(value["fingerprint"])
    except (AttributeError, KeyError, TypeError) as error:
        raise DamagedError(f"{path} is no catalog index of this version ({error!r}). {AGAIN}") from error
    if odd := [name for name in [*(str(part.path) for part in parts), *gone] if not _PART.fullmatch(name)]:
        raise DamagedError(f"{path} names {odd[0]!r}, expected TABLE/CORPUS/NAME.parquet. It is none of ours.")
    return {"fingerprint": mark, "parts": parts, "gone": gone}


def part_files(catalog: Path) -> list[tuple[str, Path]]:
    """Table and file of all Parquet files in a catalog's folders."""
    return [
        (table, path)
        for table in CATALOG_TABLES
        for path in sorted(catalog.glob(f"{table}/*/*.parquet"))
        if not path.name.startswith(".")
    ]


def known_parts(catalog: Path) -> tuple[dict[tuple[str, str, str], list[Part]], set[str], list[str]]:
    """The parts that were current, by corpus, name and key; all paths of ours; and what is wrong with catalog.json.

    Ours are also parts that a build which was killed was to remove; files that no index named are not.
    """
    known: dict[tuple[str, str, str], list[Part]] = {}
    try:
        value = read_index(catalog) or {"parts": [], "gone": []}
    except InputError as error:
        return {}, set(), [str(error).removesuffix(AGAIN).strip()]
    for part in value["parts"]:
        known.setdefault((part.corpus, part.name, part.key), []).append(part)
    return known, {part.path for part in value["parts"]} | set(value["gone"]), []


def part_problem(catalog: Path, part: Part, checked: Checked) -> str | None:
    """What is wrong with a part's file; None: it is what was written, as far as anybody wrote that down."""
    path = catalog / part.path
    if not path.is_file():
        return "is missing"
    if path.stat().st_size == 0:
        return "is empty (0 bytes)"
    if part.written is not None:
        return checked.problem(part.path, part.written)
    return None if is_remote(catalog) else no_parquet(path)


def no_parquet(path: Path) -> str | None:
    """What is wrong with a Parquet file's footer."""
    try:
        pq.read_metadata(path)
    except (OSError, pa.ArrowException) as error:
        return f"is damaged, or not a Parquet file ({str(error).strip().splitlines()[0]})"
    return None


def whole_parts(
    con: duckdb.DuckDBPyConnection, catalog: Path, parts: Sequence[Part], checked: Checked
) -> tuple[list[Part], list[str]]:
    """The parts of one source, if they are all as they were written, else none; and what is wrong, in words.

    Of a corpus's parts of before there were checksums nobody can say so (their digests are of `manifest` alone).
    """
    found = [(part, part_problem(catalog, part, checked)) for part in parts]
    wrong = [f"{catalog / part.path} {said}" for part, said in found if said is not None]
    if wrong:
        return [], wrong
    if any(part.name == "prepare" and part.written is None for part in parts):
        return [], []
    known = [adopt(con, catalog, part) for part in parts]
    wrong = [
        f"{catalog / part.path} has other rows than were written"
        for part, mine in zip(parts, known, strict=True)
        if mine is None
    ]
    return [] if wrong else [part for part in known if part is not None], wrong


def refuse_damaged_parts(catalog: Path, parts: Sequence[Part]) -> None:
    """Look at every part before it is read: DuckDB takes most flipped bits in a Parquet file for other rows.

    Raises:
        MissingFileError: one is missing or empty.
        DamagedError: one is not what was written.
    """
    checked = Checked(catalog)
    for part in parts:
        said = part_problem(catalog, part, checked)
        if said is not None:
            path = catalog / part.path
            lost = not path.is_file() or path.stat().st_size == 0
            raise (MissingFileError if lost else DamagedError)(f"{path} {said}, but {INDEX} names it. {AGAIN}")


def adopt(con: duckdb.DuckDBPyConnection, catalog: Path, part: Part) -> Part | None:
    """A part of before there were checksums, with its own; None: its rows are not those that were written."""
    path = catalog / part.path
    if part.written is not None or is_remote(catalog):
        return part
    try:
        same = rows_digest(con, part.table, path)[1] == part.digest
    except duckdb.Error:
        same = False
    size, digest = written(path)
    return replace(part, bytes=size, xxh3_128=digest) if same else None


def remember(catalog: Path, parts: Sequence[Part], checked: Checked) -> None:
    """Write down which parts are as they were written.

    Raises:
        DamagedError: one is not, though it was just written or looked at.
    """
    records = {part.path: part.written for part in parts if part.written is not None}
    for path, said in checked.check(records).items():
        raise DamagedError(f"{catalog / path} {said}, right after it was written. Is the disk sound?")
    checked.save(records)


def incomplete(corpora: Path, labels: Path, known: Collection[tuple[str, str]]) -> tuple[list[str], list[str]]:
    """Folders with rows or labels but without the mark that they are complete: those that `known` has, the others.

    known: corpus, and `prepare` or the pass, of the parts that were in the catalog.
    """
    left: list[str] = []
    unfinished: list[str] = []
    for pair, said in _incomplete(corpora, labels):
        (left if pair in known else unfinished).append(said)
    return left, unfinished


def _incomplete(corpora: Path, labels: Path) -> Iterator[tuple[tuple[str, str], str]]:
    for folder in sorted(corpora.glob("*")):
        if not (folder / CORPUS).is_file() and (files := row_files(folder, CUTS, TEXTS)):
            said = f"{folder} has {files[0].name} but no {CORPUS}: prepare or import it again, or remove the folder."
            yield (folder.name, "prepare"), said
    for folder in sorted(labels.glob("*/*")):
        torn = (corpora / folder.name).is_dir() and not (folder / PASS_FILE).is_file()
        if torn and any(folder.glob("shard-*.json")):
            pair = (folder.name, folder.parent.name)
            yield pair, f"{folder} has shards but no {PASS_FILE}: run `soundwave label` again for {folder.name}."
