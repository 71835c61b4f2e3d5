from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from curation.audit import AUDITS, find_audits, read_audit, run_audits
from curation.plan import make_plan
from curation.plan.mixture import Mixture
from manifests.audio.landmarks import landmarks
from manifests.errors import ManifestError, QueryError, SettingsError
from manifests.settings import check_settings
from tests.curation.audit.score_cases import SCORE_CASES
from tests.curation.sounding import again, clip
from tests.curation.synthetic_catalog import cut, text_row, write_catalog

CLEAN = cut("clean", duration=5.0, text="a clean row of twenty or so characters", speaker="one")


def sound_labels(cut_id: str, samples: np.ndarray) -> list[dict[str, Any]]:
    marks = landmarks(samples)
    named = {"landmarks": marks.text(), "landmark_keys": marks.key_text()}
    return [{"pass": "fingerprint", "cut_id": cut_id, "name": name, "text": text} for name, text in named.items()]


def reject(cut_id: str, reason: str, step: str = "quality") -> dict[str, str]:
    return {"cut_id": cut_id, "corpus": "syn", "pass": step, "reason": reason, "detail": "found"}


# How language models' vocabularies spell what controls them, family by family; and text that is like it and is none.
CONTROL_TOKENS = (
    "<|im_end|>", "<|audio|>", "<|endoftext|>", "<|begin_of_text|>", "<|0.00|>", "<|turn>", "<turn|>", "<｜User｜>",
    "<s>", "</s>", "<BOS>", "<unk>", "[PAD]", "[MASK]", "[INST]", "[/INST]", "<<SYS>>", "[TOOL_CALLS]", "[BEGIN_AUDIO]",
    "<start_of_turn>", "<end_of_image>", "<think>", "</think>", "<tool_call>", "<audio>", "</speech>",
    "<audio_soft_token>", "<extra_id_0>", "<unused7>", "<0x0A>",
)  # fmt: skip
ORDINARY = (
    "a < b > c",
    "[laughter] <dog_barking>",
    "a |b| c",
    "if x<y|z",
    "so: <b>bold</b>",
    "say s or [a]",
    "{audio}",
)

