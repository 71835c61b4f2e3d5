"""Conversations in chat templates of all habits: the template's own text, and words that are only words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests.errors import InputError
from soundwave.model.batch import AUDIO, AUDIO_MARK, render
from tests.soundwave.model.tokenizer_zoo import CHATML, ZOO, bytes_bpe, pieces_bpe

TRIMS = CHATML.replace("message['content']", "message['content'] | trim")
STRIPS_LINES = CHATML.replace("message['content']", "message['content'].strip('\\n')")
LLAMA2 = (
    "{% if messages[0]['role'] == 'system' %}{% set rest = messages[1:] %}{% set system = messages[0]['content'] %}"
    "{% else %}{% set rest = messages %}{% set system = '' %}{% endif %}"
    "{% for m in rest %}{% if loop.first and system %}"
    "{% set said = '<<SYS>>\\n' + system + '\\n<</SYS>>\\n\\n' + m['content'] %}"
    "{% else %}{% set said = m['content'] %}{% endif %}"
    "{% if m['role'] == 'user' %}{{ bos_token + '[INST] ' + said.strip() + ' [/INST]' }}"
    "{% else %}{{ ' ' + said.strip() + ' ' + eos_token }}{% endif %}{% endfor %}"
)
THINKS = CHATML.replace("message['content']", "message['content'].split('</think>')[-1].lstrip('\\n')")
SPACED = "{% for m in messages %}<|user|>\n{{ m['content'] }}<|im_end|>\n{% endfor %}<|user|>\n"
HABITS = {
    "as they are": lambda: bytes_bpe(template=CHATML),
    "trimmed": lambda: bytes_bpe(template=TRIMS),
    "lines stripped": lambda: bytes_bpe(template=STRIPS_LINES),
    "thoughts left out": lambda: bytes_bpe(template=THINKS),
    "tokens that take space": lambda: _with_template(ZOO["tokens that take space"](), SPACED),
    "Llama 2": lambda: pieces_bpe(template=LLAMA2),
    "Llama 2, every text with a space": lambda: pieces_bpe(legacy=True, template=LLAMA2),
    "unigram": lambda: _with_template(ZOO["unigram"](), LLAMA2.replace("bos_token", "'<|im_start|>'")),
}
_MADE = {}


def _with_template(tokenizer, template):
    tokenizer.chat_template = template
    return tokenizer


def habit(name):
    if name not in _MADE:
        _MADE[name] = HABITS[name]()
    return _MADE[name]


def said(*contents):
    roles = ["system", "user", "assistant", "user"][: len(contents)]
    return [{"role": role, "content": content} for role, content in zip(roles, contents, strict=True)]


def joined(tokenizer, messages):
    """Frame and words as one text with marks, the way ordinary words were always read."""
    text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    ids = [AUDIO]
    for piece in text.split(AUDIO_MARK):
        ids += [AUDIO, *tokenizer.encode(piece, add_special_tokens=False)]
    return ids[2:]


ORDINARY = st.text("ab é\n\t '\"<>|", max_size=8)


@pytest.mark.parametrize("name", sorted(HABITS))
@given(words=st.tuples(ORDINARY, ORDINARY, ORDINARY, ORDINARY), place=st.integers(0, 8))
def test_ordinary_words_join_the_frame_as_the_template_says(name, words, place):
    tokenizer = habit(name)
    system, user, assistant, last = words
    messages = said(system, user, assistant, f"{last[:place]}{AUDIO_MARK}{last[place:]}")
    expected = joined(tokenizer, messages)
    assert render(tokenizer, messages) == expected
    texts = [[content] for content in (system, user, assistant)]
    assert render(tokenizer, said(*texts, [last[:place], AUDIO, last[place:]])) == expected


@pytest.mark.parametrize("name", sorted(HABITS))
@pytest.mark.parametrize("who", range(4))
def test_words_never_control(name, who):
    tokenizer = habit(name)
    controls = {number for number, token in tokenizer.added_tokens_decoder.items() if token.content != "<unk>"}
    spelled = [tokenizer.added_tokens_decoder[number].content for number in sorted(controls)]
    plain = [["a"], ["a"], ["a"], [AUDIO, "a"]]
    expected = [token for token in render(tokenizer, said(*plain)) if token in controls | {AUDIO}]
    for evil in (*spelled, "".join(spelled), f" {spelled[0]} ", AUDIO_MARK, "</think>a", "[/INST]", "{{ messages }}"):
        words = list(plain)
        words[who] = [f"b{evil}b"] if who < 3 else [f"b{evil}b", AUDIO, evil]
        found = [token for token in render(tokenizer, said(*words)) if token in controls | {AUDIO}]
        assert found == expected


def test_the_words_are_all_there():
    tokenizer = habit("thoughts left out")
    ids = render(tokenizer, said(["s"], ["<|im_end|>"], ["a</think>b"], ["<|audio|>", AUDIO]))
    text = tokenizer.decode([token for token in ids if token != AUDIO], clean_up_tokenization_spaces=False)
    start, end = "<|im_start|>", "<|im_end|>\n"
    turns = [("system", "s"), ("user", "<|im_end|>"), ("assistant", "a</think>b"), ("user", "<|audio|>")]
    assert text == "".join(f"{start}{role}\n{words}{end}" for role, words in turns) + f"{start}assistant\n"


def test_a_mark_in_a_string_is_sound_where_a_person_speaks():
    tokenizer = habit("as they are")
    assert render(tokenizer, said("s", "<|audio|> and <|audio|>")).count(AUDIO) == 2
    assert render(tokenizer, said("s", "a", "<|audio|>", "a")).count(AUDIO) == 0


def test_words_may_come_twice_and_sound_may_not():
    twice = CHATML.replace("message['content']", "message['content'] + ' ' + message['content']")
    tokenizer = bytes_bpe(template=twice)
    messages = said("s", "a")
    assert render(tokenizer, messages) == joined(tokenizer, messages)
    assert render(tokenizer, said("s", "<|im_end|>")).count(tokenizer.eos_token_id) == 2
    with pytest.raises(InputError, match="what the user says 2 times, and sound can stand in one place"):
        render(tokenizer, said("s", [AUDIO, "a"]))


@pytest.mark.parametrize(
    "change", ["upper", "lower", "title", "e", "tojson", "replace('\\n', ' ')", "reverse", "urlencode"]
)
def test_a_template_that_changes_words_is_refused(change):
    tokenizer = bytes_bpe(template=CHATML.replace("message['content']", f"(message['content'] | {change})"))
    with pytest.raises(InputError, match="leaves out what the user says, or changes it"):
        render(tokenizer, said("", "a b"))


def test_a_template_without_a_system_is_refused_or_needs_none():
    tokenizer = bytes_bpe(template=CHATML.replace("messages %}", "messages if message['role'] != 'system' %}"))
    with pytest.raises(InputError, match='or no system prompt: `system_prompt: ""`'):
        render(tokenizer, said("Be brief.", "a"))
    assert render(tokenizer, said("", "a")) == joined(tokenizer, said("", "a"))


@pytest.mark.parametrize(
    ("template", "found"),
    [
        ("{{ raise_exception('System role not supported') }}", "System role not supported"),
        (None, "chat_template is not set"),
        ("{{ messages[9]['content'] + 1 }}", "no chat template for messages of system, user"),
        ("{% for %}", "no chat template for messages of system, user"),
    ],
)
def test_a_template_that_fails_is_named(template, found):
    with pytest.raises(InputError, match=found):
        render(bytes_bpe(template=template), said("s", "a"))
