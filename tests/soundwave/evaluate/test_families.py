"""Metric families of a small trained run on the tiny workspace."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from manifests.errors import InputError
from soundwave.evaluate.clip_values import ClipValues
from soundwave.evaluate.families import measure
from soundwave.evaluate.held_out import Context, EvalOptions, held_out
from soundwave.evaluate.likelihood import Asked, answer_losses, without_lora
from soundwave.evaluate.metrics.retention import other_answers
from soundwave.evaluate.registry import METRICS, RATES, read_figure
from soundwave.evaluate.table import json_row
from soundwave.train.loop import train
from soundwave.train.runs.folder import load_model
from soundwave.train.settings import StageSettings
from tests.tolerance import half_the_digits


@pytest.fixture(scope="module")
def run(workspace, stage_values, tmp_path_factory):
    folder = tmp_path_factory.mktemp("families") / "two"
    train(StageSettings(**stage_values(steps=2)), plan=workspace / "mixtures" / "mixed", output=folder)
    return folder


@pytest.fixture(scope="module")
def context(run, workspace):
    model, settings, _ = load_model(run)
    return Context(model=model, settings=settings, catalog=workspace / "catalog", split="train", min_words=1)


@pytest.fixture(scope="module")
def prose(tmp_path_factory):
    path = tmp_path_factory.mktemp("prose") / "text.txt"
    path.write_text("please press one to hear the message or press pound to enter your number " * 4)
    return path


@pytest.fixture(scope="module")
def found(run, workspace, prose):
    asked = EvalOptions(split="train", min_words=1, limit=4, text=prose)
    return measure(run, workspace / "catalog", METRICS.names(), asked)["families"]


def test_every_metric_gives_figures(found):
    assert list(found) == METRICS.names()
    assert all("skipped" not in figures and figures["seconds"] >= 0 for figures in found.values())
    json.dumps(found, allow_nan=False)


def test_translation_and_sound(found):
    assert found["st"]["corpora"] == {"tiny": 4} and 0 <= found["st"]["bleu"] <= 100
    assert found["sound"]["labels"] == 1
    assert found["sound"]["label_accuracy"] == found["sound"]["map"] == 1.0  # there is but one label


def test_lengths(found):
    asr = found["kept"]["asr"]
    assert asr["kept_frames"] <= asr["adapter_frames"] <= asr["encoder_frames"]
    assert asr["kept_of_adapter"] == pytest.approx(asr["kept_frames"] / asr["adapter_frames"])
    assert asr["adapter_frames"] == pytest.approx(asr["encoder_frames"] / 2, abs=4)  # stacked by 2
    assert set(found["kept"]) >= {"asr", "st", "sound"}


def test_speed_without_audio_says_so(found):
    speed = found["speed"]
    assert speed["encode_ms"] is None and speed["encode_note"]
    assert speed["first_token_ms"]["median"] > 0 and speed["answer_ms"]["p90"] > 0
    assert speed["seconds_per_clip"] * speed["clips"] == pytest.approx(
        speed["real_time_factor"] * speed["audio_seconds"],
        abs=speed["real_time_factor"] * 0.005,  # audio_seconds has two digits
    )


def test_similarity_has_a_row_for_each_layer(found):
    layers = found["similarity"]["layers"]
    assert [layer["layer"] for layer in layers] == [0, 1, 2]
    assert all(-1 <= layer["matched"] <= 1 for layer in layers)
    assert found["similarity"]["difference"] == pytest.approx(np.mean([row["difference"] for row in layers[1:]]))


def test_text_against_itself_is_fully_similar(context):
    from soundwave.evaluate.metrics.similarity import compare, pooled_text

    cuts = held_out(context, "asr", limit=5).cuts
    prompts = [context.prompt(cut, "asr") for cut in cuts]
    texts = [cut.text for cut in cuts]
    together = pooled_text(context.model, prompts, texts)
    alone = np.concatenate([pooled_text(context.model, [p], [t]) for p, t in zip(prompts, texts, strict=True)])
    atol = half_the_digits(np.float32) * float(np.abs(alone).max())
    np.testing.assert_allclose(together, alone, rtol=0, atol=atol)  # padding changes nothing
    one = pytest.approx(1, abs=half_the_digits(np.float32))
    assert all(layer["matched"] == one for layer in compare(together, alone))


def test_text_is_read_in_its_language(context):
    from soundwave.evaluate.metrics.similarity import pooled_text

    prompt = [context.prompt(cut, "asr") for cut in held_out(context, "asr", limit=1).cuts]
    german, words = (pooled_text(context.model, prompt, [text], ["de"]) for text in ("21", "einundzwanzig"))
    np.testing.assert_array_equal(german, words)
    assert not np.array_equal(pooled_text(context.model, prompt, ["21"]), words)


def lora_b(model):
    return [parameter for name, parameter in model.named_parameters() if "lora_B" in name]


def test_retention_is_exactly_nothing_for_a_lora_of_zeros(context, prose):
    from soundwave.evaluate.metrics.retention import measure as retention

    trained = [parameter.detach().clone() for parameter in lora_b(context.model)]
    asked = replace(context, text=prose, limit=4)
    with torch.no_grad():
        for parameter in lora_b(context.model):
            parameter.zero_()
    none = retention(asked)
    with torch.no_grad():
        for parameter, value in zip(lora_b(context.model), trained, strict=True):
            parameter.copy_(value + 0.5)
    some = retention(asked)
    with torch.no_grad():
        for parameter, value in zip(lora_b(context.model), trained, strict=True):
            parameter.copy_(value)
    for part in ("qa", "prose"):
        assert none[part]["before"] == none[part]["after"] == some[part]["before"]
        assert none[part]["change"]["loss"] == 0.0 != some[part]["change"]["loss"]
    assert none["qa"]["change"]["loss_band"] == [0.0, 0.0]


def test_lora_comes_back_as_it_was(context):
    model = context.model
    flags = {name: parameter.requires_grad for name, parameter in model.named_parameters()}
    prompt, answer = context.prompt(held_out(context, "qa").cuts[0], "qa"), context.answer("one")
    before = answer_losses(model, [Asked(prompt, answer)])
    with pytest.raises(RuntimeError), without_lora(model):
        raise RuntimeError
    assert {name: parameter.requires_grad for name, parameter in model.named_parameters()} == flags
    assert answer_losses(model, [Asked(prompt, answer)]) == before


def test_likelihoods_come_in_the_order_asked(context):
    rows = held_out(context, "asr", limit=5)
    frames = [(torch.from_numpy(rows.store.frames(cut)),) for cut in rows.cuts]
    asked = [
        Asked(context.prompt(cut, "asr"), context.answer(text), part)
        for cut, part in zip(rows.cuts, frames, strict=True)
        for text in ("one", str(cut.text))
    ]
    asked.append(Asked(context.prompt(rows.cuts[0], "qa"), context.answer("pound key")))
    together = answer_losses(context.model, asked, batch=4)
    alone = [answer_losses(context.model, [item])[0] for item in asked]
    np.testing.assert_allclose(together, alone, rtol=half_the_digits(np.float32))


def test_wrong_answers_come_from_alike_questions():
    places = {"Chad": "Ndjamena", "Mali": "Bamako", "Togo": "Lome.", "Tuva": "Lome"}
    questions = [f"What is the capital of {name}?" for name in places] + ["What is 3 by 4?"]
    chosen = other_answers(questions, [*places.values(), "12"])
    assert chosen[0] == ["Bamako", "Lome.", "12"]  # equal answers once, the odd question last
    assert all(len(wrong) == 3 for wrong in chosen[:2]) and "Bamako" not in chosen[1]
    assert chosen[3] == ["Ndjamena", "Bamako", "12"]  # not another spelling of the right one


def test_answers_are_kept_by_family(run, workspace, prose, found):
    path = run / "eval-train-metrics.json"
    stamp = path.stat().st_mtime_ns
    asked = EvalOptions(split="train", min_words=1, limit=4, text=prose)
    again = measure(run, workspace / "catalog", ["ctc", "kept"], asked)
    assert again["families"] == {name: found[name] for name in ("ctc", "kept")}
    assert path.stat().st_mtime_ns == stamp
    fewer = measure(run, workspace / "catalog", ["ctc"], replace(asked, limit=2))
    assert fewer["families"]["ctc"]["clips"] == 2
    assert set(json.loads(path.read_text(encoding="utf-8"))["families"]) == {*METRICS.names()} - {RATES}


def test_nothing_to_measure_is_an_error_or_a_note(run, workspace):
    where = EvalOptions(split="dev", corpus="tiny")
    with pytest.raises(InputError, match="no rows of 'tiny' with the task 'st' in split 'dev'"):
        measure(run, workspace / "catalog", ["st"], where)
    noted = measure(run, workspace / "catalog", ["st"], where, skip=True)
    assert "no rows" in noted["families"]["st"]["skipped"]


def test_losses_are_those_of_training_and_stand_by_domain(context):
    """Next-token loss against the sequence's own likelihood, CTC's against PyTorch's, clip by clip."""
    values = ClipValues()
    found = METRICS.find("loss").measure(replace(context, values=values))
    assert set(found["domains"]) == {"asr", "st", "sound", "qa"} and found["rows"] == 14 + 3 + 4 + 4
    assert (
        "ctc_loss" not in found["domains"]["qa"] and "ctc_loss" not in found["domains"]["st"]
    )  # text; another language
    for name, columns in values.figures.items():
        part, _, domain = name.partition(".")
        rate = sum(columns["values"]) / sum(columns["weights"])
        assert rate == pytest.approx(found["domains"][domain][part] if domain else found[part], rel=1e-12)
    rows = held_out(context, "sound")
    cut = rows.cuts[0]
    answer = context.answer(str(cut.target_text))
    asked = Asked(context.prompt(cut, "sound"), answer, [torch.from_numpy(rows.store.frames(cut))])
    (loss,) = answer_losses(context.model, [asked])
    place = values.figures["lm_loss.sound"]["items"].index(cut.cut_id)
    summed = values.figures["lm_loss.sound"]["values"][place]
    assert summed / len(answer) == pytest.approx(loss, rel=half_the_digits(np.float32))
    assert values.figures["lm_loss.sound"]["weights"][place] == len(answer)


