"""Streamed text is the answer's text, word by word, in every script."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from soundwave.infer.listener import Listener, Question
from soundwave.infer.streaming import WordStreamer, stream_answer
from soundwave.model.pretrained import load_tokenizer
from soundwave.model.speech_llm import SpeechLLM
from soundwave.train.settings import StageSettings
from tests.soundwave.model.speech_samples import make

WORDY = {"min_new_tokens": 12, "no_repeat_ngram_size": 1}  # a random model left alone says one thing again and again


@pytest.fixture(scope="module")
def tokenizer(tiny_llm):
    return load_tokenizer(str(tiny_llm))


def streamed(tokenizer, ids):
    """What `generate` would have written, token by token: first the empty prompt, at last the end."""
    written = []
    streamer = WordStreamer(tokenizer, written.append)
    streamer.put(torch.zeros(1, 0, dtype=torch.long))
    for token in ids:
        streamer.put(torch.tensor([token]))
    streamer.end()
    return written


@pytest.mark.parametrize(
    "text",
    ["Dobrý den , pane", " press  one ", "\n one\n\ntwo \n", "日本語 と 中文。", "e\u0301 👩‍🚀 ok", "no .", ""],
)
def test_streamed_words_are_the_decoded_text(tokenizer, text):
    ids = tokenizer.encode(text, add_special_tokens=False)
    assert "".join(streamed(tokenizer, [*ids, tokenizer.eos_token_id])) == text.strip()


@given(ids=st.lists(st.integers(0, 255), max_size=30))
def test_any_tokens_give_their_text(tokenizer, ids):
    text = tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
    assert "".join(streamed(tokenizer, ids)) == text.strip()


def test_a_word_is_written_when_the_next_one_begins(tokenizer):
    written = []
    streamer = WordStreamer(tokenizer, written.append)
    for text, so_far in ((" pre", []), ("ss", []), (" one", ["press"]), (" ", ["press", " one"])):
        for token in tokenizer.encode(text, add_special_tokens=False):
            streamer.put(torch.tensor([token]))
        assert written == so_far
    streamer.end()
    assert written == ["press", " one"]


def test_a_streamed_answer_is_what_generate_answers(tiny_llm, stage_values):
    model = make(tiny_llm)
    assert isinstance(model, SpeechLLM)
    listener = Listener(model.eval(), StageSettings(**stage_values()))
    question = Question(listener.prompt([{"role": "user", "content": "what to press"}]))
    written = []
    answer = stream_answer(listener, question, written.append, max_new_tokens=64, **WORDY)
    assert "".join(written) == answer == listener.ask([question], max_new_tokens=64, **WORDY)[0]
    assert len(written) > 1
