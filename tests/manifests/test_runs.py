"""run.json of this and of other versions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from manifests.errors import ManifestError, MissingFileError
from manifests.runs import RunInfo, read_run

INFO = RunInfo("stage-1", "alignment", "k0", "p0", None, 10, status="done", step=10, settings={"stage": "alignment"})


def write(folder: Path, values: Any) -> Path:
    (folder / "run.json").write_text(values if isinstance(values, str) else json.dumps(values))
    return folder


def test_a_run_is_read_as_it_was_written(tmp_path: Path) -> None:
    INFO.write(tmp_path)
    assert read_run(tmp_path) == INFO


def test_a_run_of_the_first_version_opens(tmp_path: Path) -> None:
    old = {name: value for name, value in vars(INFO).items() if name != "branch"} | {"versions": {"torch": "2.8"}}
    assert read_run(write(tmp_path, old)) == INFO


def test_a_run_of_a_newer_version_opens_without_what_it_adds(tmp_path: Path) -> None:
    assert read_run(write(tmp_path, vars(INFO) | {"watts": 300})) == INFO


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ('{"run": "stage-1", "sta', "is not valid JSON, or not whole"),
        (["run"], "holds list, expected an object"),
        ({"stage": "alignment", "steps": 3}, "`run` is missing, expected text; `key` is missing"),
        (vars(INFO) | {"steps": None}, "`steps`: found None, expected a whole number"),
        (vars(INFO) | {"status": "paused"}, "`status`: found 'paused', expected one of running, done"),
    ],
)
def test_a_run_that_cannot_be_used_says_why_and_how_to_go_on(tmp_path: Path, values: Any, said: str) -> None:
    with pytest.raises(ManifestError, match=said) as caught:
        read_run(write(tmp_path, values))
    assert "run.json" in str(caught.value) and str(caught.value).endswith("Train the run again, into another folder.")


def test_no_run(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match="No such run"):
        read_run(tmp_path)
