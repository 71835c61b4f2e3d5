"""The recipe of MUSAN on a small folder in its layout."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from manifests.reasons import Reason
from tests.recipes.labelled import heard
from tests.recipes.speech.conftest import Prepared


@pytest.fixture
def source(tmp_path: Path, tone: Callable[..., Path], write: Callable[[Path, str], Path]) -> Path:
    root = tmp_path / "musan"
    names = ("music/fma/music-fma-0000", "music/fma/music-fma-0001", "music/rfm/music-rfm-0000")
    names += ("noise/free-sound/noise-free-sound-0000", "speech/librivox/speech-librivox-0000")
    for number, name in enumerate(names):
        tone(root / f"{name}.wav", pitch=200.0 + number)
    (root / "noise" / "free-sound" / "noise-free-sound-0001.wav").touch()
    write(root / "music" / "fma" / "ANNOTATIONS", "music-fma-0000 hip-hop,vaporwave N The_Band\nmusic-fma-0001\n\n")
    write(root / "music" / "rfm" / "ANNOTATIONS", "music-rfm-0000 classical Y The_Band\n")
    return root


def test_parts_and_genres_give_the_sound(source: Path, prepared: Callable[..., Prepared]) -> None:
    found = prepared("musan", source)
    assert heard(found) == {
        "music-fma-0000": (["Hip hop music", "Music"], "music: hip-hop,vaporwave", "Hip hop music."),
        "music-fma-0001": (["Music"], "music", "Music."),
        "music-rfm-0000": (["Classical music", "Music"], "music: classical", "Classical music."),
        "noise-free-sound-0000": (["Noise"], "noise", "Noise."),
        "speech-librivox-0000": (["Speech"], "speech", "Speech."),
    }
    assert found.said("music-fma-0000")[0] == "the_band"
    assert found.splits["music-fma-0000"] == found.splits["music-rfm-0000"]  # one artist
    assert found.cuts["music-rfm-0000"]["custom"]["vocals"] is True
    assert found.reasons == {"noise-free-sound-0001": Reason.audio_unreadable}


def test_lhotse_reads_the_same_of_the_music(source: Path, prepared: Callable[..., Prepared]) -> None:
    from lhotse.recipes.musan import prepare_music

    (source / "music" / "fma" / "ANNOTATIONS").write_text("music-fma-0000 hip-hop,vaporwave N The_Band\n")
    found = prepared("musan", source)
    for one in prepare_music(source)["supervisions"]:
        cut = found.cuts[one.id]
        assert (cut["duration"], cut["custom"]["vocals"]) == (one.duration, one.custom["vocals"])
        assert cut["supervisions"][0]["custom"]["sound_original"] == f"music: {','.join(one.custom['genres'])}"
        assert cut["supervisions"][0]["speaker"] == one.speaker.lower()
