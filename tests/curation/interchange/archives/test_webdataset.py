from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from curation.interchange.archives import expand, members
from curation.interchange.archives.webdataset import WebLayout, import_webdataset
from manifests.audio import decode
from manifests.errors import InputError, ManifestError, MissingFileError, SettingsError
from manifests.files import read_jsonl
from manifests.items import About
from tests.curation.interchange.archives.tars import tone, write_tar

ABOUT = About("web", "CC0-1.0", language="en")


def cuts(folder: Path, corpus: str = "web") -> dict[str, dict[str, Any]]:
    return {row["id"]: row for row in read_jsonl(folder / corpus / "cuts.jsonl.gz")}


def rejects(folder: Path, corpus: str = "web") -> dict[str, tuple[str, str]]:
    path = folder / corpus / "rejects.jsonl.gz"
    rows = read_jsonl(path) if path.is_file() else ()
    return {row["cut_id"]: (row["reason"], row["detail"]) for row in rows}


def taken(tmp_path: Path, *sources: Path, about: About = ABOUT, **layout: Any) -> dict[str, dict[str, Any]]:
    import_webdataset(sources, tmp_path / "corpora", about, WebLayout(**layout))
    return cuts(tmp_path / "corpora")


@pytest.mark.parametrize("kind", ["wav", "flac", "ogg", "mp3"])
@pytest.mark.parametrize("end", [".tar", ".tar.gz"])
def test_sound_of_every_kind_with_text_beside_it(tmp_path: Path, kind: str, end: str) -> None:
    rows = [(f"talk/{n}.{part}", data) for n in range(3) for part, data in
            ((kind, tone(seed=n, kind=kind)), ("txt", f"words of {n}\n"))]  # fmt: skip
    write_tar(tmp_path / f"s-0001{end}", rows, "w:gz" if end.endswith("gz") else "w")
    found = taken(tmp_path, tmp_path / f"s-0001{end}")
    assert [(key, row["supervisions"][0]["text"]) for key, row in found.items()] == [
        (f"web-s-0001/talk/{n}", f"words of {n}") for n in range(3)
    ]
    for n, row in enumerate(found.values()):
        held = Path(row["recording"]["sources"][0]["source"])
        assert held.read_bytes() == dict(rows)[f"talk/{n}.{kind}"]
        assert abs(row["duration"] - 0.5) < 0.1


def test_keys_end_at_the_first_dot_and_ends_are_read_in_any_case(tmp_path: Path) -> None:
    write_tar(tmp_path / "a.tar", [("./x/1.FLAC", tone()), ("./x/1.JSON", json.dumps({"text": "one", "speaker": 7}))])
    (row,) = taken(tmp_path, tmp_path / "a.tar").values()
    assert (row["id"], row["supervisions"][0]["text"], row["supervisions"][0]["speaker"]) == ("web-a/x/1", "one", "7")


def test_facts_are_columns(tmp_path: Path) -> None:
    facts = {"id": "u/1", "caption": "a dog", "split": "valid", "lang": "en", "duration": 0.5, "snr": [1, 2.5]}
    write_tar(tmp_path / "a.tar", [("1.json", json.dumps(facts)), ("1.flac", tone())])
    (row,) = taken(tmp_path, tmp_path / "a.tar", columns={"text": "caption", "language": "lang"}).values()
    assert (row["id"], row["custom"]["split"], row["supervisions"][0]["text"]) == ("web-u/1", "dev", "a dog")
    assert row["custom"]["columns"] == {"duration": 0.5, "snr": [1, 2.5]}


@pytest.mark.parametrize("end", ["cls", "json"])
def test_labels_of_sounds(tmp_path: Path, end: str) -> None:
    data = "Dog" if end == "cls" else json.dumps({"label": "Dog"})
    write_tar(tmp_path / "a.tar", [("1.wav", tone(kind="wav")), (f"1.{end}", data)])
    (row,) = taken(tmp_path, tmp_path / "a.tar", about=About("web", "CC0-1.0", task="sound")).values()
    assert row["supervisions"][0]["custom"]["sound"] == ["Dog"]


def test_names_of_shards_and_folders_tell_the_split(tmp_path: Path) -> None:
    for name in ("train/000000", "val/000000", "x/test-000000"):
        write_tar(tmp_path / "data" / f"{name}.tar", [("0.flac", tone(seed=len(name))), ("0.txt", "words")])
    found = taken(tmp_path, tmp_path / "data")
    splits = {key: row["custom"]["split"] for key, row in found.items()}
    named = {"web-data/train/000000/0": "train", "web-data/val/000000/0": "dev", "web-test-000000/0": "test"}
    assert splits == named


