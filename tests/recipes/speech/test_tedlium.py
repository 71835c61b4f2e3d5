"""The recipe of TED-LIUM 3 on a small folder in its layout."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from manifests.errors import MissingFileError
from manifests.reasons import Reason
from tests.recipes.speech.conftest import Prepared

TALK = """A_2010 1 A_2010 0.00 0.40 <o,f0,female> i 'm here {NOISE} today
A_2010 1 A_2010 0.40 0.60 <o,,unknown> ignore_time_segment_in_scoring
A_2010 1 A_2010 0.60 0.80 <o,f0,female> a <unk> word
A_2010 1 A_2010 0.80 0.75 <o,f0,female> backwards
A_2010 1 A_2010 when 0.90 <o,f0,female> no time
A_2010 1 A_2010 0.80 0.90
A_2010 1 A_2010 0.80 1.00 <o,f0,female> the end
"""


@pytest.fixture
def source(tmp_path: Path, sphere: Callable[..., Path], write: Callable[[Path, str], Path]) -> Path:
    root = tmp_path / "TEDLIUM_release-3"
    write(root / "legacy" / "train" / "stm" / "A_2010.stm", TALK)
    sphere(root / "data" / "sph" / "A_2010.sph", seconds=1.0)
    (root / "legacy" / "train" / "sph").mkdir()
    (root / "legacy" / "train" / "sph" / "A_2010.sph").symlink_to("../../../data/sph/A_2010.sph")
    write(root / "legacy" / "dev" / "stm" / "B_2009.stm", "B_2009 1 B_2009 0.1 0.5 <o,f0,male> hello\n")
    sphere(root / "legacy" / "dev" / "sph" / "B_2009.sph", seconds=0.6)
    sphere(root / "legacy" / "dev" / "sph" / "C_2009.sph", seconds=0.3)
    return root


def test_segments_texts_speakers_and_rejects(source: Path, prepared: Callable[..., Prepared]) -> None:
    found = prepared("tedlium", source)
    assert found.texts == {"A_2010-0": "i'm here today", "A_2010-6": "the end", "B_2009-0": "hello"}
    assert found.splits == {"A_2010-0": "train", "A_2010-6": "train", "B_2009-0": "dev"}
    assert (found.said("A_2010-0"), found.said("B_2009-0")) == (("A_2010", "en", "female"), ("B_2009", "en", "male"))
    assert found.span("A_2010-6") == (0.8, 0.2)
    assert found.reasons == {
        "A_2010-1": Reason.out_of_scope,
        "A_2010-2": Reason.text_missing,
        "A_2010-3": Reason.bad_row,
        "legacy/train/stm/A_2010.stm:5": Reason.bad_row,
        "legacy/train/stm/A_2010.stm:6": Reason.bad_row,
        "C_2009": Reason.text_missing,
    }
    assert "could not convert string to float: 'when'" in found.rejects["legacy/train/stm/A_2010.stm:5"]["detail"]


def test_lhotse_reads_the_same_of_the_same_transcripts(source: Path, prepared: Callable[..., Prepared]) -> None:
    from lhotse.recipes.tedlium import _parse_stm_file  # prepare_tedlium wants the program sph2pipe

    stm = source / "legacy" / "train" / "stm" / "A_2010.stm"
    stm.write_text("".join(TALK.splitlines(keepends=True)[:2]), encoding="utf-8")
    found = prepared("tedlium", source)
    said = [one for path in source.rglob("*.stm") for one in _parse_stm_file(path, normalize_text="kaldi")]
    assert {one.id: (" ".join(one.text.split()), one.speaker, one.start, one.duration) for one in said} == {
        key: (found.texts[key], found.said(key)[0], *found.span(key)) for key in found.cuts
    }


def test_a_talk_compressed_with_shorten_is_a_reject_that_says_what_to_do(
    source: Path, prepared: Callable[..., Prepared]
) -> None:
    talk = source / "legacy" / "dev" / "sph" / "B_2009.sph"
    coding = b"-s25 pcm,embedded-shorten-v2.00\n"
    head = b"NIST_1A\n   1024\nchannel_count -i 1\nsample_rate -i 16000\nsample_n_bytes -i 2\nsample_coding "
    talk.write_bytes((head + coding + b"sample_count -i 8000\nend_head\n").ljust(1024) + b"ajkg\x02" + bytes(2000))
    found = prepared("tedlium", source)
    assert found.reasons["B_2009-0"] == Reason.unsupported_audio
    assert "sph2pipe" in found.rejects["B_2009-0"]["detail"]


def test_another_folder_says_what_is_looked_for(tmp_path: Path, prepared: Callable[..., Prepared]) -> None:
    (tmp_path / "TEDLIUM_release2" / "train").mkdir(parents=True)
    with pytest.raises(MissingFileError, match=r"holds no legacy/train/stm.*It holds train\..*openslr\.org/51"):
        prepared("tedlium", tmp_path / "TEDLIUM_release2")
