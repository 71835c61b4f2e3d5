"""`soundwave ablate` from grid to rows on a small real catalog and real plans.

Trainings and evaluations are small scripts injected in place of `soundwave train` and `soundwave eval`: the first
writes the run.json and metrics.jsonl that a training would, the second prints an error rate that depends on the run.
"""

import json
import sys

import duckdb
import pytest

from manifests.errors import MissingFileError, OccupiedError, SettingsError
from manifests.fingerprint import fingerprint
from manifests.runs import FINAL, WEIGHTS, RunInfo
from manifests.settings import Override
from soundwave.ablation.commands import (
    Commands,
    EvalTask,
    TrainTask,
    eval_command,
    is_trained,
    train_command,
    training_key,
)
from soundwave.ablation.fits.size import fit_arm
from soundwave.ablation.grid import Evaluate, Grid, load_grid
from soundwave.ablation.results import read_results
from soundwave.ablation.run import Ablation, ablate, describe
from soundwave.evaluate.registry import find_figure
from tests.soundwave.ablation.small_catalog import small_catalog, write_grid

FAKE_TRAIN = """
import json, os, pathlib, sys
settings, plan, output, init, log = sys.argv[1:6]
run = pathlib.Path(output)
run.mkdir(parents=True, exist_ok=True)
with open(log, "a") as stream:
    stream.write(run.name + "\\n")
assert os.environ["OMP_NUM_THREADS"] == "1"
assert (pathlib.Path(plan) / "plan.parquet").is_file() and pathlib.Path(settings).is_file()
assert init == "none" or (pathlib.Path(init) / "run.json").is_file()
if len(sys.argv) > 6 and sys.argv[6] in run.name:
    sys.exit("the loss is not a number")
rows = [{"step": step, "steps": 3, "loss": 3.0 - step} for step in range(3)]
(run / "metrics.jsonl").write_text("".join(json.dumps(row) + "\\n" for row in rows))
info = {"steps": 3, "seconds": 2.0, "cpu_seconds": 1.5, "status": "done", "plan": plan}
(run / "run.json").write_text(json.dumps(info))
"""
FAKE_EVAL = """
import json, sys
names = sys.argv[2].split(",") if sys.argv[2] else []
rates = {name + "_wer": (0.4 if name == "ctc" else 0.6) for name in names}
bands = {name + "_wer_band": [0.3, 0.7] for name in names}
run = json.load(open(sys.argv[1] + "/run.json"))
clips = json.load(open(run["plan"] + "/lock.json"))["domains"]["asr"]["unique"]
metrics = {"st": {"bleu": 100 - 600 / clips}, "sound": {"map": 0.5, "map_band": [0.4, 0.55]}}
asked = {name: metrics[name] for name in sys.argv[3].split(",") if name}
loss = {"lm_loss": None if names == ["ctc"] else 2.0, "ctc_loss": 1.0, "domains": {"asr": {"ctc_loss": 1.0}}}
facts = {"clips": 2, "words": 6} if names else {}
print(json.dumps({**facts, **rates, **bands, "metrics": asked, "also": [{"metrics": {"loss": loss}}]}))
"""


@pytest.fixture
def place(tmp_path):
    return small_catalog(tmp_path), tmp_path


def fake_commands(log, fail=""):
    def train(task: TrainTask):
        paths = (str(task.settings), str(task.plan), str(task.output), str(task.init or "none"), str(log))
        return (sys.executable, "-S", "-c", FAKE_TRAIN, *paths, *([fail] if fail else []))

    def evaluate(task: EvalTask):
        words = (str(task.run), ",".join(task.decode), ",".join(task.metrics))
        return (sys.executable, "-S", "-c", FAKE_EVAL, *words)

    return Commands(train, lambda task: (task.output / "run.json").is_file(), evaluate)


