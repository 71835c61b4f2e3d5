"""The row of a cut, made without Lhotse, is the one that Lhotse makes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from manifests.audio import audio_facts
from manifests.rows import row_line
from manifests.rows.speech import as_cut, speech_row

FULL = {
    "text": "two eggs, please",
    "language": "en",
    "speaker": "ann",
    "target_text": "zwei Eier",
    "target_language": "de",
    "sound": ["Bark", "Dog"],
    "sound_original": "dog",
    "domain": "kitchen",
    "words": [("two", 0.0, 0.1), ("eggs", 0.1, 0.123456789123)],
}


@pytest.mark.parametrize("labels", [{}, {"text": "", "sound": []}, FULL, {"start": 0.1, "duration": 0.2}])
@pytest.mark.parametrize("channels", [1, 2])
def test_a_row_is_what_lhotse_writes_of_its_cut(tmp_path: Path, labels: dict[str, Any], channels: int) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros((8_000, channels)), 16_000)
    facts = audio_facts(tmp_path / "a.wav")
    about = {"corpus": "c", "split": "train", "task": "asr", "license": "CC0-1.0", "audio_sha256": facts.sha256}
    row = speech_row(cut_id="c-a", recording=facts.recording_row("c-rec"), **about, **labels)
    before = row_line(row)
    assert row_line(as_cut(row).to_dict()) == before == row_line(row)  # to the last byte, and the row stays as it is
    assert json.loads(before)["type"] == "MonoCut"


def test_a_corpus_of_items_is_prepared_without_lhotse_and_torch(tmp_path: Path) -> None:
    chapter = tmp_path / "tree" / "dev-clean" / "1" / "2"
    chapter.mkdir(parents=True)
    soundfile.write(chapter / "1-2-0000.flac", np.zeros(4_000), 16_000)
    (chapter / "1-2.trans.txt").write_text("1-2-0000 HELLO\n", encoding="utf-8")
    program = (
        "import sys; from pathlib import Path; from recipes import registry; out, tree = map(Path, sys.argv[1:]); "
        "info = registry.prepare('librispeech', out, source=tree); "
        "print(info.cuts, sorted({'lhotse', 'torch'} & sys.modules.keys()))"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "out"), str(tmp_path / "tree")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split(maxsplit=1) == ["1", "[]\n"]


@pytest.mark.parametrize("name", ["a.flac", "a.wav", "a.ogg"])
def test_a_file_is_opened_once_by_libsndfile(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    soundfile.write(tmp_path / name, np.zeros(8_000), 16_000)
    opened: list[str] = []

    class Counting(soundfile.SoundFile):  # type: ignore[misc]
        def __init__(self, file: Any, *rest: Any, **settings: Any) -> None:
            opened.append(str(file))
            super().__init__(file, *rest, **settings)

    monkeypatch.setattr(soundfile, "SoundFile", Counting)
    assert audio_facts(tmp_path / name).samples == 8_000
    assert opened == [str(tmp_path / name)]
