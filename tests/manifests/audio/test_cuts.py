"""A cut is heard as it says: its channel, its files, its span, its transforms; or it is refused with a reason."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import soxr

from manifests.audio import CutSound, decode_channels, decode_cut, read_cut
from manifests.errors import AudioError, InputError
from tests.wave_bytes import noise, pcm16, saved

LEFT, RIGHT = noise(1), noise(2)
SCALE = np.float32(32768)

Change = Callable[[dict[str, Any]], Any]


def row(*files: tuple[Path, list[int]], channel: Any = 0, mode: str | None = None, **more: Any) -> dict[str, Any]:
    """A manifest's row of one second over these files."""
    ids = [number for _, channels in files for number in channels]
    return {
        "id": "c",
        "type": "MultiCut" if isinstance(channel, list) else "MonoCut",
        "start": 0.0,
        "duration": 1.0,
        "channel": channel,
        "supervisions": [{"id": "s", "recording_id": "r", "start": 0.0, "duration": 1.0, "channel": channel}],
        "recording": {
            "id": "r",
            "sources": [{"type": "file", "channels": listed, "source": str(path)} for path, listed in files],
            "sampling_rate": 16_000,
            "num_samples": 16_000,
            "duration": 1.0,
            "channel_ids": ids,
        },
        "custom": {} if mode is None else {"channel_mode": mode},
        **more,
    }


@pytest.fixture
def stereo(tmp_path: Path) -> Path:
    return saved(tmp_path / "call.wav", pcm16(LEFT, RIGHT))


def heard(found: dict[str, Any]) -> np.ndarray:
    return decode_cut(CutSound.of_manifest(found))[0] * SCALE


def reason(found: dict[str, Any]) -> str:
    with pytest.raises(AudioError) as refused:
        decode_cut(CutSound.of_manifest(found))
    assert "'c'" in str(refused.value)
    return refused.value.reason


@pytest.mark.parametrize(("channel", "signal"), [(0, LEFT), (1, RIGHT), ([0], LEFT), ([1], RIGHT)])
def test_a_cut_hears_its_channel_and_nothing_of_the_other(stereo: Path, channel: Any, signal: np.ndarray) -> None:
    assert np.array_equal(heard(row((stereo, [0, 1]), channel=channel)), signal)


def test_channels_have_the_numbers_that_the_manifest_gives_them(stereo: Path) -> None:
    assert np.array_equal(heard(row((stereo, [4, 7]), channel=7)), RIGHT)


@pytest.mark.parametrize(
    ("mode", "signal"), [("mix", (LEFT + RIGHT) / 2), ("first", LEFT)], ids=["the mean", "the first"]
)
def test_several_channels_are_what_the_setting_says(stereo: Path, mode: str, signal: np.ndarray) -> None:
    assert np.array_equal(heard(row((stereo, [0, 1]), channel=[0, 1], mode=mode)), signal)


@pytest.mark.parametrize("mode", [None, "reject"])
def test_channels_that_differ_are_refused_unless_something_says_which(stereo: Path, mode: str | None) -> None:
    assert reason(row((stereo, [0, 1]), channel=[0, 1], mode=mode)) == "channels_differ"


def test_antiphase_stereo_is_one_side_or_refused_and_its_mixture_is_silence(tmp_path: Path) -> None:
    path = saved(tmp_path / "antiphase.wav", pcm16(LEFT, -LEFT))
    assert np.array_equal(heard(row((path, [0, 1]), channel=1)), -LEFT)
    assert reason(row((path, [0, 1]), channel=[0, 1])) == "channels_differ"
    assert not heard(row((path, [0, 1]), channel=[0, 1], mode="mix")).any()


@pytest.mark.parametrize("count", [2, 6])
def test_equal_channels_are_their_common_signal(tmp_path: Path, count: int) -> None:
    path = saved(tmp_path / "same.wav", pcm16(*[LEFT] * count))
    assert np.array_equal(heard(row((path, list(range(count))), channel=list(range(count)))), LEFT)


def test_a_manifest_that_knows_one_channel_of_a_file_with_two(tmp_path: Path, stereo: Path) -> None:
    same = saved(tmp_path / "same.wav", pcm16(LEFT, LEFT))
    assert np.array_equal(heard(row((same, [0]))), LEFT)
    assert reason(row((stereo, [0]))) == "channels_differ"


def test_a_file_a_channel(tmp_path: Path) -> None:
    files = [(saved(tmp_path / f"{n}.wav", pcm16(noise(n))), [n]) for n in (0, 1, 2)]
    assert np.array_equal(heard(row(*files, channel=2)), noise(2))
    files[0][0].unlink()  # what is not heard is not read
    mixed = heard(row(*files, channel=[2, 1], mode="mix"))
    assert np.array_equal(mixed, (noise(1) + noise(2)) / 2)
    assert reason(row(*files, channel=0)) == "audio_missing"


def test_files_of_different_rates_are_no_recording(tmp_path: Path) -> None:
    slow = saved(tmp_path / "slow.wav", pcm16(noise(1), rate=8_000))
    fast = saved(tmp_path / "fast.wav", pcm16(noise(2)))
    assert reason(row((slow, [0]), (fast, [1]), channel=[0, 1], mode="mix")) == "unsupported_audio"


def test_the_channel_of_a_supervision_is_the_one_that_is_heard(stereo: Path) -> None:
    found = row((stereo, [0, 1]), channel=[0, 1])
    found["supervisions"][0]["channel"] = 1
    assert np.array_equal(heard(found), RIGHT)
    found["supervisions"].append({**found["supervisions"][0], "channel": 0})  # two speakers, a channel each
    assert reason(found) == "channels_differ"
    mono = row((stereo, [0, 1]), channel=0)
    mono["supervisions"][0]["channel"] = 1
    assert reason(mono) == "other_channel"


