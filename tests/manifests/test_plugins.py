"""Plugins: one file each, found by name without loading it, checked when it is used."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from manifests import plugins
from manifests.errors import SettingsError
from manifests.plugins import Plugins, look_in

LOUD = '''"""Says it loudly.

More about that.
"""
VOICE = "LOUD"
'''


@pytest.fixture
def voices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Plugins[str]]:
    """A package `voices` with the plugin `loud`, a module that is none, and a package `more_voices` with nothing."""
    for name in ("voices", "more_voices"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").touch()
    (tmp_path / "voices" / "loud.py").write_text(LOUD)
    (tmp_path / "voices" / "common.py").write_text("voice = None\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(plugins, "_FURTHER", {})
    yield Plugins("voice", "voices", "VOICE", str)
    for name in [name for name in sys.modules if name.partition(".")[0] in ("voices", "more_voices")]:
        del sys.modules[name]


def test_a_file_that_offers_the_attribute_is_a_plugin_by_its_name(voices: Plugins[str]) -> None:
    assert voices.names() == ["loud"]
    assert voices.find("loud") == "LOUD"
    assert voices.all() == {"loud": "LOUD"}


def test_a_plugin_is_listed_without_being_loaded(voices: Plugins[str], tmp_path: Path) -> None:
    (tmp_path / "voices" / "heavy.py").write_text('"""Takes long."""\nimport does_not_exist\nVOICE: str = "heavy"\n')
    assert voices.names() == ["heavy", "loud"]
    assert [voices.title(name) for name in voices.names()] == ["Takes long.", "Says it loudly."]
    assert not {"voices.heavy", "voices.loud"} & sys.modules.keys()


def test_a_folder_on_the_packages_path_is_part_of_it(
    voices: Plugins[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import voices as package  # type: ignore[import-not-found]

    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "quiet.py").write_text('VOICE = "hush"\n')
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path / "mine")])
    assert voices.find("quiet") == "hush"
    assert voices.title("quiet") == ""


def test_another_package_may_have_plugins_of_the_kind(voices: Plugins[str], tmp_path: Path) -> None:
    (tmp_path / "more_voices" / "deep.py").write_text('VOICE = "deep"\n')
    look_in("voices", "more_voices")
    look_in("voices", "more_voices")
    assert voices.all() == {"deep": "deep", "loud": "LOUD"}


def test_a_package_inside_another_is_not_imported_for_its_names(voices: Plugins[str], tmp_path: Path) -> None:
    (tmp_path / "voices" / "inner").mkdir()
    (tmp_path / "voices" / "inner" / "__init__.py").write_text("raise RuntimeError")
    (tmp_path / "voices" / "inner" / "high.py").write_text('VOICE = "high"\n')
    assert Plugins("voice", "voices.inner", "VOICE", str).names() == ["high"]


def test_an_unknown_name_is_an_error_with_the_nearest_and_all_names(voices: Plugins[str]) -> None:
    with pytest.raises(SettingsError, match=r"No voice is called `lout`. The nearest: loud. Known voices: loud."):
        voices.find("lout")
    with pytest.raises(SettingsError, match=r"No voice is called `x`. Known voices: loud."):
        voices.title("x")


def test_a_plugin_that_offers_something_else_is_an_error_with_its_file(voices: Plugins[str], tmp_path: Path) -> None:
    (tmp_path / "voices" / "wrong.py").write_text("VOICE = 7\n")
    with pytest.raises(SettingsError, match=r"voices/wrong.py: VOICE is int, expected what a voice is: builtins.str"):
        voices.find("wrong")
