"""Asterisk's English telephone prompts: one voice actor, 16 kHz G.722, a transcript a line.

Transcripts look like

    agent-loginok: Agent logged in.
    letters/at: at [@]
    beep: [this is a simple beep tone]
    confbridge-join: <beep ascending>
    silence/3: (3 seconds of silence)

Notes in brackets are not spoken: they are cut off, and an item that is nothing else is no speech.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from manifests.audio import decode
from manifests.lines import lines
from manifests.rows import Reject
from recipes.common import (
    NOT_BY_SPEAKER,
    CorpusRows,
    Recipe,
    collapse,
    file_cut,
    in_parallel,
    reject,
    slug,
    sort_out,
    text_split,
    write_flac,
)

if TYPE_CHECKING:
    from lhotse import MonoCut

CORPUS = "asterisk"
LICENSE = "CC-BY-SA-3.0"
SPEAKER = "allison"
TRANSCRIPTS = "usr/share/doc/asterisk-core-sounds-en/core-sounds-en.txt.gz"
SOUNDS = "usr/share/asterisk/sounds/en_US_f_Allison"

_NOTE = re.compile(r"\[[^\]]*\]|<[^>]*>|\([^)]*\)")
_DOTS = re.compile(r"^\.\.+ ?| ?\.\.+$")


def read(source: Path, folder: Path) -> CorpusRows:
    """Cuts of every prompt that is speech and has a transcript; the rest as rejects."""
    transcripts = read_transcripts(source / TRANSCRIPTS)
    sounds = {str(path.relative_to(source / SOUNDS).with_suffix("")): path for path in audio_files(source / SOUNDS)}
    keys = sorted(transcripts.keys() | sounds.keys())
    return sort_out(
        in_parallel(
            lambda key: _item(key, transcripts.get(key), sounds.get(key), folder / "audio"), keys, title="asterisk"
        )
    )


def audio_files(folder: Path) -> list[Path]:
    """The G.722 files under `folder`, in one order everywhere."""
    return sorted(folder.rglob("*.g722"))


def read_transcripts(path: Path) -> dict[str, str]:
    """Prompt name -> what its line says; comment lines start with a semicolon."""
    said = (line.text for line in lines(path))  # a prompt whose line is no UTF-8 has no transcript
    pairs = (line.partition(":") for line in said if ":" in line and not line.startswith(";"))
    return {name.strip(): text.strip() for name, _, text in pairs}


def spoken(text: str) -> str:
    """The words that are said: without notes, and without the dots of prompts that are halves of a sentence."""
    words = collapse(_DOTS.sub("", collapse(_NOTE.sub(" ", text))))
    return words if any(char.isalnum() for char in words) else ""


def _item(key: str, transcript: str | None, sound: Path | None, audio: Path) -> MonoCut | Reject:
    cut_id = f"{CORPUS}-{slug(key)}"
    if transcript is None:
        return reject(cut_id, CORPUS, "text_missing", f"{key} has audio and no transcript")
    if sound is None:
        return reject(cut_id, CORPUS, "audio_missing", f"{key} has a transcript and no audio: {transcript}")
    text = spoken(transcript)
    if not text:
        reason = "not_speech" if transcript else "empty_text"
        return reject(cut_id, CORPUS, reason, f"{key}: {transcript or 'the transcript is empty'}")
    return file_cut(
        sound,
        cut_id=cut_id,
        corpus=CORPUS,
        split=text_split(text),
        task="asr",
        license=LICENSE,
        convert=lambda path: to_flac(path, audio / f"{slug(key)}.flac"),
        text=text,
        language="en",
        speaker=SPEAKER,
    )


def to_flac(sound: Path, target: Path) -> Path:
    """Decode G.722 to 16-bit FLAC, which every audio library reads; the samples stay the same.

    Raises:
        AudioError: the file is empty or does not decode.
    """
    write_flac(target, *decode(sound))
    return target


RECIPE = Recipe(
    corpus=CORPUS,
    title="Asterisk core sounds, English prompts",
    task="asr",
    license=LICENSE,
    makers="Allison Smith (voice), Digium, Inc.",
    read=read,
    parts=(TRANSCRIPTS, SOUNDS),
    packages=("asterisk-core-sounds-en", "asterisk-core-sounds-en-g722"),
    links=NOT_BY_SPEAKER,
)