# Audit -> rows of `cuts` (and other tables) -> the cuts it must find; CLEAN is always there and never found.
CASES: dict[str, tuple[list[dict[str, Any]], dict[str, list[dict[str, Any]]], set[str]]] = {
    "duration_rule": (
        [
            cut("short", duration=2.99),
            cut("long", duration=30.01),
            cut("edge", duration=3.0),
            cut("end", duration=30.0),
            cut("sound", task="sound", duration=0.5),
            text_row("text"),
        ],
        {},
        {"short", "long"},
    ),
    "text_rate": (
        [
            cut("fast", duration=1.0, text="x" * 29),
            cut("slow", duration=5.0, text="x" * 9),
            cut("fine", duration=1.0, text="x" * 28),
            cut("sound", task="sound", text="Dog", duration=9.0),
        ],
        {},
        {"fast", "slow"},
    ),
    "empty_text": (
        [
            cut("null", text=None),
            cut("blank", text=" \n"),
            cut("no-break space", text="\u00a0\u200b"),
            cut("vowel signs", text="की", language="hi"),
            cut("untranslated", task="st", target_text=None),
            text_row("unanswered", target_text=""),
            cut("sound", task="sound", text=None),
            text_row("fine"),
        ],
        {},
        {"null", "blank", "no-break space", "untranslated", "unanswered"},
    ),
    "duplicates": (
        [
            cut("a", audio_sha256="same"),
            cut("b", audio_sha256="same"),
            cut("c", audio_sha256="same", start=1.0),
            cut("d", audio_sha256=None),
            cut("e", audio_sha256=None),
            cut("f", audio_sha256="twin"),
            cut("refused", audio_sha256="twin"),
        ],
        {"rejects": [reject("refused", "duplicate")]},
        {"a", "b"},
    ),
    "clipped_or_silent": (
        [cut("quiet"), cut("loud"), cut("short")],
        {"rejects": [reject("quiet", "silent"), reject("loud", "clipped"), reject("short", "too_short")]},
        {"quiet", "loud"},
    ),
    "leakage_text": (
        [
            cut("train", text="Hello, World!"),
            cut("same", split="test", text="hello   world"),
            cut("dev", split="dev", text="HELLO WORLD."),
            cut("joined", split="dev", text="helloworld"),
            cut("other", split="test", text="hello word"),
            cut("task", split="test", text="hello world", task="sound"),
            cut("language", split="test", text="hello world", language="nl"),
            cut("none", split="test", text=None),
            cut("train2", text="Café Straße, 21 dogs", language="en-GB"),
            cut("nfd", split="test", text="cafe\u0301 STRASSE 21 dogs"),
            cut("wide", split="test", text="ｃａｆé ｓtrasse ２１ dogs", language=None),
            cut("words", split="dev", text="café straße twenty-one dogs", corpus="two"),
            cut("words2", text="press five"),
            cut("digits", split="test", text="Press 5!"),
            cut("devtext", split="dev", text="only in dev"),
            cut("testtext", split="test", text="Only in dev."),
        ],
        {},
        {"same", "dev", "nfd", "wide", "words", "digits", "testtext"},
    ),
    "leakage_audio": (
        [
            cut("train", audio_sha256="s"),
            cut("same", split="test", audio_sha256="s"),
            cut("later", split="test", audio_sha256="s", start=9.0),
            cut("unknown", split="test", audio_sha256=None),
            cut("overlap", split="test", audio_sha256="s", start=0.5, corpus="two"),
            cut("behind", split="test", audio_sha256="s", start=1.0),
            cut("tape1", recording_id="tape", audio_sha256=None, start=10.0, duration=30.0),
            cut("tape2", recording_id="tape", audio_sha256=None, start=12.0),
            cut("inside", split="dev", recording_id="tape", audio_sha256=None, start=25.0),
            cut("before", split="dev", recording_id="tape", audio_sha256=None, start=9.5),
            cut("past", split="dev", recording_id="tape", audio_sha256=None, start=40.0),
            cut("file", audio_sha256=None, source_path="/audio/x.wav"),
            cut("path", split="test", audio_sha256=None, source_path="/audio/x.wav", corpus="two"),
            cut("devcut", split="dev", audio_sha256="d"),
            cut("testcut", split="test", audio_sha256="d", start=0.2),
        ],
        {},
        {"same", "overlap", "inside", "before", "path", "testcut"},
    ),
    "leakage_sound": (
        [
            cut("train"),
            cut("copy", split="test", corpus="two"),
            cut("piece", split="dev"),
            cut("new", split="test"),
            cut("unmarked", split="test"),
        ],
        {
            "labels": [
                row
                for name, samples in {
                    "train": clip(1),
                    "copy": again(clip(1))["mp3"][0],
                    "piece": clip(1)[8000:40000],
                    "new": clip(2),
                }.items()
                for row in sound_labels(name, samples)
            ]
        },
        {"copy", "piece"},
    ),
    "sound_copies": (
        [
            cut("a"),
            cut("b-copy"),
            cut("c-piece", corpus="two"),
            cut("d-new"),
            cut("e-held-out", split="test"),
            cut("f"),
        ],
        {
            "labels": [
                row
                for name, samples in {
                    "a": clip(1),
                    "b-copy": again(clip(1))["mp3"][0],
                    "c-piece": clip(1)[8000:40000],
                    "d-new": clip(2),
                    "e": clip(1),
                }.items()
                for row in sound_labels(name, samples)
            ]
        },
        {"b-copy", "c-piece"},
    ),
    "leakage_speaker": (
        [
            cut("train", speaker="anna"),
            cut("same", split="dev", speaker="anna"),
            cut("new", split="dev", speaker="ben"),
            cut("nobody", split="dev", speaker=None),
            cut("elsewhere", split="dev", speaker="anna", corpus="two"),
            cut("libri", speaker="librispeech-1089"),
            cut("tts", split="dev", speaker="libritts_1089", corpus="two"),
            cut("bare", split="test", speaker="1089", corpus="libri-light"),
            cut("number", split="test", speaker="1089", corpus="two"),
            cut("devvoice", split="dev", speaker="carla"),
            cut("testvoice", split="test", speaker="carla"),
        ],
        {},
        {"same", "tts", "bare", "testvoice"},
    ),
    "leakage_recording": (
        [
            cut("train", recording_id="tape"),
            cut("same", split="dev", recording_id="tape", start=9.0),
            cut("test", split="test", recording_id="tape"),
            cut("new", split="dev", recording_id="other"),
            cut("elsewhere", split="dev", recording_id="tape", corpus="two"),
            cut("kept", recording_id="refused"),
            cut("refused", recording_id="mine"),
            cut("heard", split="test", recording_id="mine"),
            cut("bytes", audio_sha256="b", start=9.0),
            cut("again", split="test", audio_sha256="b", corpus="two"),
            text_row("text", split="test"),
        ],
        {"rejects": [reject("refused", "silent")]},
        {"same", "test", "again"},
    ),
    "unknown_labels": (
        [
            cut("known", task="sound", sound=["Dog", "Bark"]),
            cut("comma", task="sound", sound=["Walk, footsteps"]),
            cut("misspelt", task="sound", sound=["Dog", "Brak", "Miaow"]),
            cut("case", sound=["dog"]),
            cut("none", task="sound", sound=None),
            cut("empty", task="sound", sound=[]),
            cut("described", task="sound", domain="captions", target_text="A dog barks."),
        ],
        {},
        {"misspelt", "case", "none", "empty"},
    ),
    "control_tokens": (
        [
            *(cut(f"token-{number}", text=f"press {token} now") for number, token in enumerate(CONTROL_TOKENS)),
            cut("answer", task="st", target_text="die Worte</s>"),
            cut("label", task="sound", sound=["Dog", "<|im_end|>"]),
            *(cut(f"words-{number}", text=text) for number, text in enumerate(ORDINARY)),
            cut("tag", task="sound", sound=["Dog"], text=None),
        ],
        {},
        {*(f"token-{number}" for number in range(len(CONTROL_TOKENS))), "answer", "label"},
    ),
    "license_missing": ([cut("null", license=None), cut("blank", license=" ")], {}, {"null", "blank"}),
    "transcript_length": (
        [
            cut("long", text="w " * 200 + "w"),
            cut("fits", text="w " * 199 + "w"),
            cut("one", text="w" * 300),
            cut("characters", text="天" * 201, language="zh"),
            cut("marks", text="กี่" * 199, language="th"),
        ],
        {},
        {"long", "characters"},
    ),
    "frames_per_character": (
        [cut("thin", duration=9.0, text="four"), cut("fine", duration=8.0, text="four")],
        {},
        {"thin"},
    ),
    "language_tags": (
        [
            cut("none", language=None),
            cut("word", language="English"),
            cut("script", text="Подожди", language="cs"),
            cut("latin", text="latin", language="ru"),
            cut("ru", text="Подожди", language="ru"),
            cut("region", language="pt-BR"),
            cut("script and region", text="天", language="zh-Hant-TW"),
            cut("of a continent", language="es-419"),
            cut("Hindi", text="की", language="en"),
            cut("digits", text="7", language="ru"),
        ],
        {},
        {"none", "word", "script", "latin", "Hindi"},
    ),
    "near_duplicates": (
        [
            cut("a", duration=4.0, text="One take", speaker="x"),
            cut("b", duration=4.01, text="one take!", speaker="x"),
            cut("c", duration=5.0, text="one take", speaker="x"),
            cut("d", duration=4.0, text="one take", speaker="y"),
            cut("copy1", text="bytes", audio_sha256="s"),
            cut("copy2", text="bytes", audio_sha256="s"),
        ],
        {},
        {"a", "b"},
    ),
    "unknown_languages": (
        [
            *(
                cut(name, language=code)
                for name, code in (("en", "EN"), ("gb", "en_GB"), ("zh", "zh-Hant"), ("de", "deu"))
            ),
            *(cut(name, language=code) for name, code in (("word", "english"), ("two", "xx"), ("long", "klingonish"))),
            cut("target", task="st", target_text="x", target_language="Deutsch"),
            cut("none", task="sound", language=None, text=None, sound=["Dog"]),
            cut("rare", language="enn"),
        ],
        {},
        {"word", "two", "long", "target"},
    ),
    "duration_mismatch": (
        [cut("off", duration=2.0), cut("fine", duration=2.0), cut("unmeasured", duration=2.0)],
        {
            "labels": [
                {"pass": "quality", "cut_id": "off", "name": "duration", "value": 1.9},
                {"pass": "quality", "cut_id": "fine", "name": "duration", "value": 2.02},
                {"pass": "other", "cut_id": "unmeasured", "name": "duration", "value": 9.0},
            ]
        },
        {"off"},
    ),
}
CASES |= SCORE_CASES
ABOUT_PLANS = {"heldout_in_plan", "refused_in_plan"}
ABOUT_RUNS = {"suspicious_labels"}  # in test_suspicious_labels.py


