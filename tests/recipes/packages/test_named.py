"""The recipes of packages whose files are named after what is heard, each on a tiny tree as its package unpacks it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from manifests.reasons import Reason
from recipes import registry
from recipes.packages._named import take_of
from tests.recipes.labelled import heard
from tests.recipes.speech.conftest import Prepared

# Recipe -> its folder; a file the ontology has a name for, and that name; one it has none for.
CORPORA = {
    "wesnoth": ("usr/share/games/wesnoth/1.16/data/core/sounds", "wolf-growl-1.ogg", "Growling", "goblin-die-1.ogg"),
    "minetest": (
        "usr/share/games/minetest/games/minetest_game/mods",
        "doors/sounds/doors_door_open.ogg",
        "Door",
        "default/sounds/default_dug_node.1.ogg",
    ),
    "supertux": ("usr/share/games/supertux2/sounds", "thunder.wav", "Thunder", "warp.wav"),
    "tuxtype": ("usr/share/tuxtype/sounds", "splat.wav", "Splash, splatter", "win.wav"),
    "freedesktop": ("usr/share/sounds/freedesktop/stereo", "camera-shutter.oga", "Camera", "service-login.oga"),
    "lmms": ("usr/share/lmms/samples", "drums/snare01.ogg", "Snare drum", "misc/dong01.ogg"),
}
LEFT_OUT = {
    "tuxtype": "excuseme.wav",
    "freedesktop": "audio-channel-front-left.oga",
    "lmms": "waveforms/sine.wav",
}


@pytest.fixture(params=sorted(CORPORA))
def corpus(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def source(corpus: str, tmp_path: Path, tone: Callable[..., Path]) -> Path:
    folder, named, _, unnamed = CORPORA[corpus]
    root = tmp_path / "root"
    tone(_wave(root / folder / named), rate=44_100, channels=2).rename(root / folder / named)
    tone(_wave(root / folder / unnamed), pitch=330.0).rename(root / folder / unnamed)
    if corpus in LEFT_OUT:
        tone(root / folder / LEFT_OUT[corpus].replace(".oga", ".wav"))
    broken = root / folder / "broken.wav"
    broken.write_bytes(b"RIFF no sound")
    return root


def _wave(path: Path) -> Path:
    return path.with_suffix(".flac")  # what a file is, its bytes say: a tone in FLAC will do for all


def test_a_name_that_is_known_is_said_in_the_ontology_and_others_stay(
    corpus: str, source: Path, prepared: Callable[..., Prepared]
) -> None:
    _, named, sound, unnamed = CORPORA[corpus]
    found = prepared(corpus, source)
    (known, *_), own, answer = heard(found)[named.replace("/", "-")]
    assert (known, own, answer) == (sound, named.rpartition(".")[0], f"{sound}.")
    stem = unnamed.rpartition(".")[0]
    assert heard(found)[unnamed.replace("/", "-")] == ([stem], stem, f"{stem}.")
    assert found.reasons == {"broken.wav": Reason.audio_unreadable}
    assert len(found.cuts) == 2  # and nothing that was left out


def test_each_row_says_its_licence(corpus: str, source: Path, prepared: Callable[..., Prepared]) -> None:
    named, unnamed = (CORPORA[corpus][place].replace("/", "-") for place in (1, 3))
    own = {"minetest": (named, "CC-BY-3.0"), "freedesktop": (unnamed, "GPL-2.0-only")}
    other, license = own.get(corpus, (named, registry.find(corpus).license))
    assert prepared(corpus, source).cuts[other]["custom"]["license"] == license


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("wolf-growl-1", "wolf-growl-4"),
        ("axe", "axe-miss"),
        ("bow-puny-fire", "bow-puny-miss"),
        ("default/sounds/default_grass_footstep.1", "default/sounds/default_grass_footstep.3"),
        ("drums/snare01", "drums/snare02"),
        ("millo/kick 1", "millo/kick 2"),
    ],
)
def test_takes_of_one_sound_stay_together(one: str, other: str) -> None:
    assert take_of(one) == take_of(other)


def test_different_sounds_may_part() -> None:
    assert len({take_of(name) for name in ("wolf-growl-1", "wolf-hit-1", "drums/snare01", "drums/tom01", "808")}) == 5


def test_takes_are_never_in_different_splits(
    tmp_path: Path, tone: Callable[..., Path], prepared: Callable[..., Prepared]
) -> None:
    folder = tmp_path / "root" / CORPORA["wesnoth"][0]
    for kind in range(12):  # by their own hash some of these would part
        for take in range(1, 4):
            tone(folder / f"noise-{'abcdefghijkl'[kind]}-{take}.wav", seconds=0.1, pitch=200.0 + 40 * kind + take)
    splits: dict[str, set[str]] = {}
    for key, split in prepared("wesnoth", tmp_path / "root").splits.items():
        splits.setdefault(take_of(key.removesuffix(".wav")), set()).add(split)
    assert len(splits) == 12 and all(len(found) == 1 for found in splits.values())
    assert len(set.union(*splits.values())) > 1
