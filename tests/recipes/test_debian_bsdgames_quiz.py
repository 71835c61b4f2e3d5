"""The quiz recipe: its pattern language against an oracle, its questions against made files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests.reasons import Reason
from manifests.rows import CorpusInfo
from recipes import registry
from recipes.debian_bsdgames_quiz import (
    QUIZ,
    PatternError,
    alternatives,
    generic_templates,
    logical_lines,
    plain,
    read,
    split_fields,
)

INDEX = """/usr/share/games/bsdgames/quiz/africa:Africa{n}:cap{ital}
/usr/share/games/bsdgames/quiz/asia:Asia{n}:cap{ital}
/usr/share/games/bsdgames/quiz/bard:line{s}:next:work:char{acter}
/usr/share/games/bsdgames/quiz/babies:baby:adult
/usr/share/games/bsdgames/quiz/seq-easy:easy{-}{seq{uence}}:next:name
/usr/share/games/bsdgames/quiz/morse:clear:morse
/usr/share/games/bsdgames/quiz/rivers:river:sea:length
/usr/share/games/bsdgames/quiz/lost:a:b
"""
FILES = {
    "africa": "Egypt:Cairo\nC[^o|o^|o]te d'Ivoire:Yamoussoukro\nCentral Africa{n Rep{ublic}}:Bangui\n",
    "asia": "Egypt:Al-Qahira\nBhutan:[Thimphu\n",
    "bard": "Alas, poor Yorick{!}:\\\n:\\\nHamlet{ V-i}:\\\nHamlet\n",
    "babies": "cub:lion|tiger\nowlet:owl\n",
    "seq-easy": "1,4,9:16{(squares)}:squares|n[**|^]2\n",
    "morse": "A:.-\n",
    "rivers": "Elbe:North Sea:1094 km\n",
}


@pytest.fixture
def source(tmp_path: Path, write: Callable[..., Path]) -> Path:
    write(tmp_path / QUIZ / "index", INDEX)
    for name, text in FILES.items():
        write(tmp_path / QUIZ / name, text)
    return tmp_path


def test_facts_become_questions_in_plain_english(source: Path, tmp_path: Path) -> None:
    asked = {row.text: row.target_text for row in read(source, tmp_path).texts}
    assert asked == {
        "What is the capital of Egypt?": "Cairo",
        "Of which country is Cairo the capital?": "Egypt",
        "What is the capital of Cote d'Ivoire?": "Yamoussoukro",
        "Of which country is Yamoussoukro the capital?": "Cote d'Ivoire",
        "What is the capital of Central African Republic?": "Bangui",
        "Of which country is Bangui the capital?": "Central African Republic",
        "Of which country is Al-Qahira the capital?": "Egypt",
        'In which work of Shakespeare is the line "Alas, poor Yorick!"?': "Hamlet",
        'Who says "Alas, poor Yorick!" in Shakespeare?': "Hamlet",
        "What is the young of a lion called?": "Cub",
        "What is the young of a tiger called?": "Cub",
        "What is the young of an owl called?": "Owlet",
        "What number comes next: 1, 4, 9?": "16",
        "What is the sea for this river: Elbe?": "North Sea",
        "What is the length for this river: Elbe?": "1094 km",
    }


def test_what_makes_no_question_is_a_reject(source: Path, tmp_path: Path) -> None:
    assert {row.cut_id: row.reason for row in read(source, tmp_path).rejects} == {
        "bsdgames_quiz-asia-001-0": Reason.duplicate,
        "bsdgames_quiz-asia-002": Reason.bad_row,
        "bsdgames_quiz-bard-001-2": Reason.target_missing,
        "bsdgames_quiz-morse": Reason.out_of_scope,
        "bsdgames_quiz-lost": Reason.text_missing,
    }


def test_all_questions_about_one_fact_are_in_one_split(source: Path, tmp_path: Path) -> None:
    splits: dict[str, set[str]] = {}
    for row in read(source, tmp_path).texts:
        splits.setdefault(row.id.rpartition("-")[0], set()).add(row.split)
    assert all(len(found) == 1 for found in splits.values())


@pytest.mark.parametrize(
    ("pattern", "texts"),
    [
        ("Algeria", ["Algeria"]),
        ("Central Africa{n Rep{ublic}}", ["Central African Republic"]),
        ("W[illia|]m [I|1|the Conqueror]", ["William I"]),
        ("Hen[ry|] [VIII|8]", ["Henry VIII"]),
        ("Ed[w[ard|]|] [I|1]", ["Edward I"]),
        ("colt|foal", ["colt", "foal"]),
        ("Cal{if{ornia}}|CA", ["California", "CA"]),
        ("strain['|e]d", ["strained"]),
        ("Four[-| ]Coupled", ["Four-Coupled"]),
        (r"a\|b \{c\} \\", [r"a|b {c} \ ".strip()]),
        ("", [""]),
    ],
)
def test_patterns_become_readable_text(pattern: str, texts: list[str]) -> None:
    assert alternatives(pattern) == texts


@pytest.mark.parametrize("pattern", ["[a|b", "{a", "a]", "a}b", "[a}", "{a]", "[Squares|n[**|^]2} base 8"])
def test_brackets_that_do_not_pair_are_an_error(pattern: str) -> None:
    with pytest.raises(PatternError):
        alternatives(pattern)


WORDS = st.text(alphabet="abcde", min_size=1, max_size=4)
TREES = st.recursive(
    WORDS.map(lambda word: (word, word)),
    lambda inner: st.one_of(
        inner.map(lambda pair: ("{" + pair[0] + "}", pair[1])),
        st.lists(inner, min_size=1, max_size=3).map(
            lambda pairs: ("[" + "|".join(pair[0] for pair in pairs) + "]", pairs[0][1])
        ),
        st.lists(inner, min_size=1, max_size=3).map(
            lambda pairs: ("".join(pair[0] for pair in pairs), "".join(pair[1] for pair in pairs))
        ),
    ),
    max_leaves=12,
)


@given(TREES)
def test_a_pattern_built_from_a_tree_reads_as_its_first_choices(pair: tuple[str, str]) -> None:
    pattern, text = pair
    assert plain(pattern) == text


def test_lines_are_joined_and_fields_split_as_the_game_does() -> None:
    assert list(logical_lines(["a:\\", "b", "", "c\\:d:e"])) == ["a:b", "c\\:d:e"]
    assert split_fields("c\\:d:e:") == ["c\\:d", "e", ""]


def test_a_subject_without_templates_is_asked_through_its_category_names() -> None:
    assert generic_templates(["symbol", "number"]) == (("What is the number for this symbol: {0}?", 1),)


@pytest.mark.assets
def test_the_real_package_gives_2282_questions(real_corpus: Callable[[str], tuple[CorpusInfo, Path]]) -> None:
    info, folder = real_corpus("debian_bsdgames_quiz")
    assert (info.texts, info.cuts) == (2282, 0)
    assert registry.rejects_by_reason(folder) == {
        "duplicate": 32,
        "target_missing": 8,
        "out_of_scope": 6,
        "bad_row": 1,
    }


def test_a_line_of_the_index_that_cannot_be_read_is_a_reject(source: Path, tmp_path: Path) -> None:
    before = {row.text for row in read(source, tmp_path).texts}
    index = source / QUIZ / "index"
    odd = b"/x/asia:Africa{n:cap\n/x/none\n:a:b\n/x/\xff:a:b\n/x/deep:" + b"[" * 5000 + b":a\n"
    index.write_bytes(odd + index.read_bytes())
    (source / QUIZ / "babies").write_text("cub\nowlet:owl\n")
    found = read(source, tmp_path)
    refused = {row.cut_id: row.detail for row in found.rejects if "index" in row.cut_id}
    assert sorted(refused) == [f"bsdgames_quiz-index{end}" for end in ("-001", "-002", "-003", "-004", ":4")]
    assert "expected '}' at character" in refused["bsdgames_quiz-index-001"]
    assert "nested too deep" in refused["bsdgames_quiz-index-004"]
    assert before - {row.text for row in found.texts} <= {
        text for text in before if any(word in text for word in ("lion", "tiger", "cub"))
    }


def test_braces_in_names_of_categories_are_letters() -> None:
    (template, place), *_ = generic_templates(["{a}", "b{0}"])
    assert (template.format("x"), place) == ("What is the b{0} for this {a}: x?", 1)