def test_patterns_name_many_shards(tmp_path: Path) -> None:
    for n in range(3):
        write_tar(tmp_path / f"s{n:02}.tar", [("0.flac", tone(seed=n)), ("0.txt", "words")])
    assert len(taken(tmp_path, tmp_path / "s{00..02}.tar")) == 3
    assert expand("audio__OP_0..2_CL_.tar") == ["audio_0.tar", "audio_1.tar", "audio_2.tar"]
    assert expand("{a,b}{08..10}") == ["a08", "a09", "a10", "b08", "b09", "b10"]
    with pytest.raises(SettingsError, match="stands for"):
        expand("s{0..999}{0..999}")


FAULTS = {  # what is in the archive -> id of the reject, reason, what its detail says
    "no json": ([("1.flac", tone()), ("1.json", "{nope")], "web-a/1", "bad_row", "not valid JSON"),
    "key twice": ([("1.flac", tone()), ("1.json", '{"text": "a", "text": "b"}')], "web-a/1", "bad_row", "occurs twice"),
    "a list": ([("1.flac", tone()), ("1.json", "[1]")], "web-a/1", "bad_row", "expected a JSON object"),
    "wrong type": ([("1.flac", tone()), ("1.json", '{"text": {"a": 1}}')], "web-a/1", "bad_row", "text is a value of"),
    "bool": ([("1.flac", tone()), ("1.json", '{"text": "a", "speaker": true}')], "web-a/1", "bad_row", "speaker is"),
    "no utf-8": ([("1.flac", tone()), ("1.txt", b"\xff\xfe")], "web-a/1", "bad_row", "not UTF-8"),
    "two texts": ([("1.flac", tone()), ("1.txt", "a"), ("1.json", '{"text": "b"}')], "web-a/1", "bad_row", "different"),
    "two sounds": ([("1.flac", tone()), ("1.wav", b"x"), ("1.txt", "a")], "web-a/1", "bad_row", "several sounds"),
    "twice": ([("1.flac", tone()), ("1.txt", "a"), ("1.txt", "b")], "web-a/1", "bad_row", "stands twice"),
    "no sound": ([("1.json", '{"text": "a"}')], "web-a/1", "audio_missing", "has no sound"),
    "no text": ([("1.flac", tone())], "web-a/1", "text_missing", "no transcript"),
    "no audio": ([("1.flac", b"xyz"), ("1.txt", "a")], "web-a/1", "audio_unreadable", "no samples"),
    "up": ([("../1.flac", tone()), ("../1.txt", "a")], "web-a/../1", "bad_row", "leads out"),
    "root": ([("/etc/1.flac", tone()), ("/etc/1.txt", "a")], "web-a//etc/1", "bad_row", "leads out"),
    "link": ([("1.flac", "-> /etc/passwd"), ("1.txt", "a")], "web-a/1", "bad_row", "is a link"),
    "length": ([("1.flac", tone()), ("1.json", '{"text": "a", "duration": 7}')], "web-a/1", "duration_mismatch", "7 s"),
    "again": ([("1.flac", tone()), ("1.txt", "a"), ("good.txt", "x"), ("good.flac", tone(seed=8)),
               ("1.flac", tone(seed=3)), ("1.txt", "b")], "web-a/1", "duplicate_id", "was kept"),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_a_bad_sample_is_a_reject_and_the_others_go_on(tmp_path: Path, name: str) -> None:
    rows, key, reason, detail = FAULTS[name]
    last = [] if name == "again" else [("good.flac", tone(seed=9)), ("good.txt", "fine")]
    write_tar(tmp_path / "a.tar", [*rows, *last])
    assert "web-a/good" in taken(tmp_path, tmp_path / "a.tar")
    found = rejects(tmp_path / "corpora")
    assert list(found) == [key]
    assert found[key][0] == reason
    assert detail in found[key][1]


def damaged(data: bytes, how: str) -> bytes:
    second = data.index(b"1.flac")
    return {
        "cut in a member": data[: second + 800],
        "cut between members": data[:second],
        "a broken header": data[:second] + b"\xff" * 512 + data[second + 512 :],
        "zeros": data[:second] + b"\0" * 512 + data[second + 512 :],
        "a broken checksum": data[: second + 148] + b"0000000\0" + data[second + 156 :],
    }[how]


@pytest.mark.parametrize(
    "how", ["cut in a member", "cut between members", "a broken header", "a broken checksum", "zeros"]
)
def test_a_damaged_tar_is_said_and_what_comes_before_is_taken(tmp_path: Path, how: str) -> None:
    rows = [(f"{n}.{end}", data) for n in range(3) for end, data in (("txt", f"w {n}"), ("flac", tone(seed=n)))]
    path = write_tar(tmp_path / "a.tar", rows)
    data = path.read_bytes()
    path.write_bytes(damaged(data, how))
    found = taken(tmp_path, path)
    assert list(found) == ["web-a/0"]
    said = rejects(tmp_path / "corpora")
    assert any(
        any(word in detail for word in ("it is damaged", "cut short", "or damage")) for _, detail in said.values()
    )


def test_what_is_no_tar_is_a_reject_and_what_is_not_there_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(b"no tar" * 1000)
    assert taken(tmp_path, tmp_path / "a.tar") == {}
    assert rejects(tmp_path / "corpora")["web-a"][0] == "bad_row"
    for source, error in ((tmp_path / "b.tar", MissingFileError), (tmp_path / "corpora", ManifestError)):
        with pytest.raises(error):
            import_webdataset([source], tmp_path / "other", ABOUT)
    with pytest.raises(InputError, match="nowhere is no column"):
        taken(tmp_path, tmp_path / "a.tar", columns={"text": "nowhere"})
    assert not (tmp_path / "other").exists()


def asked(key: str, **more: Any) -> str:
    """A row without sound, as an export of ours writes it."""
    facts = {"cut_id": key, "corpus": "web", "duration": 0.0, "split": "dev", "text": "Why?", "target_text": "So."}
    return json.dumps(facts | {"task": "qa", "license": "CC0-1.0"} | more)


def test_rows_without_sound_come_back_once(tmp_path: Path) -> None:
    told = json.dumps({"cut_id": "web-b", "corpus": "web", "duration": 0.5, "split": "dev", "text": "x"})
    rows = [("0.json", asked("web-a")), ("1.json", asked("web-a")), ("2.json", told), ("2.flac", tone()),
            ("3.json", asked("web-b")), ("4.json", asked("web-c", split="test")),
            ("5.json", asked("web-d", split="?"))]  # fmt: skip
    write_tar(tmp_path / "a.tar", rows)
    about = About("web", "CC0-1.0", split_map={"dev": "train"})
    assert list(taken(tmp_path, tmp_path / "a.tar", about=about)) == ["web-b"]
    texts = {row["id"]: row["split"] for row in read_jsonl(tmp_path / "corpora" / "web" / "texts.jsonl.gz")}
    assert texts == {"web-a": "train", "web-c": "test"}
    reasons = [(row["cut_id"], row["reason"]) for row in read_jsonl(tmp_path / "corpora" / "web" / "rejects.jsonl.gz")]
    assert reasons == [("web-a", "duplicate_id"), ("web-b", "duplicate_id"), ("web-d", "bad_row")]


def test_large_members_that_are_no_sound_are_not_read(tmp_path: Path) -> None:
    big = b"{" + b" " * (1 << 20) + b"}"
    rows = [("1.flac", tone()), ("1.txt", "a"), ("1.npy", big), ("2.flac", tone(seed=1)), ("2.json", big)]
    write_tar(tmp_path / "a.tar", rows)
    assert list(taken(tmp_path, tmp_path / "a.tar")) == ["web-a/1"]
    assert "expected at most" in rejects(tmp_path / "corpora")["web-a/2"][1]


def test_members_are_skipped_without_being_read(tmp_path: Path) -> None:
    path = write_tar(tmp_path / "a.tar", [(f"{n}.flac", tone(seed=n)) for n in range(3)])
    assert [(one.name, one.data) for one in members(path, lambda *_: False)] == [(f"{n}.flac", b"") for n in range(3)]


@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # of the library
def test_a_sample_is_as_the_library_reads_it(tmp_path: Path) -> None:
    webdataset = pytest.importorskip("webdataset")
    rows = [("a/b.c/1.flac", tone()), ("a/b.c/1.json", '{"text": "one"}'), ("2.ogg", tone(seed=1, kind="ogg")),
            ("2.txt", "two"), ("2.seg.json", "[1]")]  # fmt: skip
    write_tar(tmp_path / "a.tar", rows)
    theirs = {one["__key__"]: one for one in webdataset.WebDataset(str(tmp_path / "a.tar"), shardshuffle=False)}
    ours = taken(tmp_path, tmp_path / "a.tar")
    assert sorted(ours) == sorted(f"web-a/{key}" for key in theirs)
    for key, sample in theirs.items():
        held = Path(ours[f"web-a/{key}"]["recording"]["sources"][0]["source"])
        assert held.read_bytes() == sample.get("flac", sample.get("ogg"))
    assert len(decode(held)[0]) == 8000
