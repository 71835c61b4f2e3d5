"""Metrics are found by their files; a new one is a file, followed here from its name to its rows."""

import json
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from manifests.errors import SettingsError
from soundwave.cli import build_app
from soundwave.evaluate import metrics, registry
from soundwave.evaluate.held_out import KINDS, EvalOptions
from soundwave.evaluate.metric import Figure
from soundwave.evaluate.registry import METRICS
from soundwave.train.loop import train
from soundwave.train.settings import StageSettings

NEW = '''"""Share of transcripts that begin with the word "press"."""

from soundwave.evaluate.held_out import held_out
from soundwave.evaluate.metric import Family, Figure


def measure(context):
    """`clips`, `pressed`."""
    cuts = held_out(context, "asr").cuts
    return {"clips": len(cuts), "pressed": sum(cut.text.startswith("press") for cut in cuts) / len(cuts)}


METRIC = Family(
    rows=("asr",),
    figures=(Figure("pressed", "Transcripts with press", "higher", frozenset(), best=1.0),),
    measure=measure,
)
'''


@pytest.fixture
def press(tmp_path, monkeypatch):
    """A folder of the package with one metric more, `press`."""
    (tmp_path / "press.py").write_text(NEW)
    monkeypatch.setattr(metrics, "__path__", [*metrics.__path__, str(tmp_path)])
    return tmp_path


@pytest.fixture(scope="module")
def run(workspace, stage_values, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "one"
    train(StageSettings(**stage_values(steps=1)), plan=workspace / "mixtures" / "speech", output=folder)
    return folder


def ask(*words):
    result = CliRunner().invoke(build_app(), ["eval", *map(str, words)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


def test_a_new_metric_is_one_file(press, run, workspace):
    assert 'press       Share of transcripts that begin with the word "press".' in ask("--list-metrics")
    listed = {row["name"]: row for row in json.loads(ask("--list-metrics", "--json"))}
    assert listed["press"]["rows"] == ["asr"] and listed["press"]["figures"] == ["pressed"]
    where = ("--catalog", workspace / "catalog", "--split", "train", "--min-words", 1)
    row = json.loads(ask(run, *where, "--metrics", "press", "--json"))
    with_press = row["metrics"]["press"]
    assert with_press["clips"] == 14 and 0 <= with_press["pressed"] <= 1
    assert registry.read_figure(row, "pressed") == (with_press["pressed"], None, None)
    assert "press.pressed" in ask(run, *where, "--metrics", "press")
    assert json.loads((run / "eval-train-metrics.json").read_text(encoding="utf-8"))["families"]["press"] == with_press


def test_a_file_that_is_no_metric_is_named(press):
    (press / "nothing.py").write_text('"""Nothing."""\nMETRIC = 1\n')
    with pytest.raises(SettingsError, match=r"nothing\.py: METRIC is int, expected what a metric is"):
        METRICS.find("nothing")


def test_every_file_is_a_metric_with_a_line_about_it():
    assert METRICS.names() == ["asr", "ctc", "kept", "loss", "retention", "similarity", "sound", "speed", "st"]
    assert all(METRICS.title(name).endswith(".") for name in METRICS.names())
    for row in registry.describe():
        assert set(row["rows"]) <= set(KINDS) and row["figures"] and set(row["needs"]) <= {"llm", "ctc", "text"}


def test_figures_have_names_of_their_own():
    figures = [name for row in registry.describe() for name in row["figures"]]
    assert len(set(figures)) == len(figures) and not set(figures) & set(METRICS.names())
    assert registry.find_figure("chrf")[0] == "st"
    assert registry.find_figure("st") == registry.find_figure("bleu")  # a metric stands for its first figure


def test_choice_of_metrics():
    assert registry.choose(["asr"]) == ["asr"]
    assert registry.choose(["kept,st", "ctc", "st"]) == ["ctc", "kept", "st"]
    assert registry.choose(["all"]) == METRICS.names()
    with pytest.raises(SettingsError, match=r"No metric is called `simlarity`\..*similarity"):
        registry.choose(["asr,simlarity"])
    with pytest.raises(SettingsError, match="No metric is named"):
        registry.choose([","])
    with pytest.raises(SettingsError, match=r"No figure is called `bleau`\..*bleu"):
        registry.find_figure("bleau")


def test_figures_are_read_from_the_rows_that_eval_prints():
    row = {"ctc_wer": 0.25, "ctc_wer_band": [0.2, 0.3]}
    row |= {"metrics": {"st": {"bleu": 30.5}, "sound": {"skipped": "no rows"}, "retention": {"qa": None}}}
    row["metrics"]["kept"] = {"asr": {"kept_of_encoder": 0.1}}
    assert registry.read_figure(row, "ctc_wer") == (0.25, 0.2, 0.3)
    assert registry.read_figure(row, "bleu") == (30.5, None, None)
    assert registry.read_figure(row, "kept_of_encoder")[0] == 0.1
    for missing in ("llm_wer", "map", "qa_loss_change", "retrieval"):
        assert registry.read_figure(row, missing) == (None, None, None)


def test_an_error_is_the_distance_from_the_best_value():
    wer, bleu = Figure("wer", "WER", "lower", best=0.0), Figure("bleu", "BLEU", "higher", best=100.0)
    assert (wer.error(0.3), bleu.error(30.0)) == (0.3, 70.0)
    assert (wer.value(0.3), bleu.value(70.0)) == (0.3, 30.0)
    assert (wer.formula("x"), bleu.formula("x")) == ("x", "100 - (x)")


def test_a_changed_option_is_another_question(tmp_path):
    (tmp_path / "text").write_text("a")
    one = EvalOptions(split="test", text=tmp_path / "text")
    before = METRICS.find("ctc").basis(one)
    (tmp_path / "text").write_text("b")
    assert METRICS.find("ctc").basis(one) != before
    assert METRICS.find("asr").basis(EvalOptions(split="test", decode=("joint",))) != METRICS.find("asr").basis(one)


def test_figures_are_found_without_loading_what_measures_them():
    code = (
        "import sys; from soundwave.evaluate.registry import find_figure; find_figure('asr.llm_wer'); "
        "print([name for name in ('torch', 'transformers', 'sklearn') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True)
    assert done.stdout.strip() == "[]"
    for name, metric in METRICS.all().items():
        assert [registry.find_figure(f"{name}.{figure.name}") for figure in metric.figures] == [
            (name, figure) for figure in metric.figures
        ]


def test_figures_that_a_file_does_not_spell_out_are_found_by_loading_it(press):
    path = press / "press.py"
    path.write_text(NEW.replace("figures=(Figure", "figures=tuple([Figure").replace("best=1.0),)", "best=1.0)])"))
    assert "tuple([" in path.read_text()
    assert registry.find_figure("press.pressed")[0] == "press"
