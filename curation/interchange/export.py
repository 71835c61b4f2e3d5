"""Cuts with their audio out: Hugging Face datasets (Parquet), Lhotse Shar, WebDataset; others in `outputs`.

What a cut hears is written, as training hears it: its own span, one signal (its channel, or their mixture), at its
recording's rate, as FLAC: 16 bits where the source has no more, 24 otherwise. Samples beyond full scale, which FLAC
cannot hold, are written as WAV of 32-bit floats. Nothing is left out silently: what a format cannot hold is refused
before anything is written.
"""

from __future__ import annotations

import io
import itertools
import json
import tarfile
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

from curation.duck import Limits, records
from curation.interchange.selection import chosen_cuts
from curation.storage import local
from manifests.audio import CutSound, decode_cut
from manifests.audio.streams import libav_reads, sndfile
from manifests.disk.names import FileNames, file_name
from manifests.errors import ManifestError, OccupiedError
from manifests.files import atomic_folder, write_jsonl
from manifests.schema import arrow_schema, columns

if TYPE_CHECKING:
    from lhotse import MonoCut

BATCH = 256  # rows of the catalog in hand at a time
PLACES = ("manifest", "recording_id", "source_path", "start", "channel", "decoding")  # of a cut's sound in its source
PLAIN = tuple(name for name in columns("cuts") if name not in PLACES)
HF_SPLITS = {"train": "train", "dev": "validation", "test": "test"}


@dataclass(frozen=True)
class Clip:
    """One cut with its audio."""

    row: dict[str, Any]  # of `cuts`
    sound: bytes | None  # a whole file of one channel; None for text-only rows
    kind: str  # flac | wav
    samples: int  # per channel
    rate: int  # Hz


def export_huggingface(
    catalog: Path, target: Path, *, where: str = "true", shard_rows: int = 1000, limits: Limits | None = None
) -> int:
    """Write `target`/data/SPLIT-NUMBER.parquet with a column of audio; return the rows.

    `datasets.load_dataset(str(target))` reads it, and its splits are train, validation and test. Text-only rows have no
    audio. The columns are those of `cuts` but for the places of files, and `manifest` with the Lhotse cut as JSON.

    Raises:
        MissingFileError, QueryError: no catalog, or no cut that `where` selects.
        ManifestError: cuts of several recordings.
        OccupiedError: `target` exists and is not empty.
        AudioError: audio that does not decode; names the cut.
    """
    schema = _hf_schema()
    count = 0
    with exporting(catalog, target, where, limits) as (con, folder):
        (folder / "data").mkdir()
        for split, name in HF_SPLITS.items():
            clips = clips_of(con, texts=True, split=split)
            for number, chunk in enumerate(chunks(clips, shard_rows)):
                table = pa.Table.from_pylist([_hf_row(clip) for clip in chunk], schema=schema)
                pq.write_table(table, folder / "data" / f"{name}-{number:05}.parquet", row_group_size=100)
                count += len(chunk)
    return count


def export_shar(
    catalog: Path, target: Path, *, where: str = "true", shard_rows: int = 1000, limits: Limits | None = None
) -> int:
    """Write Lhotse Shar (cuts.NUMBER.jsonl.gz, recording.NUMBER.tar) into `target`; return the cuts.

    `CutSet.from_shar(in_dir=target)` reads it: MonoCuts of channel 0, the signal that the cut hears. Supervisions (but
    for their channel) and custom fields come back as they were. A cut whose id is no name of a file gets one that is;
    `custom.cut_id` has its own.

    Raises:
        As `export_huggingface`, and ManifestError for text-only rows, which Lhotse has no cut for.
    """
    from lhotse.shar import TarWriter

    count, names = 0, FileNames()
    with exporting(catalog, target, where, limits) as (con, folder):
        clips = clips_of(con, texts=False)
        # Not Lhotse's SharWriter: it would encode the sound again, as FLAC of 16 bits, and write the time.
        with TarWriter(f"{folder}/recording.%06d.tar", shard_size=shard_rows) as sounds:
            for shard in itertools.count():
                rows = []
                for clip in islice(clips, shard_rows):
                    cut, sound = _shar_cut(clip)
                    _name_as_file(cut, names)
                    sounds.write(f"{cut.id}.{clip.kind}", io.BytesIO(sound))
                    facts = json.dumps(cut.recording.to_dict()).encode()
                    sounds.write(f"{cut.id}.json", io.BytesIO(facts), count=False)
                    rows.append(cut.to_dict())
                if not rows:
                    break
                count += write_jsonl(folder / f"cuts.{shard:06}.jsonl.gz", rows)
    return count


