"""The API page: its names are the public names, and its examples run."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from pathlib import Path

import pytest

from manifests.files import write_json
from tests.import_graph import module_files
from tests.soundwave.conftest import make_tiny_llm

PAGE = Path(__file__).parent.parent / "docs" / "api.md"
SECTION = re.compile(r"^## `([\w.]+)`\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
NAME = re.compile(r"^\| `((\w+).*?)` \| (.+) \|$", re.MULTILINE)
EXAMPLE = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SECTIONS = dict(SECTION.findall(PAGE.read_text(encoding="utf-8")))


def public_packages() -> set[str]:
    """Packages whose `__init__.py` says what is public."""
    return {
        name
        for name, path in module_files().items()
        if path.name == "__init__.py" and "__all__" in path.read_text(encoding="utf-8")
    }


def test_every_public_package_has_a_section_with_an_example() -> None:
    assert SECTIONS.keys() == public_packages()
    assert all(EXAMPLE.search(text) for text in SECTIONS.values())


@pytest.mark.parametrize("package", SECTIONS)
def test_the_names_of_the_page_are_the_public_names(package: str) -> None:
    public = importlib.import_module(package).__all__
    # Constants, then classes, then functions.
    assert public == sorted(public, key=lambda name: (not name.isupper(), name[0].islower(), name))
    rows = NAME.findall(SECTIONS[package])
    assert [name for _, name, _ in rows] == public
    assert all(sentence.endswith(".") for _, _, sentence in rows)


@pytest.mark.parametrize("package", SECTIONS)
def test_every_signature_of_the_page_is_that_of_the_function(package: str) -> None:
    for shown, name, _ in NAME.findall(SECTIONS[package]):
        found = getattr(importlib.import_module(package), name)
        assert shown == name + (plain_signature(found) if inspect.isfunction(found) else "")


def plain_signature(function: object) -> str:
    """Parameters and defaults, without types."""
    signature = inspect.signature(function)  # type: ignore[arg-type]
    bare = [parameter.replace(annotation=inspect.Parameter.empty) for parameter in signature.parameters.values()]
    return str(signature.replace(parameters=bare, return_annotation=inspect.Signature.empty))


@pytest.mark.parametrize("package", SECTIONS)
def test_every_example_uses_names_of_its_section(package: str) -> None:
    used = {
        name
        for example in EXAMPLE.findall(SECTIONS[package])
        for node in ast.walk(ast.parse(example))
        if isinstance(node, ast.Name | ast.Attribute)
        for name in [node.id if isinstance(node, ast.Name) else node.attr]
    }
    assert used & set(importlib.import_module(package).__all__)


@pytest.fixture
def models(tmp_path: Path) -> None:
    """The folders that the page says are there: llm/, whisper/ and run/."""
    from transformers import WhisperConfig, WhisperFeatureExtractor, WhisperModel

    from soundwave.model.settings import ModelSettings
    from soundwave.model.speech_llm import SpeechLLM

    make_tiny_llm(tmp_path / "llm")
    sizes = {"d_model": 16, "encoder_layers": 1, "decoder_layers": 1, "vocab_size": 60, "max_source_positions": 100}
    heads = {"encoder_attention_heads": 2, "decoder_attention_heads": 2, "encoder_ffn_dim": 16, "decoder_ffn_dim": 16}
    tokens = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 1}
    WhisperModel(WhisperConfig(num_mel_bins=8, max_target_positions=8, **sizes, **heads, **tokens)).save_pretrained(
        tmp_path / "whisper"
    )
    WhisperFeatureExtractor(feature_size=8, chunk_length=2).save_pretrained(tmp_path / "whisper")
    settings = {"llm": str(tmp_path / "llm"), "heads": 4, "lora_rank": 2}
    model = SpeechLLM.create(ModelSettings(**settings), encoder=str(tmp_path / "whisper"), feature_dim=16)
    model.save_pretrained(tmp_path / "run" / "final")
    stage = {"stage": "shrinking", "model": settings, "train": ["alignment", "ctc_head", "shrinking", "lora"]}
    stage |= {"lm_weight": 1.0, "ctc_weight": 0.3, "optimiser": {"learning_rate": 1e-3}}
    facts = {"run": "run", "stage": "shrinking", "key": "k", "plan": "p", "parent": None, "steps": 1, "status": "done"}
    write_json(tmp_path / "run" / "run.json", facts | {"settings": stage})


@pytest.mark.usefixtures("models")
def test_every_example_of_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for package, text in SECTIONS.items():
        for number, example in enumerate(EXAMPLE.findall(text)):
            exec(compile(example, f"{PAGE.name}, {package}, example {number + 1}", "exec"), names)
