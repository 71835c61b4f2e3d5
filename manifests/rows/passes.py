"""What a labelling pass over a corpus is on disk: pass.json, which names the shards that are current and their files.

LABELS/PASS/CORPUS/words-KEY.parquet ... features-KEY.npy     the parts of a shard that have rows
LABELS/PASS/CORPUS/shard-KEY.json                             its marker: counts, sizes and checksums of the parts
LABELS/PASS/CORPUS/pass.json                                  the keys that are current, sizes and checksums; last
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from manifests.digests import SEAL, Written, files_of, problem, read_sealed
from manifests.errors import DamagedError, InputError
from manifests.files import read_json

PASS_FILE = "pass.json"
FILES = "files"  # of pass.json: name -> size and checksum
LABEL_TABLES = ("words", "labels", "rejects", "features", "embeddings")
MATRIX = "matrix"
_KEY = re.compile(r"[\w-]+")  # of a shard
SHOWN = 3  # files that a message names


def marker_path(folder: Path, key: str) -> Path:
    """The shard's completion marker."""
    return folder / f"shard-{key}.json"


def shard_part(folder: Path, key: str, table: str) -> Path:
    """One part of a shard."""
    return folder / (f"features-{key}.npy" if table == MATRIX else f"{table}-{key}.parquet")


def label_again(folder: Path) -> str:
    """What to do about damaged labels."""
    return f"Run `soundwave label {folder.parent.name}` again for {folder.name}: it makes what is damaged again."


def read_pass(folder: Path) -> dict[str, Any]:
    """pass.json of LABELS/PASS/CORPUS.

    Raises:
        MissingFileError: no such file, or one of 0 bytes.
        DamagedError: it is not what was written, or lists no shards.
    """
    path = folder / PASS_FILE
    facts = read_sealed(path, go_on=label_again(folder))
    shards = facts.get("shards") if isinstance(facts, dict) else None
    if not isinstance(shards, list) or not all(isinstance(key, str) and _KEY.fullmatch(key) for key in shards):
        raise DamagedError(f"{path} has no list `shards` of names. {label_again(folder)}")
    about = (facts.get("pass"), facts.get("corpus"))
    moved = FILES in facts and about != (folder.parent.name, folder.name)
    if moved and not any((folder / name).is_file() for name in recorded(folder, facts)):
        raise DamagedError(f"{path} is that of the pass {about[0]} over {about[1]}. {label_again(folder)}")
    return dict(facts)


def recorded(folder: Path, facts: Mapping[str, Any]) -> dict[str, Written]:
    """What pass.json, or else the shards' markers, say of the parts, by name.

    Raises:
        DamagedError: a record that cannot be, or a shard of which nothing is left.
    """
    if FILES in facts:
        return files_of(folder / PASS_FILE, facts[FILES], go_on=label_again(folder))
    found: dict[str, Written] = {}
    for key in facts["shards"]:
        found |= _marked(folder, key)
    return found


def marked(folder: Path, key: str, marker: Any) -> dict[str, Written]:
    """What a shard's marker says of its parts, by name.

    Raises:
        DamagedError: it says nothing of the kind, or it is another shard's.
    """
    path = marker_path(folder, key)
    facts = marker if isinstance(marker, dict) else {}
    sums = facts.get("checksums", {})
    if facts.get("key", key) != key or not isinstance(facts.get("parts"), dict) or not isinstance(sums, dict):
        raise DamagedError(f"{path} is no marker of this shard. {label_again(folder)}")
    parts = {table: {"bytes": size, "xxh3_128": sums.get(table)} for table, size in facts["parts"].items()}
    rows = {shard_part(folder, key, table).name: row for table, row in parts.items()}
    return files_of(path, rows, go_on=label_again(folder))


def _marked(folder: Path, key: str) -> dict[str, Written]:
    """The same of a pass of before pass.json had records."""
    path = marker_path(folder, key)
    try:
        marker = read_json(path) if path.is_file() else {}
    except InputError as error:
        raise DamagedError(f"{path} is damaged. {label_again(folder)}") from error
    without = isinstance(marker, dict) and not marker.keys() & {"parts", SEAL}
    return _found(folder, key) if without else marked(folder, key, marker)


def _found(folder: Path, key: str) -> dict[str, Written]:
    """Sizes of a shard's parts that other tools wrote, without a marker, or with one that says nothing of parts."""
    parts = [path for table in LABEL_TABLES if (path := shard_part(folder, key, table)).is_file()]
    if not parts:
        raise DamagedError(f"{marker_path(folder, key)} and all parts of this shard are missing. {label_again(folder)}")
    return {path.name: Written(path.stat().st_size, None) for path in parts}


def refuse_damaged(folder: Path, problems: Iterable[tuple[str, str]]) -> None:
    """Raise DamagedError if there are any; problems: name of a file of the pass, and what is wrong with it."""
    found = list(problems)
    if found:
        more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
        said = "; ".join(f"{name} {what}" for name, what in found[:SHOWN])
        raise DamagedError(f"{folder}: {said}{more}. {label_again(folder)}")


def check_files(folder: Path, record: Mapping[str, Written], *, whole: bool) -> None:
    """Look at the files of a pass; whole: read them.

    Raises:
        DamagedError: one or more are not what was written.
    """
    pairs = ((name, problem(folder / name, row, whole=whole)) for name, row in record.items())
    refuse_damaged(folder, ((name, said) for name, said in pairs if said is not None))
