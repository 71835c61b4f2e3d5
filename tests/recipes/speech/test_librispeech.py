"""The LibriSpeech recipe on a small folder in LibriSpeech's layout."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from manifests.errors import MissingFileError
from manifests.files import read_jsonl
from manifests.reasons import Reason
from manifests.rows import cut_rows
from recipes import registry
from tests.recipes.speech.conftest import Prepared


@pytest.fixture
def source(tmp_path: Path, tone: Callable[..., Path], write: Callable[..., Path]) -> Path:
    root = tmp_path / "LibriSpeech"
    chapter = root / "dev-clean" / "84" / "121123"
    write(
        chapter / "84-121123.trans.txt",
        "84-121123-0000 GO DO YOU HEAR\n84-121123-0001 BUT IN LESS\n84-121123-0002 NO AUDIO\n84-121123-0003\n"
        "84-121123-0004 BROKEN\n",
    )
    write(chapter / "84-121123.alignment.txt", '84-121123-0000 "GO,DO,YOU,HEAR" "0.1,0.2,0.3,0.5"\n')
    for number in (0, 1, 3, 9):
        tone(chapter / f"84-121123-000{number}.flac")
    (chapter / "84-121123-0004.flac").write_bytes(b"fLaC")
    write(root / "train-clean-5" / "1" / "2" / "1-2.trans.txt", "1-2-0000 HELLO\n")
    tone(root / "train-clean-5" / "1" / "2" / "1-2-0000.flac")
    (root / "notes").mkdir()
    return root


def test_parts_become_splits_and_speakers_come_from_the_ids(source: Path, prepared: Callable[..., Prepared]) -> None:
    found = prepared("librispeech", source)
    assert found.splits == {"84-121123-0000": "dev", "84-121123-0001": "dev", "1-2-0000": "train"}
    assert found.texts["84-121123-0000"] == "GO DO YOU HEAR"
    assert found.said("84-121123-0000") == ("84", "en", None)
    assert found.cuts["84-121123-0000"]["duration"] == pytest.approx(0.5)
    assert found.cuts["84-121123-0000"]["recording"]["id"] == "librispeech-84-121123-0000"


def test_word_times_beside_the_transcripts_are_kept(source: Path, prepared: Callable[..., Prepared]) -> None:
    cuts = prepared("librispeech", source).cuts
    words = cuts["84-121123-0000"]["supervisions"][0]["alignment"]["word"]
    assert [word[:3] for word in words][:2] == [["GO", 0.0, 0.1], ["DO", 0.1, 0.1]]
    assert "alignment" not in cuts["84-121123-0001"]["supervisions"][0]


def test_broken_items_are_rejects_and_the_rest_goes_on(source: Path, prepared: Callable[..., Prepared]) -> None:
    assert prepared("librispeech", source).reasons == {
        "84-121123-0002": Reason.audio_missing,
        "84-121123-0003": Reason.empty_text,
        "84-121123-0004": Reason.audio_unreadable,
        "84-121123-0009": Reason.text_missing,
    }


def test_lhotse_reads_the_same_of_the_same_folder(source: Path, prepared: Callable[..., Prepared]) -> None:
    from lhotse.recipes import prepare_librispeech

    transcripts = next(source.rglob("84-121123.trans.txt"))
    transcripts.write_text("84-121123-0000 GO DO YOU HEAR\n84-121123-0001 BUT IN LESS\n", encoding="utf-8")
    found = prepared("librispeech", source)
    theirs = prepare_librispeech(source, dataset_parts=("dev-clean", "train-clean-5"))
    said = [one for part in theirs.values() for one in part["supervisions"]]
    assert {one.id: one.text for one in said} == found.texts
    assert {one.id: one.speaker for one in said} == {key: found.said(key)[0] for key in found.cuts}
    assert {one.id: one.duration for one in said} == {key: found.span(key)[1] for key in found.cuts}


def test_prepare_takes_the_folder_as_source(source: Path, tmp_path: Path) -> None:
    info = registry.prepare("librispeech", tmp_path / "out", source=source)
    assert (info.cuts, info.rejects, info.license) == (3, 4, "CC-BY-4.0")
    assert next(row["id"] for row in cut_rows(tmp_path / "out" / "librispeech")) == "librispeech-1-2-0000"


def test_a_folder_without_parts_says_what_was_expected(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match=r"holds no part of LibriSpeech.*openslr\.org/12"):
        registry.prepare("librispeech", tmp_path / "out", source=tmp_path)


def test_the_length_is_the_decoded_one_not_the_headers(source: Path, tmp_path: Path) -> None:
    from tests.manifests.audio import written_audio as made

    path = next(source.rglob("1-2-0000.flac"))
    path.write_bytes(made.flac(0))  # as streamed: its header counts no samples
    registry.prepare("librispeech", tmp_path / "out", source=source)
    row = next(row for row in cut_rows(tmp_path / "out" / "librispeech") if row["id"] == "librispeech-1-2-0000")
    assert (row["duration"], row["recording"]["num_samples"]) == (made.SECONDS, made.SAMPLES)


def test_links_out_of_the_corpus_are_rejects_unless_asked_for(
    source: Path, tmp_path: Path, tone: Callable[..., Path], write: Callable[..., Path]
) -> None:
    chapter = source / "dev-clean" / "84" / "121123"
    (chapter / "84-121123-0002.flac").symlink_to(tone(tmp_path / "elsewhere" / "secret.flac"))
    (chapter / "84-121123-0004.flac").unlink()
    (chapter / "84-121123-0004.flac").symlink_to("84-121123-0000.flac")  # inside: as good as a file
    secret = write(tmp_path / "elsewhere" / "secret.trans.txt", "root:x:0:0 SECRET\n")
    (source / "dev-clean" / "84" / "9").mkdir()
    (source / "dev-clean" / "84" / "9" / "84-9.trans.txt").symlink_to(secret)
    registry.prepare("librispeech", tmp_path / "out", source=source)
    refused = {row["cut_id"]: row for row in read_jsonl(tmp_path / "out" / "librispeech" / "rejects.jsonl.gz")}
    outside = {name for name, row in refused.items() if row["reason"] == Reason.outside_corpus}
    assert outside == {"librispeech-84-121123-0002", "librispeech-84-9.trans"}
    assert "outside" in refused["librispeech-84-121123-0002"]["detail"]
    assert "follow_links" in refused["librispeech-84-121123-0002"]["detail"]
    kept = {row["id"] for row in cut_rows(tmp_path / "out" / "librispeech")}
    assert "librispeech-84-121123-0004" in kept
    registry.prepare("librispeech", tmp_path / "out", source=source, follow_links=True)
    assert "librispeech-84-121123-0002" in {row["id"] for row in cut_rows(tmp_path / "out" / "librispeech")}


def test_a_corpus_folder_that_is_itself_a_link_is_no_link_out_of_it(source: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(source)
    info = registry.prepare("librispeech", tmp_path / "out", source=tmp_path / "link")
    assert info.cuts == 3


ALIGNMENT = "84-121123.alignment.txt"
ODD_TIMES = [
    b'84-121123-0000 ",GO" "x,0.2"\n',
    b'84-121123-0000 ",GO"\n',
    b'84-121123-0000 ",GO" "0.1,0.2" more\n',
    b'84-121123-0000 ",GO,DO" "0.1,0.2"\n',
    b'84-121123-0000 ",GO" "nan,0.2"\n',
    b'84-121123-0000 ",GO" "0.3,0.2"\n',
    b'84-121123-0000 ",GO" "0.1,inf"\n',
]


@pytest.mark.parametrize("line", ODD_TIMES)
def test_word_times_that_cannot_be_read_refuse_their_utterance(
    source: Path, prepared: Callable[..., Prepared], line: bytes
) -> None:
    next(source.rglob(ALIGNMENT)).write_bytes(line)
    found = prepared("librispeech", source)
    assert (found.info.cuts, found.info.rejects) == (2, 5)
    assert found.reasons["84-121123-0000"] == Reason.bad_row
    assert f"{ALIGNMENT}:1: expected UTTERANCE" in found.rejects["84-121123-0000"]["detail"]


def test_lines_without_an_utterance_are_rejects_and_the_rest_goes_on(
    source: Path, prepared: Callable[..., Prepared]
) -> None:
    times, said = next(source.rglob(ALIGNMENT)), next(source.rglob("84-121123.trans.txt"))
    times.write_bytes(times.read_bytes() + b"\xff\xfe\n")
    odd = b"84-121123-\xff GO\n../../x GO\n" + b"x" * 5000 + b"-1 GO\n84-121123-0000 AGAIN\n\n"
    said.write_bytes(odd.replace(b"x" * 5000 + b"-1", b"x-" + b"y" * 5000) + said.read_bytes())
    found = prepared("librispeech", source)
    assert set(found.cuts) == {"84-121123-0000", "84-121123-0001", "1-2-0000"}
    assert found.texts["84-121123-0000"] == "AGAIN"  # the first line of the two
    rejects = {key[:30]: reason for key, reason in found.reasons.items()}
    assert rejects["84-121123.trans.txt:1"] == Reason.bad_row
    assert rejects["84-121123.trans.txt:2"] == Reason.bad_row
    assert rejects["84-121123.alignment.txt:2"] == Reason.bad_row
    assert rejects[f"x-{'y' * 28}"] == Reason.audio_missing
    assert rejects["84-121123-0000"] == Reason.duplicate_id
