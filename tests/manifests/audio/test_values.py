"""Samples are numbers, whatever the file: each format is decoded right, or refused with a reason."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from manifests.audio import CutSound, audio_facts, decode, read_audio, read_cut
from manifests.errors import AudioError
from tests.wave_bytes import ALAW, FLOAT, MULAW, float32, noise, pcm16, saved, wav


def refused(path: Path) -> AudioError:
    with pytest.raises(AudioError) as found:
        read_audio(path)
    return found.value


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("bits", [32, 64])
def test_a_sample_that_is_no_number_is_named_with_its_time(tmp_path: Path, value: float, bits: int) -> None:
    samples = np.zeros((16_000, 2))
    samples[4_000, 1] = value
    data = samples.astype(f"<f{bits // 8}").tobytes()
    path = saved(tmp_path / "a.wav", wav(data, channels=2, bits=bits, tag=FLOAT))
    error = refused(path)
    assert error.reason == "not_finite"
    assert "0.250000 s (channel 1)" in str(error)
    with pytest.raises(AudioError, match=r"0\.250000 s"):  # from the start of the file, not of the span
        decode(path, start=0.2, duration=0.1)
    assert len(decode(path, start=0.5)[0]) == 8_000  # what is not read is not refused


def test_a_double_that_no_float_holds_is_no_number(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.wav", wav(np.array([0.0, 1e300]).astype("<f8").tobytes(), bits=64, tag=FLOAT))
    assert refused(path).reason == "not_finite"


def test_floats_beyond_full_scale_stay_what_they_are(tmp_path: Path) -> None:
    loud = np.linspace(-3.0, 3.0, 16_000).astype(np.float32)
    assert np.array_equal(read_audio(saved(tmp_path / "a.wav", float32(loud))), loud)


WIDE = np.array([-(2**23), -1, 0, 1, 2**23 - 1])


def packed24(values: np.ndarray) -> bytes:
    return values.astype("<i4").reshape(-1, 1).view(np.uint8)[:, :3].tobytes()


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (wav(bytes([0, 64, 128, 192, 255]), bits=8), np.array([-1, -0.5, 0, 0.5, 127 / 128])),
        (wav(packed24(WIDE), bits=24), WIDE / 2**23),
        (wav(np.array([-(2**31), 0, 2**30]).astype("<i4").tobytes(), bits=32), np.array([-1, 0, 0.5])),
        (wav(bytes([0x00, 0x80, 0xFF, 0x7F]), bits=8, tag=MULAW), np.array([-32124, 32124, 0, 0]) / 2**15),
        (wav(bytes([0x2A, 0xAA, 0xD5, 0x55]), bits=8, tag=ALAW), np.array([-32256, 32256, 8, -8]) / 2**15),
    ],
    ids=["8 bits", "24 bits", "32 bits", "mu-law", "A-law"],
)
def test_whole_numbers_of_every_width(tmp_path: Path, data: bytes, expected: np.ndarray) -> None:
    found = read_audio(saved(tmp_path / "a.wav", data))
    assert np.array_equal(found, expected.astype(np.float32))


def test_g722_is_decoded_at_16_khz(tmp_path: Path) -> None:
    path = tmp_path / "a.g722"
    tone = (8_000 * np.sin(2 * np.pi * 440 * np.arange(16_000) / 16_000)).astype(np.int16)
    with av.open(str(path), "w", format="g722") as container:
        stream = container.add_stream("g722", rate=16_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(tone[None], format="s16", layout="mono")
        frame.sample_rate = 16_000
        for packet in (*stream.encode(frame), *stream.encode(None)):
            container.mux(packet)
    found, rate = decode(path)
    assert (rate, len(found)) == (16_000, 16_000)
    spectrum = np.abs(np.fft.rfft(found[:, 0]))
    assert int(spectrum.argmax()) == 440


def test_six_channels_keep_their_order(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.wav", pcm16(*[noise(n) for n in range(6)]))
    samples, _ = decode(path)
    assert all(np.array_equal(samples[:, n] * 32768, noise(n)) for n in range(6))
    assert refused(path).reason == "channels_differ"
    assert np.array_equal(read_audio(path, channels="first") * 32768, noise(0))


@pytest.mark.parametrize("rate", [8_000, 11_025, 22_050, 32_000, 44_100, 48_000, 96_000, 192_000])
def test_rates_from_8_to_192_khz(tmp_path: Path, rate: int) -> None:
    wave = 8_000 * np.sin(2 * np.pi * 440 * np.arange(rate) / rate)
    found = read_audio(saved(tmp_path / "a.wav", pcm16(wave, rate=rate)))
    assert len(found) == 16_000
    assert int(np.abs(np.fft.rfft(found)).argmax()) == 440


@pytest.mark.parametrize("rate", [1, 999, 1_000_001, 2**31 - 1])
def test_a_rate_that_no_recording_has_is_refused(tmp_path: Path, rate: int) -> None:
    assert refused(saved(tmp_path / "a.wav", pcm16(noise(1, 100), rate=rate))).reason in (
        "unsupported_audio",
        "audio_unreadable",  # libsndfile has a limit of its own
    )


def test_no_sample_and_one_sample(tmp_path: Path) -> None:
    nothing = saved(tmp_path / "nothing.wav", wav(b""))
    with pytest.raises(AudioError) as empty:
        audio_facts(nothing)
    assert empty.value.reason == "audio_unreadable"
    one = saved(tmp_path / "one.wav", pcm16(np.array([8_192])))
    assert read_audio(one).tolist() == [0.25]
    high = saved(tmp_path / "high.wav", pcm16(np.array([8_192]), rate=192_000))
    for path in (nothing, high):  # a third of a sample is none
        sound = CutSound.of_catalog(
            {"cut_id": "c", "source_path": str(path), "start": 0.0, "duration": 5e-6, "decoding": None}
        )
        with pytest.raises(AudioError) as short:
            read_cut(sound)
        assert short.value.reason == "too_short"


def test_a_constant_stays_a_constant(tmp_path: Path) -> None:
    found = read_audio(saved(tmp_path / "a.wav", pcm16(np.full(48_000, 16_384), rate=48_000)))
    assert abs(found[100:-100] - 0.5).max() < 2**-15  # half a step of 16 bits; the ends ring
