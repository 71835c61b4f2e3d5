"""Cuts out as NeMo's manifests: with a file of audio each, or tarred, in shards.

    train.json                              rows of a split; audio/NAME.flac beside it
    train/tarred_audio_manifest.json        tarred: all rows of a split, each with its `shard_id`,
    train/audio_0.tar                       their audio,
    train/sharded_manifests/manifest_0.json and the same rows, a manifest a tar

`text` is what is said, and `answer` what is to be answered; of a translation `text` is in `target_lang`, as NeMo has
it, and `source_text` in `source_lang`. What NeMo has no name for stands in `soundwave`. `soundwave catalog import nemo`
reads all of it.
"""

from __future__ import annotations

import itertools
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from curation.duck import Limits
from curation.interchange.export import Clip, add_member, chunks, clips_of, exporting
from curation.interchange.nemo import OWN
from manifests.disk.names import FileNames
from manifests.files import write_jsonl
from manifests.rows import SPLITS

FACTS = ("corpus", "task", "domain", "license", "sound", "sound_original")


def export_nemo(catalog: Path, target: Path, *, where: str = "true", limits: Limits | None = None) -> int:
    """Write `target`/SPLIT.json and `target`/audio; return the cuts.

    Raises:
        As `curation.interchange.export.export_shar`.
    """
    names, count = FileNames(), 0
    with exporting(catalog, target, where, limits) as (con, folder):
        (folder / "audio").mkdir()

        def rows(split: str) -> Iterator[dict[str, Any]]:
            for clip in clips_of(con, texts=False, split=split):
                name = f"audio/{names.of(clip.row['cut_id'])}.{clip.kind}"
                (folder / name).write_bytes(clip.sound or b"")
                yield nemo_row(clip, name)

        for split in SPLITS:
            written = write_jsonl(folder / f"{split}.json", rows(split))
            count += written
            if not written:
                (folder / f"{split}.json").unlink()
    return count


def export_tarred_nemo(
    catalog: Path, target: Path, *, where: str = "true", shard_rows: int = 1000, limits: Limits | None = None
) -> int:
    """Write `target`/SPLIT/audio_NUMBER.tar and manifests; return the cuts. Members are called by numbers.

    Raises:
        As `export_nemo`.
    """
    count = 0
    with exporting(catalog, target, where, limits) as (con, folder):
        for split in SPLITS:
            shards = chunks(clips_of(con, texts=False, split=split), shard_rows)
            rows = (
                row for number, some in enumerate(shards) for row in _shard(some, folder / split, number, shard_rows)
            )
            first = list(itertools.islice(rows, 1))
            if first:
                count += write_jsonl(folder / split / "tarred_audio_manifest.json", itertools.chain(first, rows))
    return count


def _shard(clips: list[Clip], folder: Path, number: int, size: int) -> list[dict[str, Any]]:
    """Write a tar and its manifest; its rows."""
    folder.mkdir(exist_ok=True)
    rows = []
    with tarfile.open(folder / f"audio_{number}.tar", "w") as tar:
        for place, clip in enumerate(clips):
            name = f"{number * size + place:09}.{clip.kind}"  # NeMo reads more into names: a dot, -sub2
            add_member(tar, name, clip.sound or b"")
            rows.append(nemo_row(clip, name) | {"shard_id": number})
    write_jsonl(folder / "sharded_manifests" / f"manifest_{number}.json", rows)
    return rows


def nemo_row(clip: Clip, name: str) -> dict[str, Any]:
    """A line of a manifest; name: of the audio file."""
    row = clip.row
    source, target = row["language"], row["target_language"]
    translated = bool(row["target_text"] is not None and source and target and source != target)
    said: dict[str, Any] = {"text": row["text"]}
    if translated:
        said = {"text": row["target_text"], "source_text": row["text"], "source_lang": source, "target_lang": target}
    elif row["target_text"] is not None:
        said |= {"answer": row["target_text"], "target_lang": target}
    facts = {
        "id": row["cut_id"],
        "audio_filepath": name,
        "duration": clip.samples / clip.rate,
        **said,
        "lang": source,
        "speaker": row["speaker"],
        "split": row["split"],
        OWN: {fact: row[fact] for fact in FACTS if row[fact] is not None},
    }
    needed = ("text", "duration")  # NeMo asks for these
    return {fact: value for fact, value in facts.items() if value is not None or fact in needed}
