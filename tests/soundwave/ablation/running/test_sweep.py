"""A sweep over axes from its file to rows and clips: failures, retries, limits, tables of elsewhere, lines to run.

Trainings and evaluations are the small scripts of `test_ablation_run`, on real plans; what evaluations say of clips is
written by a script, too.
"""

import json
import shlex
import shutil
import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curation.catalog import INDEX
from manifests.digests import sealed
from manifests.errors import MixtureError, SettingsError
from manifests.files import read_json, write_json
from manifests.settings.core_yaml import load_yaml
from soundwave.ablation.commands import CHILD, Commands
from soundwave.ablation.execute import Job, RunRules, run_jobs
from soundwave.ablation.results import read_results
from soundwave.ablation.run import Ablation, Running, ablate, list_commands
from soundwave.ablation.running.forecast import forecast
from soundwave.ablation.running.listing import as_line, script
from soundwave.evaluate.further import clip_rows, write_clips
from tests.soundwave.ablation.small_catalog import small_catalog, write_grid
from tests.soundwave.ablation.test_ablation_run import FAKE_TRAIN

ANSWERS = """
import json, sys
run, also, wer = sys.argv[1:4]
answers = []
for question in json.load(open(also)) if also else []:
    losses = {"loss": {"lm_loss": 2.0, "ctc_loss": 1.0, "domains": {"asr": {"lm_loss": 2.0}}}}
    sound = {"sound": {"kind_accuracy": 0.5, "kind_accuracy_band": [0.4, 0.6]}}
    rates = {"clips": 2, "words": 6, "llm_wer": float(wer), "llm_wer_band": [0.1, 0.9], "ctc_wer": 0.25}
    names = question["metrics"]
    answers.append({"metrics": losses if "loss" in names else sound, **(rates if "asr" in names else {})})
print(json.dumps({"also": answers}))
"""
TWO = {
    "wer": {"metric": "asr.llm_wer", "corpus": "prompts"},
    "kinds": {"metric": "sound.kind_accuracy", "corpus": "other"},
}


@pytest.fixture
def place(tmp_path):
    return small_catalog(tmp_path), tmp_path


def commands(folder, *, wer="0.6", fail="", flaky=False):
    """fail: no training whose run has this in its name ends well; flaky: each one does so at its second attempt."""

    def train(task):
        paths = (str(task.settings), str(task.plan), str(task.output), str(task.init or "none"), str(folder / "log"))
        once = f"import pathlib, sys; p = pathlib.Path(sys.argv[3] + '.tried')\nif not p.exists(): p.parent.mkdir(parents=True, exist_ok=True); p.touch(); sys.exit('no memory')\n"  # noqa: E501, F541
        return (sys.executable, "-S", "-c", (once if flaky else "") + FAKE_TRAIN, *paths, *([fail] if fail else []))

    def evaluate(task):
        also, questions = task.also.with_suffix(".json"), load_yaml(task.also.read_text(encoding="utf-8"))
        also.write_text(json.dumps(questions))
        clips = {"items": ["prompts-12", "prompts-13"], "values": [1, 2], "weights": [3, 3]}
        given = {"asr": ["llm_wer"], "sound": ["kind_accuracy"], "loss": ["lm_loss", "lm_loss.asr"]}
        found = []
        for number, question in enumerate(questions, 1):
            values = {metric: dict.fromkeys(given[metric], clips) for metric in question["metrics"]}
            found += clip_rows("run", number, values)
        write_clips(task.clips, found)
        return (sys.executable, "-S", "-c", ANSWERS, str(task.run), str(also), wer)

    return Commands(train, lambda task: (task.output / "run.json").is_file(), evaluate)


def grid_of(folder, **more):
    axes = {"mixture.alignment.max_repeats": [1, 2], "size": {"fractions": [0.5, 1.0], "repeats": "matched"}}
    return str(write_grid(folder, **{"axes": axes, "outcomes": TWO} | more))


