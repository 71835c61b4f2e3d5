"""Cases of the audits that read what scoring passes wrote: rows of `cuts`, other tables, and the cuts to find."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.curation.synthetic_catalog import cut


def score(pass_: str, cut_id: str, name: str, value: float, text: str | None = None) -> dict[str, Any]:
    """A row of `labels`."""
    return {"pass": pass_, "cut_id": cut_id, "name": name, "value": value, "text": text}


def voice(cut_id: str, person: int, *, model: str = "resemblyzer", shift: float = 0.1) -> dict[str, Any]:
    """A row of `embeddings`: a voice near that of a person."""
    vector = np.random.default_rng(person).standard_normal(16)
    vector /= np.linalg.norm(vector)
    own = np.random.default_rng(sum(map(ord, cut_id))).standard_normal(16)
    vector += shift * own / np.linalg.norm(own)
    return {"pass": "speaker", "cut_id": cut_id, "model": model, "vector": (vector / np.linalg.norm(vector)).tolist()}


def _voices(
    prefix: str, person: int, count: int = 3, **facts: Any
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    names = [f"{prefix}-{number}" for number in range(count)]
    return [cut(name, **facts) for name in names], [voice(name, person) for name in names]


def _speakers() -> tuple[list[dict[str, Any]], dict[str, list[dict[str, Any]]], set[str]]:
    ann, anns = _voices("ann", 1, 4, speaker="ann")
    bob, bobs = _voices("bob", 2, 4, speaker="bob")
    lone, lones = _voices("lone", 3, 1, speaker="lone")
    cuts = [*ann, *bob, *lone, cut("wrong", speaker="ann"), cut("nobody"), cut("unheard", speaker="ann")]
    return cuts, {"embeddings": [*anns, *bobs, *lones, voice("wrong", 2), voice("nobody", 2)]}, {"wrong"}


def _leaks() -> tuple[list[dict[str, Any]], dict[str, list[dict[str, Any]]], set[str]]:
    groups = [
        _voices("train-ann", 1, speaker="ann"),
        _voices("train-bob", 2, speaker="bob"),
        _voices("test-anna", 1, split="test", speaker="anna", corpus="other"),  # ann under another name
        _voices("test-eve", 4, split="test", speaker="eve"),  # new
        _voices("test-bob", 2, split="test", speaker="bob"),  # the same name: another audit's
        _voices("test-few", 1, 2, split="test", speaker="few"),  # two cuts say too little
        _voices("dev-nameless", 2, split="dev", recording_id="call"),  # bob, in a recording where nobody is named
    ]
    cuts, rows = ([one for group in groups for one in group[side]] for side in (0, 1))
    found = {f"test-anna-{number}" for number in range(3)} | {f"dev-nameless-{number}" for number in range(3)}
    found |= {f"test-bob-{number}" for number in range(3)}  # as the nameless of dev
    return cuts, {"embeddings": rows}, found


LONG = "some words that are long enough to be told apart"

SCORE_CASES: dict[str, tuple[list[dict[str, Any]], dict[str, list[dict[str, Any]]], set[str]]] = {
    "speaker_disagrees": _speakers(),
    "leakage_voice": _leaks(),
    "text_invented": (
        [cut("loop", text="no " * 9), cut("fine"), cut("unread")],
        {
            "labels": [
                score("hallucination", "loop", "hallucination", 0.9, "9 times 'no'"),
                score("hallucination", "loop", "pace", 0.9),
                score("hallucination", "fine", "hallucination", 0.1, "1.7 times as fast"),
                score("hallucination", "fine", "pace", 1.7),
            ]
        },
        {"loop"},
    ),
    "other_language": (
        [cut(name, text=LONG) for name in ("written", "heard", "fine", "unsure", "unread")]
        + [cut("short", text="a b")],
        {
            "labels": [
                score("language", name, key, value, text)
                for name, certainty, declared in (("written", 0.95, 0.01), ("unsure", 0.5, 0.1), ("short", 0.95, 0.01))
                for key, value, text in (("language", certainty, "de"), ("declared_language", declared, "en"))
            ]
            + [
                score("language", "fine", "language", 0.99, "en"),
                score("language", "fine", "declared_language", 0.99, "en"),
                score("language", "heard", "heard_language", 0.9, "cs"),
                score("language", "heard", "heard_declared", 0.05, "en"),
            ]
        },
        {"written", "heard"},
    ),
    "upsampled": (
        [cut(name, sampling_rate=48000) for name in ("phone", "half", "full", "silent", "unheard")],
        {
            "labels": [
                score("speech", n, "bandwidth", v)
                for n, v in (("phone", 4e3), ("half", 12e3), ("full", 24e3), ("silent", 0))
            ]
        },
        {"phone", "half"},
    ),
    "other_sound": (
        [
            cut(name, task="sound", sound=sound)
            for name, sound in (
                ("same", ["Dog"]),
                ("parent", ["Bark"]),
                ("child", ["Animal"]),
                ("other", ["Dog"]),
                ("unsure", ["Dog"]),
                ("own-word", ["Zap"]),
                ("untagged", ["Dog"]),
            )
        ],
        {
            "labels": [
                score("tag", name, "tag", value, text)
                for name, tags in {
                    "same": {"Speech": 0.9, "Dog": 0.6},
                    "parent": {"Animal": 0.9},
                    "child": {"Bark": 0.9},
                    "other": {"Rain": 0.9, "Music": 0.2},
                    "unsure": {"Rain": 0.3},
                    "own-word": {"Rain": 0.9},
                }.items()
                for text, value in tags.items()
            ]
        },
        {"other"},
    ),
}
