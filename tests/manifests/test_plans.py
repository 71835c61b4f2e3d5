"""lock.json of this and of other versions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from manifests.errors import ManifestError, MissingFileError
from manifests.plans import DomainShare, Lock, WorstWindow, read_lock

DOMAIN = DomainShare(1.0, 2.0, 2.0, 1.0, draws=8, unique=4, candidates=5, max_repeat=2, seconds=7200.0)
WORST = WorstWindow(window=0, domain="asr", share=0.9, error=-0.1, off_by=-0.2, longest=0.3)
LOCK = Lock(
    name="m",
    stage="sft",
    catalog="demo/catalog",
    catalog_fingerprint="c0",
    query="SELECT cut_id, domain FROM cuts",
    query_sha256="q0",
    mixture_sha256="m0",
    code="p0",
    seed=7,
    unit="hours",
    budget=2.0,
    batch_seconds=16.0,
    window=32,
    steps=4,
    draws=8,
    seconds=7200.0,
    longest_step=20.5,
    plan_sha256="f00",
    domains={"asr": DOMAIN},
    schedule=[{"start": 0.0, "shares": {"asr": 1.0}}],
    worst_window=WORST,
    max_repeats=2,
    settings={"unit": "hours"},
    notes=["a note"],
)


def write(folder: Path, values: Any) -> Path:
    (folder / "lock.json").write_text(values if isinstance(values, str) else json.dumps(values))
    return folder


def test_a_lock_is_read_as_it_was_written(tmp_path: Path) -> None:
    assert read_lock(write(tmp_path, LOCK.row())) == LOCK
    assert read_lock(write(tmp_path, LOCK.row() | {"worst_window": None})).worst_window is None


def test_a_lock_from_before_settings_and_notes_opens(tmp_path: Path) -> None:
    older = {name: value for name, value in LOCK.row().items() if name not in ("settings", "notes")}
    assert read_lock(write(tmp_path, older)).settings == {}


def test_a_newer_lock_opens_without_what_it_adds(tmp_path: Path) -> None:
    newer = LOCK.row() | {"weather": "fine"}
    newer["domains"] = {"asr": newer["domains"]["asr"] | {"median": 3.0}}
    assert read_lock(write(tmp_path, newer)) == LOCK


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (json.dumps(LOCK.row())[:200], "is not valid JSON, or not whole"),
        ([1], "holds list, expected an object"),
        ({**LOCK.row(), "steps": "four"}, "`steps`: found 'four', expected a whole number"),
        ({**LOCK.row(), "domains": {"asr": {"share": 1.0}}}, "`domains.asr.planned` is missing, expected a number"),
        ({"stage": "sft", "train": ["lora"]}, "`plan_sha256` is missing, expected text"),
    ],
)
def test_a_lock_that_cannot_be_used_says_why_and_how_to_go_on(tmp_path: Path, values: Any, said: str) -> None:
    with pytest.raises(ManifestError, match=said) as caught:
        read_lock(write(tmp_path, values))
    assert "lock.json" in str(caught.value) and str(caught.value).endswith("Run `soundwave mix plan` again.")


def test_no_lock(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match=r"No such plan.*Run `soundwave mix plan` first"):
        read_lock(tmp_path)
