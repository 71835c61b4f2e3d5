"""What a run needs of its LLM's tokenizer is asked for when it loads: of every stage, and of what reads the run."""

import re
import shutil

import pytest
from transformers import AutoTokenizer
from typer.testing import CliRunner

from manifests.errors import InputError
from manifests.files import read_json, write_json
from soundwave.cli import build_app
from soundwave.infer.stage_one import StageOne
from soundwave.train.loop import train
from soundwave.train.settings import StageSettings
from tests.damaged_models import drop, edit

ABOUT = "tokenizer_config.json"


def no_template(folder):
    (folder / "chat_template.jinja").unlink(missing_ok=True)
    write_json(folder / ABOUT, {key: row for key, row in read_json(folder / ABOUT).items() if key != "chat_template"})


def no_end(folder):
    edit(ABOUT, eos_token=None)(folder)
    if (folder / "special_tokens_map.json").is_file():
        drop("special_tokens_map.json")(folder)


def other_template(text):
    def change(folder):
        no_template(folder)
        edit(ABOUT, chat_template=text)(folder)

    return change


def more_tokens(folder):
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.add_tokens(["<one>", "<two>"])
    tokenizer.save_pretrained(folder)


UNFIT = {
    "no template": (no_template, "has no chat template"),
    "a template that refuses": (other_template("{{ raise_exception('no system') }}"), "no system"),
    "a template that says nothing of it": (other_template("x"), "leaves out what the"),
    "no end token": (no_end, "has no end-of-sequence token"),
    "more tokens": (more_tokens, "more tokens than the LLM has embeddings"),
}


@pytest.fixture(scope="module")
def runs(workspace, stage_values, tiny_llm, tmp_path_factory):
    """A finished run of each stage, and the folder of their LLM."""
    root = tmp_path_factory.mktemp("tokenizers")
    shutil.copytree(tiny_llm, root / "llm")
    for stage in ("alignment", "shrinking"):
        model = {"llm": str(root / "llm")} | ({"ctc_vocabulary": "full"} if stage == "alignment" else {})
        settings = StageSettings(**stage_values(stage, steps=1, model=stage_values(stage)["model"] | model))
        train(settings, plan=workspace / "mixtures" / "speech", output=root / stage)
    return root


@pytest.fixture
def unfit(runs, request):
    """The LLM of the runs, whose tokenizer has become another."""
    shutil.move(runs / "llm", runs / "whole")
    shutil.copytree(runs / "whole", runs / "llm")
    damage, said = UNFIT[request.param]
    damage(runs / "llm")
    yield said
    shutil.rmtree(runs / "llm")
    shutil.move(runs / "whole", runs / "llm")


CASES = [("alignment", name) for name in UNFIT] + [(later, "no template") for later in ("shrinking", "sft")]


@pytest.mark.parametrize(("stage", "unfit"), CASES, indirect=["unfit"])
def test_every_stage_asks_for_it_before_anything_is_written(unfit, stage, runs, workspace, stage_values, tmp_path):
    model = stage_values(stage)["model"] | {"llm": str(runs / "llm")}
    settings = StageSettings(**stage_values(stage, steps=1, model=model))
    init = runs / "alignment" if stage == "sft" else None
    with pytest.raises(InputError, match=unfit):
        train(settings, plan=workspace / "mixtures" / "speech", output=tmp_path / "run", init=init)
    assert not (tmp_path / "run" / "run.json").exists()


def ask(*words, stdin=None):
    return CliRunner().invoke(build_app(), [str(word) for word in words], input=stdin)


@pytest.mark.parametrize("unfit", ["no template", "no end token"], indirect=True)
def test_what_reads_a_run_asks_too(unfit, runs, workspace):
    evaluated = ("--catalog", workspace / "catalog", "--corpus", "tiny", "--split", "test")
    for words in (
        ("infer", runs / "shrinking", "--prompt", "a"),
        ("infer", runs / "alignment", "--prompt", "a"),
        ("chat", runs / "shrinking"),
        ("chat", runs / "alignment"),
        ("eval", runs / "shrinking", *evaluated, "--decode", "ctc"),
        ("eval", runs / "alignment", *evaluated, "--decode", "llm"),
    ):
        found = ask(*words, stdin="")
        assert isinstance(found.exception, InputError) and re.search(unfit, str(found.exception)), words


@pytest.mark.parametrize("unfit", ["no template", "no end token"], indirect=True)
def test_a_run_of_stage_one_made_before_still_transcribes(unfit, runs, workspace):
    words = ("--catalog", workspace / "catalog", "--corpus", "tiny", "--split", "test", "--decode", "ctc", "--json")
    assert '"ctc_wer"' in ask("eval", runs / "alignment", *words).stdout


@pytest.mark.parametrize("unfit", ["more tokens"], indirect=True)
def test_a_run_of_stage_one_as_aligner_needs_the_tokens_that_it_has_classes_for(unfit, runs, monkeypatch):
    monkeypatch.setattr("curation.encoders.load_encoder", lambda _: type("Encoder", (), {"frame_rate": 40.0})())
    with pytest.raises(InputError, match=unfit):
        StageOne.load(runs / "alignment" / "final")
