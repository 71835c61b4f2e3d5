"""A small folder with inputs for every command that writes, and the commands."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import soundfile

from curation.catalog import build
from tests.curation import tiny_whisper
from tests.curation.encoders.test_encoders import make_whisper
from tests.curation.interchange.archives.tars import write_tar
from tests.curation.labelling import cut, write_made

CLIPS = ("a", "b")
ABOUT = ("--license", "CC0-1.0", "--language", "en")


def make_folder(folder: Path) -> Path:
    """Two clips as a corpus, a NeMo manifest, a Kaldi folder and a dataset; a catalog; models with random weights."""
    rng = np.random.default_rng(0)
    rows, files = [], []
    (folder / "kaldi").mkdir(parents=True)
    for name in CLIPS:
        files.append(folder / f"{name}.wav")
        soundfile.write(files[-1], 0.1 * rng.normal(size=8000), 16000)
        rows.append(cut(name, audio=files[-1], seconds=0.5))
    write_made(folder / "corpora" / "made", rows)
    build(folder / "corpora", folder / "labels", folder / "catalog")
    lines = [json.dumps({"audio_filepath": path.name, "text": f"words {path.stem}"}) for path in files]
    (folder / "nemo.json").write_text("\n".join(lines))
    (folder / "kaldi" / "wav.scp").write_text("".join(f"{path.stem} {path}\n" for path in files))
    (folder / "kaldi" / "text").write_text("".join(f"{path.stem} words {path.stem}\n" for path in files))
    audio = [{"bytes": path.read_bytes(), "path": path.name} for path in files]
    table = pa.table({"audio": audio, "text": [f"words {path.stem}" for path in files]})
    (folder / "dataset").mkdir()
    pq.write_table(table, folder / "dataset" / "train.parquet")
    write_tar(
        folder / "tars.tar", [(f"{p.stem}.{e}", d) for p in files for e, d in (("wav", p.read_bytes()), ("txt", "x"))]
    )
    soundfile.write(folder / "book.wav", 0.1 * rng.normal(size=64000), 16000)
    (folder / "book.txt").write_text("able brown candle daisy eagle")
    tiny_whisper.wav2vec(folder / "ctc")
    make_whisper(folder / "whisper")
    return folder


def commands(folder: Path) -> dict[str, tuple[list[str], str]]:
    """Name -> the command, and what it writes in `folder`."""
    place = {name: str(folder / name) for name in ("corpora", "labels", "catalog")}
    known = ("--corpora", place["corpora"], "--labels", place["labels"])
    catalog, output = ("--catalog", place["catalog"]), ("--output", place["corpora"], *ABOUT, "--corpus")
    take, export = ("catalog", "import"), ("catalog", "export")
    made: dict[str, tuple[list[str], str]] = {
        "nemo": ([*take, "nemo", str(folder / "nemo.json"), *output, "nemo"], "corpora/nemo"),
        "kaldi": ([*take, "kaldi", str(folder / "kaldi"), *output, "kaldi"], "corpora/kaldi"),
        "dataset": ([*take, "huggingface", str(folder / "dataset"), *output, "dataset"], "corpora/dataset"),
        "tars": ([*take, "webdataset", str(folder / "tars.tar"), *output, "tars"], "corpora/tars"),
        "jsonl": ([*export, str(folder / "out.jsonl"), *catalog], "out.jsonl"),
        "encode": (["label", "encode", "--corpus", "made", *known, "--workers", "0", "--shard-size", "1", "--encoder",
                    str(folder / "whisper")], "labels/encode"),
        "segment": (["segment", str(folder / "book.wav"), str(folder / "book.txt"), "--output",
                     str(folder / "corpora" / "book"), "--backend", "hf-ctc", "--model", str(folder / "ctc"),
                     "--refine", "none", "--least-score", "-1e9", "--shortest", "1", "--longest", "4"], "corpora/book"),
        "sql": (["sql", "SELECT * FROM cuts", *catalog, "--format", "parquet", "--output", str(folder / "rows.parquet"),
                 "--force"], "rows.parquet"),
    }  # fmt: skip
    for name in ("huggingface", "shar", "webdataset", "nemo", "nemo-tarred", "kaldi"):
        target = f"{name}-out" if name in made else name
        made[target] = ([*export, str(folder / target), *catalog, "--format", name], target)
    return made
