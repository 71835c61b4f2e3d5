"""The audits that look up held-out cuts by hashes and beginnings find what the queries that compare everything find."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from curation.audit import AUDITS, find_audits
from curation.audit.functions import create_functions
from curation.catalog import connect
from curation.catalog.parts import SQL
from curation.duck.headers import set_variables
from tests.curation.audit.test_audit import plan_over
from tests.curation.synthetic_catalog import cut, text_row, write_catalog

ORACLES = sorted(Path(__file__).with_name("oracles").glob("*.sql"))
# Beginnings longer than what is compared of them, alone and with what may stand before, between and after words.
WORDS = (
    "we will all go there now", "We Will All Go There NOW", "the 2 dogs", "the two dogs", "two dogs run over there",
    "Dr Smith has 2 dogs", "doctor smith has two dogs", "it's", "its", "it s", "a", "A.", "", " ", "...", "\u00ad",
    "cafe\u0301 au lait", "caf\u00e9 au lait", "CAF\u00c9 au lait", "Stra\u00dfe", "STRASSE", "strasse", "\ufb01ne",
    "fine", "\uff21\uff22\uff23", "abc", "\u043c\u0438\u0440\u0443 \u043c\u0438\u0440", "\u4f60\u597d \u4e16\u754c",
    "\u4f60\u597d\u4e16\u754c", "\u0130stanbul", "istanbul", "\u0661\u0662", "12", "twelve",
    "exactly twenty four long!", "exactly twenty four long", "one two three four five si",
    "one two three four five six", "one two three four five s ix",
    "\u0628\u064e\u064a\u062a", "\uac00\ub098", "\u1100\u1161\ub098",
)  # fmt: skip
BETWEEN = (" ", "  ", ", ", "-", "\u2019", "\n", "")


def texts(draw: random.Random) -> str:
    found = draw.choice(WORDS)
    for _ in range(draw.choice((0, 0, 1, 1, 2))):
        found += draw.choice(BETWEEN) + draw.choice(WORDS)
    return draw.choice(("", "", "", '"', " ")) + found


def some_cuts(draw: random.Random, count: int) -> list[dict[str, Any]]:
    """Rows of which many share a text, a voice, a recording, a file or its bytes, in all splits."""
    rows = []
    for number in range(count):
        facts: dict[str, Any] = {
            "corpus": draw.choice(("librispeech", "libritts", "other")),
            "split": draw.choice(("train", "train", "train", "dev", "test")),
            "language": draw.choice(("en", "en-GB", "de", None)),
            "text": draw.choice((None, *[texts(draw)] * 20)),
        }
        if number % 20 == 0:
            rows.append(text_row(f"cut-{number}", **facts))
            continue
        place = draw.randint(0, count)
        facts |= {
            "task": draw.choice(("asr", "asr", "st", "sound")),
            "speaker": draw.choice((None, "", "anna", *(f"{by}{draw.randint(100, 115)}" for by in ("", "libritts_")))),
            "recording_id": f"rec-{draw.randint(0, count // 2)}",
            "source_path": draw.choice((None, "s3://b/1.wav", f"{place}.wav", f"/audio/{place}.wav")),
            "audio_sha256": draw.choice((None, f"sha-{draw.randint(0, count)}")),
            "start": draw.choice((0.0, 1.0, 2.5)),
            "duration": draw.choice((1.0, 1.005, 2.0)),
        }  # fmt: skip
        rows.append(cut(f"cut-{number}", **facts))
    return rows


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    draw = random.Random(1)
    folder = tmp_path_factory.mktemp("leaks") / "catalog"
    rows = some_cuts(draw, 700)
    rejects = [
        {"cut_id": row["cut_id"], "corpus": row["corpus"], "pass": "quality", "reason": "silent", "detail": ""}
        for row in draw.sample(rows, 60)
    ]
    write_catalog(folder, rows, rejects=rejects)
    plan_over(folder, "SELECT cut_id, 'all' AS domain FROM cuts WHERE split <> 'test' AND hash(cut_id) % 3 = 0")
    return folder


@pytest.fixture(scope="module", params=["unplanned", "planned"])
def con(request: pytest.FixtureRequest, catalog: Path) -> Iterator[Any]:
    with connect(catalog, plans=catalog / "plans" if request.param == "planned" else None) as opened:
        create_functions(opened)
        yield opened


def found(con: Any, audit: Path) -> list[tuple[Any, ...]]:
    (settings,) = (one.settings for one in find_audits(only=[audit.stem]))
    set_variables(con, settings, {})
    rows: list[tuple[Any, ...]] = con.execute(
        f"SELECT * FROM ({audit.read_text(encoding='utf-8')}) ORDER BY ALL"
    ).fetchall()
    return rows


@pytest.mark.parametrize("oracle", ORACLES, ids=lambda path: path.stem)
def test_an_audit_finds_what_comparing_everything_finds(con: Any, oracle: Path) -> None:
    expected = found(con, oracle)
    assert len(expected) > 5
    assert found(con, AUDITS / oracle.name) == expected


def test_first_words_are_the_beginning_of_all_words(con: Any) -> None:
    """Of every character that the quick case takes, in several places, and of texts that are like its limits."""
    (letters,) = set(re.findall(r"\|\[(.+)\]\+\) \?", (SQL / "macros.sql").read_text(encoding="utf-8")))
    quick = [chr(code) for code in range(0x10000) if re.fullmatch(f"[{letters}]", chr(code))]
    assert len(quick) > 30_000
    draw = random.Random(3)
    odd = [*BETWEEN, "\u0301", "\u3099", "\u00ad", "!", "\u11a8", "\u4e00", "1", "e"]
    asked = [f"{a}b {a}{b}c {b}" for a, b in zip(quick[::2], quick[1::2], strict=False)]
    asked += ["a" * place + draw.choice(quick) + draw.choice(odd) + "bc" for place in range(18, 26) for _ in range(300)]
    asked += [texts(draw) for _ in range(3000)]
    whole = "left(plain_words(words), 24)"
    wrong = f"first_words(words) NOT IN ({whole}, {whole} || CASE WHEN length({whole}) < 24 THEN ' ' ELSE '' END) "
    wrong += r"OR has_number(words) <> regexp_matches(words, '\p{N}')"
    rows = con.execute(f"SELECT words FROM (SELECT unnest(?::VARCHAR[]) AS words) WHERE {wrong}", [asked]).fetchall()
    assert rows == []
    assert con.execute("SELECT first_words(NULL)").fetchall() == [(None,)]
