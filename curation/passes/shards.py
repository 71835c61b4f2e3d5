"""Shards of a labelling pass on disk: content-addressed parts, then a marker that says they are whole.

KEY (the files are in manifests/rows/passes.py) depends on the pass, its version and settings, the manifest rows and the
audio, so a finished shard stays valid for as long as all of them do, and no longer.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from curation.catalog.index import no_parquet
from manifests.audio import CutSound
from manifests.digests import Checked, Written, checksum, problem, read_sealed, write_sealed, written
from manifests.errors import InputError
from manifests.files import atomic_write, read_json
from manifests.fingerprint import fingerprint, unit_hash
from manifests.reasons import Reason
from manifests.rows import Reject, checked_rows
from manifests.rows.passes import LABEL_TABLES, MATRIX, marked, marker_path, refuse_damaged, shard_part
from manifests.rows.places import audio_paths
from manifests.schema import arrow_schema
from manifests.settings import stored
from manifests.units import Seconds

Row = dict[str, Any]
HEARING = "channels, files and transforms are heard as cuts name them"  # in the keys of cuts that have several
REFUSED = " refused"  # a field of what stands for a row that breaks the contract: what is said of it
REASON = " reason"  # a field of the same: the code, where it is not bad_row
_OURS = re.compile(
    r"(?:\.[0-9a-f]{8}\.)?(?:shard|words|labels|rejects|features|embeddings)-([0-9a-f]{16})\.(?:json|parquet|npy)"
)


@dataclass
class ShardResult:
    """What a pass says about one shard's cuts. Rows follow manifests/schema.sql.

    `features` rows need no `path`, and their `offset` counts rows of `matrix` (rows, dim) float16:
    the shard's writer knows the file.
    """

    words: list[Row] = field(default_factory=list)
    labels: list[Row] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    features: list[Row] = field(default_factory=list)
    embeddings: list[Row] = field(default_factory=list)
    matrix: NDArray[np.float16] | None = None


class Work(Protocol):
    """What workers do to shards. Picklable: they receive it once per shard."""

    def check(self) -> None:
        """Raise an InputError when it cannot run here (a package or model is missing)."""


class LabelPass(Work, Protocol):
    """One kind of label over a corpus."""

    @property
    def name(self) -> str:
        """Folder and `pass` column: align, encode, quality, ..."""

    @property
    def version(self) -> str:
        """Raise it when the same input would give other labels."""

    @property
    def settings(self) -> Mapping[str, Any]:
        """All that changes the labels, as JSON values."""

    def rows(self, corpus_dir: Path) -> Iterator[Row]:
        """The manifest rows to label, in corpus order, with what the pass must know from other rows."""

    def label_shard(self, rows: list[Row]) -> ShardResult:
        """Labels of some rows. A cut that cannot be labelled becomes a reject, never an exception."""


@dataclass(frozen=True)
class Counts:
    """The small numbers that travel from workers to the driver."""

    cuts: int
    labelled: int
    rejected: int
    seconds: Seconds
    reasons: Mapping[str, int]


def corpus_rows(corpus_dir: Path) -> Iterator[Row]:
    """The rows of a corpus's cuts; in place of one that breaks the contract, its id and why (REFUSED).

    Raises:
        MissingFileError, ManifestError: as `checked_rows`.
    """
    for row in checked_rows(corpus_dir):
        if isinstance(row, Reject):
            reason = {} if row.reason is Reason.bad_row else {REASON: str(row.reason)}
            yield {"id": row.cut_id, "custom": {"corpus": row.corpus}, REFUSED: row.detail, **reason}
        else:
            yield row


def label_good(job: LabelPass, rows: list[Row]) -> ShardResult:
    """What a pass says about rows; it never sees those that break the contract."""
    good = [row for row in rows if REFUSED not in row]
    return job.label_shard(good) if good else ShardResult()


def split_rows(rows: Iterable[Row], size: int) -> Iterator[list[Row]]:
    """Runs of about `size` rows, at most twice that.

    Borders depend on the ids around them and not on positions, so that a row put in or taken out changes
    its own shard and leaves the others alone.
    """
    least = max(1, size // 4)
    chance = 1.0 / max(1, size - least)
    shard: list[Row] = []
    for row in rows:
        shard.append(row)
        ends = len(shard) >= least and unit_hash(str(row.get("id"))) < chance
        if ends or len(shard) >= 2 * size:
            yield shard
            shard = []
    if shard:
        yield shard


def shard_key(job: LabelPass, rows: Sequence[Row], corpus_dir: Path) -> str:
    """16 hex digits for the shard's content and all that made it."""
    unnamed = [audio_stamp(row, corpus_dir) for row in rows if not (row.get("custom") or {}).get("audio_sha256")]
    heard = [HEARING for row in rows if not _plain(row)][:1]
    return fingerprint(job.name, job.version, dict(job.settings), list(rows), unnamed, *heard)[:16]


