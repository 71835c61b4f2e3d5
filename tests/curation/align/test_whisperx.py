"""WhisperX: what it says when it is absent, and, where it is installed, the whole way with tiny random models."""

from __future__ import annotations

import importlib.util
import pickle

import numpy as np
import pytest

from curation.align import load_aligner
from curation.align import whisperx as whisperx_backend
from curation.align.whisperx import WhisperX
from curation.text import normalise
from manifests.audio import read_audio
from manifests.errors import InputError, MissingPackageError, Rejected
from manifests.reasons import Reason
from tests.curation import tiny_whisper

installed = importlib.util.find_spec("whisperx") is not None
needs_whisperx = pytest.mark.skipif(not installed, reason="the extra `whisperx` is not installed: make test-whisperx")


def test_the_model_option_names_one_or_two_models():
    models = {None: ("small", None), "tiny": ("tiny", None), "a/b, c/d": ("a/b", "c/d")}
    for model, (whisper, wav2vec) in models.items():
        assert load_aligner("whisperx", model=model) == WhisperX(whisper, wav2vec)


def test_the_version_names_what_makes_the_times():
    versions = {load_aligner("whisperx", model=model).version for model in (None, "tiny", "tiny,one", "tiny,two")}
    assert len(versions) == 4


@pytest.mark.skipif(installed, reason="WhisperX is installed here")
def test_absent_it_says_what_to_install():
    backend = WhisperX()
    for call in (backend.check, lambda: backend.transcribe(np.zeros(16000, np.float32))):
        with pytest.raises(MissingPackageError, match=r"soundwave-lab\[whisperx\]"):
            call()


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    root = tmp_path_factory.mktemp("tiny")
    whisper = tiny_whisper.whisper(root / "whisper", root / "scratch")
    return WhisperX(str(whisper), str(tiny_whisper.wav2vec(root / "wav2vec")))


def noise(seconds):
    return (np.random.default_rng(0).standard_normal(round(seconds * 16000)) * 0.1).astype(np.float32)


@needs_whisperx
def test_a_transcript_is_aligned_as_given(tiny):
    words = normalise("Dial 911 now, please - ß & go. Then wait!")
    found = tiny.align(noise(4), words)
    sayable = [at for at, word in enumerate(words) if word.readings or word.flag == "unknown"]
    assert [word.position for word in found] == sayable
    times = [time for word in found for time in (word.start, word.end)]
    assert times == sorted(times)
    assert times[0] >= 0
    assert times[-1] <= 4
    assert all(word.score <= 0 for word in found)
    assert tiny.align(noise(4), words) == found


@needs_whisperx
def test_nothing_to_say_is_a_reject(tiny):
    with pytest.raises(Rejected) as rejected:
        tiny.align(noise(1), normalise("..."))
    assert rejected.value.reason is Reason.aligner_failed


def test_given_transcripts_are_english_unless_a_model_is_named():
    assert WhisperX().speaks("en-GB")
    assert not WhisperX().speaks("cs")
    assert WhisperX("small", "czech-wav2vec2").speaks("cs")


@needs_whisperx
def test_a_language_without_an_aligner_is_a_reject(tiny, monkeypatch):
    tiny.check()
    pipeline = whisperx_backend._pipeline(whisperx_backend._whisperx(), tiny.whisper)
    heard = {"segments": [{"text": " gab", "start": 0.0, "end": 1.0}], "language": "haw"}
    monkeypatch.setattr(pipeline, "transcribe", lambda *_, **__: heard)
    with pytest.raises(Rejected) as rejected:
        WhisperX(tiny.whisper).transcribe(noise(1))
    assert rejected.value.reason is Reason.unsupported_language


@needs_whisperx
@pytest.mark.parametrize("samples", [0, 32000])
def test_silence_is_no_speech(tiny, samples):
    with pytest.raises(Rejected) as rejected:
        tiny.transcribe(np.zeros(samples, np.float32))
    assert rejected.value.reason is Reason.no_speech


@needs_whisperx
def test_models_that_cannot_be_had_are_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(InputError, match="No Whisper model loads from 'nothing-like-it'"):
        WhisperX("nothing-like-it").transcribe(noise(1), "en")
    with pytest.raises(InputError, match="No Wav2Vec2 model loads from"):
        WhisperX("tiny", str(tmp_path / "absent")).align(noise(1), normalise("one"))


@needs_whisperx
@pytest.mark.assets
def test_real_speech_is_found_transcribed_and_aligned(tiny, asterisk_sounds):
    """The voice activity detection is the real one; what the tiny Whisper hears is nonsense, treated as speech."""
    pause = np.zeros(16000, np.float32)
    clips = [read_audio(asterisk_sounds / f"{name}.g722") for name in ("agent-incorrect", "conf-getchannel")]
    samples = np.concatenate([pause, clips[0], pause, clips[1], pause])
    heard = pickle.loads(pickle.dumps(tiny)).transcribe(samples, "en")
    assert heard.language == "en"
    assert heard.text
    assert [word.position for word in heard.found] == sorted({word.position for word in heard.found})
    assert all(heard.words[word.position].text in heard.text for word in heard.found)
    assert heard.found[0].start > 0.8
    assert heard.found[-1].end < len(samples) / 16000 - 0.8
