"""A grid's fits on the page: as `soundwave ablate fit` has them, drawn where they can be drawn."""

import re

import pytest

from manifests.files import read_jsonl, write_jsonl
from soundwave.ablation.claims.study import read_study
from soundwave.ablation.fits.study_fits import fits_of
from soundwave.ablation.next_cell import next_cell
from soundwave.report.outcome import grids
from soundwave.report.study_views import grid_view
from soundwave.report.training import curves
from soundwave.report.workspace import open_workspace
from tests.soundwave.ablation.small_study import grid, row, write_study

SHARES = (0.0, 0.05, 0.2, 0.4)


def write_shares(folder, sizes=(1.0,), seeds=(7, 8)):
    """A study of a share (and of sizes) with two outcomes: errors are least at 0.2, sounds go on to be named."""
    rows = [
        row("full", 0.3 + (share - 0.2) ** 2 + 0.1 / size + seed / 1000, seed, size, {"share.sound": share})
        | {"named": 0.2 + share + seed / 1000, "named_low": None, "named_high": None}
        for size in sizes
        for share in SHARES
        for seed in seeds
    ]
    outcomes = {"llm_wer": "llm_wer", "named": "sound.kind_accuracy"}
    asked = grid(seeds=seeds, fractions=sizes, axes={"share.sound": list(SHARES)}, outcomes=outcomes)
    return write_study(folder, asked, rows)


def view_of(folder):
    (found,) = grids(open_workspace(folder))
    return grid_view(found, None, folder / "catalog")


@pytest.mark.parametrize("sizes", [(1.0,), (0.25, 0.5, 1.0)])
def test_fits_and_trade_off_are_those_of_ablate_fit(tmp_path, sizes):
    folder = write_shares(tmp_path / "out" / "shares", sizes)
    study, view = read_study(folder), view_of(folder)
    fits = fits_of(study)
    assert [one["is_surface"] for one in view["surfaces"]] == [len(sizes) > 1] * 2
    for shown, fit in zip(view["surfaces"], fits.responses, strict=True):
        assert [line.lower() for line in shown["sentences"]] == [
            line.removeprefix(f"{fit.title}: ").lower() for line in fit.sentences()
        ]
        assert shown["chart"].count("<svg") == 2 and " style=" not in shown["chart"]
    cells = view["front"]["cells"]
    assert [(cell["cell"], cell["values"], cell["on_front"]) for cell in cells] == [
        (cell.cell, list(cell.values.values()), cell.on_front) for cell in fits.front
    ]
    assert view["next"] == next_cell(study).sentence
    assert view["ladder_chart"] is None, "sizes alone do not explain cells with other shares"
    assert view["has_axes"] and view["rows"][0]["point"] == "share.sound 0"


def test_cells_that_were_added_later_are_part_of_their_grid(tmp_path):
    folder = write_shares(tmp_path / "out" / "shares")
    more = row("full", 0.9, 9, 1.0, {"share.sound": 0.1}) | {"grid": "shares-next-1", "named": 0.1}
    asked = grid(seeds=(9,), axes={"share.sound": [0.1]}, outcomes={"llm_wer": "llm_wer", "named": "sound"})
    write_study(tmp_path / "out" / "shares-next-1", asked, [more])
    before = len(read_study(folder).rows)
    (found,) = grids(open_workspace(tmp_path / "out"))
    assert len(found.rows) == before == len(SHARES) * 2 + 1
    view = grid_view(found, None, tmp_path)
    assert view["next"] == next_cell(read_study(folder)).sentence
    assert [chain["command"] for chain in view["chains"]][-1].split()[2] == f"{folder}-next-1/{more['cell']}"


def test_a_grid_of_one_outcome_has_no_trade_off_and_few_cells_no_curve(tmp_path):
    rows = [row("full", 0.3 + share, axes={"share.sound": share}) for share in (0.0, 0.1, 0.2)]
    folder = write_study(tmp_path / "g", grid(seeds=(7,), axes={"share.sound": [0.0, 0.1, 0.2]}), rows)
    view = view_of(folder)
    assert view["front"] is None
    (surface,) = view["surfaces"]
    assert not surface["fitted"] and "needs at least 4" in surface["sentences"][0]
    assert len(re.findall("<svg", surface["chart"])) == 2, "cells are drawn without a curve"


def test_cells_with_other_shares_have_curves_of_their_own(tmp_path):
    folder = write_shares(tmp_path / "out" / "shares", seeds=(7,))
    rows = read_jsonl(folder / "results.jsonl")
    named = [one | {"run": f"runs/{number}"} for number, one in enumerate(rows)]
    write_jsonl(folder / "results.jsonl", named)
    for one in named:
        steps = [{"step": step, "seconds": float(step), "lm_loss": 2.0} for step in range(3)]
        write_jsonl(tmp_path / "out" / one["run"] / "metrics.jsonl", steps)
    found = curves(open_workspace(tmp_path / "out"))
    assert [row["arm"] for row in found] == [f"full, share.sound {share:g}" for share in SHARES]
