"""`soundwave report` and the end of `soundwave ablate`, as the command line runs them."""

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from manifests.errors import InputError, MissingFileError
from soundwave.ablation.run import AblationSummary
from soundwave.cli import ablate, report


@pytest.fixture
def app():
    app = typer.Typer()
    report.register(app)
    ablate.register(app)
    return app


def test_report_writes_the_page_and_the_summary(app, workspace, tmp_path):
    done = CliRunner().invoke(app, ["report", str(workspace), "--output", str(tmp_path / "page.html"), "--json"])
    assert done.exit_code == 0
    assert json.loads(done.stdout) == json.loads((tmp_path / "summary.json").read_text(encoding="utf-8"))
    assert (tmp_path / "page.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


def test_report_of_nothing_is_bad_input(app, tmp_path):
    done = CliRunner().invoke(app, ["report", str(tmp_path / "nowhere")])
    assert isinstance(done.exception, MissingFileError)


def test_ablate_shows_its_rows_and_ends_as_bad_input_when_a_cell_failed(app, workspace, monkeypatch):
    from soundwave.ablation import run
    from soundwave.ablation.results import read_results

    place = workspace / "ablation"
    grid = json.loads((place / "recipe" / "grid.json").read_text(encoding="utf-8"))
    summary = AblationSummary(place, read_results(place / "recipe"), {"recipe": grid}, trained=4)
    monkeypatch.setattr(run, "ablate", lambda *_, **__: summary)
    done = CliRunner().invoke(app, ["ablate", "recipe"])
    assert done.exit_code == 0
    assert "0.47 (0.42-0.52)" in done.stdout and "4 trained, 0 reused" in done.stdout
    summary.failed = {"train full sft": Path("logs/sft.log")}
    done = CliRunner().invoke(app, ["ablate", "recipe", "--json"])
    assert json.loads(done.stdout) == summary.rows
    assert isinstance(done.exception, InputError)
    assert "train full sft failed (see logs/sft.log)" in str(done.exception)