def _plain(row: Row) -> bool:
    """Is the cut heard as it always was: one mono file as it is?"""
    try:
        return CutSound.of_manifest(row).plain
    except InputError:
        return False


def audio_stamp(row: Row, corpus_dir: Path) -> list[int]:
    """Sizes and modification times (ns) of a cut's audio files, for rows that carry no fingerprint of them."""
    stamp: list[int] = []
    for path in audio_paths(row, corpus_dir) or [corpus_dir / "none"]:
        try:
            found = path.stat()
            stamp += [found.st_size, found.st_mtime_ns]
        except (OSError, ValueError):  # ValueError: a path with a zero byte
            stamp += [-1, -1]
    return stamp


def finished(folder: Path, key: str, *, whole: bool = True) -> Counts | None:
    """The counts of a shard that is whole on disk, or None. whole: read its parts, not only their sizes."""
    found = shard_on_disk(folder, key)
    if found is None or isinstance(found, str):
        return None
    if any(problem(folder / name, row, whole=whole) for name, row in found.parts.items()):
        return None
    return found.counts


@dataclass(frozen=True)
class ShardOnDisk:
    """What a marker says."""

    counts: Counts
    parts: Mapping[str, Written]  # by file name


def shard_on_disk(folder: Path, key: str) -> ShardOnDisk | str | None:
    """What a shard's marker says; what is wrong with the marker; or None: there is none."""
    path = marker_path(folder, key)
    if not path.is_file():
        return None
    try:
        marker = read_sealed(path, go_on="")
        counts = stored(Counts, marker["counts"], where=path.name, go_on="")
        return ShardOnDisk(counts, marked(folder, key, marker))
    except (InputError, OSError, KeyError, TypeError):
        return f"{path.name} is not what was written"


def check_shard(folder: Path, key: str, checked: Checked) -> Counts | str | None:
    """Counts of a shard that is whole; what is damaged in it; or None: it has not been made.

    A shard of before there were checksums is looked at as far as that goes, and its marker gets them.
    """
    found = shard_on_disk(folder, key)
    if found is None or isinstance(found, str):
        return found
    for name, row in found.parts.items():
        said = checked.problem(name, row)
        if said is None and row.xxh3_128 is None and name.endswith(".parquet"):
            said = no_parquet(folder / name)
        if said is not None:
            return f"{name} {said}"
    if any(row.xxh3_128 is None for row in found.parts.values()):
        marker = read_json(marker_path(folder, key))
        sums = {table: checksum(shard_part(folder, key, table)) for table in marker["parts"]}
        write_sealed(marker_path(folder, key), marker | {"key": key, "checksums": sums})
    return found.counts


def check_matrices(paths: Iterable[str]) -> None:
    """Read the matrices that `features` names, those that have changed since they were last read.

    Raises:
        DamagedError: one is not what the pass wrote.
    """
    folders: dict[Path, list[str]] = {}
    for path in sorted({Path(path) for path in paths}):
        folders.setdefault(path.parent, []).append(path.name)
    for folder, names in folders.items():
        checked = Checked(folder)
        found = ((name, _matrix_problem(folder, name, checked)) for name in names)
        refuse_damaged(folder, ((name, said) for name, said in found if said is not None))


def _matrix_problem(folder: Path, name: str, checked: Checked) -> str | None:
    """A matrix that no pass of ours wrote is not judged here: nobody knows what it was."""
    key = name.removeprefix("features-").removesuffix(".npy")
    found = shard_on_disk(folder, key)
    if isinstance(found, ShardOnDisk) and name in found.parts:
        return checked.problem(name, found.parts[name])
    return None


