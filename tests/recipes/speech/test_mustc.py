"""The recipe of MuST-C on a small folder in its layout."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from manifests.errors import ManifestError, MissingFileError
from manifests.reasons import Reason
from tests.recipes.speech.conftest import Prepared

YAML = """- {duration: 0.400000, offset: 0.100000, rW: 2, uW: 0, speaker_id: spk.1, wav: ted_1.wav}
- {duration: 0.400000, offset: 0.500000, rW: 9, uW: 0, speaker_id: spk.1, wav: ted_1.wav}
- {duration: 0.400000, offset: 0.000000, rW: 9, uW: 0, speaker_id: spk.2, wav: ted_2.wav}
- {duration: 0.400000, offset: 0.000000, rW: 9, uW: 0, wav: ted_1.wav}
- {duration: 9.000000, offset: 0.000000, rW: 9, uW: 0, speaker_id: spk.1, wav: ted_1.wav}
- {duration: [
"""
ENGLISH = "Thank you\u2028 so much.\nNo translation.\nNo audio.\nNo speaker.\nToo long.\nNo YAML.\n"
GERMAN = "Vielen  Dank.\n\nKein Ton.\nKein Sprecher.\nZu lang.\nKein YAML.\n"


@pytest.fixture
def source(tmp_path: Path, tone: Callable[..., Path], write: Callable[[Path, str], Path]) -> Path:
    root = tmp_path / "MUSTC_v1.0"
    train, test = root / "en-de" / "data" / "train", root / "en-nl" / "data" / "tst-COMMON"
    for end, text in (("yaml", YAML), ("en", ENGLISH), ("de", GERMAN)):
        write(train / "txt" / f"train.{end}", text)
    tone(train / "wav" / "ted_1.wav", seconds=1.0)
    tone(train / "wav" / "ted_9.wav", seconds=0.3)
    for end, text in (("yaml", YAML.splitlines()[0]), ("en", "Hello."), ("nl", "Hallo.")):
        write(test / "txt" / f"tst-COMMON.{end}", text)
    tone(test / "wav" / "ted_1.wav", seconds=0.9)
    return root


def test_segments_with_words_translation_and_rejects(source: Path, prepared: Callable[..., Prepared]) -> None:
    found = prepared("mustc", source)
    assert found.texts == {"en-de-ted_1-1": "Thank you so much.", "en-nl-ted_1-1": "Hello."}
    assert found.target("en-de-ted_1-1") == ("Vielen Dank.", "de")
    assert found.target("en-nl-ted_1-1") == ("Hallo.", "nl")
    assert found.splits == {"en-de-ted_1-1": "train", "en-nl-ted_1-1": "test"}
    assert found.said("en-de-ted_1-1")[:2] == ("spk.1", "en")
    assert found.span("en-de-ted_1-1") == (0.1, 0.4)
    assert found.reasons == {
        "en-de-ted_1-2": Reason.target_missing,
        "en-de-ted_2-3": Reason.audio_missing,
        "en-de/data/train/txt/train.yaml:4": Reason.bad_row,
        "en-de-ted_1-5": Reason.bad_row,
        "en-de/data/train/txt/train.yaml:6": Reason.bad_row,
        "ted_9": Reason.text_missing,
    }
    assert "without speaker_id" in found.rejects["en-de/data/train/txt/train.yaml:4"]["detail"]


def test_files_of_different_lengths_are_an_error(source: Path, prepared: Callable[..., Prepared]) -> None:
    german = source / "en-de" / "data" / "train" / "txt" / "train.de"
    german.write_text(GERMAN.removesuffix("Kein YAML.\n"), encoding="utf-8")
    with pytest.raises(ManifestError, match=r"train\.de has 5 lines and train\.yaml beside it has more"):
        prepared("mustc", source)
    german.unlink()
    with pytest.raises(MissingFileError, match=r"holds no train\.de in en-de/data/train/txt"):
        prepared("mustc", source)


def test_lhotse_reads_the_same_spans(source: Path, tmp_path: Path, prepared: Callable[..., Prepared]) -> None:
    from lhotse import SupervisionSet
    from lhotse.recipes.must_c import prepare_must_c

    for part in ("dev", "tst-HE", "tst-COMMON", "train"):
        folder = source / "en-de" / "data" / part
        for end, text in (("yaml", YAML.splitlines()[0]), ("en", "Hello."), ("de", "Hallo.")):
            (folder / "txt").mkdir(parents=True, exist_ok=True)
            (folder / "txt" / f"{part}.{end}").write_text(f"{text}\n", encoding="utf-8")
        (folder / "wav").mkdir(exist_ok=True)
        audio = source / "en-de" / "data" / "train" / "wav" / "ted_1.wav"
        (folder / "wav" / "ted_1.wav").write_bytes(audio.read_bytes())
    found = prepared("mustc", source)
    prepare_must_c(source, tmp_path / "lhotse", tgt_lang="de")
    theirs = SupervisionSet.from_file(tmp_path / "lhotse" / "must_c_supervisions_en-de_train.jsonl.gz")
    assert [(one.start, one.duration, one.speaker, one.text) for one in theirs] == [
        (*found.span("en-de-ted_1-1"), found.said("en-de-ted_1-1")[0], found.target("en-de-ted_1-1")[0])
    ]