@pytest.mark.parametrize("name", sorted(CASES))
def test_an_audit_finds_the_offending_rows_and_no_others(tmp_path: Path, name: str) -> None:
    cuts, tables, expected = CASES[name]
    write_catalog(tmp_path, [CLEAN, *cuts], **tables)
    (finding,) = run_audits(tmp_path, only=[name], examples=99)
    assert {row["cut_id"] for row in finding.examples} == expected
    assert finding.rows == len(expected)
    assert finding.hours == pytest.approx(sum(row["duration"] for row in cuts if row["cut_id"] in expected) / 3600)
    assert all(row["found"] for row in finding.examples)


def test_unknown_labels_are_named(tmp_path: Path) -> None:
    write_catalog(tmp_path, [cut("odd", task="sound", sound=["Zap", "Dog", "Brak"])])
    (finding,) = run_audits(tmp_path, only=["unknown_labels"])
    said = "Brak (cuts: 1; nearest: Bark, Breaking, Crack), Zap (cuts: 1; nearest: Tap, Flap, Gasp)"
    assert finding.examples[0]["found"] == f"not in the ontology: {said}"


def test_an_unknown_label_that_a_corpus_uses_is_said_by_its_name_in_the_ontology(tmp_path: Path) -> None:
    write_catalog(tmp_path, [cut("odd", task="sound", sound=["jackhammer"])])
    (finding,) = run_audits(tmp_path, only=["unknown_labels"])
    assert "jackhammer (cuts: 1; in urbansound8k it is Jackhammer; nearest: Jackhammer" in finding.examples[0]["found"]


