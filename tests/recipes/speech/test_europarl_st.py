"""The recipe of Europarl-ST on a small folder in its layout."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from manifests.errors import ManifestError, MissingFileError
from manifests.reasons import Reason
from tests.recipes.speech.conftest import Prepared

SPEECH = "en.20080924.31.3-243"


@pytest.fixture
def source(tmp_path: Path, m4a: Callable[[Path], Path], write: Callable[[Path, str], Path]) -> Path:
    root = tmp_path / "v1.1"
    m4a(root / "en" / "audios" / f"{SPEECH}.m4a")
    m4a(root / "en" / "audios" / "en.20080924.4.3-018.m4a")
    for place, spans, said in (
        (
            "en/de/train",
            f"{SPEECH} 0.0 1.25\n{SPEECH} 1.25 2.5\n{SPEECH} 1.0\nen.1 0 1\n{SPEECH} 2 9\n",
            {"en": "Madam President\nYes.\nBad\nGone\nLong\n", "de": "Frau Präsidentin\nJa.\nFalsch\nWeg\nLang\n"},
        ),
        ("en/fr/dev", f"{SPEECH} 0.0 1.25\n", {"en": "Madam President\n", "fr": "Madame la Présidente\n"}),
        ("en/de/train-noisy", f"{SPEECH} 0.0 1.25\n", {"en": "x\n", "de": "y\n"}),
    ):
        write(root / place / "segments.lst", spans)
        for end, text in said.items():
            write(root / place / f"segments.{end}", text)
    return root


def test_segments_of_each_pair_and_rejects(source: Path, prepared: Callable[..., Prepared]) -> None:
    found = prepared("europarl_st", source)
    assert found.texts == {
        f"en-de-{SPEECH}-0000000": "Madam President",
        f"en-de-{SPEECH}-0001250": "Yes.",
        f"en-fr-{SPEECH}-0000000": "Madam President",
    }
    assert found.target(f"en-de-{SPEECH}-0001250") == ("Ja.", "de")
    assert found.target(f"en-fr-{SPEECH}-0000000") == ("Madame la Présidente", "fr")
    assert found.span(f"en-de-{SPEECH}-0001250") == (1.25, 1.25)
    assert found.splits[f"en-fr-{SPEECH}-0000000"] == "dev"
    assert {row["custom"]["task"] for row in found.cuts.values()} == {"st"}
    assert {row["recording"]["id"] for row in found.cuts.values()} == {f"europarl_st-{SPEECH}"}
    assert found.reasons == {
        "en/de/train/segments.lst:3": Reason.bad_row,
        "en-de-en.1-0000000": Reason.audio_missing,
        f"en-de-{SPEECH}-0002000": Reason.bad_row,
        "en-de-train-noisy": Reason.out_of_scope,
        "en.20080924.4.3-018": Reason.text_missing,
    }


def test_half_a_download_is_an_error(source: Path, prepared: Callable[..., Prepared]) -> None:
    german = source / "en" / "de" / "train" / "segments.de"
    german.write_text("Frau Präsidentin\nJa.\n", encoding="utf-8")
    with pytest.raises(ManifestError, match=r"segments\.de has 2 lines and segments\.lst beside it has more"):
        prepared("europarl_st", source)
    with pytest.raises(MissingFileError, match=r"holds no en/de/train/segments\.lst or another pair\. It holds audios"):
        prepared("europarl_st", source / "en")
