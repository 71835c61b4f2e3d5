"""Cuts with their audio out: Hugging Face datasets (Parquet), Lhotse Shar, WebDataset.

Each cut's own span is written, at its recording's rate and channels, as FLAC: 16 bits where the source has no more,
24 otherwise. Nothing is left out silently: what a format cannot hold is refused before anything is written.
"""

from __future__ import annotations

import io
import json
import shutil
import tarfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import soundfile

from curation.catalog import connect
from curation.duck import one_select, records, short
from curation.storage import local
from manifests.audio import LIBAV_ONLY, decode
from manifests.errors import AudioError, InputError, ManifestError, QueryError
from manifests.schema import arrow_schema, columns

if TYPE_CHECKING:
    from lhotse import MonoCut

BATCH = 256  # rows of the catalog in hand at a time
PLAIN = tuple(name for name in columns("cuts") if name not in ("manifest", "recording_id", "source_path", "start"))
HF_SPLITS = {"train": "train", "dev": "validation", "test": "test"}


@dataclass(frozen=True)
class Clip:
    """One cut with its audio."""

    row: dict[str, Any]  # of `cuts`
    flac: bytes | None  # None for text-only rows
    samples: int  # per channel
    rate: int  # Hz


def export_huggingface(catalog: Path, target: Path, *, where: str = "true", shard_rows: int = 1000) -> int:
    """Write `target`/data/SPLIT-NUMBER.parquet with a column of audio; return the rows.

    `datasets.load_dataset(str(target))` reads it, and its splits are train, validation and test. Text-only rows have no
    audio. The columns are those of `cuts` but for the places of files, and `manifest` with the Lhotse cut as JSON.

    Raises:
        MissingFileError, QueryError: no catalog, or no cut that `where` selects.
        ManifestError: cuts of several recordings.
        InputError: `target` exists and is not empty.
        AudioError: audio that does not decode; names the cut.
    """
    schema = _hf_schema()
    count = 0
    with _new_folder(target) as folder, connect(catalog, read_only=False) as con:
        (folder / "data").mkdir()
        for split, name in HF_SPLITS.items():
            clips = _clips(con, f"({where}) AND split = '{split}'", texts=True, selected=where)
            for number, chunk in enumerate(_chunks(clips, shard_rows)):
                table = pa.Table.from_pylist([_hf_row(clip) for clip in chunk], schema=schema)
                pq.write_table(table, folder / "data" / f"{name}-{number:05}.parquet", row_group_size=100)
                count += len(chunk)
    return count


def export_shar(catalog: Path, target: Path, *, where: str = "true", shard_rows: int = 1000) -> int:
    """Write Lhotse Shar (cuts.NUMBER.jsonl.gz, recording.NUMBER.tar) into `target`; return the cuts.

    `CutSet.from_shar(in_dir=target)` reads it. Supervisions and custom fields come back as they were.

    Raises:
        As `export_huggingface`, and ManifestError for text-only rows, which Lhotse has no cut for.
    """
    from lhotse.shar import SharWriter

    count = 0
    with _new_folder(target) as folder, connect(catalog, read_only=False) as con:
        clips = _clips(con, where, texts=False, selected=where)
        with SharWriter(str(folder), fields={"recording": "flac"}, shard_size=shard_rows) as writer:
            for clip in clips:
                writer.write(_memory_cut(clip))
                count += 1
    return count


def export_webdataset(catalog: Path, target: Path, *, where: str = "true", shard_rows: int = 1000) -> int:
    """Write `target`/shard-NUMBER.tar with KEY.flac and KEY.json for each cut; return the cuts.

    A key is a number, for WebDataset ends keys at the first dot; the JSON has the cut's id and facts. Text-only rows
    have no .flac.

    Raises:
        As `export_huggingface`.
    """
    count = 0
    with _new_folder(target) as folder, connect(catalog, read_only=False) as con:
        clips = _clips(con, where, texts=True, selected=where)
        for number, chunk in enumerate(_chunks(clips, shard_rows)):
            with tarfile.open(folder / f"shard-{number:06}.tar", "w") as tar:
                for clip in chunk:
                    facts = {name: clip.row[name] for name in PLAIN}
                    _add(tar, f"{count:09}.json", json.dumps(facts, ensure_ascii=False).encode())
                    if clip.flac is not None:
                        _add(tar, f"{count:09}.flac", clip.flac)
                    count += 1
    return count


