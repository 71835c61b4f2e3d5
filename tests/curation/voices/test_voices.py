"""Speaker encoders: one voice lies together, another apart, and each clip is heard alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from curation.voices import load_voice_encoder, resemblyzer
from manifests.audio import decode
from manifests.errors import InputError, ManifestError
from tests.curation.passes.scores.tiny_models import xvector
from tests.curation.sounding import clip

CLIPS = [clip(0, 0.3), clip(1, 12.5), clip(2, 2.0), clip(3, 2.0)]


def test_neighbours_change_nothing(tmp_path: Path) -> None:
    encoder = load_voice_encoder(str(xvector(tmp_path / "model")))
    together = encoder.embed(CLIPS)
    np.testing.assert_allclose(together, np.concatenate([encoder.embed([one]) for one in CLIPS]), atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
    assert together.shape == (4, 12)


def test_what_is_no_speaker_encoder_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="speaker encoder"):
        load_voice_encoder(str(tmp_path))


@pytest.mark.assets
def test_resemblyzer_tells_voices_apart(asterisk_sounds: Path) -> None:
    import soxr

    woman = [decode(asterisk_sounds / f"{name}.g722")[0].reshape(-1) for name in ("conf-getpin", "conf-onlyperson")]
    lower = [soxr.resample(one, 16000, 20000).astype(np.float32) for one in woman]  # a fifth lower: another voice
    encoder = load_voice_encoder("resemblyzer")
    found = encoder.embed([*woman, *lower, woman[0] * np.float32(0.02)])
    likeness = found @ found.T
    assert likeness[0, 1] > 0.75 and likeness[2, 3] > 0.75
    assert likeness[:2, 2:4].max() < min(likeness[0, 1], likeness[2, 3])
    assert likeness[0, 4] > 0.98  # loudness is no matter
    np.testing.assert_allclose(encoder.embed(woman[:1]), found[:1], atol=1e-5)


@pytest.mark.parametrize("content", [b"", b"no file of torch", {"model_state": {}}, {"other": 1}, [1]])
def test_a_damaged_file_of_weights_is_said(tmp_path: Path, content: object) -> None:
    path = tmp_path / "pretrained.pt"
    path.write_bytes(content) if isinstance(content, bytes) else torch.save(content, path)
    with pytest.raises(ManifestError, match=r"pretrained\.pt is damaged"):
        resemblyzer._weights(path, ["linear.bias"])


def test_a_file_that_would_run_code_is_not_read(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, ...]:
            return (Path.touch, (tmp_path / "run",))

    torch.save({"model_state": Evil()}, tmp_path / "pretrained.pt")
    with pytest.raises(ManifestError, match="is damaged"):
        resemblyzer._weights(tmp_path / "pretrained.pt", ["linear.bias"])
    assert not (tmp_path / "run").exists()
