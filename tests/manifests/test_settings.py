from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict

from manifests.errors import MissingFileError, SettingsError
from manifests.settings import check_settings, load_settings


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")
    seconds: float = 1.0


class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid")
    rate: float = 0.1
    batch: Inner = Inner()


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "s.yaml"
    path.write_text(text)
    return path


def test_loads_and_overrides(tmp_path: Path) -> None:
    path = write(tmp_path, "rate: 0.5\nbatch: {seconds: 3}\n")
    assert load_settings(Settings, path).batch.seconds == 3
    assert load_settings(Settings, path, {"rate": 2}).rate == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("rat: 1\n", r"unknown key `rat` \(known: rate, batch\)"),
        ("batch: {second: 1}\n", r"unknown key `batch\.second`"),
        ("rate: fast\n", r"`rate`: .*found 'fast'"),
        ("- 1\n", "holds list"),
        ("a: [\n", "not valid YAML"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said) as caught:
        load_settings(Settings, write(tmp_path, text))
    assert "s.yaml" in str(caught.value)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match="No such settings file"):
        load_settings(Settings, tmp_path / "none.yaml")


def test_all_problems_at_once() -> None:
    with pytest.raises(SettingsError, match=r"rate.*; unknown key `x`"):
        check_settings(Settings, {"rate": "a", "x": 1}, where="here")
