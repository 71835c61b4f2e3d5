"""The recipe of Hydrogen's drumkits on a tiny kit of each generation."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from manifests.reasons import Reason
from recipes.packages.hydrogen import KITS
from tests.recipes.labelled import heard
from tests.recipes.speech.conftest import Prepared

NEW = """<drumkit_info xmlns="http://www.hydrogen-music.org/drumkit"><name>New</name><instrumentList>
<instrument><name>Snare Rimshot</name><instrumentComponent>
<layer><filename>rim-soft.flac</filename></layer><layer><filename>rim-hard.flac</filename></layer>
</instrumentComponent></instrument>
<instrument><name>Gone</name><layer><filename>gone.flac</filename></layer></instrument>
<instrument><name>Up</name><layer><filename>../up.flac</filename></layer></instrument>
</instrumentList></drumkit_info>"""
OLD = """<drumkit_info><instrumentList>
<instrument><name>Open HH</name><filename>a.wav</filename></instrument>
<instrument><name>17</name><filename>b.wav</filename></instrument>
<instrument><name>18</name><filename>a.wav</filename></instrument>
<instrument><name>19</name><filename></filename></instrument>
</instrumentList></drumkit_info>"""


@pytest.fixture
def source(tmp_path: Path, tone: Callable[..., Path], write: Callable[[Path, str], Path]) -> Path:
    kits = tmp_path / "root" / KITS
    write(kits / "New" / "drumkit.xml", NEW)
    write(kits / "Audiophob" / "drumkit.xml", OLD)
    write(kits / "Torn" / "drumkit.xml", NEW[:80])
    names = ("New/rim-soft.flac", "New/rim-hard.flac", "New/unnamed.flac", "Audiophob/a.wav", "Audiophob/b.wav")
    for number, name in enumerate(names):
        tone(kits / name, rate=44_100, channels=2, pitch=200.0 + number)
    return tmp_path / "root"


def test_the_kit_says_what_a_sample_is(source: Path, prepared: Callable[..., Prepared]) -> None:
    found = prepared("hydrogen", source)
    assert heard(found) == {
        "New-rim-soft.flac": (["Rimshot"], "new/snare rimshot", "Rimshot."),
        "New-rim-hard.flac": (["Rimshot"], "new/snare rimshot", "Rimshot."),
        "Audiophob-a.wav": (["Hi-hat"], "audiophob/open hh", "Hi-hat."),
        "Audiophob-b.wav": (["audiophob/b"], "audiophob/b", "audiophob/b."),  # the audit unknown_labels names it
    }
    assert found.splits["New-rim-soft.flac"] == found.splits["New-rim-hard.flac"]
    licences = {key: row["custom"]["license"] for key, row in found.cuts.items()}
    assert licences["Audiophob-a.wav"] == "CC0-1.0" and licences["New-rim-soft.flac"] == "GPL-2.0-or-later"


def test_what_cannot_be_used_is_a_reject(source: Path, prepared: Callable[..., Prepared]) -> None:
    assert prepared("hydrogen", source).reasons == {
        "New-gone.flac": Reason.audio_missing,
        "New-3": Reason.bad_row,
        "unnamed": Reason.text_missing,
        "Torn": Reason.bad_row,
    }