def export_webdataset(
    catalog: Path, target: Path, *, where: str = "true", shard_rows: int = 1000, limits: Limits | None = None
) -> int:
    """Write `target`/shard-NUMBER.tar with KEY.flac (or KEY.wav) and KEY.json for each cut; return the cuts.

    A key is a number, for WebDataset ends keys at the first dot; the JSON has the cut's id and facts. Text-only rows
    have no sound.

    Raises:
        As `export_huggingface`.
    """
    count = 0
    with exporting(catalog, target, where, limits) as (con, folder):
        clips = clips_of(con, texts=True)
        for number, chunk in enumerate(chunks(clips, shard_rows)):
            with tarfile.open(folder / f"shard-{number:06}.tar", "w") as tar:
                for clip in chunk:
                    facts = {name: clip.row[name] for name in PLAIN}
                    add_member(tar, f"{count:09}.json", json.dumps(facts, ensure_ascii=False).encode())
                    if clip.sound is not None:
                        add_member(tar, f"{count:09}.{clip.kind}", clip.sound)
                    count += 1
    return count


def clips_of(
    con: duckdb.DuckDBPyConnection, *, texts: bool, split: str | None = None, wave: bool = False
) -> Iterator[Clip]:
    """The chosen cuts (of one split), checked at once and read BATCH at a time, in order of their ids.

    texts: whether text-only rows can be held; wave: as WAV of 16 bits.
    """
    _refuse(con, texts=texts)
    return _read(con, split, wave=wave)


def _read(con: duckdb.DuckDBPyConnection, split: str | None, *, wave: bool) -> Iterator[Clip]:
    ids = "SELECT cut_id FROM chosen WHERE ? IS NULL OR split = ? ORDER BY cut_id"
    rows = con.execute(f"SELECT count(*) FROM ({ids})", [split, split]).fetchall()[0][0]
    for first in range(0, rows, BATCH):
        slice_ = f"({ids} LIMIT {BATCH} OFFSET {first})"
        for row in records(con.execute(f"SELECT * FROM cuts WHERE cut_id IN {slice_} ORDER BY cut_id", [split, split])):
            yield _clip(row, wave=wave)


def _refuse(con: duckdb.DuckDBPyConnection, *, texts: bool) -> None:
    kinds = "json_extract_string(manifest, '$.type')"
    allowed = "('MonoCut', 'MultiCut', 'Text')" if texts else "('MonoCut', 'MultiCut')"
    found = con.execute(
        f"SELECT {kinds}, count(*), min(cut_id) FROM cuts WHERE cut_id IN (SELECT cut_id FROM chosen) "
        f"AND {kinds} NOT IN {allowed} GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    if found:
        kind, count, example = found[0]
        hint = "recording_id IS NOT NULL" if kind == "Text" else "manifest->>'type' <> 'MixedCut'"
        raise ManifestError(
            f"{count:,} of the cuts are of type {kind}, e.g. {example!r}, which this format cannot hold. "
            f"Leave them out with the setting `where`: {hint}"
        )


def _clip(row: dict[str, Any], *, wave: bool = False) -> Clip:
    if row["recording_id"] is None:
        return Clip(row, None, "", 0, 0)
    sound = CutSound.of_catalog(row)
    samples, rate = decode_cut(sound)
    beyond = len(samples) and not (samples.min() >= -1.0 and samples.max() <= 1.0)
    if beyond and wave:
        raise ManifestError(
            f"{row['cut_id']}: its samples go beyond full scale ({abs(samples).max():.3f}), which WAV of 16 bits "
            "cannot hold. Leave it out with the setting `where`, or export another format."
        )
    kind, subtype = ("wav", "FLOAT") if beyond else ("flac", f"PCM_{_bits(sound)}")
    kind, subtype = ("wav", "PCM_16") if wave else (kind, subtype)
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate, format=kind, subtype=subtype)
    return Clip(row | {"channels": 1, "sampling_rate": rate}, buffer.getvalue(), kind, len(samples), rate)


