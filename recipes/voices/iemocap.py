"""IEMOCAP: ten actors in five sessions of two, acted and free, with the emotion that raters heard.

    Session1/dialog/EmoEvaluation/Ses01F_impro01.txt:
        [6.2901 - 8.2357]<tab>Ses01F_impro01_F000<tab>neu<tab>[2.5, 2.5, 2.5]
    Session1/dialog/transcriptions/Ses01F_impro01.txt:
        Ses01F_impro01_F000 [006.2901-008.2357]: Excuse me.
    Session1/sentences/wav/Ses01F_impro01/Ses01F_impro01_F000.wav

What raters did not agree on (`xxx`) and what is none of the nine emotions (`oth`) is a reject. The corpus has no
splits, and is used by sessions, whose actors differ: 1 to 3 are for training here, 4 is dev and 5 is test.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from manifests.lines import lines
from manifests.reasons import Reason
from manifests.rows import Reject
from recipes.common import Item, Recipe, collapse, need_inside
from recipes.speech.sources import SourceTree
from recipes.voices.feelings import feeling

CORPUS = "iemocap"
SESSIONS = {"session-1": "train", "session-2": "train", "session-3": "train", "session-4": "dev", "session-5": "test"}
OBTAIN = "Ask for it at https://sail.usc.edu/iemocap and name the folder that holds Session1/, ..., Session5/."
NO_EMOTION = {"xxx": "the raters did not agree", "oth": "the raters heard another emotion"}
_RATED = re.compile(
    r"\[(?P<start>[\d.]+) - (?P<end>[\d.]+)\]\s+"
    r"(?P<key>(?P<pair>Ses\d\d)[FM]_\w+_(?P<who>[FM])\d+)\s+(?P<emotion>[a-z]+)\b.*"
)
_SAID = re.compile(r"(?P<key>Ses\S+) \[[^\]]*\]:\s*(?P<text>.*)")


def items(root: Path) -> Iterator[Item | Reject]:
    """Every rated utterance of the sessions that are there."""
    source = SourceTree(CORPUS, root)
    found = [name for name in SESSIONS if (_session(root, name) / "dialog" / "EmoEvaluation").is_dir()]
    if not found:
        raise source.nothing("Session1/dialog/EmoEvaluation", OBTAIN)
    for name in found:
        folder = _session(root, name)
        for ratings in sorted((folder / "dialog" / "EmoEvaluation").glob("Ses*.txt")):
            yield from _dialogue(source, folder, name, ratings)
        yield from source.unnamed(folder / "sentences" / "wav", ".wav")


def _session(root: Path, name: str) -> Path:
    return root / name.replace("session-", "Session")


def _dialogue(source: SourceTree, folder: Path, session: str, ratings: Path) -> Iterator[Item | Reject]:
    said = _transcript(folder / "dialog" / "transcriptions" / ratings.name)

    def utterance(place: str, text: str) -> Item | Reject | None:
        if not text.startswith("["):  # what each rater said, and the heading, which has no tabs
            return None
        match = _RATED.fullmatch(text.strip())
        if match is None:
            if text.startswith("[START_TIME"):
                return None
            raise ValueError(f"{text[:60]!r} is no rating: [START - END] UTTERANCE EMOTION [VALENCE, ...]")
        key = match["key"]
        audio = source.audio(folder / "sentences" / "wav" / ratings.stem / f"{key}.wav")
        if match["emotion"] in NO_EMOTION:
            return source.reject(key, Reason.target_missing, f"{place}: {NO_EMOTION[match['emotion']]}")
        return Item(
            key=key,
            place=place,
            recording=key,
            audio=audio,
            claimed=float(match["end"]) - float(match["start"]),
            text=said.get(key),
            speaker=f"{match['pair']}{match['who']}",
            split=session,
            target_text=feeling(match["emotion"]),
            target_language="en",
            extra={
                "emotion": match["emotion"],
                "gender": "female" if match["who"] == "F" else "male",
                "acted": "script" in ratings.stem,
            },
        )

    yield from source.each(ratings, utterance)


def _transcript(path: Path) -> dict[str, str]:
    """Utterance -> what is said in it, of one dialogue."""
    if not path.is_file():
        return {}
    need_inside(path)
    matches = (_SAID.fullmatch(line.text.strip()) for line in lines(path))
    return {match["key"]: collapse(match["text"]) for match in matches if match}


RECIPE = Recipe(
    corpus=CORPUS,
    title="IEMOCAP, actors in pairs with the emotions that raters heard",
    task="emotion",
    license="LicenseRef-IEMOCAP",
    makers="ten actors; Carlos Busso and others, University of Southern California (corpus)",
    items=items,
    obtain=OBTAIN,
    access="form",
    languages=("en",),
    splits=SESSIONS,
    channels="mix",
)