def test_an_audit_asks_what_a_sound_is_a_kind_of(tmp_path: Path) -> None:
    rows = [cut("bark", task="sound", sound=["Zap", "Bark"]), cut("song", task="sound", sound=["Song"])]
    write_catalog(tmp_path / "catalog", [*rows, cut("odd", task="sound", sound=["Zap"]), cut("talk")])
    sql = (
        "SELECT cut_id, 'an animal' AS found, 1 AS worst, duration AS seconds FROM accepted WHERE is_a(sound, 'Animal')"
    )
    (tmp_path / "animals.sql").write_text(f"-- severity: warning\n-- means: m\n-- do: d\n{sql}\n")
    (finding,) = run_audits(tmp_path / "catalog", folders=[tmp_path], only=["animals"])
    assert [row["cut_id"] for row in finding.examples] == ["bark"]


def test_control_tokens_are_named_with_their_place(tmp_path: Path) -> None:
    write_catalog(tmp_path, [cut("odd", text="<s>one</s>", target_text="[INST] one </s>", task="st")])
    (finding,) = run_audits(tmp_path, only=["control_tokens"])
    assert finding.examples[0]["found"] == "</s> in target_text, </s> in text, <s> in text, [INST] in target_text"


@pytest.mark.parametrize("worst", ["1", "NULL", "duration"])
def test_examples_of_equal_rows_do_not_depend_on_order_or_threads(tmp_path: Path, worst: str) -> None:
    own = tmp_path / "own"
    own.mkdir()
    header = "-- severity: error\n-- means: x\n-- do: y\n"
    (own / "ties.sql").write_text(f"{header}SELECT cut_id, {worst} AS worst FROM cuts")
    (own / "bare.sql").write_text(f"{header}SELECT text AS found FROM cuts")
    rows = [cut(f"c{n:05}", text=f"t{n:05}") for n in range(9000)]
    for name, order in (("a", rows), ("b", rows[::-1]), ("c", rows[4500:] + rows[:4500])):
        write_catalog(tmp_path / name, order)
        found = {f.name: f.examples for f in run_audits(tmp_path / name, folders=[own], only=["ties", "bare"])}
        assert [row["cut_id"] for row in found["ties"]] == [f"c{n:05}" for n in range(8999, 8994, -1)]
        assert [row["found"] for row in found["bare"]] == [f"t{n:05}" for n in range(8999, 8994, -1)]


