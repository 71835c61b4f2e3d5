"""The encode pass: where each cut's frames are, whatever its neighbours do."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import soundfile

from curation.align import load_aligner
from curation.passes.encode import Encode, at_speed, batches, to_float16
from curation.passes.runner import PassSummary, run_pass
from manifests.errors import MissingFileError, SettingsError
from tests.curation.labelling import cut, of_channels, table, tone, write_made


class Framer:
    """Ten frames a second: the mean and the largest sample of each. Loud clips break it."""

    name, dim, frame_rate = "framer", 2, 10.0

    def encode(self, clips: list[np.ndarray]) -> list[np.ndarray]:
        if any(np.abs(clip).max() > 0.95 for clip in clips):
            raise RuntimeError("too loud")
        return [
            np.array(
                [[part.mean(), part.max()] for part in np.array_split(clip, max(1, len(clip) // 1600))], np.float32
            )
            for clip in clips
        ]


@pytest.fixture(autouse=True)
def framer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("curation.passes.encode.load_encoder", lambda _: Framer())


def run(tmp_path: Path, rows: list[dict], **settings: object) -> PassSummary:
    job = Encode(encoder="framer", **settings)  # type: ignore[arg-type]
    return run_pass(job, write_made(tmp_path / "made", rows), tmp_path / "labels", workers=0, shard_size=4)


def made(tmp_path: Path, name: str, samples: np.ndarray, rate: int = 16000) -> dict:
    path = tmp_path / f"{name}.wav"
    soundfile.write(path, samples, rate)
    return cut(name, audio=path, seconds=len(samples) / rate)


def test_frames_are_found_under_their_cut_in_row_order(tmp_path: Path) -> None:
    lengths = [1.3, 0.5, 2.2, 0.9, 0.5, 3.0, 0.2, 1.0, 1.7]
    levels = [0.1 * (number + 1) for number in range(len(lengths))]
    rows = [made(tmp_path, f"c{n}", tone(s, level=v)) for n, (s, v) in enumerate(zip(lengths, levels, strict=True))]
    summary = run(tmp_path, rows)
    assert (summary.labelled, summary.rejected) == (9, 0)
    features = table(summary.folder, "features")
    assert [row["cut_id"] for row in features] == [row["id"] for row in rows]
    for row, length, level in zip(features, lengths, levels, strict=True):
        matrix = np.load(row["path"], mmap_mode="r")
        assert matrix.dtype == np.float16
        frames = matrix[row["offset"] : row["offset"] + row["frames"]]
        assert frames.shape == (round(length * 10), row["dim"])
        assert float(frames[:, 1].max()) == pytest.approx(level, abs=0.01)
        assert (row["variant"], row["frame_rate"], row["encoder"]) == ("plain", 10.0, "framer")
    labels = {row["cut_id"]: row["value"] for row in table(summary.folder, "labels") if row["name"] == "frames"}
    assert labels == {row["cut_id"]: row["frames"] for row in features}


def test_speeds_are_variants_of_the_same_cut(tmp_path: Path) -> None:
    summary = run(tmp_path, [made(tmp_path, "a", tone(2.0))], speeds=(1.0, 0.5, 2.0))
    frames = {row["variant"]: row["frames"] for row in table(summary.folder, "features")}
    assert frames == {"plain": 20, "speed=0.5": 40, "speed=2": 10}


def test_at_speed_changes_length_and_pitch() -> None:
    faster = at_speed(tone(1.0), 1.1)
    assert len(faster) == pytest.approx(16000 / 1.1, abs=2)
    spectrum = np.abs(np.fft.rfft(faster))
    assert np.argmax(spectrum) * 16000 / len(faster) == pytest.approx(220 * 1.1, abs=2)
    assert at_speed(tone(1.0), 1.0) is not None


def test_a_clip_that_breaks_the_encoder_costs_only_itself(tmp_path: Path) -> None:
    rows = [made(tmp_path, "a", tone(1.0)), made(tmp_path, "b", tone(1.0, level=0.99)), made(tmp_path, "c", tone(1.0))]
    summary = run(tmp_path, rows)
    assert summary.reasons == {"encoder_failed": 1}
    assert [row["cut_id"] for row in table(summary.folder, "features")] == ["a", "c"]


def test_bad_audio_is_rejected_and_odd_audio_is_encoded(tmp_path: Path) -> None:
    stereo = np.stack([tone(1.0), np.zeros(16000, np.float32)], axis=1)
    rows = [
        of_channels(made(tmp_path, "stereo", stereo), [0, 1], mode="mix"),
        made(tmp_path, "low", tone(1.0, 8000), 8000),
    ]
    rows += [made(tmp_path, "high", tone(1.0, 44100), 44100), made(tmp_path, "long", tone(3.0))]
    flac = tmp_path / "cut.flac"
    soundfile.write(flac, tone(2.0), 16000)
    flac.write_bytes(flac.read_bytes()[: flac.stat().st_size // 2])
    (tmp_path / "empty.wav").touch()
    rows += [cut("cut", audio=flac, seconds=2.0), cut("empty", audio=tmp_path / "empty.wav")]
    summary = run(tmp_path, rows, max_seconds=2.5)
    reasons = {row["cut_id"]: row["reason"] for row in table(summary.folder, "rejects")}
    assert reasons == {"cut": "audio_unreadable", "empty": "audio_unreadable", "long": "too_long"}
    frames = {row["cut_id"]: row for row in table(summary.folder, "features")}
    assert {name: row["frames"] for name, row in frames.items()} == {"stereo": 10, "low": 10, "high": 10}
    mixed = np.load(frames["stereo"]["path"])[frames["stereo"]["offset"] :][:10]
    assert float(mixed[:, 1].max()) == pytest.approx(0.25, abs=0.01)  # channels are averaged


def test_frames_that_float16_cannot_hold_are_refused() -> None:
    with pytest.raises(ValueError, match="float16"):
        to_float16(np.array([[1e6]], np.float32))
    with pytest.raises(ValueError, match="float16"):
        to_float16(np.array([[np.nan]], np.float32))


def test_bad_settings_say_what_is_expected() -> None:
    for speeds in ((), (0.1,), (1.0, 1.0)):
        with pytest.raises(SettingsError, match="speeds"):
            Encode(speeds=speeds)


def test_batches_hold_every_row_once_and_little_padding() -> None:
    rows = [{"id": str(n), "duration": float(n % 7 + 1)} for n in range(50)]
    found = batches(rows, seconds=20.0)
    assert sorted(row["id"] for batch in found for row in batch) == sorted(row["id"] for row in rows)
    assert all(sum(row["duration"] for row in batch) <= 20.0 for batch in found)


def test_a_relative_model_is_found_from_any_folder_and_named_as_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Workers have other working folders; the name is in the keys of shards, and stays."""
    (tmp_path / "models" / "whisper").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    job = Encode(encoder="models/whisper")
    aligner = load_aligner("hf-ctc", model="models/whisper")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    there = pickle.loads(pickle.dumps(job))
    there.check()
    assert there.settings["encoder"] == "models/whisper"
    assert pickle.loads(pickle.dumps(aligner)).loader.model == str(tmp_path / "models" / "whisper")
    (tmp_path / "models" / "whisper").rmdir()
    with pytest.raises(MissingFileError, match=f"No such folder of the encoder: {tmp_path}/models/whisper"):
        there.check()