def _clips(con: duckdb.DuckDBPyConnection, where: str, *, texts: bool, selected: str) -> Iterator[Clip]:
    """The cuts of a condition, checked at once and read BATCH at a time, in order of their ids."""
    query = one_select(con, f"SELECT cut_id FROM cuts WHERE ({where})", where="setting `where`")
    try:
        con.execute(f"CREATE OR REPLACE TEMP TABLE chosen AS {query} ORDER BY cut_id")
        total = con.execute(f"SELECT count(*) FROM cuts WHERE ({selected})").fetchall()[0][0]
    except duckdb.Error as error:
        raise QueryError(f"The setting `where` is {selected}: {short(error)}") from error
    if not total:
        raise QueryError(f"The setting `where` is {selected}: no cut matches.")
    _refuse(con, texts=texts)
    return _read(con)


def _read(con: duckdb.DuckDBPyConnection) -> Iterator[Clip]:
    rows = con.execute("SELECT count(*) FROM chosen").fetchall()[0][0]
    for first in range(0, rows, BATCH):
        slice_ = f"(SELECT cut_id FROM chosen ORDER BY cut_id LIMIT {BATCH} OFFSET {first})"
        for row in records(con.execute(f"SELECT * FROM cuts WHERE cut_id IN {slice_} ORDER BY cut_id")):
            yield _clip(row)


def _refuse(con: duckdb.DuckDBPyConnection, *, texts: bool) -> None:
    kinds = "json_extract_string(manifest, '$.type')"
    allowed = "('MonoCut', 'Text')" if texts else "('MonoCut')"
    found = con.execute(
        f"SELECT {kinds}, count(*), min(cut_id) FROM cuts WHERE cut_id IN (FROM chosen) AND {kinds} NOT IN {allowed} "
        "GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    if found:
        kind, count, example = found[0]
        hint = "recording_id IS NOT NULL" if kind == "Text" else "manifest->>'type' = 'MonoCut'"
        raise ManifestError(
            f"{count:,} of the cuts are of type {kind}, e.g. {example!r}, which this format cannot hold. "
            f"Leave them out with the setting `where`: {hint}"
        )


def _clip(row: dict[str, Any]) -> Clip:
    if row["recording_id"] is None:
        return Clip(row, None, 0, 0)
    path = Path(str(row["source_path"]))
    try:
        samples, rate = decode(path, start=row["start"], duration=row["duration"])
    except AudioError as error:
        raise AudioError(f"cut {row['cut_id']!r}: {error}", reason=error.reason) from error
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate, format="FLAC", subtype=f"PCM_{_bits(path)}")
    return Clip(row, buffer.getvalue(), len(samples), rate)


def _bits(path: Path) -> int:
    """16 where the source holds no more; lossy sources decode to more than they were given."""
    if path.suffix.lower() in LIBAV_ONLY:
        return 16 if path.suffix.lower() == ".g722" else 24
    return 16 if soundfile.info(str(path)).subtype in ("PCM_16", "PCM_S8", "PCM_U8", "ULAW", "ALAW") else 24


def _memory_cut(clip: Clip) -> MonoCut:
    """The cut over a recording that is its own span, so that Shar needs no reader for the source's format."""
    from lhotse import MonoCut, Recording

    assert clip.flac is not None  # text-only rows were refused
    cut = MonoCut.from_dict({k: v for k, v in json.loads(clip.row["manifest"]).items() if k != "type"})
    cut.recording = Recording.from_bytes(clip.flac, recording_id=cut.recording.id)
    cut.start = 0.0
    cut.duration = min(cut.duration, cut.recording.duration)
    cut.channel = cut.recording.channel_ids[0]
    return cut


def _hf_schema() -> Any:
    from datasets import Audio, Features, Value

    known = Features.from_arrow_schema(arrow_schema("cuts"))
    renamed = {("id" if name == "cut_id" else name): known[name] for name in PLAIN}
    return Features({"audio": Audio(), **renamed, "manifest": Value("string")}).arrow_schema


def _hf_row(clip: Clip) -> dict[str, Any]:
    facts = {("id" if name == "cut_id" else name): clip.row[name] for name in PLAIN}
    audio = None if clip.flac is None else {"bytes": clip.flac, "path": f"{clip.row['cut_id'].replace('/', '_')}.flac"}
    return {"audio": audio, **facts, "manifest": clip.row["manifest"]}


def _chunks(clips: Iterator[Clip], size: int) -> Iterator[list[Clip]]:
    while chunk := list(islice(clips, size)):
        yield chunk


def _add(tar: Any, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)  # its time stays 0: the same cuts give the same bytes
    info.size = len(data)
    tar.addfile(info, io.BytesIO(data))


@contextmanager
def _new_folder(target: Path) -> Iterator[Path]:
    """A folder that becomes `target` if the block succeeds, and nothing otherwise."""
    local(target, what="audio")
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise InputError(f"{target} is there already and not empty. Name a new folder, or remove it.")
    temporary = target.with_name(f".{uuid.uuid4().hex[:8]}.{target.name}")
    temporary.mkdir(parents=True)
    try:
        yield temporary
        temporary.replace(target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
