"""What is in a grid's folder while its sweep goes on."""

import json

import pyarrow.parquet as pq
import pytest

from manifests.files import read_jsonl
from soundwave.ablation.commands import Commands, one_thread
from soundwave.ablation.execute import run_jobs
from soundwave.ablation.results import read_results
from soundwave.ablation.run import Ablation, Running, ablate, asked_for
from soundwave.ablation.running.by_cell import CellByCell
from tests.soundwave.ablation.running.test_sweep import ANSWERS, commands
from tests.soundwave.ablation.small_catalog import small_catalog, write_grid

TABLES = ("results.jsonl", "results.parquet", "clips.parquet", "grid.json")
OUTCOMES = {"wer": {"metric": "asr.llm_wer", "corpus": "prompts"}}
SHORT = {"short": [{"stage": "shrinking-stage.yaml", "mixture": "shrinking.yaml"}]}
# An evaluation that, once another one is there, does not end before there is a table: of that it keeps a copy.
WAITS = """
import pathlib, shutil, sys, time
place = pathlib.Path(sys.argv[4])
others = [path for path in place.glob("evaluations/*.json") if path.stat().st_size]
for _ in range(2000 if others else 0):
    if (place / "grid" / "results.parquet").exists():
        shutil.copytree(place / "grid", place / "seen")
        break
    time.sleep(0.01)
else:
    assert not others, "no table"
"""


@pytest.fixture
def place(tmp_path):
    return small_catalog(tmp_path), tmp_path


def tables(folder):
    return {name: (folder / name).read_bytes() for name in TABLES}


def cells(folder):
    rows = list(read_jsonl(folder / "results.jsonl"))
    assert pq.read_table(folder / "results.parquet").to_pylist() == rows
    assert set(pq.read_table(folder / "clips.parquet")["cell"].to_pylist()) == {row["cell"] for row in rows}
    return {row["cell"] for row in rows}


def test_a_table_is_there_while_others_are_trained(place):
    catalog, folder = place
    plain = commands(folder)

    def evaluate(task):
        *start, code, run, also, wer = plain.evaluate(task)
        assert code == ANSWERS
        return (*start, WAITS + code, run, also, wer, str(folder / "out"))

    grid = str(write_grid(folder, arms=SHORT, seeds=[7, 8], outcomes=OUTCOMES))
    waits = Commands(plain.train, plain.trained, evaluate)
    summary = ablate([grid], catalog, folder / "out", workers=1, commands=waits)
    assert not summary.failed and not summary.failures and len(cells(folder / "out" / "grid")) == 2
    (first,) = cells(folder / "out" / "seen")
    report = json.loads((folder / "out" / "seen" / "grid.json").read_text())
    assert report["unfinished"] == 1 and report["question"] == "Does it?" and "claims" not in report
    taken = Ablation([grid], catalog, folder / "there", results=folder / "out" / "seen" / "results.parquet").taken
    assert list(taken) == [f"grid/{first}"]
    final = tables(folder / "out" / "grid")
    ablate([grid], catalog, folder / "out", commands=plain)  # nothing ends: it is written once, as ever
    assert tables(folder / "out" / "grid") == final


class Steps:
    """A sweep that is run job by job."""

    def __init__(self, grid, catalog, output, plain):
        self.ablation = Ablation([grid], catalog, output, plain)
        self.ablation.claim(aside=True)
        self.ablation.make_plans()
        self.watch = CellByCell(self.ablation, asked_for)

    def run(self, *cells):
        """Run what some cells need, by the seed, and look."""
        keys = {key for cell in self.ablation.expansion.cells if cell.seed in cells
                for key in self.ablation.jobs_of(cell)}  # fmt: skip
        jobs = [job for job in self.ablation.jobs() if job.key in keys]
        self.watch(run_jobs(jobs, 2, environment=one_thread()))


def test_only_whole_cells_are_in_the_table_and_failed_ones_with_their_error(place):
    catalog, folder = place
    grid, plain, out = str(write_grid(folder, seeds=[7, 8], outcomes=OUTCOMES)), commands(folder), folder / "out"
    one = Steps(grid, catalog, out, plain)
    jobs = one.ablation.jobs()
    some = [job for job in jobs if job.stdout is None]
    one.watch(run_jobs(some, 2, environment=one_thread()))  # trained, not evaluated
    assert not (out / "grid" / "results.parquet").exists()
    later = Steps(grid, catalog, out, plain)
    later.run(8)
    assert cells(out / "grid") == {"full-100%-seed8", "short-100%-seed8"}
    done = ablate([grid], catalog, out, commands=plain)
    assert done.trained == 0 and len(cells(out / "grid")) == 4
    broken = Steps(grid, catalog, folder / "broken", commands(folder, fail="alignment"))
    broken.run(7)
    rows = read_results(folder / "broken" / "grid", failed=True)
    assert [(row["arm"], bool(row["error"])) for row in rows] == [("full", True), ("short", False)]


def test_a_table_that_is_there_is_replaced_when_the_new_one_has_all_its_cells(place):
    catalog, folder = place
    grid, out = str(write_grid(folder, arms=SHORT, seeds=[7, 8], outcomes=OUTCOMES)), folder / "out"
    ablate([grid], catalog, out, commands=commands(folder))
    before = tables(out / "grid")
    changed = str(write_grid(folder, arms=SHORT, seeds=[7, 8, 9], outcomes=OUTCOMES,
                             stages={"shrinking-stage.yaml": {"steps": 2}}))  # fmt: skip
    with_other_keys = json.loads((out / "grid" / "grid.json").read_text()) | {
        "stages": {"shrinking-stage.yaml": {"steps": 2}}
    }
    (out / "grid" / "grid.json").write_text(json.dumps(with_other_keys))  # so that it is the same grid's
    before = tables(out / "grid")
    steps = Steps(changed, catalog, out, commands(folder))
    steps.run(9)
    assert tables(out / "grid") == before
    after = Steps(changed, catalog, out, commands(folder))
    after.run(7, 8)
    assert cells(out / "grid") == {"short-100%-seed7", "short-100%-seed8"}


def test_results_of_another_grid_are_moved_aside_once(place):
    catalog, folder = place
    out, plain = folder / "out", commands(folder)
    ablate([str(write_grid(folder, arms=SHORT, seeds=[7], outcomes=OUTCOMES))], catalog, out, commands=plain)
    before = tables(out / "grid")
    other = str(write_grid(folder, arms=SHORT, seeds=[8, 9], outcomes=OUTCOMES))
    steps = Steps(other, catalog, out, plain)
    steps.run(8)
    assert cells(out / "grid") == {"short-100%-seed8"} and tables(out / "grid.old-1") == before
    ablate([other], catalog, out, commands=plain, running=Running())
    assert len(cells(out / "grid")) == 2 and not (out / "grid.old-2").exists()
