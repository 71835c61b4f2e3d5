"""The Sonic Pi recipe: names become labels."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from manifests.rows import CorpusInfo
from recipes.debian_sonicpi import SAMPLES, family, read


def test_the_name_gives_the_label_and_is_kept(tmp_path: Path, tone: Callable[..., Path]) -> None:
    tone(tmp_path / SAMPLES / "drum_cymbal_hard.flac", rate=44_100, channels=2)
    (cut,) = read(tmp_path, tmp_path / "out").cuts
    assert cut.id == "sonicpi-drum_cymbal_hard"
    assert cut.recording.sampling_rate == 44_100 and cut.custom["license"] == "CC0-1.0"
    assert cut.supervisions[0].custom == {
        "target_text": "Cymbal.",
        "target_language": "en",
        "sound": ["Cymbal"],
        "sound_original": "drum_cymbal_hard",
    }


@pytest.mark.parametrize(
    ("one", "other"),
    [("tabla_ghe1", "tabla_ghe8"), ("drum_tom_hi_hard", "drum_tom_hi_soft"), ("perc_bell", "perc_bell2")],
)
def test_takes_of_one_sound_stay_together(one: str, other: str) -> None:
    assert family(one) == family(other)


def test_different_sounds_may_part() -> None:
    assert family("drum_tom_hi_hard") != family("drum_tom_lo_hard")


@pytest.mark.assets
def test_the_real_package_holds_165_samples_all_named_understandably(
    real_corpus: Callable[[str], tuple[CorpusInfo, Path]],
) -> None:
    info, _ = real_corpus("debian_sonicpi")
    assert (info.cuts, info.rejects) == (165, 0)
    assert info.hours * 60 == pytest.approx(5.40, abs=0.01)