def test_axes_and_outcomes_are_columns_and_every_clip_is_in_a_table(place):
    catalog, folder = place
    summary = ablate([grid_of(folder)], catalog, folder / "out", commands=commands(folder))
    assert not summary.failures and not summary.failed
    last = [row for row in summary.rows if row["last"] and row["arm"] == "full"]
    assert [json.loads(row["axes"]) for row in last] == [
        {"mixture.alignment.max_repeats": uses, "size": size} for uses in (1, 2) for size in (0.5, 1.0)]  # fmt: skip
    assert {(row["wer"], row["wer_low"], row["kinds"], row["lm_loss"], row["repeats"]) for row in last} == {
        (0.6, 0.1, 0.5, 2.0, "matched")
    }
    assert json.loads(last[0]["losses"]) == {"asr": {"lm_loss": 2.0}}
    first = next(row for row in summary.rows if row["stage"] == "alignment")
    assert (first["wer"], first["kinds"], first["ctc_loss"]) == (None, None, 1.0)  # stage I trains no LLM
    assert {row["cell"] for row in summary.rows if row["arm"] == "short"} == {"short-50%-seed7", "short-100%-seed7"}
    table = pq.read_table(folder / "out" / "grid" / "clips.parquet")
    assert table.column_names == ["grid", "cell", "arm", "seed", "stage", "outcome", "item", "group", "value", "weight"]
    rows = [row for row in table.to_pylist() if row["cell"] == last[0]["cell"] and row["stage"] == "shrinking"]
    assert {row["outcome"] for row in rows} == {"wer", "kinds", "lm_loss", "lm_loss.asr"}
    assert (
        sum(row["value"] for row in rows if row["outcome"] == "wer")
        / sum(row["weight"] for row in rows if row["outcome"] == "wer")
        == 0.5
    )
    assert {row["group"] for row in rows} == {"prompts-12", "prompts-13"}  # no speaker is known: the recording


def test_equal_plans_are_trained_once_and_it_is_said(place):
    catalog, folder = place
    summary = ablate([grid_of(folder)], catalog, folder / "out", commands=commands(folder))
    # 12 cuts, each drawn once: how often it might be drawn changes nothing. Two sizes of one plan, and two of `short`.
    assert summary.trained == len((folder / "log").read_text().split()) == 6
    assert any(
        "equal cells, trained once" in note and "max_repeats=1" in note and "max_repeats=2" in note
        for note in summary.notes
    )
    assert any("max_repeats changes nothing in the arm short" in note for note in summary.notes)
    again = ablate([grid_of(folder)], catalog, folder / "out", commands=commands(folder))
    assert (again.trained, again.reused, again.rows) == (0, 6, summary.rows)


def test_a_cell_that_fails_is_a_row_with_its_error(place):
    catalog, folder = place
    out = folder / "out"
    summary = ablate([grid_of(folder)], catalog, out, commands=commands(folder, fail="alignment"))
    assert {row["arm"] for row in summary.rows} == {"short"}
    assert {row["error"] for row in summary.failures} == {"training failed: the loss is not a number"}
    assert len(summary.failures) == 4 and read_results(out / "grid") == summary.rows
    assert len(read_results(out / "grid", failed=True)) == len(summary.rows) + 4
    assert pa.compute.count(pq.read_table(out / "grid" / "results.parquet")["error"]).as_py() == 4
    mended = ablate([grid_of(folder)], catalog, out, commands=commands(folder))
    assert not mended.failures and len(mended.rows) == 4 * 2 + 2


def test_a_value_that_is_no_number_is_a_failed_cell(place):
    catalog, folder = place
    summary = ablate([grid_of(folder)], catalog, folder / "out", commands=commands(folder, wer="nan"))
    assert {row["error"] for row in summary.failures} == {"wer is nan"}
    assert all(row["wer"] is None and row["kinds"] == 0.5 and row["hours"] > 0 for row in summary.failures)
    assert {row["stage"] for row in summary.rows} == {"alignment"}  # which has no such figure
    clips = pq.read_table(folder / "out" / "grid" / "clips.parquet")
    assert set(clips["stage"].to_pylist()) == {"alignment"}


def test_what_fails_is_tried_again_as_often_as_the_grid_says(place):
    catalog, folder = place
    assert ablate([grid_of(folder)], catalog, folder / "a", commands=commands(folder, flaky=True)).failures
    summary = ablate([grid_of(folder, retries=1)], catalog, folder / "b", commands=commands(folder, flaky=True))
    assert not summary.failed and summary.trained == 6
    none = ablate(
        [grid_of(folder, retries=1)],
        catalog,
        folder / "c",
        commands=commands(folder, flaky=True),
        running=Running(retries=0),
    )
    assert none.failed


