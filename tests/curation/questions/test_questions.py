"""A task of stage III asked of a corpus that was made for another: rows, answers, rejects."""

import json

import pytest

from curation.catalog import build, connect
from curation.questions.builders import BUILDERS, AskedCut, Said
from curation.questions.corpus import make_questions
from manifests.errors import InputError, OccupiedError, Rejected
from manifests.files import read_json, read_jsonl
from manifests.rows.validate import row_problems
from tests.curation.synthetic_catalog import cut, mono_cut, write_catalog

WORDS = ("I", "Hear,", "the", "bells", "the", "END")
FACTS = {
    "syn-a": {"gender": "female", "age": "twenties", "emotion": "happy"},
    "syn-b": {"gender": "male", "age": "fourties", "split": "test"},
    "syn-c": {"age": "41", "emotion": "angry"},
    "syn-d": {"age": "4"},
}


def lhotse_row(cut_id, language, speaker):
    row = mono_cut(cut_id, text=" ".join(WORDS), custom=FACTS[cut_id])
    row["supervisions"][0] |= {"language": language, "speaker": speaker, "custom": {"target_text": "of another row"}}
    return row


@pytest.fixture(scope="module")
def catalog(tmp_path_factory):
    """Four cuts, of which `a` and `b` have aligned words, and one that is the same sound as `a`."""
    languages = {"syn-a": "en", "syn-b": "de", "syn-c": None, "syn-d": "xx"}
    speakers = {"syn-a": "ann", "syn-b": None, "syn-c": "cy", "syn-d": "dee"}
    rows = {name: lhotse_row(name, languages[name], speakers[name]) for name in FACTS}
    cuts = [
        cut(
            name,
            language=languages[name],
            speaker=speakers[name],
            split="test" if name == "syn-b" else "train",
            duration=1.5,
            source_path=f"/audio/{name}.wav",
            manifest=json.dumps(row),
        )
        for name, row in rows.items()
    ]
    twin = {"recording_id": "syn-a", "manifest": json.dumps(rows["syn-a"] | {"id": "syn-z"}), "duration": 1.5}
    cuts.append(cut("syn-z", task="st", target_text="x", source_path="/audio/syn-a.wav", **twin))
    words = [
        {"cut_id": name, "backend": backend, "position": n, "symbol": word, "start": 0.25 * n + shift, "duration": 0.2}
        for name in ("syn-a", "syn-b")
        for backend, shift in (("a-first", 0.0), ("b-later", 9.0))
        for n, word in enumerate(WORDS)
    ]
    return write_catalog(tmp_path_factory.mktemp("asked") / "catalog", cuts, words=words)


def asked(catalog, task, corpora):
    info = make_questions(catalog, task, "syn", corpora)
    rows = {row["id"]: row for row in read_jsonl(corpora / f"syn_{task}" / "cuts.jsonl.gz")}
    rejects = {row["cut_id"]: row for row in read_jsonl(corpora / f"syn_{task}" / "rejects.jsonl.gz")}
    assert (info.cuts, info.rejects) == (len(rows), len(rejects)) and list(rows) == sorted(rows)
    assert info.hours == pytest.approx(1.5 * len(rows) / 3600)
    assert not [problem for row in rows.values() for problem in row_problems(row)]
    answers = {key.removeprefix(f"syn_{task}-"): row["supervisions"][0]["custom"]["target_text"]
               for key, row in rows.items()}  # fmt: skip
    return answers, rejects


@pytest.mark.parametrize(
    ("task", "answers"),
    [
        ("gender", {"a": "female", "b": "male"}),
        ("age", {"a": "twenties", "b": "forties", "c": "forties"}),
        ("emotion", {"a": "happy", "c": "angry"}),
        ("language", {"a": "English", "b": "German"}),
        ("speakers", {"a": "one speaker", "c": "one speaker", "d": "one speaker"}),
    ],
)
def test_answers_come_from_what_the_manifest_says(catalog, tmp_path, task, answers):
    found, rejects = asked(catalog, task, tmp_path)
    assert found == answers
    assert {row["reason"] for row in rejects.values()} == {"target_missing"} and len(answers) + len(rejects) == 4


def test_grounding_asks_for_a_word_that_is_said_once_and_says_when(catalog, tmp_path):
    found, rejects = asked(catalog, "grounding", tmp_path)
    times = {"hear": "0.25 to 0.45 s", "bells": "0.75 to 0.95 s"}
    assert set(found) == {"a", "b"}
    for answer in found.values():
        word, when = answer.split(": ")
        assert times[word] == when
    assert "`soundwave label align`" in rejects["syn_grounding-c"]["detail"]


def test_the_new_corpus_is_one_like_others(catalog, tmp_path):
    make_questions(catalog, "gender", "syn", tmp_path / "corpora")
    build(tmp_path / "corpora", tmp_path / "labels", tmp_path / "catalog")
    with connect(tmp_path / "catalog") as con:
        rows = con.execute(
            "SELECT cut_id, corpus, task, domain, split, text, target_text, target_language, source_path FROM accepted"
        ).fetchall()
    text = " ".join(WORDS)
    assert sorted(rows) == [
        ("syn_gender-a", "syn_gender", "gender", "gender", "train", text, "female", "en", "/audio/syn-a.wav"),
        ("syn_gender-b", "syn_gender", "gender", "gender", "test", text, "male", "en", "/audio/syn-b.wav"),
    ]
    record = read_json(tmp_path / "corpora" / "syn_gender" / "corpus.json")
    assert record["license"] == "CC0-1.0" and record["provenance"]["settings"]["corpus"] == "syn"
    again = make_questions(catalog, "gender", "syn", tmp_path / "corpora")
    assert again.cuts == 2
    with pytest.raises(InputError, match="has 2 rows of the task gender already"):
        make_questions(tmp_path / "catalog", "gender", "syn_gender", tmp_path / "corpora")


def test_bad_input_writes_nothing(catalog, tmp_path):
    for said, task, corpus in (
        (r"No builder makes questions of the task 'chat'.*recipes", "chat", "syn"),
        ("no audio of a corpus 'sin'.*syn", "age", "sin"),
    ):
        with pytest.raises(InputError, match=said):
            make_questions(catalog, task, corpus, tmp_path)
    bare = write_catalog(tmp_path / "bare", [cut("syn-a", manifest=json.dumps(mono_cut("syn-a")))])
    with pytest.raises(InputError, match=r"No cut of syn has `gender`.*syn_gender-a: gender is not known"):
        make_questions(bare, "gender", "syn", tmp_path / "corpora")
    assert not (tmp_path / "corpora").exists()
    (tmp_path / "corpora" / "syn_age").mkdir(parents=True)
    (tmp_path / "corpora" / "syn_age" / "mine.txt").write_text("mine")
    with pytest.raises(OccupiedError, match="Nothing was touched"):
        make_questions(catalog, "age", "syn", tmp_path / "corpora")


@pytest.mark.parametrize(
    "words",
    [
        (),
        (Said("the", 0, 1), Said("end", 1, 2)),  # short
        (Said("bells", 0, 1), Said("Bells!", 1, 2)),  # twice
        (Said("bells", 1, 1),),  # no length
        (Said("1984", 0, 1, sure=False),),
        (Said("----", 0, 1),),
    ],
)
def test_words_that_grounding_cannot_ask_for(words):
    with pytest.raises(Rejected):
        BUILDERS["grounding"].answer(AskedCut("x", "en", None, {}, words))
