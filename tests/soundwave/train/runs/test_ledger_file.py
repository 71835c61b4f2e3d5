"""A ledger or curve whose process was killed while it wrote."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from manifests.runs import LEDGER_ROWS, METRICS
from soundwave.train.runs import ledger, ledger_file
from soundwave.train.runs.ledger import Log, whole_rows

ROWS = [{"step": 0, "detail": "one\u2028two\u0085three"}, {"step": 1, "detail": "fünf"}]


@pytest.mark.parametrize("ascii_only", [True, False])
def test_only_the_torn_line_is_lost(ascii_only: bool, tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    data = "".join(json.dumps(row, ensure_ascii=ascii_only) + "\n" for row in ROWS).encode()
    path.write_bytes(data)
    assert whole_rows(path) == ROWS
    second = data.index(b"\n") + 1
    for end in range(second, len(data) - 2):  # also inside a letter of two bytes
        path.write_bytes(data[:end])
        assert whole_rows(path) == ROWS[:1]


@pytest.mark.parametrize("line", ["[1]", '{"loss": 1}', '{"step": "1"}', "[" * 5000, '{"step": 1, "step": 2', "\ufffe"])
def test_rows_end_before_a_line_that_is_no_step(line: str, tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    path.write_text(json.dumps(ROWS[0]) + f"\n{line}\n" + json.dumps(ROWS[1]) + "\n")
    assert whole_rows(path) == ROWS[:1]


GOOD = {"run": "r", "step": 0, "cut_id": "a", "domain": "asr", "loss": 1.5}


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("metrics.jsonl", "no JSON"),
        ("metrics.jsonl", '{"step": "0", "loss": 1}'),
        ("metrics.jsonl", '{"step": 0, "loss": "much"}'),
        ("ledger.jsonl", json.dumps(GOOD | {"domain": None})),
        ("ledger.jsonl", json.dumps(GOOD | {"frames": "many"})),
        ("ledger.jsonl", json.dumps(GOOD | {"frames": 2**70})),
    ],
)
def test_damaged_lines_of_an_interrupted_run_are_left_out_and_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, bad: str
) -> None:
    path = tmp_path / name
    good = [json.dumps(GOOD | {"step": step}) for step in range(3)]
    path.write_text("\n".join([good[0], bad, *good[1:], '{"step": 3, "lo']))
    Log(path, before=2).close()
    assert path.read_text().splitlines() == good[:2]
    assert f"{name}: 1 damaged lines are left out" in capsys.readouterr().err
    Log(path, before=2).close()
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("rest", ["", '{"step": 1, "lo', "PAR1\0\0"])
def test_rows_that_are_lost_at_the_end_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str], rest: str) -> None:
    path = tmp_path / LEDGER_ROWS
    path.write_text(json.dumps(GOOD | {"step": 0}) + "\n" + rest)
    Log(path, before=4).close()
    assert "its rows end after step 1 of the 4 that were trained" in capsys.readouterr().err
    path.unlink()
    Log(path, before=4).close()
    assert "its rows end after step 0 of the 4" in capsys.readouterr().err
    Log(tmp_path / "new", before=0).close()
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("name", "steps", "kept"),
    [
        ("metrics.jsonl", [0, 1, 2, 0, 1, 2], [0, 1, 2]),
        ("metrics.jsonl", [0, 1, 1, 2], [0, 1, 2]),
        ("metrics.jsonl", [2, 0, 1, 2], [2]),
        (LEDGER_ROWS, [0, 0, 1, 1, 2, 0, 0], [0, 0, 1, 1, 2]),
    ],
)
def test_rows_of_steps_that_are_over_are_left_out_and_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, steps: list[int], kept: list[int]
) -> None:
    path = tmp_path / name
    path.write_text("".join(json.dumps(GOOD | {"step": step}) + "\n" for step in steps))
    Log(path, before=3).close()
    assert [json.loads(line)["step"] for line in path.read_text().splitlines()] == kept
    assert f"{len(steps) - len(kept)} damaged lines are left out" in capsys.readouterr().err


def test_a_ledger_as_it_was_written_is_cut_without_being_read_row_by_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In parts of any size; what is kept is kept to the byte."""
    path = tmp_path / LEDGER_ROWS
    lines = [
        json.dumps(GOOD | {"step": step, "cut_id": f"ü{n}", "detail": "a\nb"}) + "\n"
        for step in range(5)
        for n in range(3)
    ]
    monkeypatch.setattr(ledger, "_sorted_out", lambda path: pytest.fail("read row by row"))
    for size in (1, 100, 1 << 20):
        monkeypatch.setattr(ledger_file, "PART", size)
        for before in (5, 3, 1, 0):
            path.write_text("".join(lines), encoding="utf-8")
            Log(path, before=before).close()
            assert path.read_text(encoding="utf-8") == "".join(lines[: 3 * before])
        path.write_text("".join(lines), encoding="utf-8")
        assert ledger_file.finish_ledger(tmp_path) == (0, 0)
        assert pq.read_table(tmp_path / "ledger.parquet")["cut_id"].to_pylist() == [
            json.loads(line)["cut_id"] for line in lines
        ]


MEASURED = {"loss": 1.5, "draws": 2}


@pytest.mark.parametrize("gone", [0, 1, 2])
def test_steps_that_are_lost_in_the_middle_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], gone: int
) -> None:
    path = tmp_path / METRICS
    path.write_text("".join(json.dumps(MEASURED | {"step": step}) + "\n" for step in range(4) if step != gone))
    log = Log(path, before=3)
    log.close()
    assert f"{METRICS}: 1 rows of earlier steps are missing" in capsys.readouterr().err
    assert log.draws is None


def test_draws_that_are_lost_in_the_middle_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [GOOD | {"step": step, "cut_id": name} for step in range(3) for name in "ab"]
    path, curve = tmp_path / LEDGER_ROWS, tmp_path / METRICS
    curve.write_text("".join(json.dumps(MEASURED | {"step": step}) + "\n" for step in range(3)))
    metrics = Log(curve, before=2)
    metrics.close()
    assert metrics.draws == 4
    for lost in range(len(rows)):
        path.write_text("".join(json.dumps(row) + "\n" for n, row in enumerate(rows) if n != lost))
        Log(path, before=2, expected=metrics.draws).close()
        told = "1 of its 4 rows are missing" in capsys.readouterr().err
        assert told == (lost < 4)  # those of the last step are trained again
