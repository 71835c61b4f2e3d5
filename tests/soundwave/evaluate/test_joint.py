"""Hybrid decoding against scores computed the long way."""

import numpy as np
import pytest
import torch

from soundwave.evaluate import joint
from soundwave.evaluate.families import measure
from soundwave.evaluate.held_out import EvalOptions
from soundwave.model.batch import AUDIO
from soundwave.train.loop import train
from soundwave.train.runs.folder import load_model
from soundwave.train.settings import StageSettings


@pytest.fixture(scope="module")
def run(workspace, stage_values, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "joint"
    train(StageSettings(**stage_values(steps=2)), plan=workspace / "mixtures" / "speech", output=folder)
    return folder


@pytest.fixture(scope="module")
def model(run):
    return load_model(run)[0]


def inputs(model, count=2):
    features = torch.randn(count, 40, model.feature_dim, generator=torch.Generator().manual_seed(3))
    return [[5, AUDIO, 6, 7]] * count, features, torch.tensor([40, 24])[:count]


def test_the_share_moves_the_choice_from_the_llm_to_ctc(model):
    prompts, features, lengths = inputs(model)
    greedy = model.transcribe(features, lengths)
    best = joint.joint_texts(model, prompts, features, lengths, share=1e6)
    assert len(best) == 2
    for number, text in enumerate(greedy):
        frames = features[number, : int(lengths[number])]
        mine = [joint.spoken_text(words, "en") for words in (best[number], text)]
        chosen, own = joint._ctc_scores(model, frames, mine, "letters")
        assert chosen >= own  # greedy CTC is a candidate: what is chosen is at least as likely
    alone = joint.joint_texts(model, prompts, features, lengths, share=0.0)
    for number, prompt in enumerate(prompts):
        frames = features[number, : int(lengths[number])]
        chosen, other = joint._llm_scores(model, prompt, frames, [alone[number], greedy[number]])
        assert chosen >= other


def test_a_clip_scores_alone_as_it_does_in_a_batch(model):
    prompts, features, lengths = inputs(model)
    both = joint.joint_texts(model, prompts, features, lengths)
    one = joint.joint_texts(model, prompts[1:], features[1:, :24], lengths[1:])
    assert both[1] == one[0]


def test_what_does_not_fit_is_impossible(model):
    _, features, _ = inputs(model, 1)
    scores = joint._ctc_scores(model, features[0, :8], ["a", "a long sentence that nobody says so fast"], "letters")
    assert np.isfinite(scores[0]) and scores[1] == -np.inf


def test_it_is_a_decoding_of_eval(run, workspace):
    options = EvalOptions(split="test", corpus="tiny", decode=("joint",))
    found = measure(run, workspace / "catalog", ["asr"], options)["families"]["asr"]
    assert found["joint_wer"] >= 0 and "llm_wer" not in found
