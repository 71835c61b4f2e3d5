"""CTC targets in letters and tokens, and back."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soundwave.model.pretrained import load_tokenizer
from soundwave.model.tokens import TokenTable, seen_tokens, sound_tag, spoken_text, written_unit


@pytest.fixture(scope="module")
def table(tiny_llm):
    tokenizer = load_tokenizer(str(tiny_llm))
    texts = ["press one to hear the message", "press the pound key", "<dog_barking>"]
    return TokenTable(tokenizer, seen_tokens(tokenizer, texts, min_count=2))


def test_spoken_text_says_numbers_and_drops_marks():
    assert spoken_text("Press 1, then #.") == "press one then pound"
    assert spoken_text("...") == ""


def test_sound_tag_is_the_first_label():
    assert sound_tag("Whoosh, swoosh, swish") == "<whoosh>"
    assert sound_tag("Dog barking") == "<dog_barking>"


WORD = st.text("abcdefghijklmnopqrstuvwxyz'", min_size=1, max_size=8)


@given(st.lists(WORD, max_size=6))
def test_letters_and_tokens_decode_to_the_same_text(table, words):
    text = " ".join(words)
    for unit in ("letters", "tokens"):
        assert table.decode(table.encode(text, unit)) == text


def test_rare_tokens_are_spelled_and_common_ones_are_not(table):
    assert len(table.encode("press", "tokens")) == 1
    assert len(table.encode("message", "tokens")) == len("message")  # once in the texts, below min_count


def test_unknown_characters_are_left_out_of_a_seen_vocabulary(table):
    assert table.decode(table.encode("pré", "letters")) == "pr"


def test_a_vocabulary_of_letters_has_no_longer_tokens(tiny_llm):
    tokenizer = load_tokenizer(str(tiny_llm))
    ids = seen_tokens(tokenizer, ["press press press"], min_count=None)
    assert max(len(tokenizer.decode([token]).strip()) for token in ids) == 1
    assert TokenTable(tokenizer, ids).encode("press", "tokens") == TokenTable(tokenizer, ids).encode("press", "letters")


def test_the_full_vocabulary_uses_token_ids(tiny_llm):
    tokenizer = load_tokenizer(str(tiny_llm))
    assert TokenTable(tokenizer, None).encode("press one", "tokens") == tokenizer.encode(" press one")


@given(st.lists(WORD, min_size=1, max_size=6))
def test_regrouped_letters_are_the_usual_tokens_of_the_text(table, words):
    text = " ".join(words)
    letters = table.encode(text, "letters")
    tokens, groups = table.regroup(letters)
    assert table.tokenizer.decode(tokens) == text
    assert groups[0] == 0 and groups[-1] == len(tokens) - 1
    assert all(after - before in (0, 1) for before, after in itertools.pairwise(groups))


def test_regrouping_nothing(table):
    assert table.regroup([]) == ([], [])


@pytest.mark.parametrize(
    ("vocabulary", "units", "written"),
    [
        ("letters", "tokens", "letters"),  # stage III of a run whose head knows letters only
        ("full", "letters", "letters"),
        ("seen", "letters_then_tokens", "tokens"),
        ("full", "tokens", "tokens"),
    ],
)
def test_what_a_trained_head_writes(vocabulary, units, written):
    assert written_unit(vocabulary, units) == written


def test_a_vocabulary_says_what_it_cannot_spell(table):
    for text, unit in (("press one", "letters"), ("press", "tokens")):
        assert table.target(text, unit) == table.encode(text, unit) != []
    assert table.target("pré", "letters") is None and table.target("की", "tokens") is None
    assert table.target("", "letters") == []  # an empty transcript is a target: nothing but blanks


def test_letters_of_several_tokens_are_not_regrouped_into_pieces(tiny_llm):
    table = TokenTable(load_tokenizer(str(tiny_llm)), None)
    classes = table.encode("हिन्दी ไทย", "letters")
    tokens, groups = table.regroup(classes)
    assert table.tokenizer.decode(tokens) == " हिन्दी ไทย"
    assert groups == list(range(len(classes)))
