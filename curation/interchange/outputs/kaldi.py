"""Cuts out as data folders of Kaldi, one a split, sorted as its scripts ask (by bytes, as LC_ALL=C sorts).

    train/wav.scp segments text utt2spk spk2utt utt2lang utt2dur reco2dur
    train/wav/NAME.wav          what the utterance's cut hears: one channel, 16 bits, all that Kaldi's own readers take
    train/cuts.jsonl            of each utterance what Kaldi has no file for: its cut's id, the speaker's name, labels

An utterance is called SPEAKER-CUT, so that utterances sort as their speakers do. Letters that such a name cannot have
are written as ~ and their bytes. `soundwave catalog import kaldi` takes the names in cuts.jsonl. Samples of more bits
are rounded. A split's rows are in memory: about a kilobyte an utterance.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from curation.duck import Limits
from curation.interchange.export import Clip, clips_of, exporting
from manifests.disk.names import FileNames
from manifests.files import write_lines
from manifests.rows import SPLITS

CUTS = "cuts.jsonl"
FACTS = ("corpus", "task", "domain", "license", "target_text", "target_language", "sound", "sound_original")
_LOW = frozenset("!\"#$%&'()*+,-")  # they sort before or as the hyphen between speaker and cut


@dataclass(frozen=True)
class KaldiUtterance:
    """An utterance as Kaldi's files have it."""

    key: str
    speaker: str
    wave: str  # path
    seconds: float
    text: str | None
    language: str | None
    facts: dict[str, Any]


def export_kaldi(catalog: Path, target: Path, *, where: str = "true", limits: Limits | None = None) -> int:
    """Write `target`/SPLIT; return the cuts. wav.scp has absolute paths, as Kaldi's scripts run in any folder.

    Raises:
        As `curation.interchange.export.export_shar`, and ManifestError for samples beyond full scale.
    """
    count = 0
    with exporting(catalog, target, where, limits) as (con, folder):
        for split in SPLITS:
            rows, names = [], FileNames()
            for clip in clips_of(con, texts=False, split=split, wave=True):
                name = f"{names.of(clip.row['cut_id'])}.wav"
                (folder / split / "wav").mkdir(parents=True, exist_ok=True)
                (folder / split / "wav" / name).write_bytes(clip.sound or b"")
                rows.append(utterance(clip, str(target.absolute() / split / "wav" / name)))
            if rows:
                _write(folder / split, sorted(rows, key=lambda row: row.key))  # as UTF-8's bytes sort
            count += len(rows)
    return count


def utterance(clip: Clip, wave: str) -> KaldiUtterance:
    """A cut as an utterance; wave: path of its audio."""
    row = clip.row
    cut = row["cut_id"]
    speaker = name_of(cut if row["speaker"] is None else row["speaker"], _LOW)
    facts = {"id": cut, "speaker": row["speaker"], "text": row["text"], **{fact: row[fact] for fact in FACTS}}
    text = None if row["text"] is None else " ".join(row["text"].split())
    key = speaker if row["speaker"] is None else f"{speaker}-{name_of(cut)}"
    return KaldiUtterance(key, speaker, wave, clip.samples / clip.rate, text, row["language"], facts)


def name_of(text: str, without: Iterable[str] = ()) -> str:
    """A name without spaces for any text: letters that it cannot have are ~ and their bytes. Two texts have two."""
    bad = {"~", *without}
    return "".join(
        letter
        if letter.isprintable() and not letter.isspace() and letter not in bad
        else "".join(f"~{byte:02x}" for byte in letter.encode("utf-8", "surrogatepass"))
        for letter in text
    )


def _write(folder: Path, rows: list[KaldiUtterance]) -> None:
    files: dict[str, Iterator[str]] = {
        "wav.scp": (f"{row.key} {row.wave}" for row in rows),
        "segments": (f"{row.key} {row.key} 0 {row.seconds!r}" for row in rows),
        "text": (f"{row.key} {row.text}" for row in rows if row.text is not None),
        "utt2spk": (f"{row.key} {row.speaker}" for row in rows),
        "spk2utt": (
            f"{speaker} {' '.join(row.key for row in some)}" for speaker, some in groupby(rows, lambda row: row.speaker)
        ),
        "utt2lang": (f"{row.key} {row.language}" for row in rows if row.language is not None),
        "utt2dur": (f"{row.key} {row.seconds!r}" for row in rows),
        "reco2dur": (f"{row.key} {row.seconds!r}" for row in rows),
        CUTS: (json.dumps({"utterance": row.key, **row.facts}, ensure_ascii=False) for row in rows),
    }
    for name, lines in files.items():
        if not write_lines(folder / name, lines):
            (folder / name).unlink()
