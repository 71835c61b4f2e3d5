"""The recipe of Fisher English on a small folder in its layout."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from manifests.audio.cuts import CutSound, read_cut
from manifests.errors import MissingFileError
from manifests.reasons import Reason
from tests.recipes.speech.conftest import Prepared

CALL = """# fe_03_00001.sph
# Transcribed at the LDC

0.00 0.20 A: and i generally prefer
0.25 0.40 A: (( eating )) at home [laughter]
0.30 0.50 B: hi my name is andy
0.60 0.70 A: [noise]
0.70 0.90 A: good to meet you
0.80 0.75 B: it ends before
a line without times
0.92 0.99 B: bye
"""
CALLS = (
    "CALL_ID,DATE_TIME,TOPICID,SIG_GRADE,CNV_GRADE,APIN,ASX.ASN,APHNUM,APHSET,APHTYP,BPIN,BSX.BSN,BPHNUM,BPHSET,BPHTYP\n"
    "00001,20021212_15:48:24,ENG01,3,3,2602,f.a,x,1,1,1790,m.o,y,1,1\n"
)


@pytest.fixture
def source(tmp_path: Path, sphere: Callable[..., Path], write: Callable[[Path, str], Path]) -> Path:
    root = tmp_path / "fisher"
    sounds = root / "LDC2004S13" / "fisher_eng_tr_sp_d1" / "audio" / "000"
    texts = root / "LDC2004T19"
    write(texts / "data" / "trans" / "000" / "fe_03_00001.txt", CALL)
    write(texts / "data" / "trans" / "000" / "fe_03_00002.txt", "0.1 0.2 A: hello\n0.3 0.4 B: hi\n")
    write(texts / "data" / "trans" / "000" / "fe_03_00003.txt", "0.1 0.2 A: mono\n0.3 0.4 B: call\n0.5 0.6 A: yes\n")
    write(texts / "doc" / "fe_03_p1_calldata.tbl", CALLS)
    sphere(sounds / "fe_03_00001.sph", seconds=1.0, rate=8_000, channels=2, subtype="ULAW")
    sphere(sounds / "fe_03_00003.sph", seconds=1.0, rate=8_000)
    sphere(sounds / "fe_03_00009.sph", seconds=0.2, rate=8_000, channels=2)
    return root


def test_turns_are_answered_by_the_other_side(source: Path, prepared: Callable[..., Prepared]) -> None:
    found = prepared("fisher", source)
    assert found.texts == {
        "fe_03_00001-4": "and i generally prefer eating at home",
        "fe_03_00001-6": "hi my name is andy",
        "fe_03_00001-8": "good to meet you",
        "fe_03_00003-1": "mono",
    }
    assert found.target("fe_03_00001-4") == ("hi my name is andy", "en")
    assert found.target("fe_03_00001-6") == ("good to meet you", "en")
    assert found.span("fe_03_00001-4") == (0.0, 0.4)
    assert found.said("fe_03_00001-4") == ("2602", "en", "female")
    assert found.said("fe_03_00001-6") == ("1790", "en", "male")
    assert found.said("fe_03_00003-1") == ("fe_03_00003-A", "en", None)
    assert {row["custom"]["task"] for row in found.cuts.values()} == {"chat"}
    assert found.splits["fe_03_00001-4"] == found.splits["fe_03_00001-8"]  # a speaker is in one split
    assert found.reasons == {
        "fe_03_00001-7": Reason.empty_text,
        "fe_03_00001-9": Reason.bad_row,
        "fe_03_00001-10": Reason.bad_row,
        "fe_03_00001-11": Reason.target_missing,
        "fe_03_00002-1": Reason.audio_missing,
        "fe_03_00002-2": Reason.target_missing,
        "fe_03_00003-2": Reason.channel_missing,
        "fe_03_00003-3": Reason.target_missing,
        "fe_03_00009": Reason.text_missing,
    }


def test_each_side_is_heard_on_its_own_channel(source: Path, prepared: Callable[..., Prepared]) -> None:
    cuts = prepared("fisher", source).cuts
    pitches = {}
    for key in ("fe_03_00001-4", "fe_03_00001-6"):
        samples = read_cut(CutSound.of_manifest(cuts[key]), rate=8_000)
        pitches[key] = int(np.argmax(np.abs(np.fft.rfft(samples)))) * 8_000 / len(samples)
    assert pitches["fe_03_00001-4"] == pytest.approx(220, abs=5)
    assert pitches["fe_03_00001-6"] == pytest.approx(440, abs=5)


def test_lhotse_reads_the_same_lines(source: Path, prepared: Callable[..., Prepared]) -> None:
    from lhotse.recipes.fisher_english import create_supervision  # prepare_fisher_english wants both parts, sph2pipe

    path = next(source.rglob("fe_03_00001.txt"))
    path.write_text("".join(CALL.splitlines(keepends=True)[:6]), encoding="utf-8")
    found = prepared("fisher", source)
    theirs = create_supervision(({"00001": {"A": "2602", "B": "1790"}}, path))
    assert [(one.start, round(one.start + one.duration, 3), one.speaker, one.channel) for one in theirs] == [
        (0.0, 0.2, "2602", 0),
        (0.25, 0.4, "2602", 0),
        (0.3, 0.5, "1790", 1),
    ]
    assert found.texts["fe_03_00001-4"] == f"{theirs[0].text} eating at home"
    assert found.target("fe_03_00001-4")[0] == theirs[2].text


def test_a_folder_of_links_to_the_parts_is_read_where_links_are_followed(
    source: Path, tmp_path: Path, prepared: Callable[..., Prepared]
) -> None:
    (tmp_path / "gathered").mkdir()
    for part in ("LDC2004S13", "LDC2004T19"):
        (tmp_path / "gathered" / part).symlink_to(source / part)
    with pytest.raises(MissingFileError, match=r"It holds LDC2004S13, LDC2004T19\. Links .* `follow_links`"):
        prepared("fisher", tmp_path / "gathered")
    found = prepared("fisher", tmp_path / "gathered", follow_links=True)
    assert found.texts == prepared("fisher", source).texts


def test_another_folder_says_what_is_looked_for(tmp_path: Path, prepared: Callable[..., Prepared]) -> None:
    (tmp_path / "other").mkdir()
    with pytest.raises(MissingFileError, match=r"holds no transcripts \(LDC2004T19/data/trans.*Data Consortium"):
        prepared("fisher", tmp_path / "other")
