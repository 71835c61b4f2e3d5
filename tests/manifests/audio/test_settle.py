"""Which channels are heard is settled when a corpus is prepared."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from lhotse import MonoCut, MultiCut

from manifests.audio import CutSound, audio_facts, decode_cut, need_channels
from manifests.audio.settle import settle_channels
from manifests.errors import SettingsError
from manifests.rows import Reject, speech_cut
from manifests.rows.validate import row_problems
from tests.wave_bytes import noise, pcm16, saved


def prepared(path: Path) -> MonoCut:
    facts = audio_facts(path)
    return speech_cut(
        cut_id=f"told-{path.stem}", recording=facts.recording(path.stem), corpus="told", split="train", task="asr",
        license="CC0-1.0", audio_sha256=facts.sha256, text="one", language="en",
    )  # fmt: skip


@pytest.fixture
def cuts(tmp_path: Path) -> list[MonoCut]:
    """A mono file, one with equal channels, two telephone speakers."""
    files = {"mono": [noise(1)], "same": [noise(1), noise(1)], "call": [noise(1), noise(2)]}
    return [prepared(saved(tmp_path / f"{name}.wav", pcm16(*channels))) for name, channels in files.items()]


def test_by_default_equal_channels_are_one_signal_and_others_are_rejects(cuts: list[MonoCut]) -> None:
    mono, same, call = settle_channels(cuts, "reject")
    assert (mono, same) == (cuts[0], cuts[1])
    assert isinstance(call, Reject)
    assert (call.cut_id, call.corpus, call.step, call.reason) == ("told-call", "told", "prepare", "channels_differ")
    assert "Change the setting `channels`" in call.detail


def test_first_keeps_the_first_channel(cuts: list[MonoCut]) -> None:
    assert settle_channels(cuts, "first") == cuts


def test_mix_says_so_in_the_manifest(cuts: list[MonoCut]) -> None:
    mono, same, call = settle_channels(cuts, "mix")
    assert mono == cuts[0]
    assert isinstance(same, MultiCut)
    assert isinstance(call, MultiCut)
    row = call.to_dict()
    assert (row["type"], row["channel"], row["custom"]["channel_mode"]) == ("MultiCut", [0, 1], "mix")
    assert row["supervisions"][0]["channel"] == [0, 1]
    assert list(row_problems(row)) == []
    samples, _ = decode_cut(CutSound.of_manifest(row))
    assert np.array_equal(samples * 32_768, (noise(1) + noise(2)) / 2)


def test_a_span_of_equal_channels_in_a_file_where_they_differ_elsewhere(tmp_path: Path) -> None:
    left = noise(1, 32_000)
    right = np.concatenate([left[:16_000], -left[16_000:]])
    cut = prepared(saved(tmp_path / "half.wav", pcm16(left, right)))
    first, second = cut.truncate(duration=1.0), cut.truncate(offset=1.0)
    assert settle_channels([first, second], "reject")[0] == first
    assert isinstance(settle_channels([first, second], "reject")[1], Reject)


def test_an_unknown_setting_is_said_with_the_known_ones() -> None:
    with pytest.raises(SettingsError, match="'left', expected one of reject, mix, first"):
        need_channels("left")