def write_shard(job: LabelPass, rows: Sequence[Row], key: str, folder: Path, result: ShardResult) -> Counts:
    """Write the parts that have rows, then the marker; every input cut is in it, labelled or rejected."""
    rejects = complete_rejects(job, rows, result)
    matrix_path = shard_part(folder, key, MATRIX)
    tables: dict[str, list[Row]] = {
        "words": result.words,
        "labels": result.labels,
        "rejects": [dict(reject.row()) for reject in rejects],
        "features": [{**row, "path": str(matrix_path.absolute())} for row in result.features],
        "embeddings": result.embeddings,
    }
    if result.matrix is not None and len(result.matrix):
        _write_matrix(matrix_path, result.matrix)
    for table, found in tables.items():
        if found:
            _write_table(shard_part(folder, key, table), table, found)
    parts = {table: written(shard_part(folder, key, table)) for table in LABEL_TABLES if tables[table]}
    if result.matrix is not None and len(result.matrix):
        parts[MATRIX] = written(matrix_path)
    counts = Counts(
        cuts=len(rows),
        labelled=len(rows) - len(rejects),
        rejected=len(rejects),
        seconds=sum(float(row.get("duration") or 0.0) for row in rows),
        reasons=dict(sorted(Counter(str(reject.reason) for reject in rejects).items())),
    )
    marker = {
        "pass": job.name,
        "key": key,
        "counts": vars(counts),
        "parts": {table: facts.bytes for table, facts in parts.items()},
        "checksums": {table: facts.xxh3_128 for table, facts in parts.items()},
    }
    write_sealed(marker_path(folder, key), marker)
    return counts


def complete_rejects(job: LabelPass, rows: Sequence[Row], result: ShardResult) -> list[Reject]:
    """In the rows' order: one reject at most per cut, one for each cut that the pass left without a word, and those of
    the rows that it never saw, whose ids may be those of cuts that it did see.
    """
    rejects = {reject.cut_id: reject for reject in reversed(result.rejects)}
    found = itertools.chain(result.labels, result.words, result.features, result.embeddings)
    heard = {row["cut_id"] for row in found}
    return [reject for row in rows if (reject := _verdict(job, row, rejects, heard)) is not None]


def _verdict(job: LabelPass, row: Row, rejects: Mapping[str, Reject], heard: Container[str]) -> Reject | None:
    """Why a row was refused; None where it was not."""
    cut_id = str(row["id"])
    if REFUSED in row:
        return Reject(cut_id, corpus_of(row), job.name, Reason(row.get(REASON, Reason.bad_row)), row[REFUSED])
    if cut_id in rejects or cut_id in heard:
        return rejects.get(cut_id)
    return Reject(cut_id, corpus_of(row), job.name, Reason.pass_failed, "the pass gave neither a label nor a reason")


def corpus_of(row: Row) -> str:
    """The corpus that a row says it is of."""
    return str((row.get("custom") or {}).get("corpus") or row.get("corpus") or "")


def remove_stale(folder: Path, keys: Iterable[str], *, before: float) -> int:
    """Delete parts and markers that are not of `keys`, and what killed writers left; return how many.

    Only what was last written before the time `before` (seconds since the epoch) goes: younger files may be
    another run's work. Markers go first, since a part without its marker is nobody's.
    """
    current = set(keys)
    ours = [(path, match[1]) for path in folder.iterdir() if (match := _OURS.fullmatch(path.name))]
    stale = [path for path, key in ours if path.name.startswith(".") or key not in current]
    removed = 0
    for path in sorted(stale, key=lambda path: not path.name.startswith("shard-")):
        with suppress(FileNotFoundError):
            if path.stat().st_mtime < before:
                path.unlink()
                removed += 1
    return removed


def _write_table(path: Path, table: str, rows: list[Row]) -> None:
    with atomic_write(path) as temporary:
        pq.write_table(pa.Table.from_pylist(rows, schema=arrow_schema(table)), temporary, compression="zstd")


def _write_matrix(path: Path, matrix: NDArray[np.float16]) -> None:
    with atomic_write(path) as temporary:
        np.save(temporary, np.ascontiguousarray(matrix, dtype=np.float16), allow_pickle=False)
