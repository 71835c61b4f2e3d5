"""Surfaces, curves and trade-offs to draw: what `ablate fit` says, and each point with its runs."""

import json
import shutil

import pytest

from soundwave.ablation.claims.study import read_study
from soundwave.ablation.fits.study_fits import fits_of
from tests.soundwave.explore.explored import write_shares


@pytest.fixture
def fits(reader):
    return lambda **asked: reader.get("/api/fits", params=asked).json()


def test_a_surface_over_a_share_and_sizes_is_what_ablate_fit_says(fits, explored):
    found = fits(grid="shares", outcome="wer")
    (drawing,), said = found["drawings"], fits_of(read_study(explored / "ablation" / "shares", "wer")).responses[0]
    assert found["why"] == "" and drawing["sentences"] == said.sentences()
    assert [axis["name"] for axis in drawing["axes"]] == ["share.low", "size"], "size stands upright"
    assert drawing["best"] == [said.optimum.at["share.low"], said.optimum.at["size"]]
    assert drawing["line"] is None and len(drawing["tiles"]) > 100
    ends = [
        (min(t[a] for t in drawing["tiles"]), max(t[b] for t in drawing["tiles"]))
        for a, b in (["x", "x2"], ["y", "y2"])
    ]
    assert ends == [(0.0, 0.6), (0.5, 1.0)], "all that was measured, and nothing beyond"
    assert all(tile["low"] <= tile["high"] for tile in drawing["tiles"])
    near = min(drawing["tiles"], key=lambda tile: abs(tile["at_x"] - 0.2) + abs(tile["at_y"] - 1))
    worst = max(drawing["tiles"], key=lambda tile: tile["value"])
    assert near["value"] == pytest.approx(0.4, abs=0.02) and worst["at_x"] > 0.5 and worst["at_y"] == 0.5


def test_each_cell_of_a_surface_has_its_runs_of_all_seeds(fits, explored):
    (drawing,) = fits(grid="shares", outcome="wer")["drawings"]
    rows = read_study(explored / "ablation" / "shares").rows
    assert len(drawing["cells"]) == 8
    for cell in drawing["cells"]:
        share, size = cell["at"]
        mine = [row for row in rows if json.loads(row["axes"])["share.low"] == share and row["fraction"] == size]
        assert [run["cell"] for run in cell["runs"]] == [row["cell"] for row in mine] and cell["seeds"] == 2
        assert cell["value"] == pytest.approx(sum(row["wer"] for row in mine) / 2)
        assert all((run["grid"], run["run"], run["plan"]) == ("shares", "alignment-full", "p1") for run in cell["runs"])


def test_one_axis_is_a_curve_and_few_cells_are_points_alone(own, client_of):
    write_shares(own / "ablation" / "one", sizes=(1.0,))
    write_shares(own / "ablation" / "few", sizes=(1.0,), shares=(0.0, 0.3))
    client = client_of(own)
    (curve,) = client.get("/api/fits", params={"grid": "one", "outcome": "wer"}).json()["drawings"]
    assert [axis["name"] for axis in curve["axes"]] == ["share.low"] and curve["tiles"] is None
    assert [curve["line"][n]["x"] for n in (0, -1)] == [0.0, 0.6]
    assert all(point["low"] <= point["value"] <= point["high"] for point in curve["line"])
    (points,) = client.get("/api/fits", params={"grid": "few", "outcome": "wer"}).json()["drawings"]
    assert (points["line"], points["tiles"], points["best"]) == (None, None, None)
    assert len(points["cells"]) == 2 and "needs at least 4" in points["sentences"][0]


def test_where_there_is_no_axis_or_one_outcome_a_sentence_says_so(fits, reader):
    found = fits(grid="ladder", outcome="ctc_wer")
    assert found["drawings"] == [] and "no surface to draw" in found["why"]
    beside = fits(grid="ladder", outcome="lm_loss")
    assert beside["drawings"] == [] and "ctc_wer" in beside["why"]
    traded = reader.get("/api/trade", params={"grid": "ladder"}).json()
    assert traded["cells"] == [] and traded["why"] == "One outcome has no trade-off."


def test_a_trade_off_marks_what_no_other_cell_beats(reader):
    found = reader.get("/api/trade", params={"grid": "shares"}).json()
    assert found["outcomes"] == [{"name": "wer", "better": "lower"}, {"name": "sounds", "better": "higher"}]
    for cell in found["cells"]:
        beaten = any(
            other["values"]["wer"] <= cell["values"]["wer"] and other["values"]["sounds"] >= cell["values"]["sounds"]
            for other in found["cells"]
            if other is not cell
        )
        assert cell["on_front"] is not beaten and len(cell["runs"]) == 2
    assert {cell["on_front"] for cell in found["cells"]} == {True, False}


def test_clips_behind_a_point_stand_worst_first_whichever_way_is_better(reader):
    def clips(outcome):
        asked = {"grid": "shares", "cell": "full-50%-0.1-seed7", "outcome": outcome}
        return [row["cut_id"] for row in reader.get("/api/clips", params=asked).json()]

    assert clips("wer") == ["prompts-07", "prompts-06"], "the higher error first"
    assert clips("sounds") == ["prompts-06", "prompts-07"], "the lower accuracy first"


def test_two_studies_whose_grids_and_runs_have_the_same_names_are_told_apart(own, client_of):
    """Runs, plans and clips of a point are those of its own study."""
    other = shutil.copytree(own / "ablation", own / "second")
    write_shares(other / "shares", sizes=(1.0,))
    client = client_of(own)
    studies = {study["id"]: study for study in client.get("/api/studies").json()}
    assert set(studies) == {
        str(own / place / name) for place in ("ablation", "second") for name in ("ladder", "shares")
    }
    runs = set()
    for key, study in studies.items():
        (run,) = {run["run"] for point in study["points"] for run in point["runs"]}
        runs.add(run)
        found = client.get("/api/run", params={"run": run}).json()
        assert found["run"]["folder"] == str((own / key).parent / "runs" / "alignment-full")
    assert len(runs) == 2
    asked = {"cell": "full-50%-0.1-seed7", "outcome": "wer"}
    assert len(client.get("/api/clips", params=asked | {"grid": str(own / "ablation" / "shares")}).json()) == 2
    assert client.get("/api/clips", params=asked | {"grid": str(own / "second" / "shares")}).json() == []


def test_no_such_study(reader):
    for path in ("fits", "clips", "trade"):
        answer = reader.get(f"/api/{path}", params={"grid": "../secret", "cell": "c", "outcome": "wer"})
        assert answer.status_code == 404 and "no study" in answer.json()["error"]