def test_every_cell_and_stage_becomes_a_row_and_equal_trainings_happen_once(place):
    catalog, folder = place
    grid = write_grid(folder, fractions=[0.5, 1.0])
    log = folder / "trained"
    summary = ablate([str(grid)], catalog, folder / "out", commands=fake_commands(log))
    assert (summary.trained, summary.reused, summary.failed) == (6, 0, {})
    assert len(log.read_text().split()) == len(set(log.read_text().split())) == 6
    assert len(summary.rows) == 2 * 2 + 2  # two sizes of two stages, two sizes of one
    rows = {(row["arm"], row["fraction"], row["stage"]): row for row in summary.rows}
    first, second = rows["full", 1.0, "alignment"], rows["full", 1.0, "shrinking"]
    assert (first["ctc_wer"], first["llm_wer"]) == (0.4, None)  # stage I trains no LLM
    assert (second["ctc_wer"], second["llm_wer"], second["llm_wer_low"]) == (0.4, 0.6, 0.3)
    assert (first["wall_seconds"], second["wall_seconds"], second["cpu_seconds"]) == (2.0, 4.0, 3.0)
    assert (first["last"], second["last"], second["position"]) == (False, True, 2)
    assert second["clips"] == 2


def test_the_outcome_is_a_figure_of_any_metric(place):
    catalog, folder = place
    grid = write_grid(folder, fractions=[0.25, 0.5, 1.0], metric="bleu")
    summary = ablate([str(grid)], catalog, folder / "out", commands=fake_commands(folder / "log"))
    rows = {(row["arm"], row["fraction"], row["stage"]): row for row in summary.rows}
    assert rows["full", 1.0, "alignment"]["bleu"] is None  # stage I trains no LLM
    assert [rows["short", size, "shrinking"]["bleu"] for size in (0.25, 0.5, 1.0)] == [-100, 0, 50]
    assert rows["short", 1.0, "shrinking"]["llm_wer"] is None  # nobody asked for error rates
    report = json.loads((folder / "out" / "grid" / "grid.json").read_text())
    assert (report["metric"], report["figure"]["better"]) == ("bleu", "higher")
    assert "distinct sizes" in report["fits"]["short"]["reason"]
    (kept,) = duckdb.connect().execute(f"SELECT max(bleu) FROM '{folder}/out/grid/results.parquet'").fetchone()
    assert kept == 50


def test_the_law_of_a_figure_where_higher_is_better_is_of_what_is_missing_to_the_best():
    sizes = (0.25, 0.5, 1.0)
    rows = [{"arm": "a", "last": True, "hours": size, "fraction": size, "seed": 7, "bleu": 100 - 20 / size}
            | {"bleu_low": 99 - 20 / size, "bleu_high": 101 - 20 / size} for size in sizes]  # fmt: skip
    grid = {"question": "Why?", "arms": {"a": [{"stage": "sft", "mixture": "sft"}]}, "fractions": sizes}
    report = describe("g", Grid.model_validate(grid | {"metric": "bleu"}), rows)
    fit = report["fits"]["a"]
    assert fit["curve"]["exponent"] == pytest.approx(1, abs=1e-6)
    assert fit["formula"] == "100 - (20 · hours^-1.00)"
    assert fit["curve"]["band_from"] == "test clips"
    none = fit_arm(rows, "a", find_figure("qa_loss_change")[1])
    assert none.curve is None and "no best value" in none.reason


def test_a_metric_stands_beside_the_error_rates_that_are_asked_for(place):
    catalog, folder = place
    grid = write_grid(folder, metric="sound", evaluate={"corpus": "prompts", "decode": ["llm"]})
    assert load_grid(str(grid)).metric == "label_accuracy"  # a metric's name means its first figure
    grid = write_grid(folder, metric="map", evaluate={"corpus": "prompts", "decode": ["llm"]})
    summary = ablate([str(grid)], catalog, folder / "out", commands=fake_commands(folder / "log"))
    row = next(row for row in summary.rows if row["last"])
    assert (row["llm_wer"], row["map"], row["map_low"], row["map_high"]) == (0.6, 0.5, 0.4, 0.55)


def test_an_evaluation_of_the_version_before_is_found(place):
    catalog, folder = place
    ablation = Ablation([str(write_grid(folder))], catalog, folder / "out")
    node = next(node for node in ablation.expansion.nodes.values() if node.parent)
    asked = {"split": "test", "corpus": "prompts", "min_words": 3, "decode": ["ctc", "llm"]}
    assert ablation.evaluation_file(node, ablation.grids["grid"]).stem == f"{node.run_name}-{fingerprint(asked)[:8]}"


