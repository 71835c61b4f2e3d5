"""The recipe of GigaSpeech on a small folder in its layout."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import soundfile

from manifests.errors import ManifestError, MissingFileError
from manifests.reasons import Reason
from tests.recipes.speech.conftest import Prepared


def segment(number: int, text: str, *subsets: str, start: float = 0.0, end: float = 0.5) -> dict[str, Any]:
    return {
        "sid": f"POD1_S{number}",
        "speaker": "N/A",
        "begin_time": start,
        "end_time": end,
        "text_tn": text,
        "subsets": [f"{{{name}}}" for name in subsets],
    }


def recording(aid: str, segments: Any, duration: float = 1.0) -> dict[str, Any]:
    path = f"audio/podcast/P0001/{aid}.opus"
    facts = {"title": "x", "path": path, "aid": aid, "duration": duration, "sample_rate": 16_000, "channels": 1}
    return facts | {"segments": segments}


AUDIOS = [
    recording(
        "POD1",
        [
            segment(1, "FOUR O'CLOCK <COMMA> SAID WILLIAMS <PERIOD>", "XL", "L"),
            segment(2, "IS IT <QUESTIONMARK>", "XL", "L", "M", "S", "XS", start=0.5, end=1.0),
            segment(3, "<MUSIC>", "XL"),
            segment(4, "PAST THE END", "XL", start=0.5, end=9.0),
            segment(5, "OF NO SUBSET"),
            {"sid": "POD1_S6"},
        ],
    ),
    recording("POD2", [segment(7, "HELD OUT", "DEV") | {"speaker": "jane"}]),
    recording("POD3", [segment(8, "NOT FETCHED", "XL"), segment(9, "NOT FETCHED", "XL")]),
    recording("POD4", [segment(10, "ANOTHER FILE", "TEST")], duration=30.0),
    recording("POD5", "none"),
]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    root = tmp_path / "GigaSpeech"
    folder = root / "audio" / "podcast" / "P0001"
    folder.mkdir(parents=True)
    for number in (1, 2, 4, 5, 6):
        soundfile.write(folder / f"POD{number}.opus", [0.01 * number] * 16_000, 16_000, format="OGG", subtype="OPUS")
    (root / "GigaSpeech.json").write_text(json.dumps({"dataset": "GigaSpeech", "audios": AUDIOS}), encoding="utf-8")
    return root


def test_segments_with_their_marks_subsets_and_rejects(source: Path, prepared: Callable[..., Prepared]) -> None:
    found = prepared("gigaspeech", source)
    assert found.texts == {
        "POD1_S1": "FOUR O'CLOCK, SAID WILLIAMS.",
        "POD1_S2": "IS IT?",
        "POD1_S7": "HELD OUT",
    }
    assert found.splits == {"POD1_S1": "train", "POD1_S2": "train", "POD1_S7": "dev"}
    assert {key: row["custom"]["subset"] for key, row in found.cuts.items()} == {
        "POD1_S1": "L",
        "POD1_S2": "XS",
        "POD1_S7": "DEV",
    }
    assert found.span("POD1_S2") == (0.5, 0.5)
    assert (found.said("POD1_S1")[0], found.said("POD1_S7")[0]) == (None, "jane")
    assert found.reasons == {
        "POD1_S3": Reason.not_speech,
        "POD1_S4": Reason.bad_row,
        "POD1-4": Reason.bad_row,
        "POD1-5": Reason.bad_row,
        "POD3": Reason.audio_missing,
        "POD1_S10": Reason.duration_mismatch,
        "GigaSpeech.json: audios[4]": Reason.bad_row,
        "POD6": Reason.text_missing,
    }
    assert "2 segments" in found.rejects["POD3"]["detail"]
    assert "it lacks 'text_tn'" in found.rejects["POD1-5"]["detail"]


def test_lhotse_reads_the_same_spans(source: Path, prepared: Callable[..., Prepared]) -> None:
    from lhotse.recipes.gigaspeech import parse_utterance

    found = prepared("gigaspeech", source)
    for facts in AUDIOS[:2]:
        kept = [row for row in facts["segments"] if row["sid"] in found.cuts]
        assert kept
        parsed = parse_utterance(facts | {"segments": kept}, source)
        assert parsed is not None
        assert {one.id: (one.start, one.duration) for one in parsed[1]} == {
            row["sid"]: found.span(row["sid"]) for row in kept
        }


def test_half_a_json_is_an_error_and_writes_nothing(
    source: Path, tmp_path: Path, prepared: Callable[..., Prepared]
) -> None:
    path = source / "GigaSpeech.json"
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(ManifestError, match=r"GigaSpeech\.json is no whole JSON.*cut short"):
        prepared("gigaspeech", source)
    assert list(tmp_path.glob("corpora-*/gigaspeech/corpus.json")) == []
    path.unlink()
    with pytest.raises(MissingFileError, match=r"holds no GigaSpeech\.json\. It holds audio"):
        prepared("gigaspeech", source)
