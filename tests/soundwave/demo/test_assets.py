from __future__ import annotations

import importlib.util

import pytest

from curation.language import written
from curation.speech import dnsmos, voice_activity
from curation.tagging import yamnet
from curation.voices import resemblyzer
from manifests.errors import MissingPackageError
from recipes.synthetic import heart
from soundwave.demo import assets


def test_a_missing_wheel_is_said_with_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "moonshine_voice" else real(name))
    with pytest.raises(MissingPackageError, match=r"pip install --no-deps moonshine-voice==0\.0\.73"):
        assets.need_carriers()


def test_the_pins_are_those_of_the_project() -> None:
    from pathlib import Path

    lines = (Path(__file__).parents[3] / "assets.txt").read_text().splitlines()
    labels = {one.WHEEL.pin for one in (dnsmos, resemblyzer, voice_activity, written, yamnet)}
    pins = {*assets.CARRIERS.values(), heart.WHEEL, *labels}  # the demo needs no voice, and few labels
    assert {line.split()[0] for line in lines if not line.startswith("#")} == pins


@pytest.mark.assets
def test_what_is_cached_is_not_fetched_again(debian_root: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")  # no apt-get, no dpkg-deb to be found
    assert [line.partition(":")[0] for line in assets.fetch_assets()] == ["corpora", "language model"]
