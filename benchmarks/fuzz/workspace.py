"""The workspace whose files are mutated: small, and of all kinds that the commands read. Paths in it are relative."""

from __future__ import annotations

import json
import os
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import soundfile

from benchmarks.probe import RATE, encoded, sound
from curation.interchange.export import add_member
from manifests.files import write_json, write_jsonl
from manifests.fingerprint import file_sha256
from manifests.schema import arrow_schema

CUTS = 12
WORDS = ("press", "one", "to", "hear", "the", "message")
AUDIO = {"a.wav": "wav", "b.flac": "flac", "c.ogg": "vorbis", "d.mp3": "mp3", "e.m4a": "m4a", "f.wav": "wav_pipe"}
SECONDS = 0.6

MIXTURE = """# A mixture.
extends: base.yaml
stage: shrinking
select: mix.sql
unit: samples
budget: 8
shares: {asr: 0.75, qa: 0.25}
"""
BASE = "max_repeats: 8\nbatch: {seconds: 4, rows: 4}\nwindow: 4\nseed: 7\nstage: sft\n"
SELECT = (
    "-- Candidates.\nSELECT cut_id, task AS domain\nFROM accepted\nWHERE split = 'train' AND task IN ('asr', 'qa');\n"
)
AUDIT = """-- severity: warning
-- means: a cut is short,
--   as it happens
-- do: nothing
-- setting: min_seconds = 0.5
SELECT cut_id, 'short' AS found, -duration AS worst, duration AS seconds FROM cuts
WHERE duration < getvariable('min_seconds')
"""
STAGE = """extends: alignment
stage: shrinking
train: [alignment, ctc_head]
optimiser: {learning_rate: 1.0e-3}
speeds: [0.9, 1.0]
"""
GRID = """question: Does it pay?
arms:
  full: [{stage: alignment, mixture: alignment}]
  short: [{stage: sft, mixture: sft, settings: {ema: 0.9}}]
fractions: [0.5, 1.0]
seeds: [7]
evaluate: {split: test, decode: [ctc]}
metric: ctc_wer
"""


