"""A disk that takes no more, in imports, exports, `segment`, `label encode` and `sql --output`."""

from __future__ import annotations

from pathlib import Path

from tests.soundwave.disk.cases import run_cases
from tests.soundwave.disk.writers import commands, make_folder

LIMITS = {"nemo": 300, "kaldi": 300, "tars": 300, "webdataset": 9000, "shar": 9000, "nemo-tarred": 9000,
          "kaldi-out": 9000, "segment": 300, "encode": 300, "sql": 300}  # fmt: skip
LOOKS = {
    "nemo": "corpus",
    "kaldi": "corpus",
    "tars": "corpus",
    "segment": "corpus",
    "encode": "finished",
}  # an empty folder may stay


def test_a_limit_of_file_sizes(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "place" / "w")
    (folder / "rows.parquet").write_bytes(b"old")
    known = commands(folder)
    cases = [
        {
            "words": known[name][0],
            "folder": str(folder),
            "result": known[name][1],
            "look": LOOKS.get(name, "files"),
            "room": (limit,),
        }
        for name, limit in LIMITS.items()
    ]
    assert run_cases(tmp_path / "cases.json", cases) == []