def test_without_keep_going_a_failure_ends_it(place):
    catalog, folder = place
    one = commands(folder, fail="alignment")
    summary = ablate(
        [grid_of(folder)], catalog, folder / "out", workers=1, commands=one, running=Running(keep_going=False)
    )
    assert len(summary.failed) == 1 and summary.left > 0
    assert ablate([grid_of(folder)], catalog, folder / "out", commands=commands(folder)).left == 0


def test_when_the_time_is_over_what_runs_is_stopped(tmp_path):
    waits = (sys.executable, "-S", "-c", "import sys; sys.stdin.read()")
    jobs = [Job(name, name, waits, tmp_path / f"{name}.log", lambda: False) for name in ("a", "b")]
    outcome = run_jobs(jobs, 1, rules=RunRules(seconds=0.6))
    assert (outcome.left, outcome.finished, outcome.failed) == (["a", "b"], [], {})


def test_held_out_clips_in_a_plan_are_refused_before_anything_trains(place):
    catalog, folder = place
    grid = grid_of(folder, mixtures={"shrinking.yaml": {"query": "SELECT cut_id, domain FROM cuts"}})
    with pytest.raises(MixtureError, match=r"draws prompts-1[23], a cut of the split test \(\d such cuts\)"):
        ablate([grid], catalog, folder / "out", commands=commands(folder))
    assert not (folder / "log").exists()
    with pytest.raises(MixtureError, match="a cut of the split test"):
        forecast(Ablation([grid], catalog, folder / "out"), measure=False)


def test_cells_that_cannot_be_had_are_refused_or_left_out(place):
    catalog, folder = place
    axes = {"mixture.alignment.budget": [6, 600]}
    arms = {"full": [{"stage": "alignment-stage.yaml", "mixture": "alignment.yaml"}]}
    with pytest.raises(MixtureError, match=r"budget=600-seed7 cannot be had.*A dry run lists"):
        ablate([grid_of(folder, axes=axes, arms=arms)], catalog, folder / "out", commands=commands(folder))
    assert not (folder / "log").exists()
    grid = grid_of(folder, axes=axes, arms=arms, infeasible="skip")
    summary = ablate([grid], catalog, folder / "out", commands=commands(folder))
    assert [json.loads(row["axes"]) for row in summary.rows] == [{"mixture.alignment.budget": 6}]
    (failure,) = summary.failures
    assert "cannot be had from this catalog" in failure["error"] and failure["stage"] is None


def test_finished_cells_are_taken_from_a_table_of_elsewhere(place):
    catalog, folder = place
    there = ablate([grid_of(folder)], catalog, folder / "there", commands=commands(folder))
    before = (folder / "log").read_text()
    for name in ("results.parquet", "results.jsonl"):
        table = folder / "there" / "grid" / name
        here = ablate(
            [grid_of(folder)], catalog, folder / name, commands=commands(folder), running=Running(results=table)
        )
        assert (here.trained, here.taken) == (0, 6) and (folder / "log").read_text() == before
        assert [row | {"error": None} for row in here.rows] == there.rows
        clips = [pq.read_table(place / "grid" / "clips.parquet") for place in (folder / "there", folder / name)]
        assert clips[0].num_rows > 0 and clips[0].sort_by("cell").equals(clips[1].sort_by("cell"))
    old = pa.Table.from_pylist([{k: v for k, v in row.items() if k not in ("design", "catalog")} for row in there.rows])
    pq.write_table(old, folder / "old.parquet")  # of an earlier version: keys alone say that the catalog is this one
    of_old = Ablation([grid_of(folder)], catalog, folder / "old", results=folder / "old.parquet", any_catalog=True)
    assert len(of_old.taken) == 6 and not any("other builds" in note for note in of_old.notes())
    grown = grid_of(folder, seeds=[7, 8])
    more = ablate([grown], catalog, folder / "more", commands=commands(folder), running=Running(results=table))
    assert (more.trained, more.taken) == (6, 6)
    other = {**TWO, "kinds": {"metric": "sound.kind_accuracy", "corpus": "third"}}
    asked = ablate(
        [grid_of(folder, outcomes=other)],
        catalog,
        folder / "other",
        commands=commands(folder),
        running=Running(results=table),
    )
    assert asked.taken == 0  # measured on other rows