def test_seeds_replace_those_of_the_grid(place):
    catalog, folder = place
    grid = write_grid(folder)
    commands = fake_commands(folder / "trained")
    seeds = {grid.stem: [Override("seeds", [8, 9], "--seed")]}
    summary = ablate([str(grid)], catalog, folder / "out", overrides=seeds, commands=commands)
    assert {row["seed"] for row in summary.rows} == {8, 9}
    twice = [Override("seeds", [8, 8], "--seed")]
    with pytest.raises(SettingsError, match="with --seed: seeds hold a number twice"):
        ablate([str(grid)], catalog, folder / "out", overrides=twice, commands=commands)


def test_hours_are_unique_audio_of_the_steps_trained(place):
    catalog, folder = place
    grid = write_grid(folder, fractions=[0.5, 1.0])
    summary = ablate([str(grid)], catalog, folder / "out", commands=fake_commands(folder / "log"))
    rows = {(row["arm"], row["fraction"], row["stage"]): row for row in summary.rows}
    plans = folder / "out" / "plans"
    for row in rows.values():
        chain = [r for r in rows.values() if r["cell"] == row["cell"] and r["position"] <= row["position"]]
        parts = " UNION ".join(
            f"SELECT cut_id FROM '{plans / other['plan'] / 'plan.parquet'}' WHERE step < 3" for other in chain
        )
        (clips,) = duckdb.connect().execute(f"SELECT count(*) FROM ({parts})").fetchone()
        assert row["hours"] == pytest.approx(clips * 3 / 3600)
        assert clips > 0


def test_smaller_sizes_are_inside_bigger_ones(place):
    catalog, folder = place
    summary = ablate(
        [str(write_grid(folder, fractions=[0.5, 1.0]))], catalog, folder / "out", commands=fake_commands(folder / "log")
    )
    plans = {
        row["fraction"]: {
            r[0]
            for r in duckdb.connect()
            .execute(f"SELECT cut_id FROM '{folder}/out/plans/{row['plan']}/plan.parquet'")
            .fetchall()
        }
        for row in summary.rows
        if row["stage"] == "alignment"
    }
    assert plans[0.5] < plans[1.0]
    assert len(plans[1.0]) == 12


def test_a_rerun_reuses_everything_and_says_the_same(place):
    catalog, folder = place
    grid, out, log = write_grid(folder), folder / "out", folder / "log"
    first = ablate([str(grid)], catalog, out, commands=fake_commands(log))
    before = (out / "grid" / "results.parquet").read_bytes()
    again = ablate([str(grid)], catalog, out, commands=fake_commands(log))
    assert (again.trained, again.reused) == (0, first.trained)
    assert again.rows == first.rows == read_results(out / "grid")
    assert (out / "grid" / "results.parquet").read_bytes() == before
    assert len(log.read_text().split()) == first.trained


def test_a_failure_leaves_the_other_cells_and_is_named(place):
    catalog, folder = place
    grid = write_grid(folder)
    summary = ablate([str(grid)], catalog, folder / "out", commands=fake_commands(folder / "log", fail="alignment"))
    assert list(summary.failed) == ["train full alignment"]
    assert [row["arm"] for row in summary.rows] == ["short"]
    assert "not a number" in next(iter(summary.failed.values())).read_text()
    report = json.loads((folder / "out" / "grid" / "grid.json").read_text())
    assert report["next"].startswith("Run full at 100 % with seed 7 next")
    assert report["fits"]["short"]["curve"] is None and "sizes" in report["fits"]["short"]["reason"]
    mended = ablate([str(grid)], catalog, folder / "out", commands=fake_commands(folder / "log"))
    assert (mended.trained, mended.reused, mended.failed) == (2, 1, {})


def test_nothing_trains_when_something_is_wrong(place):
    catalog, folder = place
    log = folder / "log"
    with pytest.raises(SettingsError, match="unknown key `stepz`"):
        broken = {"full": [{"stage": "alignment-stage.yaml", "mixture": "alignment.yaml", "settings": {"stepz": 1}}]}
        ablate([str(write_grid(folder, arms=broken))], catalog, folder / "out", commands=fake_commands(log))
    with pytest.raises(MissingFileError, match="No such catalog"):
        ablate([str(write_grid(folder))], folder / "nowhere", folder / "out", commands=fake_commands(log))
    assert not log.exists()


