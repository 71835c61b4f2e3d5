"""The recipe of questions and answers as text on a small folder in its layout."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from manifests.errors import MissingFileError
from manifests.files import read_jsonl
from manifests.reasons import Reason
from manifests.rows import REJECTS, TEXTS
from recipes import registry

ROWS = (
    {"question": "What is a gnu?", "answer": "An antelope.", "split": "validation", "license": "CC0-1.0"},
    {"instruction": "Add.", "input": "1 and 2", "output": "3", "split": "train"},
    {
        "conversations": [
            {"from": "system", "value": "Be brief."},
            {"from": "human", "value": "Name a colour."},
            {"from": "gpt", "value": "Red."},
            {"from": "human", "value": "Another?"},
            {"from": "gpt", "value": "Blue."},
        ]
    },
    {"messages": [{"role": "user", "content": "Hi?"}, {"role": "assistant", "content": "Hello."}]},
    {"question": "Alone?"},
    {"question": " ", "answer": "What?"},
    {"question": "Why?", "answer": ""},
    {"messages": [{"role": "user", "content": ["picture"]}, {"role": "assistant", "content": "A cat."}]},
    {"messages": [{"role": "wizard", "content": "Hm"}]},
    {"messages": [{"role": "user", "content": "Hello?"}]},
    {"question": "When?", "answer": "Now.", "split": "later"},
    {"question": 5, "answer": "Now."},
)


@pytest.fixture
def source(tmp_path: Path, write: Callable[[Path, str], Path]) -> Path:
    lines = [json.dumps(row) for row in ROWS]
    write(tmp_path / "qa" / "wizard.jsonl", "\n".join([*lines, "no json", "[1]"]) + "\n")
    return tmp_path / "qa"


def test_every_shape_gives_its_first_question(source: Path, tmp_path: Path) -> None:
    info = registry.prepare("text_qa", tmp_path / "out", source=source)
    rows = {row["id"].removeprefix("text_qa-wizard-"): row for row in read_jsonl(tmp_path / "out" / "text_qa" / TEXTS)}
    assert (info.cuts, info.texts) == (0, 4)
    assert {key: (row["text"], row["target_text"]) for key, row in rows.items()} == {
        "1": ("What is a gnu?", "An antelope."),
        "2": ("Add.\n1 and 2", "3"),
        "3": ("Name a colour.", "Red."),
        "4": ("Hi?", "Hello."),
    }
    assert (rows["1"]["split"], rows["1"]["license"]) == ("dev", "CC0-1.0")
    assert (rows["2"]["split"], rows["2"]["license"], rows["2"]["task"]) == ("train", "LicenseRef-unknown", "qa")


def test_what_is_no_question_with_an_answer_is_a_reject(source: Path, tmp_path: Path) -> None:
    registry.prepare("text_qa", tmp_path / "out", source=source)
    rejects = read_jsonl(tmp_path / "out" / "text_qa" / REJECTS)
    assert {int(row["cut_id"].rpartition(":")[2]): row["reason"] for row in rejects} == {
        5: Reason.bad_row,
        6: Reason.empty_text,
        7: Reason.target_missing,
        8: Reason.bad_row,
        9: Reason.bad_row,
        10: Reason.empty_text,
        11: Reason.bad_row,
        12: Reason.bad_row,
        13: Reason.bad_row,
        14: Reason.bad_row,
    }


def test_a_folder_without_jsonl_is_an_error(tmp_path: Path, write: Callable[[Path, str], Path]) -> None:
    write(tmp_path / "qa" / "wizard.json", "[]")
    with pytest.raises(MissingFileError, match=r"holds no JSONL file. It holds wizard.json"):
        registry.prepare("text_qa", tmp_path / "out", source=tmp_path / "qa")
