from __future__ import annotations

from pathlib import Path

import pytest

from manifests.files import read_json
from soundwave.demo.phases import Phases


def test_times_of_interrupted_runs_add_up_and_reuse_keeps_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "timings.json"
    with pytest.raises(KeyboardInterrupt), Phases(path).phase("encode", "Encoding"):
        raise KeyboardInterrupt
    assert "run the same command again" in capsys.readouterr().err
    first = read_json(path)["phases"][0]["seconds"]
    with Phases(path).phase("encode", "Encoding") as phase:
        phase.note = "3 cuts"
    second = read_json(path)["phases"][0]["seconds"]
    assert second > first > 0
    again = Phases(path)
    with again.phase("encode", "Encoding") as phase:
        phase.reused = True
    assert read_json(path)["phases"][0]["seconds"] == second
    again.table()
    assert "reused" in capsys.readouterr().err


def test_a_broken_file_of_times_is_no_reason_to_stop(tmp_path: Path) -> None:
    (tmp_path / "timings.json").write_text("{")
    with Phases(tmp_path / "timings.json").phase("a", "A"):
        pass
    assert [row["name"] for row in read_json(tmp_path / "timings.json")["phases"]] == ["a"]
