"""The audits of defects that real corpora have, each on rows that have it and on neighbours that do not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from curation.audit import AUDITS, run_audits
from tests.curation.synthetic_catalog import cut, text_row, write_catalog

DEFECTS = AUDITS / "defects"


def label(cut_id: str, name: str, value: float | None = None, text: str | None = None) -> dict[str, Any]:
    return {
        "pass": "agree" if name == "heard" else "quality",
        "cut_id": cut_id,
        "name": name,
        "value": value,
        "text": text,
    }


def rejected(cut_id: str, reason: str, step: str = "prepare") -> dict[str, Any]:
    return {"cut_id": cut_id, "corpus": "syn", "pass": step, "reason": reason, "detail": "x"}


TEXTS = {
    "frog": ("A frog.", "frog"),
    "frog-said": ("A frog.", "a frog"),
    "owl": ("An owl.", "owl"),
    "end": ("The end", "the end"),
    "other": ("A frog.", "something else"),
    "plain": ("Frog", "frog"),
    "none": ("A frog.", ""),
}
CASES = {
    "silent": {"quiet"},
    "clipped": {"loud"},
    "copies": {"copy-2", "copy-3"},
    "unsaid_article": {"frog", "owl"},
    "no_partner": {"no-text", "no-sound", "no-words"},
    "one_word": {"plain", "kanji-1"},
}


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    names = ("quiet", "loud", "fine", "part-1", "part-2")
    cuts = [cut(name) for name in names]
    cuts += [cut(name, audio_sha256="same", duration=1.0) for name in ("copy-1", "copy-2", "copy-3")]
    cuts += [cut("half", audio_sha256="same", duration=0.5), cut("elsewhere", audio_sha256="same", corpus="other")]
    cuts += [cut(name, text=text) for name, (text, _) in TEXTS.items()]
    cuts += [
        cut("kanji-1", text="犬", language="ja"),
        text_row("question", text="Why?"),
        cut("bark", text=None, task="sound"),
    ]
    labels = [label("quiet", "peak", 0.0009), label("fine", "peak", 0.5), label("fine", "clipped_share", 0.0)]
    labels += [label("loud", "clipped_share", 0.002), label("loud", "peak", 1.2)]
    labels += [label(name, "heard", text=heard) for name, (_, heard) in TEXTS.items()]
    rejects = [rejected("no-text", "text_missing"), rejected("no-sound", "audio_missing")]
    rejects += [
        rejected("no-words", "empty_text"),
        rejected("gone", "audio_missing", "quality"),
        rejected("bad", "bad_row"),
    ]
    return write_catalog(tmp_path_factory.mktemp("defects") / "catalog", cuts, labels=labels, rejects=rejects)


@pytest.mark.parametrize("name", sorted(CASES))
def test_an_audit_names_what_has_the_defect_and_nothing_else(catalog: Path, name: str) -> None:
    (found,) = run_audits(catalog, folders=[DEFECTS], only=[name], examples=100)
    assert {row["cut_id"] for row in found.examples} == CASES[name]
    assert found.severity == "warning"


def test_every_audit_of_the_folder_is_tried() -> None:
    assert {path.stem for path in DEFECTS.glob("*.sql")} == set(CASES)
