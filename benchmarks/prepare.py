"""A corpus of many utterances becomes manifests: `soundwave prepare librispeech` and `lhotse prepare librispeech`.

    python -m benchmarks.prepare --utterances 20000 --json

A tree in LibriSpeech's layout is made first (not timed): chapters of 50 utterances with their transcripts, FLACs of a
quarter of a second, each of FILES contents linked many times. Both commands run as their own process, one after the
other, with the tree in the page cache, ours first. Ours decodes and hashes every file, checks each row, looks for ids
that stand for two things, and sorts the rows; the peer reads headers.

Rows (ratio: how many times better ours is):
    prepare_seconds   seconds, from the command's start to its end
    prepare_mb        the most memory that it held (MB of the process)
    prepare_again_seconds   the same command of ours again: nothing has changed
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import soundfile

from benchmarks.rows import Row, row, show
from soundwave.ablation.running.spent import spend

PART = "train-clean-100"
CHAPTER = 50  # utterances in a chapter
FILES = 128  # contents
SECONDS = 0.25
RATE = 16_000


def generate(folder: Path, utterances: int) -> Path:
    """The source folder of a tree with so many utterances."""
    contents = folder / "contents"
    contents.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for number in range(FILES):
        soundfile.write(contents / f"{number}.flac", 0.1 * rng.normal(size=round(SECONDS * RATE)), RATE)
    for chapter in range(-(-utterances // CHAPTER)):
        speaker = str(chapter // 10)
        place = folder / "tree" / PART / speaker / str(chapter)
        place.mkdir(parents=True)
        lines = []
        for number in range(min(CHAPTER, utterances - chapter * CHAPTER)):
            key = f"{speaker}-{chapter}-{number:04}"
            os.link(contents / f"{(chapter * CHAPTER + number) % FILES}.flac", place / f"{key}.flac")
            lines.append(f"{key} THE {number} WORDS OF CHAPTER {chapter} ARE READ BY SPEAKER {speaker}\n")
        (place / f"{speaker}-{chapter}.trans.txt").write_text("".join(lines), encoding="utf-8")
    return folder / "tree"


def run(command: Sequence[str | Path]) -> tuple[float, float]:
    """Seconds and MB of a command.

    Raises:
        RuntimeError: it failed.
    """
    with tempfile.TemporaryFile() as said:
        spent = spend([str(word) for word in command], output=said)
        if spent.code:
            said.seek(0)
            raise RuntimeError(f"{command[0]} failed: {said.read().decode(errors='replace')[-2000:]}")
    return spent.seconds, spent.peak / 1e6


def measure(folder: Path, utterances: int) -> Iterator[Row]:
    """All rows of the benchmark."""
    tree = generate(folder, utterances)
    ours = [sys.executable, "-m", "soundwave", "prepare", "librispeech", "--source", tree, "--output", folder / "ours"]
    seconds, size = run(ours)
    again, _ = run(ours)
    lhotse = "import sys; from lhotse.bin import cli; sys.argv[0] = 'lhotse'; cli()"
    theirs = [sys.executable, "-c", lhotse, "prepare", "librispeech", "-j", "2", tree, folder / "theirs"]
    peer_seconds, peer_size = run(theirs)
    yield row("prepare_seconds", seconds, peer_seconds, "s")
    yield row("prepare_mb", size, peer_size, "MB")
    yield row("prepare_again_seconds", again, None, "s")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--utterances", type=int, default=20_000)
    parser.add_argument("--folder", type=Path, help="A new folder to work in, which is kept. Default: a temporary one.")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        show(list(measure(options.folder or Path(temporary), options.utterances)), as_json=options.json)


if __name__ == "__main__":
    main()
