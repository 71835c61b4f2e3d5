"""The Tux Paint recipes: captioned sounds, and spoken captions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from manifests.reasons import Reason
from manifests.rows import CorpusInfo
from recipes import debian_tuxpaint_captions as captions
from recipes import registry
from recipes.debian_tuxpaint import STAMPS, caption, is_localised, read

FROG = "A frog.\nfr.utf8=Une grenouille.\nbg.utf8=Жаба.\npt_BR.utf8=Um sapo.\nca@valencia.utf8=Una granota.\nro.utf8=\n"


@pytest.fixture
def source(tmp_path: Path, tone: Callable[..., Path], write: Callable[..., Path]) -> Path:
    stamps = tmp_path / "root" / STAMPS
    write(stamps / "animals/frog.txt", FROG)
    write(stamps / "animals/bee.txt", "A bee.\n")
    write(stamps / "animals/cow_white.txt", "A cow.\n")
    write(stamps / "animals/unicorn.txt", "A unicorn.\n")
    write(stamps / "animals/owl.txt", "\nfr.utf8=Un hibou.\n")
    write(stamps / "symbols/math/3.txt", "Three.\nfr.utf8=Trois.\n")
    for name in ("frog", "cow_white", "unicorn", "owl", "mosquito", "frog_desc", "frog_desc_fr", "frog_desc_bg"):
        tone(stamps / "animals" / f"{name}.ogg")
    for name in ("frog_desc_ro", "frog_desc_de"):
        tone(stamps / "animals" / f"{name}.ogg")
    tone(stamps / "animals/frog_desc_pt_BR.wav")
    (stamps / "animals/bee.ogg").touch()
    tone(stamps / "symbols/math/3.ogg")
    tone(stamps / "symbols/math/3_fr.ogg")
    return tmp_path / "root"


def test_a_captioned_sound_gets_audioset_labels_and_keeps_its_caption(source: Path, tmp_path: Path) -> None:
    cuts = {cut.id: cut for cut in read(source, tmp_path).cuts}
    assert set(cuts) == {"tuxpaint-animals-frog", "tuxpaint-animals-cow_white"}
    frog = cuts["tuxpaint-animals-frog"]
    assert frog.custom["task"] == "sound" and frog.supervisions[0].text is None
    assert frog.supervisions[0].custom == {
        "target_text": "A frog.",
        "target_language": "en",
        "sound": ["Frog", "Croak"],
        "sound_original": "A frog.",
    }


def test_everything_else_is_a_reject_with_its_reason(source: Path, tmp_path: Path) -> None:
    assert {row.cut_id: row.reason for row in read(source, tmp_path).rejects} == {
        "tuxpaint-animals-mosquito": Reason.text_missing,
        "tuxpaint-animals-unicorn": Reason.text_missing,
        "tuxpaint-animals-owl": Reason.empty_text,
        "tuxpaint-animals-bee": Reason.audio_unreadable,
        "tuxpaint-symbols-math-3": Reason.not_sound,
    }


def test_a_name_that_only_ends_like_a_language_is_no_translation(tmp_path: Path, write: Callable[..., Path]) -> None:
    write(tmp_path / "drum.txt", "A drum.")
    assert is_localised(tmp_path / "drum_fr.ogg")
    assert is_localised(tmp_path / "drum_desc_fr.ogg")
    assert not is_localised(tmp_path / "cymbal_low.ogg")
    assert not is_localised(tmp_path / "drum_large.ogg")


def test_the_caption_is_the_first_line_only(tmp_path: Path, write: Callable[..., Path]) -> None:
    assert caption(write(tmp_path / "a.txt", "  Remember  this!\nfr.utf8=Non.\n")) == "Remember this!"


def test_spoken_captions_are_cuts_in_their_language(source: Path, tmp_path: Path) -> None:
    found = captions.read(source, tmp_path)
    said = {cut.id.rpartition("-")[2]: (cut.supervisions[0].language, cut.supervisions[0].text) for cut in found.cuts}
    assert said == {
        "frog_desc": ("en", "A frog."),
        "frog_desc_fr": ("fr", "Une grenouille."),
        "frog_desc_bg": ("bg", "Жаба."),
        "frog_desc_pt_BR": ("pt", "Um sapo."),
    }
    assert {row.cut_id.rpartition("-")[2]: row.reason for row in found.rejects} == {
        "frog_desc_ro": Reason.empty_text,
        "frog_desc_de": Reason.text_missing,
    }


@pytest.mark.assets
def test_the_real_package_holds_102_sounds_that_the_table_knows(
    real_corpus: Callable[[str], tuple[CorpusInfo, Path]],
) -> None:
    info, folder = real_corpus("debian_tuxpaint")
    assert (info.cuts, info.rejects) == (102, 34)
    assert info.hours * 60 == pytest.approx(4.05, abs=0.01)
    assert registry.rejects_by_reason(folder) == {"not_sound": 32, "text_missing": 2}


@pytest.mark.assets
def test_the_real_package_holds_7432_spoken_captions(debian_root: Path) -> None:
    languages = [language for _, _, language in captions.recordings(debian_root / STAMPS)]
    assert len(languages) == 7432
    assert {name: languages.count(name) for name in ("fr", "ru", "ro", "bg", "es", "en")} == {
        "fr": 928,
        "ru": 920,
        "ro": 920,
        "bg": 917,
        "es": 890,
        "en": 66,
    }