def test_a_stage_that_trains_no_llm_has_no_next_token_loss(context):
    alone = replace(context, settings=context.settings.model_copy(update={"lm_weight": 0.0}), values=ClipValues())
    found = METRICS.find("loss").measure(alone)
    assert found["lm_loss"] is None and found["ctc_loss"] > 0 and set(found["domains"]) == {"asr", "sound"}


RATIOS = ("asr", "ctc", "kept", "retention", "sound", "loss")


def test_figures_are_the_sums_of_what_single_clips_give(run, workspace, prose):
    values = {}
    asked = EvalOptions(split="train", min_words=1, limit=4, text=prose)
    row = json_row([measure(run, workspace / "catalog", METRICS.names(), asked, values=values)])
    assert {name for name, figures in values.items() if figures} == set(RATIOS)
    checked = 0
    for name, figures in values.items():
        for figure, columns in figures.items():
            if "." in figure or figure == "qa_exact_change":  # by domain; no figure of its own
                continue
            value, _, _ = read_figure(row, figure)
            assert sum(columns["values"]) / sum(columns["weights"]) == pytest.approx(value, rel=1e-12, abs=1e-12), (
                name,
                figure,
            )
            assert len(set(columns["items"])) == len(columns["items"]) > 0
            checked += 1
    assert checked >= 4 + 1 + 1 + 2 + 3 + 2


def test_clips_of_a_run_that_was_measured_before_they_were_kept_are_measured_again(run, workspace):
    asked = EvalOptions(split="train", min_words=1, limit=2)
    values = {}
    first = measure(run, workspace / "catalog", ["ctc"], asked, values=values)
    (run / "eval-train-clips.json").unlink()
    again, kept = {}, measure(run, workspace / "catalog", ["ctc"], asked)  # nobody asks for them: nothing is measured
    assert kept == first and not (run / "eval-train-clips.json").exists()
    measure(run, workspace / "catalog", ["ctc"], asked, values=again)
    assert again == values and (run / "eval-train-clips.json").exists()