def test_every_audit_has_a_case() -> None:
    assert {path.stem for path in AUDITS.glob("*.sql")} == set(CASES) | ABOUT_PLANS | ABOUT_RUNS


def plan_over(catalog: Path, query: str) -> Path:
    asked = {"stage": "sft", "query": query, "unit": "samples", "epochs": 2, "shares": {"all": 1}, "max_repeats": 2}
    plans = catalog / "plans"
    make_plan(check_settings(Mixture, asked | {"batch": {"seconds": 9}}, where="test"), catalog, plans / "stage")
    return plans


def test_a_heldout_cut_in_a_plan_is_an_error(tmp_path: Path) -> None:
    write_catalog(
        tmp_path, [cut("train"), cut("dev", split="dev"), cut("test", split="test"), cut("undrawn", split="test")]
    )
    plans = plan_over(tmp_path, "SELECT cut_id, 'all' AS domain FROM cuts WHERE cut_id <> 'undrawn'")
    (finding,) = run_audits(tmp_path, plans=plans, only=["heldout_in_plan"])
    assert finding.failed
    assert [(row["cut_id"], row["found"]) for row in finding.examples] == [
        ("test", "test cut drawn 2 times by stage"),
        ("dev", "dev cut drawn 2 times by stage"),
    ]
    write_catalog(tmp_path, [cut("train")])  # the catalog lost what the plan draws
    (finding,) = run_audits(tmp_path, plans=plans, only=["heldout_in_plan"])
    assert {row["found"] for row in finding.examples} == {"unknown cut drawn 2 times by stage"}


@pytest.mark.parametrize(
    ("audit", "facts", "evidence"),
    [
        ("leakage_text", {"text": "Some  words!"}, "the same words"),
        ("leakage_text", {"text": "some words"}, "the same text"),
        ("leakage_speaker", {"speaker": "libritts_1089"}, "the same speaker by their ids"),
        ("leakage_audio", {"audio_sha256": "sha-one", "start": 0.75}, "0.25 s of the same bytes sha-one"),
        ("leakage_recording", {"audio_sha256": "sha-one", "start": 7.0}, "the same bytes sha-one"),
    ],
)
def test_leakage_names_both_cuts_and_what_is_the_same(
    tmp_path: Path, audit: str, facts: dict[str, Any], evidence: str
) -> None:
    rows = [
        cut("one", speaker="librispeech-1089"),
        cut("two", **({"text": "x", "corpus": "b", "split": "dev"} | facts)),
    ]
    (finding,) = run_audits(write_catalog(tmp_path, rows), only=[audit])
    (row,) = finding.examples
    names = ("cut_id", "corpus", "split", "other_cut_id", "other_corpus", "other_split", "evidence")
    assert [row[name] for name in names] == ["two", "b", "dev", "one", "syn", "train", evidence]
    assert "one of syn (train" in row["found"]


