"""Words for emotions, the same in all corpora: what a model answers."""

from __future__ import annotations

WORDS = {
    "ang": "angry",
    "anger": "angry",
    "angry": "angry",
    "calm": "calm",
    "dis": "disgusted",
    "disgust": "disgusted",
    "exc": "excited",
    "fea": "fearful",
    "fear": "fearful",
    "fearful": "fearful",
    "fru": "frustrated",
    "hap": "happy",
    "happy": "happy",
    "joy": "happy",
    "neu": "neutral",
    "neutral": "neutral",
    "sad": "sad",
    "sadness": "sad",
    "sur": "surprised",
    "surprise": "surprised",
    "surprised": "surprised",
}


def feeling(label: str) -> str:
    """The word for a corpus's own label.

    Raises:
        ValueError: there is none.
    """
    word = WORDS.get(label.strip().casefold())
    if word is None:
        raise ValueError(f"the emotion is {label[:40]!r}, expected one of {', '.join(sorted(set(WORDS.values())))}")
    return word
