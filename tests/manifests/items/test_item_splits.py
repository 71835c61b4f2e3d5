"""Splits by hash: linked rows go together, all others stay where their own hash put them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import soundfile

from curation.text.readings import number_readings
from manifests.files import read_jsonl
from manifests.items import About
from manifests.items.corpus import gathering
from manifests.items.splits import Sharing
from manifests.rows import CUTS, TEXTS, CorpusInfo, TextRow, write_corpus
from manifests.switch import switched
from recipes.common import NOT_BY_SPEAKER, file_cut
from tests.curation.sounding import RATE, again, clip


def gathered(
    folder: Path, cuts: list[Any], texts: list[TextRow], *, free: bool = True, **sharing: Any
) -> dict[str, str]:
    """Id -> split."""
    folder.mkdir(parents=True, exist_ok=True)
    about = About("made", "CC0-1.0")
    with gathering(folder, about) as rows, switched(folder) as switch:
        for cut in cuts:
            rows.cut(cut, free=free)
        for text in texts:
            rows.text(text, free=free)
        rows.share(Sharing(NOT_BY_SPEAKER, **sharing))
        rows.write(switch, CorpusInfo("made", "made", "CC0-1.0", "tests"))
    found = {row["id"]: row["custom"]["split"] for row in read_jsonl(folder / CUTS)}
    return found | {row["id"]: row["split"] for row in read_jsonl(folder / TEXTS)}


def row(folder: Path, name: str, split: str, *, seed: int, kind: str | None = None, text: str | None = None) -> Any:
    samples, rate = again(clip(seed))[kind] if kind else (clip(seed), RATE)
    soundfile.write(folder / f"{name}.wav", samples, rate)
    facts = {"corpus": "made", "split": split, "task": "asr", "license": "CC0-1.0", "speaker": "one voice"}
    return file_cut(folder / f"{name}.wav", cut_id=name, text=text or f"text of {name}", language="en", **facts)


def question(name: str, split: str, text: str) -> TextRow:
    return TextRow(name, "made", split, text, "an answer", "CC0-1.0")


def test_linked_rows_share_a_split_and_others_stay(tmp_path: Path) -> None:
    cuts = [
        row(tmp_path, "a", "train", seed=1),
        row(tmp_path, "again", "test", seed=1, kind="opus"),
        row(tmp_path, "digits", "train", seed=2, text="Room 12"),
        row(tmp_path, "words", "dev", seed=3, text="room twelve."),
        row(tmp_path, "alone", "dev", seed=4),
        row(tmp_path, "other", "test", seed=5),
    ]
    texts = [question("q", "dev", "Text of ALONE?"), question("r", "test", "What else?")]
    splits = gathered(tmp_path / "made", cuts, texts, readings=number_readings)
    assert splits["a"] == splits["again"]
    assert splits["digits"] == splits["words"]
    assert [splits[name] for name in ("alone", "q", "other", "r")] == ["dev", "dev", "test", "test"]


@pytest.mark.parametrize("beside", [True, False])
def test_rows_go_with_linked_rows_of_the_corpora_beside(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], beside: bool
) -> None:
    theirs = [
        row(tmp_path, "sound", "test", seed=1),
        row(tmp_path, "text", "dev", seed=2, text="Room 12"),
        row(tmp_path, "far", "test", seed=3),
    ]
    for cut in theirs:
        cut.custom["corpus"] = "other"
    info = CorpusInfo("other", "other", "CC0-1.0", "tests")
    asked = replace(question("q", "test", "Why?"), corpus="other")
    write_corpus(tmp_path / "corpora" / "other", info, theirs, [asked], [])
    cuts = [
        row(tmp_path, "copy", "train", seed=1, kind="opus", text="nothing alike"),
        row(tmp_path, "words", "train", seed=4, text="room twelve."),
        row(tmp_path, "alone", "train", seed=5),
    ]
    texts = [question("why", "train", "why"), question("how", "train", "how")]
    folder = tmp_path / "corpora" if beside else None
    found = gathered(tmp_path / "made", cuts, texts, readings=number_readings, beside=folder)
    splits = [found[name] for name in ("copy", "words", "alone", "why", "how")]
    assert splits == (["test", "dev", "train", "test", "train"] if beside else ["train"] * 5)
    assert ("made: 3 of 5 rows go to the split of rows" in capsys.readouterr().err) is beside


def test_official_splits_stand(tmp_path: Path) -> None:
    cuts = [row(tmp_path, "a", "train", seed=1, text="same"), row(tmp_path, "b", "test", seed=1, text="same")]
    assert gathered(tmp_path / "made", cuts, [], free=False) == {"a": "train", "b": "test"}


def test_a_family_moves_as_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def fact(row_id: str, labels: Mapping[str, Any]) -> str:
        return row_id.partition("-")[0]

    texts = [question("a-1", "train", "One?"), question("a-2", "train", "Two?"), question("b-1", "test", "two")]
    assert len(set(gathered(tmp_path / "made", [], texts, family=fact).values())) == 1
    assert "made: 3 of 3 rows hang together" in capsys.readouterr().err
