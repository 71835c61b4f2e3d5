"""The fingerprint pass: marks of every cut that decodes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

from curation.passes import make_pass
from curation.passes.runner import run_pass
from manifests.audio.landmarks import alike
from tests.curation.labelling import cut, table, write_made
from tests.curation.sounding import RATE, again, clip


def test_every_cut_has_marks_by_which_its_copies_are_found(tmp_path: Path) -> None:
    samples, rate = again(clip(1))["mp3"]
    for name, found, its_rate in (("a", clip(1), RATE), ("b", samples, rate), ("c", clip(2), RATE)):
        soundfile.write(tmp_path / f"{name}.wav", found, its_rate)
    soundfile.write(tmp_path / "silent.wav", np.zeros(RATE, np.float32), RATE)
    (tmp_path / "text.wav").write_text("no audio")
    lengths = {"a": 3.0, "b": 3.0, "c": 3.0, "silent": 1.0, "text": 1.0}
    rows = [cut(name, audio=tmp_path / f"{name}.wav", seconds=seconds) for name, seconds in lengths.items()]
    summary = run_pass(make_pass("fingerprint"), write_made(tmp_path / "made", rows), tmp_path / "labels", workers=0)
    assert (summary.labelled, dict(summary.reasons)) == (4, {"audio_unreadable": 1})
    marks = {row["cut_id"]: row["text"] for row in table(summary.folder, "labels") if row["name"] == "landmarks"}
    assert marks.keys() == {"a", "b", "c", "silent"}
    assert alike(marks["a"], marks["b"]) > 0.15
    assert alike(marks["a"], marks["c"]) == alike(marks["a"], marks["silent"]) == 0.0