@pytest.mark.parametrize("drawn", ["refused", "held"])
def test_what_a_plan_draws_is_trained_on_whatever_its_split(tmp_path: Path, drawn: str) -> None:
    rows = [cut("refused", text="said twice"), cut("held", split="dev", text="said twice")]
    rows += [cut("new", split="test", text="Said twice."), cut("far", text="else")]
    write_catalog(tmp_path, rows, rejects=[reject("refused", "silent")])
    (finding,) = run_audits(tmp_path, only=["leakage_text"])
    assert [(row["cut_id"], row["other_cut_id"]) for row in finding.examples] == [("new", "held")]
    plans = plan_over(tmp_path, f"SELECT cut_id, 'all' AS domain FROM cuts WHERE cut_id IN ('far', '{drawn}')")
    (finding,) = run_audits(tmp_path, plans=plans, only=["leakage_text"])
    assert ("new", drawn) in [(row["cut_id"], row["other_cut_id"]) for row in finding.examples]


def test_a_training_plan_is_clean(tmp_path: Path) -> None:
    write_catalog(tmp_path, [cut("train"), cut("dev", split="dev")])
    plans = plan_over(tmp_path, "SELECT cut_id, 'all' AS domain FROM accepted WHERE split = 'train'")
    assert not any(finding.rows for finding in run_audits(tmp_path, plans=plans, only=sorted(ABOUT_PLANS)))


def test_a_refused_cut_in_a_plan_is_an_error(tmp_path: Path) -> None:
    rejects = [reject("bad", "silent"), reject("bad", "clipped"), reject("odd", "aligner_failed", step="align")]
    write_catalog(tmp_path, [cut("bad"), cut("odd"), cut("good")], rejects=rejects)
    plans = plan_over(tmp_path, "SELECT cut_id, 'all' AS domain FROM cuts")
    (finding,) = run_audits(tmp_path, plans=plans, only=["refused_in_plan"])
    assert finding.failed
    assert [(row["cut_id"], row["found"]) for row in finding.examples] == [
        ("odd", "aligner_failed (align): drawn 2 times by stage"),
        ("bad", "clipped (quality), silent (quality): drawn 2 times by stage"),
    ]


def test_settings_change_thresholds_and_unknown_ones_are_named(tmp_path: Path) -> None:
    write_catalog(tmp_path, [cut("a", duration=2.0), cut("b", duration=2.5)])
    assert run_audits(tmp_path, only=["duration_rule"])[0].rows == 2
    assert run_audits(tmp_path, only=["duration_rule"], settings={"min_seconds": 2.2})[0].rows == 1
    with pytest.raises(SettingsError, match=r"min_second\b.*Known settings: .*min_seconds"):
        run_audits(tmp_path, settings={"min_second": 2})


def test_findings_come_worst_first(tmp_path: Path) -> None:
    write_catalog(
        tmp_path, [cut(f"c{n}", duration=1.0 + n / 10) for n in range(9)] + [cut("l", license=None, duration=4.0)]
    )
    findings = run_audits(tmp_path, examples=2)
    assert findings[0].name == "license_missing"
    assert [row["cut_id"] for f in findings if f.name == "duration_rule" for row in f.examples] == ["c0", "c1"]
    assert [f.rows > 0 for f in findings] == sorted((f.rows > 0 for f in findings), reverse=True)


def test_counts_without_examples(tmp_path: Path) -> None:
    write_catalog(tmp_path, [cut("a", duration=1.0)])
    (finding,) = run_audits(tmp_path, only=["duration_rule"], examples=0)
    assert (finding.rows, finding.examples) == (1, [])


