"""Shards of a labelling pass on disk: content-addressed parts, then a marker that says they are whole.

    LABELS/PASS/CORPUS/words-KEY.parquet ... features-KEY.npy     the parts that have rows
    LABELS/PASS/CORPUS/shard-KEY.json                             the marker: counts and the parts' sizes; last
    LABELS/PASS/CORPUS/pass.json                                  the keys that are current, in corpus order

KEY depends on the pass, its version and settings, the manifest rows and the audio, so a finished shard
stays valid for as long as all of them do, and no longer.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from manifests.audio import CutSound
from manifests.errors import InputError
from manifests.files import atomic_write, has_file, read_json, write_json
from manifests.fingerprint import fingerprint, unit_hash
from manifests.reasons import Reason
from manifests.rows import Reject, checked_rows
from manifests.schema import arrow_schema
from manifests.units import Seconds

Row = dict[str, Any]
TABLES = ("words", "labels", "rejects", "features")
MATRIX = "matrix"
HEARING = "channels, files and transforms are heard as cuts name them"  # in the keys of cuts that have several
REFUSED = " refused"  # a field of what stands for a row that breaks the contract
_OURS = re.compile(r"(?:\.[0-9a-f]{8}\.)?(?:shard|words|labels|rejects|features)-([0-9a-f]{16})\.(?:json|parquet|npy)")


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
    matrix: NDArray[np.float16] | None = None


class LabelPass(Protocol):
    """One kind of label over a corpus. Picklable: workers receive it once per shard."""

    @property
    def name(self) -> str:
        """Folder and `pass` column: align, encode, quality, ..."""

    @property
    def version(self) -> str:
        """Raise it when the same input would give other labels."""

    @property
    def settings(self) -> Mapping[str, Any]:
        """All that changes the labels, as JSON values."""

    def check(self) -> None:
        """Raise an InputError when the pass cannot run here (a package or model is missing)."""

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
            yield {"id": row.cut_id, "custom": {"corpus": row.corpus}, REFUSED: row.detail}
        else:
            yield row


def label_good(job: LabelPass, rows: list[Row]) -> ShardResult:
    """What a pass says about rows; it never sees those that break the contract."""
    good = [row for row in rows if REFUSED not in row]
    result = job.label_shard(good) if good else ShardResult()
    result.rejects += [
        Reject(str(row["id"]), corpus_of(row), job.name, Reason.bad_row, row[REFUSED]) for row in rows if REFUSED in row
    ]
    return result


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
        except (OSError, ValueError):  # ValueError: a NUL in the name
            stamp += [-1, -1]
    return stamp


def audio_paths(row: Row, corpus_dir: Path = Path()) -> list[Path]:
    """The cut's audio files; relative ones are looked for in the corpus folder, then from the working folder."""
    return [_found(source, corpus_dir) for source in _sources(row) if _is_file(source)]


def _sources(row: Row) -> list[Any]:
    """What a row lists as the sources of its recording, whatever it is: passes read rows that nobody has checked."""
    recording = row.get("recording")
    sources = recording.get("sources") if isinstance(recording, dict) else None
    return sources if isinstance(sources, list) else []


def _is_file(source: Any) -> bool:
    return isinstance(source, dict) and source.get("type") == "file" and isinstance(source.get("source"), str)


def _found(source: Row, corpus_dir: Path) -> Path:
    path = Path(source["source"])
    inside = corpus_dir / path
    return path if path.is_absolute() or not has_file(inside) else inside


def with_absolute_audio(row: Row, corpus_dir: Path) -> Row:
    """The row as a worker with another working folder can use it."""
    if not audio_paths(row, corpus_dir):
        return row
    sources = [
        {**source, "source": str(_found(source, corpus_dir).absolute())} if _is_file(source) else source
        for source in _sources(row)
    ]
    return {**row, "recording": {**row["recording"], "sources": sources}}


def marker_path(folder: Path, key: str) -> Path:
    """The shard's completion marker."""
    return folder / f"shard-{key}.json"


def part_path(folder: Path, key: str, table: str) -> Path:
    """One part of a shard."""
    return folder / (f"features-{key}.npy" if table == MATRIX else f"{table}-{key}.parquet")


def finished(folder: Path, key: str) -> Counts | None:
    """The counts of a shard that is whole on disk, or None."""
    path = marker_path(folder, key)
    if not path.is_file():
        return None
    try:
        marker = read_json(path)
        whole = all(part_path(folder, key, table).stat().st_size == size for table, size in marker["parts"].items())
        return Counts(**marker["counts"]) if whole else None
    except (InputError, OSError, KeyError, TypeError):
        return None


def write_shard(job: LabelPass, rows: Sequence[Row], key: str, folder: Path, result: ShardResult) -> Counts:
    """Write the parts that have rows, then the marker; every input cut is in it, labelled or rejected."""
    rejects = complete_rejects(job, rows, result)
    matrix_path = part_path(folder, key, MATRIX)
    tables: dict[str, list[Row]] = {
        "words": result.words,
        "labels": result.labels,
        "rejects": [dict(reject.row()) for reject in rejects],
        "features": [{**row, "path": str(matrix_path.absolute())} for row in result.features],
    }
    if result.matrix is not None and len(result.matrix):
        _write_matrix(matrix_path, result.matrix)
    for table, found in tables.items():
        if found:
            _write_table(part_path(folder, key, table), table, found)
    parts = {table: part_path(folder, key, table).stat().st_size for table in TABLES if tables[table]}
    if result.matrix is not None and len(result.matrix):
        parts[MATRIX] = matrix_path.stat().st_size
    counts = Counts(
        cuts=len(rows),
        labelled=len(rows) - len(rejects),
        rejected=len(rejects),
        seconds=sum(float(row.get("duration") or 0.0) for row in rows),
        reasons=dict(sorted(Counter(str(reject.reason) for reject in rejects).items())),
    )
    write_json(marker_path(folder, key), {"pass": job.name, "counts": vars(counts), "parts": parts})
    return counts


def complete_rejects(job: LabelPass, rows: Sequence[Row], result: ShardResult) -> list[Reject]:
    """One reject at most per cut, and one for each cut that the pass left without a word."""
    rejects = {reject.cut_id: reject for reject in reversed(result.rejects)}
    heard = {row["cut_id"] for row in itertools.chain(result.labels, result.words, result.features)}
    for row in rows:
        cut_id = str(row["id"])
        if cut_id not in heard and cut_id not in rejects:
            detail = "the pass gave neither a label nor a reason"
            rejects[cut_id] = Reject(cut_id, corpus_of(row), job.name, Reason.pass_failed, detail)
    return [rejects[cut_id] for cut_id in (str(row["id"]) for row in rows) if cut_id in rejects]


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
