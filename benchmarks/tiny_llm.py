"""A random LLM of two layers with a real tokenizer of a few hundred tokens: what trains where only the data counts."""

from __future__ import annotations

from pathlib import Path

import torch

WORDS = ("press", "one", "to", "hear", "the", "message", "pound", "key", "please", "enter", "your", "number")
TEMPLATE = (
    "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n'}}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")


def make_tiny_llm(folder: Path, *, width: int = 32, layers: int = 2, vocabulary: int | None = None) -> Path:
    """Write it into a folder; WORDS are single tokens. vocabulary: tokens, most of which the tokenizer never uses."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=500, special_tokens=list(SPECIAL), initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator([f"{word} {word} {word}" for word in WORDS] * 5, trainer)
    start, end = SPECIAL[1:]
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token=start, eos_token=end, pad_token=end)
    fast.chat_template = TEMPLATE
    fast.save_pretrained(folder)
    torch.manual_seed(0)
    sizes = {"hidden_size": width, "intermediate_size": 2 * width, "num_hidden_layers": layers}
    heads = {"num_attention_heads": 4, "num_key_value_heads": 2}
    tokens = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 2, "tie_word_embeddings": True}
    LlamaForCausalLM(LlamaConfig(vocab_size=vocabulary or len(fast), **sizes, **heads, **tokens)).save_pretrained(
        folder
    )
    return folder
