"""The recipe of AnyInstruct on a small folder in its layout."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from manifests.reasons import Reason
from tests.recipes.labelled import about, answers
from tests.recipes.speech.conftest import Prepared


def talk(*turns: tuple[str, str, list[str]], **more: list[str]) -> str:
    """A line: role, message and speech of each turn; more lists of the first."""
    chat = [{"role": role, "message": message, "speech_list": speech} for role, message, speech in turns]
    return json.dumps({"chat": [chat[0] | more, *chat[1:]]}) + "\n"


@pytest.fixture
def source(tmp_path: Path, tone: Callable[..., Path], write: Callable[[Path, str], Path]) -> Path:
    root = tmp_path / "AnyInstruct"
    tone(root / "speech" / "a.mp3")
    tone(root / "speech" / "part" / "c.mp3", pitch=300.0)
    ask, reply = ("USER", "Name a river.", ["a.mp3"]), ("AnyGPT", "The Nile.", ["b.mp3"])
    write(
        root / "data.jsonl",
        talk(ask, reply, ("USER", "Another?", ["x.mp3"]), ("AnyGPT", "The Rhine.", []))
        + talk(("USER", "", ["part/c.mp3"]), ("AnyGPT", "Yes.", []))
        + talk(ask, reply, image_list=["i.png"])
        + talk(("USER", "Written?", []), reply)
        + talk(("USER", "Two?", ["a.mp3", "c.mp3"]), reply)
        + talk(("USER", "Gone?", ["gone.mp3"]), reply)
        + talk(("USER", "Out?", ["../../a.mp3"]), reply)
        + talk(ask, ("AnyGPT", "", []))
        + talk(ask)
        + "{}\n",
    )
    return root


def test_the_first_spoken_question_is_asked(source: Path, prepared: Callable[..., Prepared]) -> None:
    found = prepared("anyinstruct", source)
    assert answers(found) == {"data-1": ("instruction", "The Nile."), "data-2": ("instruction", "Yes.")}
    assert found.cuts["data-1"]["supervisions"][0]["text"] == "Name a river."
    assert about(found, "data-1", "synthetic") == (True,)


def test_what_cannot_be_used_is_a_reject(source: Path, prepared: Callable[..., Prepared]) -> None:
    assert prepared("anyinstruct", source).reasons == {
        "data-3": Reason.out_of_scope,
        "data-4": Reason.out_of_scope,
        "data-5": Reason.bad_row,
        "data-6": Reason.audio_missing,
        "data-7": Reason.bad_row,
        "data-8": Reason.target_missing,
        "data-9": Reason.out_of_scope,
        "data-10": Reason.bad_row,
    }