def _source(**changed: Any) -> Change:
    return lambda found: found["recording"]["sources"][0].update(changed)


def _transform(name: str, **kwargs: Any) -> Change:
    return lambda found: found["recording"].update(transforms=[{"name": name, "kwargs": kwargs}])


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (_source(type="url", source="https://host/a.wav"), "unsupported_audio"),
        (_source(type="command", source="cat a.wav"), "unsupported_audio"),
        (_source(type="memory", source="UklGRg=="), "unsupported_audio"),
        (_source(type="shar", source=""), "unsupported_audio"),
        (_transform("Tempo", factor=0.9), "unsupported_audio"),
        (_transform("ReverbWithImpulseResponse", rir=None), "unsupported_audio"),
        (_transform("Invented"), "unsupported_audio"),
        (lambda found: found.update(type="MixedCut"), "unsupported_audio"),
        (lambda found: found.update(channel=2), "channel_missing"),
        (lambda found: found.update(channel=[0, 5]), "channel_missing"),
        (_source(channels=[0, 1, 2]), "channel_missing"),
    ],
)
def test_what_cannot_be_heard_is_refused_with_a_reason(stereo: Path, change: Change, code: str) -> None:
    found = row((stereo, [0, 1]))
    change(found)
    assert reason(found) == code


@pytest.mark.parametrize(
    "change",
    [
        lambda found: found["recording"].update(sources=[]),
        lambda found: found["recording"].update(sources="a.wav"),
        lambda found: found["recording"].update(sources=["a.wav"]),
        lambda found: found.update(recording="a.wav"),
        lambda found: found.pop("recording"),
        lambda found: found.update(duration=None),
        lambda found: found.update(duration=float("nan")),
        lambda found: found.update(duration=1e300),
        lambda found: found.update(start=-1.0),
        lambda found: found.update(custom=[1]),
        lambda found: found.update(supervisions=["one"]),
        _source(source=None),
        _source(channels=[0, 0]),
        lambda found: found.update(channel="left"),
        lambda found: found.update(channel=True),
        lambda found: found.update(channel=-1),
        lambda found: found["custom"].update(channel_mode="loudest"),
        _transform("Speed", factor=0),
        _transform("Speed", pace=2),
        _transform("Volume"),
    ],
)
def test_rows_that_make_no_sense_are_bad_rows(stereo: Path, change: Change) -> None:
    found = row((stereo, [0, 1]))
    change(found)
    with pytest.raises(InputError) as refused:
        decode_cut(CutSound.of_manifest(found))
    assert not isinstance(refused.value, AudioError)


@pytest.mark.parametrize(
    "perturb",
    [
        lambda recording: recording.perturb_volume(0.25),
        lambda recording: recording.perturb_speed(1.25),
        lambda recording: recording.perturb_speed(0.8),
        lambda recording: recording.resample(24_000),
        lambda recording: recording.perturb_speed(1.1).perturb_volume(2.0).resample(8_000),
    ],
    ids=["volume", "faster", "slower", "resampled", "a chain"],
)
def test_transforms_are_those_of_lhotse(stereo: Path, perturb: Any) -> None:
    from lhotse import MonoCut, Recording

    recording = perturb(Recording.from_file(stereo))
    cut = MonoCut("c", 0.0, recording.duration, 1, [], recording=recording)
    found, rate = decode_cut(CutSound.of_manifest(json.loads(json.dumps(cut.to_dict()))))
    expected = cut.load_audio()[0]
    assert rate == recording.sampling_rate
    assert np.array_equal(found, expected[: len(found)])
    assert len(expected) - len(found) <= 1  # Lhotse rounds the length of a recording, we that of a cut


def test_a_span_after_a_change_of_speed_is_a_span_of_what_is_heard(tmp_path: Path) -> None:
    times = np.arange(32_000) / 16_000
    path = saved(tmp_path / "step.wav", pcm16(np.where(times < 1.0, 0, 8_000)))
    found = row((path, [0]))
    found["recording"] |= {"duration": 1.0, "transforms": [{"name": "Speed", "kwargs": {"factor": 2.0}}]}
    found |= {"start": 0.4, "duration": 0.2}  # the step is at 0.5 s now
    samples = heard(found)
    assert len(samples) == 3_200
    assert abs(samples[:1_500]).max() < 400
    assert samples[1_700:-100].min() > 7_500


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100])
def test_a_mono_file_is_what_soundfile_and_soxr_give_to_the_last_bit(tmp_path: Path, rate: int) -> None:
    path = saved(tmp_path / "mono.wav", pcm16(noise(3, 2 * rate), rate=rate))
    plain, _ = soundfile.read(path, start=rate // 2, frames=rate, dtype="float32")
    expected = plain if rate == 16_000 else soxr.resample(plain, rate, 16_000)
    asked = {"start": 0.5, "duration": 1.0}
    catalog = {"cut_id": "c", "source_path": str(path), "decoding": None, **asked}
    for sound in (CutSound.of_manifest(row((path, [0])) | asked), CutSound.of_catalog(catalog)):
        assert np.array_equal(read_cut(sound), expected)


def test_a_row_of_the_catalog_hears_what_its_manifest_says(stereo: Path) -> None:
    found = row((stereo, [0, 1]), channel=1)
    catalog = {"cut_id": "c", "source_path": str(stereo), "start": 0.0, "duration": 1.0, "decoding": json.dumps(found)}
    samples, _ = decode_channels(CutSound.of_catalog(catalog))
    assert np.array_equal(samples[:, 0] * SCALE, RIGHT)
