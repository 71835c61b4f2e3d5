"""Text that spells control tokens is text; all other text has the tokenizer's own ids."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models
from transformers import PreTrainedTokenizerFast

from manifests.errors import InputError
from soundwave.model.batch import answer_ids, end_of_turn
from soundwave.model.plain_text import framed_ids, text_ids
from soundwave.model.pretrained import load_tokenizer
from soundwave.model.tokens import TokenTable, sound_tag
from tests.soundwave.model.tokenizer_zoo import ZOO, bytes_bpe, fast

WORDS = {"covid", "   "}  # were added to a vocabulary, and control nothing
LOSSLESS = ["bytes", "tokens that were added", "tokens that take space", "one letter", "pieces", "python"]


@pytest.fixture(scope="module", params=sorted(ZOO))
def tokenizer(request):
    return ZOO[request.param]()


def controls(tokenizer):
    return {number: token.content for number, token in tokenizer.added_tokens_decoder.items()
            if token.content not in WORDS}  # fmt: skip


def own(tokenizer, text):
    return tokenizer.encode(text, add_special_tokens=False)


@pytest.mark.parametrize("around", ["{}", "a{}b", "a {} b", "\n{}\n", "{0}{0}", "<{}>", "{0} a {0}"])
def test_no_text_spells_a_control_token(tokenizer, around):
    unknown = tokenizer.unk_token_id  # what the vocabulary lacks, unless it is spelled
    for number, spelling in controls(tokenizer).items():
        text = around.format(spelling)
        assert number in own(tokenizer, text)
        found = text_ids(tokenizer, text)
        assert found
        assert set(found) & set(controls(tokenizer)) <= {unknown}


def test_all_control_tokens_at_once_and_in_each_other(tokenizer):
    spellings = list(controls(tokenizer).values())
    text = "".join(spellings) + "".join(part[:3] + spellings[0] + part[3:] for part in spellings)
    assert set(text_ids(tokenizer, text)) & set(controls(tokenizer)) <= {tokenizer.unk_token_id}


@pytest.mark.parametrize("name", LOSSLESS)
def test_the_letters_are_all_there(name):
    tokenizer = ZOO[name]()
    for spelling in controls(tokenizer).values():
        for text in (f"a {spelling} b", f"{spelling}{spelling}", f"a\n{spelling}"):
            found = tokenizer.decode(text_ids(tokenizer, text), clean_up_tokenization_spaces=False)
            assert found == text


@given(st.text("ab <>|/[]s\n_imé中\u3000", max_size=20))
def test_other_text_has_the_tokenizers_own_ids(text):
    for make in (ZOO["bytes"], ZOO["pieces"], ZOO["unigram"]):
        tokenizer = _made(make)
        ids = own(tokenizer, text)
        if not any(spelling in text for spelling in controls(tokenizer).values()):
            assert text_ids(tokenizer, text) == ids
            assert framed_ids(tokenizer, [(text[:3], True), (text[3:5], False), (text[5:], True)]) == ids


_MADE = {}


def _made(make):
    return _MADE.setdefault(make, make())


def test_words_that_were_added_to_a_vocabulary_stay_words():
    tokenizer = ZOO["tokens that were added"]()
    for text in ("covid", "a   b"):
        assert text_ids(tokenizer, text) == own(tokenizer, text)
        assert set(text_ids(tokenizer, text)) & set(tokenizer.added_tokens_decoder)


def test_a_token_that_is_added_later_controls_too():
    tokenizer = bytes_bpe()
    assert text_ids(tokenizer, "<think>") == own(tokenizer, "<think>")
    tokenizer.add_tokens(["<think>"])
    assert tokenizer.convert_tokens_to_ids("<think>") not in text_ids(tokenizer, "<think>")


def test_only_the_frame_has_control_tokens(tokenizer):
    ends = tokenizer.eos_token
    pieces = [
        (f"{ends} a ", True),
        (f"{ends}b{ends[:1]}", False),
        (ends, True),
        (f" {ends}", False),
        (f"a{ends}", True),
    ]
    assert framed_ids(tokenizer, pieces).count(tokenizer.eos_token_id) == 3


def test_frame_and_text_never_spell_a_token_together():
    tokenizer = bytes_bpe()
    for pieces in ([("<|im_", True), ("end|>", False)], [("<|im_", False), ("end|>", True)]):
        assert tokenizer.eos_token_id in own(tokenizer, "".join(text for text, _ in pieces))
        assert tokenizer.eos_token_id not in framed_ids(tokenizer, pieces)


def test_a_part_of_a_text_gets_no_space_of_its_own():
    for name in ("pieces", "pieces, every text with a space"):
        tokenizer = ZOO[name]()
        spelled = [tokenizer.convert_ids_to_tokens(number) for number in text_ids(tokenizer, "a</s>b")]
        assert spelled == ["▁", "a", "<", "/", "s>", "b"]


def test_what_can_only_be_a_control_token_is_refused():
    tokenizer = fast(Tokenizer(models.WordLevel({"a": 0, "§": 1}, unk_token="a")), specials=["§"])
    with pytest.raises(InputError, match="'§' as a control token only"):
        text_ids(tokenizer, "§")


def test_targets_of_sounds_are_letters():
    tokenizer = bytes_bpe(specials=["<s>", "</s>", "<dog>"])
    table = TokenTable(tokenizer, None)
    for label in ("S", "/s", "Dog"):
        for unit in ("tokens", "letters"):
            target = table.encode(sound_tag(label), unit)
            assert not set(target) & set(controls(tokenizer))
            assert table.decode(target) == sound_tag(label)


def test_regrouped_letters_never_make_a_control_token(tiny_llm):
    table = TokenTable(load_tokenizer(str(tiny_llm)), None)
    tokens, _ = table.regroup(table.letters("press <|im_end|>"))
    assert table.tokenizer.eos_token_id not in tokens
    assert table.tokenizer.decode(tokens) == "press <|im_end|>"


def test_an_answer_ends_once(tokenizer):
    ids = answer_ids(tokenizer, f"a {tokenizer.eos_token} b")
    assert ids.count(tokenizer.eos_token_id) == 1 and ids[-1] == tokenizer.eos_token_id


def test_a_tokenizer_that_ends_nothing_is_refused():
    endless = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(models.WordLevel({"a": 0}, unk_token="a")))
    with pytest.raises(InputError, match="no end-of-sequence token"):
        end_of_turn(endless)
    assert text_ids(endless, "a") == [0]
