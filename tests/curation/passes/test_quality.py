"""The quality pass: measures against clips made to measure, and the defects it must find."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from curation.passes.quality import Quality, clipped_share, duplicates, measure
from curation.passes.runner import PassSummary, run_pass
from tests.curation.labelling import cut, table, tone, write_made


def write(path: Path, samples: np.ndarray, rate: int = 16000) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, rate, subtype="PCM_16")
    return path


def run(tmp_path: Path, rows: list[dict]) -> tuple[PassSummary, dict[str, str], dict[str, dict[str, float]]]:
    summary = run_pass(Quality(), write_made(tmp_path / "made", rows), tmp_path / "labels", workers=0)
    reasons = {row["cut_id"]: row["reason"] for row in table(summary.folder, "rejects")}
    labels: dict[str, dict[str, float]] = {}
    for row in table(summary.folder, "labels"):
        labels.setdefault(row["cut_id"], {})[row["name"]] = row["value"]
    return summary, reasons, labels


def test_bad_files_end_as_rejects_with_reasons(tmp_path: Path) -> None:
    good = write(tmp_path / "good.flac", tone(2.0))
    (tmp_path / "empty.flac").touch()
    (tmp_path / "short.flac").write_bytes(good.read_bytes()[: good.stat().st_size // 2])
    (tmp_path / "text.flac").write_text("no audio")
    rows = [
        cut(name, audio=tmp_path / f"{name}.flac", seconds=2.0) for name in ("empty", "good", "gone", "short", "text")
    ]
    rows.append(cut("row", audio=good, seconds=2.0) | {"recording": {"sources": []}})
    summary, reasons, _ = run(tmp_path, rows)
    assert reasons == {
        "empty": "audio_unreadable",
        "gone": "audio_missing",
        "short": "audio_unreadable",
        "text": "audio_unreadable",
        "row": "bad_row",
    }
    assert (summary.labelled, summary.rejected) == (1, 5)


@pytest.mark.parametrize(("rate", "channels"), [(8000, 1), (44100, 1), (16000, 2), (22050, 2)])
def test_any_rate_and_channel_count_is_measured_as_it_is(tmp_path: Path, rate: int, channels: int) -> None:
    samples = np.stack([tone(1.0, rate)] * channels, axis=1)
    _, reasons, labels = run(tmp_path, [cut("a", audio=write(tmp_path / "a.wav", samples, rate))])
    assert reasons == {}
    assert labels["a"]["duration"] == pytest.approx(1.0, abs=1e-3)
    assert labels["a"]["peak"] == pytest.approx(0.5, abs=1e-3)
    assert labels["a"]["rms_dbfs"] == pytest.approx(-9.03, abs=0.05)  # 0.5 / sqrt(2)


def test_silence_is_measured_to_a_frame() -> None:
    quiet = np.zeros(8000, np.float32)
    clip = np.concatenate([quiet, tone(1.0), quiet[:4000], tone(0.5), quiet])[:, None]
    found = measure(clip, 16000)
    assert found["leading_silence"] == pytest.approx(0.5, abs=0.021)
    assert found["trailing_silence"] == pytest.approx(0.5, abs=0.021)
    assert found["silence_share"] == pytest.approx(1.25 / 2.75, abs=0.02)


def test_clipping_is_flat_tops_and_overshoot_but_not_a_loud_wave() -> None:
    assert clipped_share(tone(1.0, level=1.0)) == 0.0
    assert clipped_share(np.clip(tone(1.0, level=2.0), -1, 1)) == pytest.approx(2 / 3, abs=0.01)
    assert clipped_share(np.full(3, 0.995, np.float32)) == 1.0
    assert clipped_share(np.full(2, 0.995, np.float32)) == 0.0
    assert clipped_share(np.array([0.0, 1.2, 0.3, -1.1], np.float32)) == 0.5


def test_silent_clipped_short_and_copied_cuts_are_rejected_and_keep_their_labels(tmp_path: Path) -> None:
    clips = {
        "a": tone(1.0),
        "b": np.clip(tone(1.0, level=1.5), -1, 1),
        "c": np.zeros(16000, np.float32),
        "d": tone(0.02),
        "e": tone(1.0),
        "f": np.zeros(16000, np.float32),
    }
    rows = [
        cut(name, audio=write(tmp_path / f"{name}.wav", clip), seconds=len(clip) / 16000)
        for name, clip in clips.items()
    ]
    _, reasons, labels = run(tmp_path, rows)
    assert reasons == {"b": "clipped", "c": "silent", "d": "too_short", "e": "duplicate", "f": "silent"}
    assert labels.keys() == clips.keys()
    assert duplicates(tmp_path / "made") == {"e": "a", "f": "c"}


def test_cuts_of_one_recording_are_no_copies_of_each_other(tmp_path: Path) -> None:
    audio = write(tmp_path / "a.wav", tone(2.0))
    rows = [cut("a", audio=audio), cut("b", audio=audio) | {"start": 1.0}]
    assert duplicates(write_made(tmp_path / "made", rows)) == {}


def test_a_new_copy_runs_only_its_shard(tmp_path: Path) -> None:
    audio = [write(tmp_path / f"{number:03}.wav", tone(0.1 + number / 1000)) for number in range(60)]
    rows = [cut(path.stem, audio=path, seconds=0.1) for path in audio]
    job, labels = Quality(), tmp_path / "labels"
    run_pass(job, write_made(tmp_path / "made", rows), labels, workers=0, shard_size=6)
    rows.append(cut("zzz", audio=audio[0], seconds=0.1))
    again = run_pass(job, write_made(tmp_path / "made", rows), labels, workers=0, shard_size=6)
    assert again.shards - again.shards_reused == 1
    assert again.reasons == {"duplicate": 1}


@pytest.mark.assets
def test_the_four_silent_animals_are_found(tmp_path: Path, debian_root: Path) -> None:
    stamps = debian_root / "usr/share/tuxpaint/stamps/animals"
    animals = ("giraffe", "iguana", "wombat", "nandou", "frog")
    paths = [next(stamps.rglob(f"{animal}.ogg")) for animal in animals]
    rows = [cut(path.stem, audio=path, seconds=soundfile.info(path).duration) for path in paths]
    _, reasons, _ = run(tmp_path, rows)
    assert reasons == dict.fromkeys(animals[:4], "silent")


@pytest.mark.parametrize(("claimed", "heard", "reason"), [(1.0, 2.0, None), (1.5, 2.0, None), (3.0, 2.0, "short")])
@pytest.mark.parametrize("suffix", ["wav", "flac", "mp3", "ogg"])
def test_the_measured_duration_is_not_the_claimed_one(
    tmp_path: Path, suffix: str, claimed: float, heard: float, reason: str | None
) -> None:
    """A recording that is longer or shorter than its manifest says, as far as a second past its claimed end."""
    path = tmp_path / f"a.{suffix}"
    soundfile.write(path, tone(2.0), 16000)
    _, reasons, labels = run(tmp_path, [cut("a", audio=path, seconds=claimed)])
    assert reasons == ({"a": "audio_unreadable"} if reason else {})
    assert labels["a"]["duration"] == pytest.approx(heard, abs=0.01)


def test_a_cut_that_ends_before_its_recording_is_as_long_as_it_is(tmp_path: Path) -> None:
    row = cut("a", audio=write(tmp_path / "a.wav", tone(2.0)), seconds=1.0)
    row["recording"] |= {"duration": 2.0, "num_samples": 32000}
    assert run(tmp_path, [row])[2]["a"]["duration"] == 1.0


def test_a_length_that_its_own_header_says_is_a_claim_too(tmp_path: Path) -> None:
    from tests.manifests.audio import written_audio as made

    path = tmp_path / "a.flac"
    path.write_bytes(made.flac(made.SAMPLES // 2))
    _, _, labels = run(tmp_path, [cut("a", audio=path, seconds=made.SECONDS / 2)])
    assert labels["a"]["duration"] == pytest.approx(made.SECONDS / 2 + 1.0)
