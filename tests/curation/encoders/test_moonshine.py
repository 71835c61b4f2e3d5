"""Moonshine on real prompts: frames and the transcripts of its own decoder."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from curation.encoders import load_encoder, moonshine
from manifests.audio import read_audio
from manifests.errors import MissingPackageError


def test_tokens_are_read_with_one_and_two_byte_lengths(tmp_path: Path) -> None:
    long = b"x" * 300
    path = tmp_path / "tokenizer.bin"
    path.write_bytes(b"\x02ab" + bytes([300 % 128 + 128, 300 // 128]) + long + b"\x00" + b"\x01c")
    assert moonshine.read_tokens(path) == [b"ab", long, b"", b"c"]


def test_pieces_become_text() -> None:
    assert moonshine.detokenise(["▁Caf".encode(), b"\xc3", b"\xa9", "▁is".encode()]) == "Café is"


def test_a_missing_wheel_names_the_line_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(MissingPackageError, match=r"uv pip install --no-deps .*moonshine-voice=="):
        moonshine.model_files()


@pytest.mark.assets
def test_frames_do_not_depend_on_the_batch_and_have_the_stated_rate(asterisk_sounds: Path) -> None:
    encoder = load_encoder("moonshine-tiny-en")
    clips = [read_audio(asterisk_sounds / f"{name}.g722") for name in ("activated", "agent-alreadyon")]
    clips += [np.zeros(10, np.float32)]
    frames = encoder.encode(clips)
    for clip, part in zip(clips, frames, strict=True):
        np.testing.assert_array_equal(part, encoder.encode([clip])[0])
        assert part.shape[1] == encoder.dim
        assert abs(len(part) - len(clip) / 16000 * encoder.frame_rate) < 3
    assert len(frames[2]) == 1


@pytest.mark.assets
def test_transcripts_of_short_and_long_prompts(asterisk_sounds: Path) -> None:
    import jiwer

    said = {
        "agent-alreadyon": "that agent is already logged on please enter your agent number followed by the pound key",
        "conf-adminmenu-menu8": "press 1 to list users currently in the conference 2 to kick all non administrator "
        "users 3 to mute or unmute all non administrator users 4 to record this conference or 8 to exit this menu "
        "and return to the conference",
    }
    found = moonshine.transcribe([read_audio(asterisk_sounds / f"{name}.g722") for name in said])
    plain = ["".join(c if c.isalnum() else " " for c in text.lower()) for text in found]
    assert jiwer.wer(list(said.values()), [" ".join(text.split()) for text in plain]) < 0.1
