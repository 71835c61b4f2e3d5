"""A small model, samples for it, and batches of them."""

import torch

from soundwave.model.batch import Batch, pad_features, render
from soundwave.model.pretrained import load_tokenizer
from soundwave.model.settings import ModelSettings
from soundwave.model.speech_llm import SpeechLLM
from soundwave.model.tokens import seen_tokens

BASE = {"stack": 2, "heads": 4, "lora_rank": 2, "dropout": 0.0}


def make(tiny_llm, *, dtype=torch.float32, **changes):
    settings = ModelSettings(llm=str(tiny_llm), **{**BASE, **changes})
    ids = None
    if settings.ctc_vocabulary == "seen":
        ids = seen_tokens(load_tokenizer(str(tiny_llm)), ["press one to hear the message"])
    model = SpeechLLM.create(settings, encoder="test", feature_dim=6, token_ids=ids, dtype=dtype, seed=1)
    return model.to(dtype).eval()


ANSWERS = {"suppress_tokens": [0, 1, 2], "no_repeat_ngram_size": 1}
"""Options of `generate` under which a random LLM has something to say: no special token, none twice."""


def lively(model):
    """The same model with larger weights in the LLM's layers: what it says depends on what it hears."""
    with torch.no_grad():
        for name, value in model.llm.model.layers.named_parameters():
            if value.dim() == 2 and "lora" not in name:
                value.mul_(10)
    return model


def sample(model, frames, text="press one", answer="one", seed=0):
    """Prompt, answer, features and CTC target of one sample; frames 0: text only."""
    content = "<|audio|>\nRepeat:" if frames else "what to press"
    prompt = render(model.tokenizer, [{"role": "user", "content": content}])
    target = model.table.encode(text, "letters")
    ids = [*model.tokenizer.encode(answer), model.tokenizer.eos_token_id]
    features = torch.randn(frames, 6, generator=torch.Generator().manual_seed(seed)) if frames else None
    return prompt, ids, features, target


def batch(samples):
    audios = [row for row in samples if row[2] is not None]
    features, lengths = pad_features([row[2] for row in audios], 6)
    return Batch(
        [row[0] for row in samples], [row[1] for row in samples], features, lengths, [row[3] for row in audios]
    )
