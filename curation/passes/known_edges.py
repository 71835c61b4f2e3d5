"""Clips with known edges out of a prepared corpus: what a reference aligner found, and one-word cuts joined."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pyarrow.parquet as pq

from curation.align.concatenated import Example, WordRecording, add_noise, join_words, trim
from curation.passes.base import cut_audio, supervision
from curation.passes.shards import Row
from curation.text import Word, normalise
from manifests.errors import AudioError, InputError, reading
from manifests.files import need_file
from manifests.rows import PASS_FILE, cut_rows
from manifests.rows.passes import check_files, read_pass, recorded, shard_part
from manifests.rows.splits import known_split
from manifests.units import Seconds

EdgeSource = Literal["reference", "joined", "both"]
ROUNDS = 3  # how often each one-word cut is used
SPLIT = "train"  # held-out clips teach nothing


def examples(corpus_dir: Path, labels_dir: Path, *, source: EdgeSource, noise: bool = True) -> Iterator[Example]:
    """Clips of the corpus's train split; with `noise` each once more, with white noise 10 dB below its words.

    reference: natural speech, with the edges that the align pass gave it (approximate); joined: one-word cuts end to
    end (exact, but not natural).

    Raises:
        MissingFileError: `reference`, and the pass has not been run on this corpus.
        InputError: `joined`, and the corpus has fewer than 20 usable one-word cuts.
    """
    found: list[Iterator[Example]] = []
    if source in ("reference", "both"):
        found.append(reference_examples(corpus_dir, labels_dir))
    if source in ("joined", "both"):
        found.append(joined_examples(corpus_dir))
    for clips in found:
        for clip in clips:
            yield clip
            if noise:
                yield add_noise(clip)


def reference_examples(corpus_dir: Path, labels_dir: Path) -> Iterator[Example]:
    """The aligned cuts with the aligner's edges. Raises MissingFileError, DamagedError."""
    folder = labels_dir / "align" / corpus_dir.name
    hint = f"Run `soundwave label align` for the corpus {corpus_dir.name} first: its words are the reference."
    need_file(folder / PASS_FILE, what="alignment", hint=hint)
    known: dict[str, dict[int, tuple[Seconds, Seconds]]] = {}
    facts = read_pass(folder)
    check_files(folder, recorded(folder, facts), whole=True)
    for key in facts["shards"]:
        _read_edges(shard_part(folder, key, "words"), known)
    for row in _rows(corpus_dir):
        if edges := known.get(str(row["id"])):
            yield Example(cut_audio(row), _words(row), edges)


def joined_examples(corpus_dir: Path) -> Iterator[Example]:
    """One-word cuts, trimmed and joined. Raises InputError."""
    recordings = []
    for row in _rows(corpus_dir):
        words = _words(row)
        if len(words) != 1 or not words[0].readings:
            continue
        try:
            samples = trim(cut_audio(row))
        except AudioError:
            continue
        if samples is not None:
            recordings.append(WordRecording(words[0], samples))
    if len(recordings) < 20:
        raise InputError(
            f"{corpus_dir} has {len(recordings)} one-word cuts that can be joined, expected 20 or more. "
            "Use another corpus, or `reference` as the setting `source`."
        )
    yield from join_words(recordings, rounds=ROUNDS, seed=corpus_dir.name)


def _rows(corpus_dir: Path) -> Iterator[Row]:
    for row in cut_rows(corpus_dir):
        if known_split(str((row.get("custom") or {}).get("split"))) == SPLIT and supervision(row).get("text"):
            yield row


def _words(row: Row) -> list[Word]:
    said = supervision(row)
    return normalise(str(said["text"]), str(said.get("language") or "en"))


def _read_edges(path: Path, known: dict[str, dict[int, tuple[Seconds, Seconds]]]) -> None:
    with reading(path, "a table of words", go_on="Delete it and run `soundwave label align` again."):
        for word in pq.read_table(path).to_pylist() if path.is_file() else ():
            edges = known.setdefault(word["cut_id"], {})
            edges[word["position"]] = (word["start"], word["start"] + word["duration"])
