"""Small tokenizers of every kind that LLMs have, each with control tokens."""

from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers
from transformers import ByT5Tokenizer, PreTrainedTokenizerFast

LETTERS = [chr(number) for number in range(33, 127)]
CHATML = (
    "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n'}}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
TURNS = ["<|im_start|>", "<|im_end|>"]


def fast(tokenizer, *, template=CHATML, specials=TURNS, added=(), **names):
    """A tokenizer with its control tokens and chat template; `added`: tokens that are not called special."""
    tokenizer.add_special_tokens([AddedToken(text, special=True, normalized=False) for text in specials])
    tokenizer.add_tokens([text if isinstance(text, AddedToken) else AddedToken(text) for text in added])
    made = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=specials[-1], **names)
    made.chat_template = template
    return made


def bytes_bpe(*, prefix=False, normalizer=None, **options):
    """As GPT-2, Llama 3, Qwen: bytes. Two new lines, and a space with a letter, are one token."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    merges = [("Ċ", "Ċ"), ("Ġ", "a"), ("<", "|"), ("|", ">")]
    words = {piece: number for number, piece in enumerate([*letters, *map("".join, merges)])}
    tokenizer = Tokenizer(models.BPE(words, merges))
    # New lines stay together with what is before them, as in Llama 3.
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=prefix, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    return fast(tokenizer, **options)


def pieces_bpe(*, legacy=False, **options):
    """As Llama 2: a space before the first word, bytes for other letters, and a merge that spells </s>."""
    pieces = ["<unk>", "<s>", "</s>", *(f"<0x{number:02X}>" for number in range(256)), "▁", *LETTERS, "</", "s>"]
    words = {piece: number for number, piece in enumerate(dict.fromkeys(pieces))}
    merges = [("<", "/"), ("s", ">"), ("</", "s>")]
    tokenizer = Tokenizer(models.BPE(words, merges, unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    if legacy:
        tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    else:
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    return fast(tokenizer, specials=["<unk>", "<s>", *TURNS, "</s>"], unk_token="<unk>", bos_token="<s>", **options)


def unigram(**options):
    """As T5 and XGLM: the likeliest pieces, and </s> costs nothing."""
    pieces = [("<unk>", 0.0), ("</s>", 0.0), ("▁", -2.0), *((letter, -3.0) for letter in LETTERS)]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=0))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    return fast(tokenizer, specials=["<unk>", *TURNS, "</s>"], unk_token="<unk>", **options)


def words(**options):
    """As a toy: one token a word."""
    known = {word: number for number, word in enumerate(["[UNK]", "user", "assistant", "a", "b", "<", ">", "|"])}
    tokenizer = Tokenizer(models.WordLevel(known, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return fast(tokenizer, specials=["[UNK]", *TURNS], unk_token="[UNK]", **options)


ZOO = {
    "bytes": bytes_bpe,
    "bytes with a space before": lambda: bytes_bpe(prefix=True),
    "tokens that were added": lambda: bytes_bpe(added=["<tool_call>", "[IMG]", "   ", "covid"]),
    "lower case": lambda: bytes_bpe(
        normalizer=normalizers.Lowercase(), added=[AddedToken("[INST]", special=True, normalized=True)]
    ),
    "tokens that take space": lambda: bytes_bpe(
        added=[AddedToken("<|user|>", special=True, rstrip=True), AddedToken("<mask>", special=True, lstrip=True)]
    ),
    "one letter": lambda: bytes_bpe(added=[AddedToken("☞", special=True)]),
    "pieces": pieces_bpe,
    "pieces, every text with a space": lambda: pieces_bpe(legacy=True),
    "unigram": unigram,
    "words": words,
    "python": ByT5Tokenizer,
}
