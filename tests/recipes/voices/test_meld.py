"""The recipe of MELD on a small folder in its layout."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from manifests.reasons import Reason
from tests.recipes.labelled import about, answers
from tests.recipes.speech.conftest import Prepared

HEADINGS = "Sr No.,Utterance,Speaker,Emotion,Sentiment,Dialogue_ID,Utterance_ID,Season,Episode,StartTime,EndTime\n"
REST = ',8,21,"00:16:16,059","00:16:21,731"\n'


@pytest.fixture
def source(
    tmp_path: Path, tone: Callable[..., Path], write: Callable[[Path, str], Path], m4a: Callable[[Path], Path]
) -> Path:
    root = tmp_path / "MELD.Raw"
    m4a(root / "train" / "train_splits" / "dia0_utt0.mp4")
    tone(root / "train" / "train_splits" / "dia0_utt9.wav", pitch=250.0)
    tone(root / "dev_splits_complete" / "dia3_utt1.wav", pitch=300.0)
    write(
        root / "train" / "train_sent_emo.csv",
        f'{HEADINGS}1,"Well, also I was  the point person",Chandler,joy,positive,0,0{REST}'
        f"2,Gone,Joey,anger,negative,0,1{REST}3,Odd,Joey,boredom,negative,0,2{REST}4,Odd,Joey,anger,negative,x,2{REST}",
    )
    write(root / "dev_sent_emo.csv", f"{HEADINGS}1,No!,Monica,surprise,negative,3,1{REST}")
    return root


def test_emotions_have_one_word_each(source: Path, prepared: Callable[..., Prepared]) -> None:
    found = prepared("meld", source)
    assert answers(found) == {"train-dia0_utt0": ("emotion", "happy"), "dev-dia3_utt1": ("emotion", "surprised")}
    assert found.texts["train-dia0_utt0"] == "Well, also I was the point person"
    assert found.said("train-dia0_utt0")[:2] == ("Chandler", "en")
    assert about(found, "train-dia0_utt0", "emotion", "sentiment") == ("joy", "positive")
    assert found.splits == {"train-dia0_utt0": "train", "dev-dia3_utt1": "dev"}


def test_what_cannot_be_used_is_a_reject(source: Path, prepared: Callable[..., Prepared]) -> None:
    assert prepared("meld", source).reasons == {
        "train-dia0_utt1": Reason.audio_missing,
        "train/train_sent_emo.csv:4": Reason.bad_row,
        "train/train_sent_emo.csv:5": Reason.bad_row,
        "dia0_utt9": Reason.text_missing,
    }
