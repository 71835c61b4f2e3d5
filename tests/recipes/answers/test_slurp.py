"""The recipe of SLURP on a small folder in its layout."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from manifests.errors import MissingFileError
from manifests.reasons import Reason
from tests.recipes.labelled import about, answers
from tests.recipes.speech.conftest import Prepared


def command(sentence: str, annotation: str, intent: str, *recordings: str) -> str:
    """A line of a table."""
    facts = {"slurp_id": 4, "sentence": sentence, "sentence_annotation": annotation, "intent": intent}
    return json.dumps(facts | {"recordings": {name: {"status": "correct", "wer": 0.0} for name in recordings}}) + "\n"


@pytest.fixture
def source(tmp_path: Path, tone: Callable[..., Path], write: Callable[[Path, str], Path]) -> Path:
    root = tmp_path / "slurp"
    for number, name in enumerate(("audio-1", "audio-1-headset", "audio-2", "audio-9")):
        tone(root / "audio" / "slurp_real" / f"{name}.flac", pitch=200.0 + number)
    tone(root / "audio" / "slurp_synth" / "audio--3.flac", pitch=300.0)
    table = command("wake me at five", "wake me at [time : five]", "alarm_set", "audio-1.flac", "audio-1-headset.flac")
    table += command("gone", "gone", "alarm_set", "audio-4.flac")
    table += command("out", "out", "alarm_set", "../audio-5.flac") + '{"sentence": "a"}\n' + "no json\n"
    write(root / "dataset" / "slurp" / "train.jsonl", table)
    write(
        root / "dataset" / "slurp" / "devel.jsonl",
        command("is it  late", "is it late", "datetime_query", "audio-2.flac"),
    )
    synthetic = command(
        "play a [song] in [city] ", "play [artist : the band] in [place:rome]", "play_music", "audio--3.flac"
    )
    write(root / "dataset" / "slurp" / "train_synthetic.jsonl", synthetic)
    who = {"4": {"recordings": {"audio-1.flac": {"usrid": "FE-141"}, "audio-2.flac": {}}}}
    write(root / "dataset" / "slurp" / "metadata.json", json.dumps(who))
    return root


def test_a_recording_is_asked_for_its_intent_and_for_what_it_names(
    source: Path, prepared: Callable[..., Prepared]
) -> None:
    found = prepared("slurp", source)
    assert answers(found) == {
        "audio-1-intent": ("intent", "alarm set"),
        "audio-1-entity": ("entity", "time: five"),
        "audio-1-headset-intent": ("intent", "alarm set"),
        "audio-1-headset-entity": ("entity", "time: five"),
        "audio-2-intent": ("intent", "datetime query"),
        "audio--3-intent": ("intent", "play music"),
        "audio--3-entity": ("entity", "artist: the band; place: rome"),
    }
    assert found.texts["audio-1-entity"] == "wake me at five" and found.texts["audio-2-intent"] == "is it late"
    assert found.splits["audio-2-intent"] == "dev" and found.splits["audio--3-intent"] == "train"
    assert found.said("audio-1-intent")[0] == "FE-141" and found.said("audio-2-intent")[0] is None
    assert about(found, "audio--3-intent", "synthetic", "intent") == (True, "play_music")
    assert about(found, "audio-1-intent", "synthetic", "slurp_id") == (None, 4)


def test_what_cannot_be_used_is_a_reject(source: Path, prepared: Callable[..., Prepared]) -> None:
    assert prepared("slurp", source).reasons == {
        "audio-4-intent": Reason.audio_missing,
        "dataset/slurp/train.jsonl:3": Reason.bad_row,
        "dataset/slurp/train.jsonl:4": Reason.bad_row,
        "dataset/slurp/train.jsonl:5": Reason.bad_row,
        "audio-9": Reason.text_missing,
    }


def test_a_wrong_folder_is_an_error(source: Path, prepared: Callable[..., Prepared]) -> None:
    with pytest.raises(MissingFileError, match=r"holds no dataset/slurp/train.jsonl.*It holds slurp_real, slurp_synth"):
        prepared("slurp", source / "audio")