@contextmanager
def inside(folder: Path) -> Iterator[None]:
    """Work in a folder."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def make_workspace(folder: Path) -> None:
    """Fill `folder`."""
    with inside(folder):
        _corpus(Path("corpora/fuzz"))
        _labels()
        _catalog()
        _runs()
        _sources(Path("sources"))
        _settings()


def _corpus(corpus: Path) -> None:
    audio = corpus / "audio"
    audio.mkdir(parents=True)
    rows = []
    for number in range(CUTS):
        path = audio / f"{number:02}.wav"
        soundfile.write(path, sound(SECONDS, number), RATE)
        rows.append(_cut(f"fuzz-{number:02}", f"audio/{path.name}", file_sha256(path), number))
    texts = [_text(f"fuzz-text-{number}", number) for number in range(4)]
    rejects = [{"cut_id": "fuzz-x", "corpus": "fuzz", "pass": "prepare", "reason": "silent", "detail": "no sound"}]
    for name, lines in (("cuts", rows), ("texts", texts), ("rejects", rejects)):
        write_jsonl(corpus / f"{name}.jsonl.gz", lines)
    facts = {"name": "fuzz", "title": "Fuzz", "license": "CC0-1.0", "makers": "nobody"}
    counts = {"cuts": CUTS, "texts": 4, "rejects": 1, "hours": CUTS * SECONDS / 3600}
    write_json(corpus / "corpus.json", facts | counts | {"provenance": {"settings": {"recipe": "x"}}, "splits": {}})


def _cut(name: str, source: str, digest: str, number: int) -> dict[str, Any]:
    samples = round(SECONDS * RATE)
    split = "test" if number % 4 == 3 else "train"
    custom = {
        "corpus": "fuzz",
        "split": split,
        "task": "asr",
        "domain": "asr",
        "license": "CC0-1.0",
        "audio_sha256": digest,
    }
    said = {"text": " ".join(WORDS[: 2 + number % 4]), "language": "en", "speaker": f"s{number % 3}"}
    span = {"start": 0.0, "duration": SECONDS, "channel": 0}
    recording = {"id": name, "sources": [{"type": "file", "channels": [0], "source": source}], "sampling_rate": RATE}
    recording |= {"num_samples": samples, "duration": samples / RATE, "channel_ids": [0]}
    supervision = {"id": name, "recording_id": name, **span, **said, "custom": {"target_text": "é ü"}}
    return {
        "id": name,
        **span,
        "supervisions": [supervision],
        "recording": recording,
        "custom": custom,
        "type": "MonoCut",
    }


def _text(name: str, number: int) -> dict[str, Any]:
    facts = {"corpus": "fuzz", "split": "train", "license": "CC0-1.0", "task": "qa", "domain": "qa", "language": "en"}
    return {"id": name, **facts, "text": f"What is {number}?", "target_text": f"{number}\u2028", "type": "Text"}


def _labels() -> None:
    """Passes that need no model, really run; the words of an aligner, as a shard."""
    command("label", "quality", "--corpora", "corpora", "--labels", "labels", "--workers", "0", "--shard-size", "4")
    command("label", "fingerprint", "--corpora", "corpora", "--labels", "labels", "--workers", "0")
    place, key = Path("labels/align/fuzz"), "0123456789abcdef"
    words = [
        {"cut_id": f"fuzz-{n:02}", "backend": "x", "position": at, "symbol": word, "start": 0.1 * at, "duration": 0.1}
        for n in range(CUTS)
        for at, word in enumerate(WORDS[:2])
    ]
    parquet(place / f"words-{key}.parquet", words, "words")
    counts = {"cuts": CUTS, "labelled": CUTS, "rejected": 0, "seconds": 7.2, "reasons": {}}
    parts = {"words": (place / f"words-{key}.parquet").stat().st_size}
    write_json(place / f"shard-{key}.json", {"pass": "align", "counts": counts, "parts": parts})
    write_json(
        place / "pass.json", {"pass": "align", "version": "3", "shards": [key], "settings": {}, "counts": counts}
    )


def _catalog() -> None:
    for path in Path().rglob("*"):  # names of a catalog's parts come from times, too
        os.utime(path, (0, 0))
    command("catalog", "build", "--corpora", "corpora", "--labels", "labels", "--catalog", "catalog")
    write("mixtures/src/mix.yaml", MIXTURE)
    write("mixtures/src/base.yaml", BASE)
    write("mixtures/src/mix.sql", SELECT)
    command("mix", "plan", "mixtures/src/mix.yaml", "--catalog", "catalog", "--output", "mixtures/mix")


def _runs() -> None:
    for name in ("one", "two"):
        run = Path("runs") / name
        key = {"run": name, "stage": "shrinking", "key": name * 8, "plan": "p", "parent": None, "steps": 3}
        state = {"status": "done", "step": 3, "seconds": 2.5, "settings": {"seed": 1}, "version": "x"}
        write_json(run / "run.json", key | state)
        measured = [
            {"step": n, "steps": 3, "seconds": n + 1.0, "loss": 2.0 / (n + 1), "ctc_loss": 1.0} for n in range(3)
        ]
        write_jsonl(run / "metrics.jsonl", measured)
        write_json(run / "environment.json", {"python": "3.11", "packages": {"torch": "2.9"}})
        (run / "lock.json").write_bytes(Path("mixtures/mix/lock.json").read_bytes())
        drawn = pq.read_table("mixtures/mix/plan.parquet", columns=["step", "cut_id", "domain"]).to_pylist()
        rows = [{"run": name, **draw, "loss": 1.5, "ctc_loss": None, "frames": 9, "kept_frames": 3} for draw in drawn]
        if name == "one":
            write_jsonl(run / "ledger.jsonl", rows)
        else:
            parquet(run / "ledger.parquet", rows, "ledger")
    write_json(Path("runs/one/eval-test.json"), {"wer": 0.5, "wer_band": [0.4, 0.6], "clips": 3, "words": 9})


def _sources(place: Path) -> None:
    _kaldi(place / "kaldi")
    rows = [
        {"audio_filepath": f"kaldi/{n}.wav", "duration": SECONDS, "text": f"words {n}", "lang": "en"} for n in range(3)
    ]
    write(place / "nemo.json", "".join(json.dumps(row) + "\n" for row in rows))
    _librispeech(place / "libri/dev-clean/12/34")
    for name, kind in AUDIO.items():
        write(place / "audio" / name, encoded(kind, sound(SECONDS, 5)))
        write(place / "audio" / f"{name}.json", json.dumps({"audio_filepath": name, "text": "some words"}) + "\n")
    bytes_ = [(place / f"kaldi/{n}.wav").read_bytes() for n in range(3)]
    audio = pa.array([{"bytes": data, "path": f"{n}.wav"} for n, data in enumerate(bytes_)])
    (place / "hub").mkdir()
    pq.write_table(pa.table({"audio": audio, "text": ["a b", "c d", "e f"]}), place / "hub/train.parquet")
    _tars(place, bytes_)
    quiz = place / "quiz/usr/share/games/bsdgames/quiz"
    write(quiz / "index", "/usr/share/games/bsdgames/quiz/africa:Africa{n}:cap{ital}\n")
    write(quiz / "africa", "Egypt:Cairo\nC[^o|o^|o]te d'Ivoire:Yamoussoukro\nCentral Africa{n Rep{ublic}}:Bangui\n")


def _tars(place: Path, sounds: Sequence[bytes]) -> None:
    """A shard of WebDataset, and a tarred manifest of NeMo's."""
    (place / "web").mkdir()
    (place / "tarred").mkdir()
    rows = [{"audio_filepath": f"{n}.wav", "duration": SECONDS, "text": f"words {n}", "shard_id": 0} for n in range(3)]
    write(place / "tarred/manifest_0.json", "".join(json.dumps(row) + "\n" for row in rows))
    with tarfile.open(place / "web/train-000.tar", "w") as web, tarfile.open(place / "tarred/audio_0.tar", "w") as nemo:
        for n, data in enumerate(sounds):
            add_member(nemo, f"{n}.wav", data)
            add_member(web, f"{n}.wav", data)
            add_member(web, f"{n}.json", json.dumps({"text": f"words {n}", "speaker": n}).encode())


