"""The recipe of AudioSet with times on a small folder in its layout."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from manifests.reasons import Reason
from tests.recipes.labelled import heard
from tests.recipes.speech.conftest import Prepared

ROWS = (
    "segment_id\tstart_time_seconds\tend_time_seconds\tlabel\n"
    "b0RFKhbpFJA_30000\t0.000\t0.481\t/m/03m9d0z\n"
    "b0RFKhbpFJA_30000\t0.100\t0.900\t/m/05tny_\n"
    "b0RFKhbpFJA_30000\t0.2\t0.4\t/t/new\n"
    "b0RFKhbpFJA_30000\t0.2\t99\t/m/05tny_\n"
    "b0RFKhbpFJA_30000\tx\t0.4\t/m/05tny_\n"
    "../etc_30000\t0.2\t0.4\t/m/05tny_\n"
    "gone_0\t0.2\t0.4\t/m/05tny_\n"
)


@pytest.fixture
def source(tmp_path: Path, tone: Callable[..., Path], write: Callable[[Path, str], Path]) -> Path:
    root = tmp_path / "audioset"
    tone(root / "audio" / "b0RFKhbpFJA_30000.flac", seconds=1.0)
    tone(root / "audio" / "-.v.1_0.wav", seconds=1.0, pitch=300.0)
    write(root / "audioset_train_strong.tsv", ROWS)
    write(root / "audioset_eval_strong.tsv", ROWS.split("\n", maxsplit=1)[0] + "\n-.v.1_0\t0.5\t1.0\t/m/06mb1\n")
    write(root / "mid_to_display_name.tsv", "/t/new\tNew sound\n/m/05tny_\tBarking\n")
    return root


def test_a_row_is_one_sound_with_its_times(source: Path, prepared: Callable[..., Prepared]) -> None:
    found = prepared("audioset_strong", source)
    assert heard(found) == {
        "b0RFKhbpFJA_30000-0-481-m_03m9d0z": (["Wind"], "/m/03m9d0z", "Wind."),
        "b0RFKhbpFJA_30000-100-900-m_05tny_": (["Bark"], "/m/05tny_", "Bark."),
        "b0RFKhbpFJA_30000-200-400-t_new": (["New sound"], "/t/new", "New sound."),
        "-.v.1_0-500-1000-m_06mb1": (["Rain"], "/m/06mb1", "Rain."),
    }
    assert found.span("b0RFKhbpFJA_30000-100-900-m_05tny_") == (0.1, 0.8)
    assert found.splits["-.v.1_0-500-1000-m_06mb1"] == "test"


def test_what_cannot_be_used_is_a_reject(source: Path, prepared: Callable[..., Prepared]) -> None:
    assert prepared("audioset_strong", source).reasons == {
        "b0RFKhbpFJA_30000-200-99000-m_05tny_": Reason.bad_row,
        "audioset_train_strong.tsv:6": Reason.bad_row,
        "audioset_train_strong.tsv:7": Reason.bad_row,
        "gone_0-200-400-m_05tny_": Reason.audio_missing,
    }
