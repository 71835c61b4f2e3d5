"""The align pass with WhisperX: a transcript is aligned as given, a clip without one is transcribed."""

from __future__ import annotations

import importlib.util

import pytest
import soundfile

from curation.align import load_aligner
from curation.passes.align import Align
from manifests.audio import read_audio
from manifests.errors import SettingsError
from manifests.reasons import Reason
from tests.curation import tiny_whisper
from tests.curation.labelling import cut

needs_whisperx = pytest.mark.skipif(importlib.util.find_spec("whisperx") is None, reason="make test-whisperx")


def test_it_is_chosen_by_name(tmp_path):
    assert load_aligner("whisperx", model="tiny").name == "whisperx"
    with pytest.raises(SettingsError, match="unknown key `calibration`"):
        load_aligner("whisperx", calibration=tmp_path / "learned.json")


@needs_whisperx
@pytest.mark.assets
def test_clips_without_a_transcript_are_transcribed(tmp_path, asterisk_sounds):
    whisper = tiny_whisper.whisper(tmp_path / "whisper", tmp_path / "scratch")
    backend = load_aligner("whisperx", model=f"{whisper},{tiny_whisper.wav2vec(tmp_path / 'wav2vec')}")
    soundfile.write(tmp_path / "said.wav", read_audio(asterisk_sounds / "demo-nogo.g722"), 16000)
    rows = [
        cut("given", audio=tmp_path / "said.wav", seconds=9.0, text="I am afraid I was unable to"),
        cut("heard", audio=tmp_path / "said.wav", seconds=9.0, text=None),
        cut("sound", audio=tmp_path / "said.wav", seconds=9.0, text=None, task="sound"),
    ]
    result = Align(backend, least_score=-99.0).label_shard(rows)
    words = {row["id"]: [] for row in rows}
    for word in result.words:
        words[word["cut_id"]].append(word["symbol"])
    assert words["given"] == ["I", "am", "afraid", "I", "was", "unable", "to"]
    [transcript] = [row for row in result.labels if row["name"] == "transcript"]
    assert transcript["cut_id"] == "heard"
    assert words["heard"]
    assert set(words["heard"]) <= set(transcript["text"].split())
    reasons = {reject.cut_id: reject.reason for reject in result.rejects}
    assert reasons == {"sound": Reason.not_speech}
