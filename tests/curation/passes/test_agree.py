"""Does a recogniser hear what is written? On real prompts, with their texts and with others'."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from curation.passes.agree import Agree, compared
from curation.recognise import Heard
from manifests.audio import decode
from manifests.reasons import Reason
from tests.curation.labelling import cut


@pytest.mark.parametrize(
    ("text", "heard", "language", "wer", "cer"),
    [
        ("Please enter it.", "please, enter it", "en", 0.0, 0.0),
        ("It's 5.", "it is five", "en", 0.0, 0.0),
        ("Press the pound key", "press the round", "en", 0.5, 5 / 19),
        ("Frog.", "", "en", 1.0, 1.0),
        ("key", "key of mine", "en", 2.0, 8 / 3),
        ("東京", "東", "ja", 0.5, None),
    ],
)
def test_rates_are_of_what_is_said_not_of_signs(
    text: str, heard: str, language: str, wer: float, cer: float | None
) -> None:
    found = compared(text, Heard(heard, None), language)
    assert found["wer"] == pytest.approx(wer) and "score" not in found
    assert cer is None or found["cer"] == pytest.approx(cer)


def test_a_text_of_signs_alone_has_no_rate() -> None:
    assert compared("...", Heard("so", -1.0), "en") == {"score": -1.0}


def prompt_rows(folder: Path, sounds: Path, texts: dict[str, str]) -> list[dict[str, Any]]:
    """Rows of real prompts by id; what stands before a colon in an id tells rows of one prompt apart."""
    rows = []
    for cut_id, text in texts.items():
        name = cut_id.rpartition(":")[2]
        samples, rate = decode(sounds / f"{name}.g722")
        soundfile.write(folder / f"{name}.flac", samples, rate)
        rows.append(cut(cut_id, audio=folder / f"{name}.flac", seconds=len(samples) / rate, text=text))
    return rows


PROMPTS = {
    "agent-loginok": "Agent logged in.",
    "conf-getpin": "Please enter the conference pin number.",
    "vm-goodbye": "Goodbye.",
    "vm-nomore": "No more messages.",
}


@pytest.fixture(scope="module")
def labels(asterisk_sounds: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], float]:
    folder = tmp_path_factory.mktemp("agree")
    names, texts = [*PROMPTS], [*PROMPTS.values()]
    told = dict(zip(names, texts, strict=True))
    others = {f"wrong:{name}": text for name, text in zip(names, texts[1:] + texts[:1], strict=True)}
    rows = prompt_rows(folder, asterisk_sounds, told | others)
    result = Agree().label_shard(rows)
    assert not result.rejects and {row["name"] for row in result.labels} == {"wer", "cer", "score", "heard"}
    return {(row["cut_id"], row["name"]): row["value"] for row in result.labels}


@pytest.mark.assets
def test_right_texts_agree_and_wrong_ones_do_not(labels: dict[tuple[str, str], float]) -> None:
    for name in PROMPTS:
        assert labels[name, "wer"] < labels[f"wrong:{name}", "wer"]
        assert labels[name, "score"] > labels[f"wrong:{name}", "score"] + 1


@pytest.mark.assets
def test_what_it_is_not_for_is_a_reject(asterisk_sounds: Path, tmp_path: Path) -> None:
    rows = prompt_rows(tmp_path, asterisk_sounds, dict.fromkeys(["vm-goodbye", "vm-nomore"], "Goodbye."))
    rows[0]["supervisions"][0]["language"] = "cs"
    rows[1]["supervisions"][0]["text"] = " "
    result = Agree().label_shard(rows)
    assert {row.cut_id: row.reason for row in result.rejects} == {
        "vm-goodbye": Reason.unsupported_language,
        "vm-nomore": Reason.text_missing,
    }
    assert not result.labels


@pytest.mark.assets
def test_the_score_is_the_decoders_own(asterisk_sounds: Path) -> None:
    from curation.encoders.moonshine import shared_decoder, shared_encoder

    samples, _ = decode(asterisk_sounds / "vm-goodbye.g722")
    (frames,) = shared_encoder().encode([np.asarray(samples, np.float32).reshape(-1)])
    decoder = shared_decoder()
    text = decoder.decode(frames)
    own = decoder.score(frames, decoder.spell(text))
    assert own > -1  # greedy: every token is the likeliest
    assert own > decoder.score(frames, decoder.spell("The quick brown fox."))


@pytest.mark.assets
@pytest.mark.parametrize("text", ["Please enter your number.", "naïve 東 5$", "", "a"])
def test_texts_are_spelled_without_loss(text: str) -> None:
    from curation.encoders.moonshine import detokenise, shared_decoder

    decoder = shared_decoder()
    assert detokenise([decoder._tokens[number] for number in decoder.spell(text)]) == text