def _bits(sound: CutSound) -> int:
    """16 where the source holds no more; lossy sources, mixtures and transforms give more than 16 can hold."""
    return max(_file_bits(file.path) for file in sound.files) if sound.exact else 24


def _file_bits(path: Path) -> int:
    if libav_reads(path):  # its bytes say so, whatever its name
        return 16 if path.suffix.lower() == ".g722" else 24
    with sndfile(path) as file:
        return 16 if file.subtype in ("PCM_16", "PCM_S8", "PCM_U8", "ULAW", "ALAW") else 24


def _shar_cut(clip: Clip) -> tuple[MonoCut, bytes]:
    """The cut over a recording that is its own span and lies in a Shar, and the recording's file."""
    from lhotse import MonoCut, Recording
    from lhotse.shar.utils import to_shar_placeholder

    assert clip.sound is not None  # text-only rows were refused
    cut = MonoCut.from_dict({k: v for k, v in json.loads(clip.row["manifest"]).items() if k != "type"})
    recording = Recording.from_bytes(clip.sound, recording_id=cut.recording.id)
    cut.start = 0.0
    cut.duration = min(cut.duration, recording.duration)
    cut.channel = recording.channel_ids[0]
    cut.recording = to_shar_placeholder(recording, cut)
    for said in cut.supervisions:
        said.channel = cut.channel
    return cut, clip.sound


def _name_as_file(cut: MonoCut, names: FileNames) -> None:
    """Give a cut the id that its member of the archive is named by; `custom.cut_id` keeps another one.

    Lhotse finds a sound by its cut's id, and unpacks it under that name.
    """
    name = names.of(cut.id)
    if name != cut.id:
        cut.custom = {**(cut.custom or {}), "cut_id": cut.id}
        cut.id = name


def _hf_schema() -> Any:
    from datasets import Audio, Features, Value

    known = Features.from_arrow_schema(arrow_schema("cuts"))
    renamed = {("id" if name == "cut_id" else name): known[name] for name in PLAIN}
    return Features({"audio": Audio(), **renamed, "manifest": Value("string")}).arrow_schema


def _hf_row(clip: Clip) -> dict[str, Any]:
    facts = {("id" if name == "cut_id" else name): clip.row[name] for name in PLAIN}
    name = f"{file_name(clip.row['cut_id'])}.{clip.kind}"
    audio = None if clip.sound is None else {"bytes": clip.sound, "path": name}
    return {"audio": audio, **facts, "manifest": clip.row["manifest"]}


def chunks(clips: Iterator[Clip], size: int) -> Iterator[list[Clip]]:
    """Clips in lists of `size`; the last one may be shorter."""
    while chunk := list(islice(clips, size)):
        yield chunk


def add_member(tar: Any, name: str, data: bytes) -> None:
    """Write a file into a tar."""
    info = tarfile.TarInfo(name)  # its time stays 0: the same cuts give the same bytes
    info.size = len(data)
    tar.addfile(info, io.BytesIO(data))


@contextmanager
def exporting(
    catalog: Path, target: Path, where: str, limits: Limits | None
) -> Iterator[tuple[duckdb.DuckDBPyConnection, Path]]:
    """A connection with the chosen cuts, and a new folder; nothing is made before the condition has been answered."""
    local(target, what="audio")
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise OccupiedError(
            f"{target} is there already and not empty. Nothing was touched. Name a new folder, or remove it."
        )
    with chosen_cuts(catalog, where, limits) as con, atomic_folder(target) as folder:
        yield con, folder