def test_users_add_their_own_and_replace_ours(tmp_path: Path) -> None:
    write_catalog(tmp_path / "catalog", [cut("a"), cut("b")])
    own = tmp_path / "own"
    own.mkdir()
    header = "-- severity: error\n-- means: it is there,\n--   twice over\n-- do: look\n-- setting: which = 'b'\n"
    (own / "mine.sql").write_text(header + "SELECT cut_id FROM cuts WHERE cut_id = getvariable('which')")
    (own / "duplicates.sql").write_text(header + "SELECT cut_id, duration AS seconds FROM cuts")
    findings = {f.name: f for f in run_audits(tmp_path / "catalog", folders=[own])}
    assert findings["mine"].examples == [{"cut_id": "b"}]
    assert (findings["mine"].means, findings["mine"].hours) == ("it is there, twice over", None)
    assert findings["duplicates"].rows == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("SELECT 1 AS cut_id", "no `-- severity"),
        ("-- severity: bad\n-- means: x\n-- do: y\nSELECT 1", "severity is 'bad'"),
        ("-- severity: error\n-- do: y\nSELECT 1", "no `-- means"),
        (
            "-- severity: error\n-- means: x\n-- do: y\n-- setting: a is 3\nSELECT 1",
            "expected `-- setting: name = number`",
        ),
        ("-- severity: error\n-- means: x\n-- do: y\n-- setting: a = 1.2.3\nSELECT 1", "a is 1.2.3, expected a number"),
    ],
)
def test_a_header_that_lacks_something_is_refused(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "mine.sql").write_text(text)
    with pytest.raises(QueryError, match=said):
        read_audit(tmp_path / "mine.sql")


@pytest.mark.parametrize("odd", [b"\xff", b"\xed\xa0\x80", b"\0"])
def test_an_audit_that_is_no_text_is_named(tmp_path: Path, odd: bytes) -> None:
    (tmp_path / "mine.sql").write_bytes(b"-- severity: error\n-- means: " + odd + b"\n-- do: y\nSELECT 1")
    with pytest.raises(ManifestError, match=r"mine\.sql (is not UTF-8|has a NUL character).*line 2"):
        read_audit(tmp_path / "mine.sql")


def test_a_header_keeps_its_lines_with_odd_spaces_and_a_mark(tmp_path: Path) -> None:
    header = "\ufeff-- severity: error\r\n-- means: one\u2028two\u0085three\r\n-- do: y\r\nSELECT 1"
    (tmp_path / "mine.sql").write_bytes(header.encode())
    found = read_audit(tmp_path / "mine.sql")
    assert (found.means, found.do) == ("one\u2028two\u0085three", "y")
    assert not found.sql.startswith("\ufeff")


@pytest.mark.parametrize(
    "sql",
    [
        "COPY (SELECT 1) TO '{folder}/stolen.csv'",
        "ATTACH '{folder}/x.db'",
        "INSTALL httpfs",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT no_such_column FROM cuts",
    ],
)
def test_an_audit_only_reads(tmp_path: Path, sql: str) -> None:
    write_catalog(tmp_path / "catalog", [cut("a")])
    own = tmp_path / "own"
    own.mkdir()
    (own / "evil.sql").write_text("-- severity: error\n-- means: x\n-- do: y\n" + sql.format(folder=tmp_path))
    with pytest.raises(QueryError, match=r"evil\.sql"):
        run_audits(tmp_path / "catalog", folders=[own], only=["evil"])
    assert not (tmp_path / "stolen.csv").exists()


def test_unknown_names_list_the_known() -> None:
    with pytest.raises(SettingsError, match=r"No audit nonesuch.*heldout_in_plan"):
        find_audits(only=["nonesuch"])


@pytest.mark.parametrize("name", ["null", "select", "0", "order"])
def test_settings_may_have_names_that_are_words_of_sql(tmp_path: Path, name: str) -> None:
    catalog = write_catalog(tmp_path / "catalog", [cut("one"), cut("two", duration=9.0)])
    (tmp_path / "audits").mkdir()
    (tmp_path / "audits" / "own.sql").write_text(
        f"-- severity: warning\n-- means: a\n-- do: b\n-- setting: {name} = 3\n"
        f"SELECT cut_id FROM cuts WHERE duration > getvariable('{name}')"
    )
    (found,) = run_audits(catalog, folders=[tmp_path / "audits"], only=["own"])
    assert found.rows == 1
