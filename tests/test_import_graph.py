"""The house as drawn from its imports: no circle, few files in a folder; and the drawing itself."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.import_graph import (
    PACKAGES,
    ROOT,
    circle,
    class_names,
    floors,
    folders,
    import_graph,
    lazy_imports,
    module_files,
    rooms,
)

CROWDED = {"recipes", "soundwave/cli"}  # one file a corpus, one file a command


def test_no_file_imports_itself_through_others() -> None:
    assert circle(import_graph()) == []


@pytest.mark.parametrize("package", PACKAGES)
def test_no_room_imports_itself_through_others(package: str) -> None:
    assert circle(rooms(import_graph(), package)) == []


@pytest.mark.parametrize(
    "line",
    [
        "from curation.text import say",
        "def late() -> None:\n    from curation.text import say",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import curation.text",
    ],
    ids=["on top", "in a function", "for types"],
)
def test_a_planted_circle_is_found(line: str, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "curation" / "text", tmp_path / "curation" / "text")
    assert circle(import_graph(tmp_path)) == []
    (tmp_path / "curation/text/words.py").write_text(line, encoding="utf-8")
    assert set(circle(import_graph(tmp_path))) == {"curation.text", "curation.text.words"}


def test_a_planted_circle_of_rooms_is_found(tmp_path: Path) -> None:
    for name, line in {"low/a": "", "low/b": "import curation.high.c", "high/c": "import curation.low.a"}.items():
        path = tmp_path / f"curation/{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(line, encoding="utf-8")
    graph = import_graph(tmp_path)
    assert circle(graph) == []  # no file, but the rooms
    assert set(circle(rooms(graph, "curation"))) == {"curation.low", "curation.high"}


def test_folders_hold_few_files() -> None:
    crowded = {name: count for name, count in folders().items() if count > 16 and name not in CROWDED}
    assert crowded == {}


def test_a_class_name_means_one_thing() -> None:
    assert [name for name, count in class_names(module_files().values()).items() if count > 1] == []


def test_floors_count_what_stands_below() -> None:
    assert floors({"roof": {"wall"}, "wall": {"ground"}, "ground": set(), "shed": set()}) == {
        "ground": 1,
        "shed": 1,
        "wall": 2,
        "roof": 3,
    }


def test_imports_inside_functions_are_counted_once(tmp_path: Path) -> None:
    path = tmp_path / "some.py"
    path.write_text(
        "import os\ndef f():\n    import re\n    def g():\n        from json import dumps, loads\n", encoding="utf-8"
    )
    assert lazy_imports([path]) == 2
