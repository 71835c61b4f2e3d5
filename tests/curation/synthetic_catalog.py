"""Small catalogs written straight as Parquet, and small corpora written as JSONL."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from manifests.schema import arrow_schema, columns

CUT = {
    "corpus": "syn",
    "split": "train",
    "task": "asr",
    "start": 0.0,
    "duration": 1.0,
    "language": "en",
    "text": "some words",
    "license": "CC0-1.0",
    "manifest": "{}",
}


def cut(cut_id: str, **facts: Any) -> dict[str, Any]:
    """A row of `cuts`; what is not given stands in CUT."""
    row = CUT | {"cut_id": cut_id, "recording_id": cut_id, "audio_sha256": f"sha-{cut_id}"} | facts
    return row | {"domain": row.get("domain", row["task"])}


def text_row(cut_id: str, **facts: Any) -> dict[str, Any]:
    """A text-only row of `cuts`."""
    empty = {"recording_id": None, "duration": 0.0, "audio_sha256": None, "task": "qa", "target_text": "an answer"}
    return cut(cut_id, **(empty | facts))


def write_catalog(catalog: Path, cuts: Iterable[dict[str, Any]], **tables: Sequence[dict[str, Any]]) -> Path:
    """A catalog without catalog.json, as another tool would write it: one part per table."""
    for table, rows in {"cuts": list(cuts), **tables}.items():
        filled = [{name: row.get(name) for name in columns(table)} for row in rows]
        path = catalog / table / "syn" / "part.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.Table.from_pylist(filled, schema=arrow_schema(table)), path)
    return catalog


def mono_cut(cut_id: str, **facts: Any) -> dict[str, Any]:
    """The JSON of a Lhotse MonoCut that keeps the contract."""
    custom = {"corpus": "syn", "split": "train", "task": "asr", "domain": "asr", "license": "CC0-1.0"}
    duration = facts.pop("duration", 1.5)
    length = max(1.5, duration)  # of its recording
    text = facts.pop("text", "some words")
    return {
        "id": cut_id,
        "start": 0.0,
        "duration": duration,
        "channel": 0,
        "supervisions": [
            {"id": cut_id, "recording_id": cut_id, "start": 0.0, "duration": duration, "text": text, "language": "en"}
        ],
        "recording": {
            "id": cut_id,
            "sources": [{"type": "file", "channels": [0], "source": f"/audio/{cut_id}.wav"}],
            "sampling_rate": 16000,
            "num_samples": round(16000 * length),
            "duration": length,
            "channel_ids": [0],
        },
        "custom": custom | facts.pop("custom", {}),
        "type": "MonoCut",
    } | facts


def write_corpus_lines(folder: Path, lines: Sequence[str | dict[str, Any]]) -> Path:
    """A corpus folder whose cuts.jsonl.gz holds these lines, broken ones as they are."""
    import gzip

    folder.mkdir(parents=True, exist_ok=True)
    text = "".join((line if isinstance(line, str) else json.dumps(line, ensure_ascii=False)) + "\n" for line in lines)
    (folder / "cuts.jsonl.gz").write_bytes(gzip.compress(text.encode(), mtime=0))
    (folder / "corpus.json").write_text("{}")
    return folder