def test_cells_of_another_build_of_the_catalog_are_taken_when_asked_for(place):
    """The same corpora, labelled on a machine that rounds otherwise."""
    catalog, folder = place
    there = ablate([grid_of(folder)], catalog, folder / "first", commands=commands(folder))
    for name in ("results", "clips"):  # as tables of several grids stand beside each other
        shutil.copyfile(folder / "first" / "grid" / f"{name}.parquet", folder / f"grid-{name}.parquet")
    table = folder / "grid.parquet"
    (folder / "grid-results.parquet").rename(table)
    other = folder / "rounded"
    shutil.copytree(catalog, other)
    index = read_json(other / INDEX)
    write_json(other / INDEX, sealed(index | {"fingerprint": "0" * 64}))
    with pytest.raises(SettingsError, match="for cells of a table"):
        Ablation([grid_of(folder)], other, folder / "here", any_catalog=True)
    same = Ablation([grid_of(folder)], other, folder / "here", results=table)
    assert same.taken == {}  # not unless it is asked for
    running = Running(results=table, any_catalog=True)
    here = ablate([grid_of(folder)], other, folder / "here", commands=commands(folder), running=running)
    assert (here.trained, here.taken) == (0, 6)
    assert [row | {"error": None} for row in here.rows] == there.rows
    assert here.notes[-1] == "6 of the cells taken from the table were trained on other builds of the catalog"
    clips = [pq.read_table(folder / name / "grid" / "clips.parquet").sort_by("cell") for name in ("first", "here")]
    assert clips[0].num_rows > 0 and clips[0].equals(clips[1])
    changed = grid_of(folder, stages={"alignment-stage.yaml": {"optimiser": {"learning_rate": 2e-3}}})
    still = Ablation([changed], other, folder / "there", results=table, any_catalog=True).taken
    assert still and all(name.startswith("grid/short") for name in still)  # the arm without that stage


def test_the_lines_that_are_printed_make_what_the_next_call_collects(place):
    catalog, folder = place
    plain = commands(folder)
    ablation = Ablation([grid_of(folder)], catalog, folder / "out", plain)
    lines = list_commands(ablation)
    assert sorted({line.wave for line in lines}) == [1, 2, 3]
    by_key = {line.key: line for line in lines}
    assert all(by_key[need].wave < line.wave for line in lines for need in line.needs)
    done = subprocess.run("\n".join(script(lines)), shell=True, check=False, env={"OMP_NUM_THREADS": "1"}, cwd=folder)
    assert done.returncode == 0
    summary = ablate([grid_of(folder)], catalog, folder / "out", commands=plain)
    assert (summary.trained, summary.reused, len(summary.failures)) == (0, 6, 0)
    assert list_commands(Ablation([grid_of(folder)], catalog, folder / "out", plain)) == []


def test_lines_are_what_people_type(tmp_path):
    job = Job(
        "k", "t", (*CHILD, "eval", "a run", "--json"), tmp_path / "l", lambda: False, stdout=tmp_path / "e" / "x.json"
    )
    words = ["soundwave", "eval", "a run", "--json", ">", str(tmp_path / "e" / "x.json")]
    assert shlex.split(as_line(job)) == ["mkdir", "-p", str(tmp_path / "e"), "&&", *words]


def test_a_forecast_counts_what_is_still_to_be_done(place):
    catalog, folder = place
    axes = {"mixture.alignment.epochs": [1, 2], "size": {"fractions": [0.04, 1.0], "repeats": "matched"}}
    arms = {"full": [{"stage": "alignment-stage.yaml", "mixture": "alignment.yaml"}]}
    grid = grid_of(folder, axes=axes, arms=arms, infeasible="skip", seeds=[7, 8])
    found = forecast(Ablation([grid], catalog, folder / "out"), measure=False)
    assert not (folder / "out").exists()
    wrong = {row["cell"]: row["nearest"] for row in found.cells if not row["feasible"]}
    some = [f"full-{size}%-mixture.alignment.epochs={epochs}" for size, epochs in ((4, 1), (4, 2), (100, 2))]
    assert set(wrong) == {f"{name}-seed{seed}" for name in some for seed in (7, 8)}
    assert (
        1 / 24 < wrong["full-4%-mixture.alignment.epochs=1-seed7"]["size"] < 1 / 24 + 1 / 256
    )  # half of the first cut
    assert wrong["full-4%-mixture.alignment.epochs=2-seed7"] == {}  # no size helps: a cut may be used once
    assert (found.trainings, found.trained, found.seconds) == (2, 0, None)
    assert found.audio_hours == pytest.approx(2 * 3 * 6 / 3600)  # two seeds, three steps of two clips of 3 s
    assert found.power["wer"]["seeds"] == 2 and found.power["wer"]["smallest_difference"] is None