def _kaldi(folder: Path) -> None:
    keys = [f"utt{n}" for n in range(3)]
    for n in range(3):
        folder.mkdir(parents=True, exist_ok=True)
        soundfile.write(folder / f"{n}.wav", sound(SECONDS, n), RATE)
    tables = {
        "wav.scp": [f"rec{n} {n}.wav" for n in range(3)],
        "segments": [f"utt{n} rec{n} 0.0 0.5" for n in range(3)],
        "text": [f"{key} some words é" for key in keys],
        "utt2spk": [f"{key} s{n % 2}" for n, key in enumerate(keys)],
        "utt2lang": [f"{key} en" for key in keys],
        "spk2gender": ["s0 f", "s1 m"],
        "utt2dur": [f"{key} 0.5" for key in keys],
        "reco2dur": [f"rec{n} {SECONDS}" for n in range(3)],
    }
    for name, lines in tables.items():
        write(folder / name, "\n".join(lines) + "\n")


def _librispeech(folder: Path) -> None:
    keys = [f"12-34-{n:04}" for n in range(3)]
    folder.mkdir(parents=True)
    for n, key in enumerate(keys):
        soundfile.write(folder / f"{key}.flac", sound(SECONDS, n), RATE)
    write(folder / "12-34.trans.txt", "".join(f"{key} PRESS ONE\n" for key in keys))
    write(folder / "12-34.alignment.txt", "".join(f'{key} ",PRESS,ONE," "0.1,0.3,0.5,0.6"\n' for key in keys))


def _settings() -> None:
    write("audits/own.sql", AUDIT)
    write("stage.yaml", STAGE)
    write("grid.yaml", GRID)
    write("book.txt", "Press one to hear the message.\nÉté — 42 words, “quoted”…\n")
    soundfile.write("book.wav", sound(2.0, 3), RATE)
    write("made/.soundwave", "a catalog\n")
    offsets = {"": [0.01, 0.02], "a": [0.0, 0.03]}
    facts = {
        "format": 1,
        "backend": "hf-ctc",
        "model": "m",
        "reference": "r",
        "words": 99,
        "starts": offsets,
        "ends": offsets,
    }
    write_json(Path("calibration.json"), facts | {"levels": [[0.0] * 24] * 3, "weight": 0.1, "joint": 1.0})


def parquet(path: Path, rows: Sequence[Mapping[str, Any]], table: str) -> None:
    """Write rows as a table of the schema."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(list(rows), schema=arrow_schema(table)), path)


def write(path: Path | str, content: str | bytes) -> None:
    """Write a file and its folder."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)


def command(*words: str) -> None:
    """Run a command that must do.

    Raises:
        RuntimeError: it did not; what it said.
    """
    from benchmarks.fuzz.drive import run_command

    done = run_command(list(words))
    if done.code or done.trace:
        raise RuntimeError(f"soundwave {' '.join(words)}: {done.code}\n{done.err}{done.trace}")
