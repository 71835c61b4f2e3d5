"""Is a corpus on disk what `prepare` or an import wrote? corpus.json says so, under FILES.

Users correct rows by hand, so a file with other rows is taken as it is, and `catalog build` says so. What nobody does
on purpose is an error: a file that is gone, empty or without a row, half a file, or the file of another corpus.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from manifests.digests import SEAL, Written, problem, sealed, write_sealed, written
from manifests.errors import DamagedError, InputError
from manifests.files import read_json
from manifests.lines import PACKINGS
from manifests.lines.jsonl import rows

CUTS, TEXTS, REJECTS, CORPUS = "cuts.jsonl.gz", "texts.jsonl.gz", "rejects.jsonl.gz", "corpus.json"
FILES = "files"  # of corpus.json: name -> size and checksum
_COUNTS = {CUTS: "cuts", TEXTS: "texts", REJECTS: "rejects"}  # file -> the key of corpus.json with its number of rows
_AGAIN = "Make the corpus again (`soundwave prepare` with the setting `force`), or import it again."
_ACCEPT = "If that was on purpose, `soundwave catalog verify` with the setting `accept` takes it as it is now."


def row_files(folder: Path, *names: str) -> tuple[Path, ...]:
    """The files of a corpus's rows (of cuts and texts; or those of `names`), plain or packed in any way we read."""
    stems = [name.removesuffix(".gz") for name in names or (CUTS, TEXTS)]
    found = [folder / f"{stem}{packing}" for packing in (".gz", "", *PACKINGS[1:]) for stem in stems]
    return tuple(path for path in found if path.is_file())


def record_of(folder: Path) -> dict[str, Any]:
    """What corpus.json records of the files beside it, by name, as JSON."""
    names = (path for path in row_files(folder, *_COUNTS))
    return {path.name: written(path).row() for path in names}


def check_corpus(folder: Path) -> list[str]:
    """What has other rows than were written, in words; empty: all is as it was, or nobody wrote down how it was.

    Raises:
        DamagedError: what nobody does on purpose; see above.
    """
    if not (folder / CORPUS).is_file():
        return []
    facts = _facts(folder)
    record = recorded(facts)
    changed = [] if _fits(facts) else [f"{folder / CORPUS} was changed after it was written. {_ACCEPT}"]
    for name, key in _COUNTS.items():
        files = row_files(folder, name)
        if name in record and (said := problem(folder / name, record[name])) is not None:
            if not files and facts.get(key) != 0:
                raise DamagedError(f"{folder / name} {said}. {_AGAIN} {_ACCEPT}")
            _refuse_exchanged(folder, files)
            changed.append(f"{folder / name} {said}: its rows are taken as they are. {_ACCEPT}")
        elif record:
            continue
        count = facts.get(key)
        if isinstance(count, int) and count > 0 and not any(map(_has_rows, files)):
            where = files[0] if files else folder / name
            said = "is empty (0 bytes)" if files and not where.stat().st_size else "has no row"
            raise DamagedError(f"{where} {said}, but {folder / CORPUS} says {count:,} {key}. {_AGAIN} {_ACCEPT}")
    return changed


def recorded(facts: Mapping[str, Any]) -> dict[str, Written]:
    """What corpus.json says of the corpus's files; nothing, if nobody wrote it down."""
    try:
        return {name: Written.of(row) for name, row in facts.get(FILES, {}).items()}
    except (AttributeError, KeyError, TypeError, ValueError):  # changed by hand, or a bit of it is another
        return {}


def accept_corpus(folder: Path) -> None:
    """Write down in corpus.json how the corpus's files are now, and how many rows they have."""
    facts = _facts(folder)
    counts = {key: sum(1 for path in row_files(folder, name) for _ in rows(path)) for name, key in _COUNTS.items()}
    write_sealed(folder / CORPUS, facts | counts | {FILES: record_of(folder)})


def _facts(folder: Path) -> dict[str, Any]:
    try:
        value = read_json(folder / CORPUS)
    except InputError as error:
        raise DamagedError(f"{folder / CORPUS} is empty, not valid JSON, or not whole. {_AGAIN}") from error
    if not isinstance(value, dict):
        raise DamagedError(f"{folder / CORPUS} holds {type(value).__name__}, expected an object. {_AGAIN}")
    return value


def _fits(facts: Mapping[str, Any]) -> bool:
    return SEAL not in facts or sealed(facts)[SEAL] == facts[SEAL]


def _has_rows(path: Path) -> bool:
    if path.stat().st_size == 0:
        return False
    try:
        return next(rows(path), None) is not None
    except InputError as error:
        raise DamagedError(f"{error} {_AGAIN}") from error


def _refuse_exchanged(folder: Path, files: tuple[Path, ...]) -> None:
    """Refuse a file that was written as another one: of this corpus, or of one beside it."""
    known = {record.xxh3_128: place for place, record in _written_beside(folder)}
    for path in files:
        place = known.get(written(path).xxh3_128)
        if place is not None and place != path:
            raise DamagedError(f"{path} is the file that was written as {place}: files were exchanged. {_AGAIN}")


def _written_beside(folder: Path) -> Iterator[tuple[Path, Written]]:
    for path in sorted(folder.parent.glob(f"*/{CORPUS}")):
        try:
            facts = _facts(path.parent)
        except InputError:
            continue
        yield from ((path.parent / name, record) for name, record in recorded(facts).items())
