from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from lhotse import AudioSource, CutSet, Recording

from manifests.errors import ManifestError, MissingFileError
from manifests.files import read_jsonl, write_json
from manifests.reasons import Reason
from manifests.rows import (
    CorpusInfo,
    Reject,
    TextRow,
    corpus_folders,
    cut_rows,
    read_corpus,
    speech_cut,
    write_corpus,
)
from manifests.rows.validate import row_problems, validate_rows


def recording(name: str = "r1", seconds: float = 2.0) -> Recording:
    return Recording(
        id=name,
        sources=[AudioSource(type="file", channels=[0], source=f"{name}.flac")],
        sampling_rate=16_000,
        num_samples=round(seconds * 16_000),
        duration=seconds,
    )


def cut(cut_id: str = "toy-1"):
    return speech_cut(
        cut_id=cut_id,
        recording=recording(),
        corpus="toy",
        split="train",
        task="st",
        license="CC0-1.0",
        audio_sha256="00",
        text="Ahoj.",
        language="cs",
        target_text="Hello.",
        target_language="en",
    )


INFO = CorpusInfo(name="toy", title="Toy", license="CC0-1.0", makers="us")


def test_a_corpus_is_read_back_by_lhotse_and_by_us(tmp_path: Path) -> None:
    folder = tmp_path / "toy"
    text = TextRow(id="toy-q", corpus="toy", split="dev", text="2 + 2?", target_text="4", license="CC0-1.0")
    reject = Reject("toy-9", "toy", "prepare", Reason.audio_missing, "no file")
    info = write_corpus(folder, INFO, [cut("toy-2"), cut("toy-1")], [text], [reject])
    assert (info.cuts, info.texts, info.rejects) == (2, 1, 1)
    assert info.hours == pytest.approx(4 / 3600)
    assert read_corpus(folder) == info
    assert corpus_folders(tmp_path) == [folder]
    cuts = list(CutSet.from_file(folder / "cuts.jsonl.gz"))
    assert [c.id for c in cuts] == ["toy-1", "toy-2"]
    assert cuts[0].supervisions[0].target_text == "Hello."
    assert cuts[0].custom["split"] == "train"
    assert next(read_jsonl(folder / "rejects.jsonl.gz"))["pass"] == "prepare"


def test_what_recipes_write_is_valid(tmp_path: Path) -> None:
    write_corpus(tmp_path / "toy", INFO, [cut()], [], [])
    assert list(validate_rows(cut_rows(tmp_path / "toy"))) == []


def test_an_unfinished_corpus_is_no_corpus(tmp_path: Path) -> None:
    (tmp_path / "toy").mkdir()
    with pytest.raises(MissingFileError, match="soundwave prepare"):
        read_corpus(tmp_path / "toy")
    assert corpus_folders(tmp_path) == []
    assert list(cut_rows(tmp_path / "toy")) == []
    write_json(tmp_path / "toy" / "corpus.json", {"nam": 1})
    with pytest.raises(ManifestError, match="setting `force`"):
        read_corpus(tmp_path / "toy")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"duration": 0}, "duration is 0.0, expected seconds > 0"),
        ({"duration": "1.5"}, "duration is no number, expected seconds > 0"),
        ({"start": math.nan}, "start is nan, expected seconds >= 0"),
        ({"duration": 3.0}, "the cut ends at 3.000 s, its recording at 2.000 s"),
        ({"recording": None}, "no `recording`"),
        ({"type": "Alien"}, "type is Alien, expected MonoCut, MultiCut, MixedCut or Text"),
        ({"id": ""}, "no `id`"),
        ({"custom": {"split": "validated", "task": "asr"}}, "split is validated, expected train, dev or test"),
        ({"custom": None}, "split is missing, expected train, dev or test"),
        ({"custom": {"split": "train"}}, "no `task`"),
    ],
)
def test_broken_rows_are_described(change: dict, said: str) -> None:
    assert said == next(row_problems(cut().to_dict() | change))


def test_text_rows_and_duplicate_ids() -> None:
    row = {"id": "q", "type": "Text", "corpus": "c", "split": "train", "task": "qa", "license": "x", "text": "t"}
    problems = [p.detail for p in validate_rows([row, row | {"target_text": "a"}])]
    assert problems == ["no `target_text`", "the id occurs twice, expected once in a catalog"]
    assert next(p.detail for p in validate_rows([{"type": "Text"}])) == "no `id`"


def test_any_json_value_gets_a_problem_and_never_an_exception() -> None:
    values = [None, True, 5, 1.5, "x", [], [{}], {}, cut().to_dict() | {"duration": -(10**400)}]
    found = [(p.cut_id, p.detail) for p in validate_rows(values)]
    assert found[:4] == [
        ("row 1", "the line is null, expected a JSON object"),
        ("row 2", "the line is true or false, expected a JSON object"),
        ("row 3", "the line is a number, expected a JSON object"),
        ("row 4", "the line is a number, expected a JSON object"),
    ]
    assert any("duration is -inf, expected" in detail for _, detail in found)
    assert {cut_id for cut_id, _ in found} >= {f"row {place}" for place in range(1, 9)}


def test_what_a_row_may_leave_out() -> None:
    """The folder names the corpus, a licence may be unknown, a cut may have no supervision or several."""
    row = cut().to_dict()
    facts = {"split": "train", "task": "asr"}
    assert list(row_problems(row | {"custom": facts, "supervisions": []})) == []
    one = row["supervisions"][0]
    two = [one | {"duration": 1.0}, one | {"start": 1.0, "duration": 1.0}]
    assert list(row_problems(row | {"custom": facts, "supervisions": two})) == []


@pytest.mark.parametrize("key", ["cuts", "texts", "rejects", "hours"])
@pytest.mark.parametrize("value", ["nobody", None, True, -1, float("inf"), 2**70, []])
def test_numbers_of_a_corpus_are_numbers(tmp_path: Path, key: str, value: object) -> None:
    facts = {"name": "toy", "title": "Toy", "license": "CC0-1.0", "makers": "nobody", "cuts": 3, "hours": 2, "odd": 1}
    (tmp_path / "corpus.json").write_text(json.dumps(facts))
    assert read_corpus(tmp_path).hours == 2.0
    (tmp_path / "corpus.json").write_text(json.dumps(facts | {key: value}))
    if (key, value) == ("hours", 2**70):
        assert read_corpus(tmp_path).hours == 2.0**70
        return
    with pytest.raises(ManifestError, match=rf"corpus\.json: `{key}`: found .*`soundwave prepare`"):
        read_corpus(tmp_path)
