"""Recognisers of Hugging Face, tiny and with random weights: they hear nonsense, in the usual way."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from curation.recognise import RECOGNISERS, Heard, load_recogniser
from manifests.errors import InputError
from tests.curation.sounding import clip
from tests.curation.tiny_whisper import wav2vec, whisper_checkpoint


@pytest.fixture(scope="module")
def ctc(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return wav2vec(tmp_path_factory.mktemp("ctc") / "model")


@pytest.fixture(scope="module")
def decoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from transformers import WhisperFeatureExtractor

    folder = tmp_path_factory.mktemp("decoder")
    whisper_checkpoint(folder)
    WhisperFeatureExtractor().save_pretrained(folder)
    return folder


def hear(model: Path, *texts: str, seed: int = 0) -> list[Heard]:
    return load_recogniser(str(model)).hear([clip(seed, 1.0)] * len(texts), texts, "en")


@pytest.mark.parametrize("kind", ["ctc", "decoder"])
def test_a_clip_is_heard_alone_and_its_texts_are_scored(kind: str, request: pytest.FixtureRequest) -> None:
    model = request.getfixturevalue(kind)
    one, other = hear(model, "one", "quite another thing")
    assert one.text == other.text
    assert one.score is not None and other.score is not None and one.score != other.score
    assert max(one.score, other.score) < 0 and np.isfinite([one.score, other.score]).all()
    assert hear(model, "one") == [one]


def test_what_ctc_hears_itself_scores_best(ctc: Path) -> None:
    (first,) = hear(ctc, "one")
    own, other = hear(ctc, first.text or "e", "zzz zzz zzz")
    assert own.score is not None and other.score is not None and own.score > other.score


def test_a_text_in_small_letters_is_spelled_in_capitals_and_signs_are_left_out(ctc: Path) -> None:
    small, capital, signs = hear(ctc, "hello there", "HELLO THERE", "hello, there!")
    assert small.score == capital.score == signs.score


def test_a_text_that_cannot_be_spelled_or_does_not_fit_has_no_score(ctc: Path) -> None:
    unknown, long = hear(ctc, "東京", "abcd " * 100)
    assert unknown.score is None and long.score is None and unknown.text == long.text


def test_what_is_no_recogniser_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="speech recogniser"):
        load_recogniser(str(tmp_path))
    with pytest.raises(InputError, match="There is no Moonshine recogniser"):
        load_recogniser("moonshine-large")


def test_recognisers_are_listed() -> None:
    assert {row["name"] for row in RECOGNISERS.described()} == {"huggingface", "moonshine"}
