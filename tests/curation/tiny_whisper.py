"""Tiny models with random weights, in the formats that WhisperX reads: they hear nonsense, in the usual way."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

SPECIAL = ("<|endoftext|>", "<|startoftranscript|>", "<|en|>", "<|fr|>", "<|translate|>", "<|transcribe|>")
SPECIAL_MORE = ("<|startoflm|>", "<|startofprev|>", "<|nospeech|>", "<|notimestamps|>")
TIMES = 1501
LETTERS = "ETAONIHSRDLUMWCFGYPBVK'XJQZ"


def whisper(folder: Path, scratch: Path) -> Path:
    """A Whisper of one small layer, converted to CTranslate2's format."""
    from ctranslate2.converters import TransformersConverter

    tokenizer = whisper_checkpoint(scratch)
    TransformersConverter(str(scratch)).convert(str(folder), force=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "preprocessor_config.json").write_text(json.dumps({"feature_size": 80}))
    return folder


def whisper_checkpoint(folder: Path) -> Any:
    """A Whisper of one small layer as transformers writes it, with its tokenizer, which is returned."""
    import torch
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast, WhisperConfig, WhisperForConditionalGeneration

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({letter: number for number, letter in enumerate(letters)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    specials = [*SPECIAL, *SPECIAL_MORE]
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in specials])
    ids = {token: tokenizer.token_to_id(token) for token in specials}
    torch.manual_seed(0)
    config = WhisperConfig(
        vocab_size=len(letters) + len(specials) + TIMES,
        d_model=16, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2, decoder_attention_heads=2,
        encoder_ffn_dim=16, decoder_ffn_dim=16, decoder_start_token_id=ids["<|startoftranscript|>"],
        eos_token_id=ids["<|endoftext|>"], bos_token_id=ids["<|endoftext|>"], pad_token_id=ids["<|endoftext|>"],
        init_std=1.0,  # large: what it says must change from token to token
    )  # fmt: skip
    model = WhisperForConditionalGeneration(config)
    sayable = {ids["<|endoftext|>"], *(letters.index(letter) for letter in "abcdefghijklmnopqrstuvwxyzĠ")}
    model.generation_config.suppress_tokens = sorted(set(range(config.vocab_size)) - sayable)
    model.generation_config.begin_suppress_tokens = [ids["<|endoftext|>"], letters.index("Ġ")]
    model.generation_config.lang_to_id = {token: ids[token] for token in ("<|en|>", "<|fr|>")}
    model.save_pretrained(folder)
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|endoftext|>")
    fast.save_pretrained(folder)
    return tokenizer


def wav2vec(folder: Path) -> Path:
    """A Wav2Vec2 CTC model of one small layer that spells in English letters."""
    import torch
    from transformers import (
        Wav2Vec2Config,
        Wav2Vec2CTCTokenizer,
        Wav2Vec2FeatureExtractor,
        Wav2Vec2ForCTC,
        Wav2Vec2Processor,
    )

    folder.mkdir(parents=True)
    tokens = ["<pad>", "<s>", "</s>", "<unk>", "|", *LETTERS]
    (folder / "vocab.json").write_text(json.dumps({token: number for number, token in enumerate(tokens)}))
    tokenizer = Wav2Vec2CTCTokenizer(str(folder / "vocab.json"))
    Wav2Vec2Processor(feature_extractor=Wav2Vec2FeatureExtractor(), tokenizer=tokenizer).save_pretrained(folder)
    torch.manual_seed(0)
    config = Wav2Vec2Config(
        vocab_size=len(tokens), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
        conv_dim=(8,) * 7, num_conv_pos_embeddings=4, num_conv_pos_embedding_groups=2, pad_token_id=0,
    )  # fmt: skip
    Wav2Vec2ForCTC(config).save_pretrained(folder)
    return folder