def tree(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_results_of_another_grid_of_the_name_are_kept_or_moved_aside(place):
    catalog, folder = place
    commands, out = fake_commands(folder / "log"), folder / "out"
    ablate([str(write_grid(folder))], catalog, out, commands=commands)
    before, trained = tree(out), (folder / "log").read_text()
    other = str(write_grid(folder, seeds=[8], evaluate={"corpus": "prompts", "min_words": 2}))
    with pytest.raises(OccupiedError, match="holds results of another grid of this name") as raised:
        ablate([other], catalog, out, commands=commands)
    assert "\n  evaluate.min_words: found 3, asked 2\n  seeds: found [7], asked [8]\n" in str(raised.value)
    assert tree(out) == before and (folder / "log").read_text() == trained
    ablate([other], catalog, out, commands=commands, aside=True)
    assert {row["seed"] for row in read_results(out / "grid.old-1")} == {7}
    assert {row["seed"] for row in read_results(out / "grid")} == {8}


def test_a_grid_that_only_grew_goes_on(place):
    catalog, folder = place
    commands, out = fake_commands(folder / "log"), folder / "out"
    first = ablate([str(write_grid(folder))], catalog, out, commands=commands)
    grown = write_grid(folder, seeds=[7, 8], fractions=[0.5, 1.0], question="And with more?")
    again = ablate([str(grown)], catalog, out, commands=commands)
    assert again.reused == first.trained and not (out / "grid.old-1").exists()


def test_a_run_of_an_earlier_versions_name_is_found_by_what_it_is(place):
    """The key in run.json says what a run is; the folder's name is only a name."""
    catalog, folder = place
    ablation = Ablation([str(write_grid(folder))], catalog, folder / "out")
    ablation.make_plans()
    nodes = list(ablation.expansion.nodes.values())
    first = next(node for node in nodes if node.parent is None and node.stage == "alignment")
    second = next(node for node in nodes if node.parent == first.key)
    for node, name in ((first, "alignment-old"), (second, "shrinking-old")):
        task = ablation.task(node)
        start = ablation.run_folder(first) if node.parent else None
        key = training_key(node.settings, task.plan, start)
        run = folder / "out" / "runs" / name
        info = RunInfo(name, node.stage, key, "", str(start) if start else None, steps=3, step=3, status="done")
        info.write(run)
        (run / FINAL).mkdir()
        (run / FINAL / WEIGHTS).write_text(name)
        ablation.find_runs()
        assert ablation.run_folder(node) == run and is_trained(ablation.task(node)) is False  # its settings file is new
    ablation.make_plans()
    assert is_trained(ablation.task(first)) and is_trained(ablation.task(second))
    assert ablation.task(second).init == folder / "out" / "runs" / "alignment-old"
    assert all(job.done() for job in ablation.jobs() if job.key in (first.key, second.key))


def test_the_commands_are_what_people_type(place):
    catalog, folder = place
    ablation = Ablation([str(write_grid(folder))], catalog, folder / "out")
    ablation.make_plans()
    node = next(node for node in ablation.expansion.nodes.values() if node.parent)
    task = ablation.task(node)
    command = train_command(task)
    assert command[3:5] == ("train", str(task.settings))
    assert command[command.index("--init") + 1] == str(task.init)
    assert not is_trained(task)
    more = eval_command(EvalTask(task.output, catalog, Evaluate(), (), ("st",)))
    assert "--decode" not in more and more[more.index("--metrics") + 1] == "st"
    both = eval_command(EvalTask(task.output, catalog, Evaluate(), ("ctc",), ("st",)))
    assert both[both.index("--metrics") + 1] == "asr,st"
    evaluation = eval_command(EvalTask(task.output, catalog, Evaluate(), ("ctc", "llm")))
    assert "--metrics" not in evaluation  # error rates are what `soundwave eval` gives by itself
    assert evaluation[3:5] == ("eval", str(task.output))
    assert [evaluation[place + 1] for place, part in enumerate(evaluation) if part == "--decode"] == ["ctc", "llm"]
