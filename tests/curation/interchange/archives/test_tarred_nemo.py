from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from curation.interchange.nemo import import_nemo
from manifests.errors import MissingFileError, SettingsError
from manifests.files import read_jsonl
from manifests.items import About
from tests.curation.interchange.archives.tars import tone, write_tar
from tests.curation.interchange.archives.test_webdataset import cuts, rejects

ABOUT = About("web", "CC0-1.0", language="en")


def row(name: str, **more: Any) -> dict[str, Any]:
    return {"audio_filepath": name, "text": f"words of {name}", **more}


def write_rows(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def shards(folder: Path, count: int = 3) -> None:
    """As NeMo's own script writes them: audio_N.tar, one manifest of all, and a manifest a shard in a folder."""
    everything = []
    for n in range(count):
        names = [f"d_{n}_{m}.flac" for m in range(2)]
        write_tar(folder / f"audio_{n}.tar", [(name, tone(seed=10 * n + m)) for m, name in enumerate(names)])
        rows = [row(name, duration=0.5, shard_id=n) for name in names]
        write_rows(folder / "sharded_manifests" / f"manifest_{n}.json", rows)
        everything += rows
    write_rows(folder / "tarred_audio_manifest.json", everything)


def texts(folder: Path) -> list[str]:
    return sorted(cut["supervisions"][0]["text"] for cut in cuts(folder).values())


ALL = [f"words of d_{n}_{m}.flac" for n in range(3) for m in range(2)]


@pytest.mark.parametrize(
    ("manifest", "tars"),
    [
        ("tarred_audio_manifest.json", []),
        ("tarred_audio_manifest.json", ["audio_{0..2}.tar"]),
        ("sharded_manifests/manifest__OP_0..2_CL_.json", []),
        ("sharded_manifests/manifest_{0..2}.json", ["audio__OP_0..2_CL_.tar"]),
    ],
)
def test_each_row_has_the_audio_of_its_member(tmp_path: Path, manifest: str, tars: list[str]) -> None:
    data = tmp_path / "data"
    shards(data)
    import_nemo([data / manifest], tmp_path / "corpora", ABOUT, [data / name for name in tars])
    assert texts(tmp_path / "corpora") == ALL
    for cut in cuts(tmp_path / "corpora").values():
        _, n, m = cut["supervisions"][0]["text"].removesuffix(".flac").split("_")
        assert Path(cut["recording"]["sources"][0]["source"]).read_bytes() == tone(seed=10 * int(n) + int(m))
        assert "nemo" not in cut["custom"]


def test_rows_in_any_order_and_many_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("curation.interchange.archives.nemo.MOST", 2)
    data = tmp_path / "data"
    shards(data)
    rows = list(read_jsonl(data / "tarred_audio_manifest.json"))
    write_rows(data / "mixed.json", [rows[n] for n in (4, 0, 2, 5, 1, 3)])
    import_nemo([data / "mixed.json"], tmp_path / "corpora", ABOUT)
    assert texts(tmp_path / "corpora") == ALL


def test_several_rows_of_one_member(tmp_path: Path) -> None:
    write_tar(tmp_path / "audio_0.tar", [("a.wav", tone(1.0, kind="wav")), ("b-sub1.wav", tone(seed=1, kind="wav"))])
    rows = [row("a.wav", offset=0.0, duration=0.4), row("a-sub1.wav", offset=0.4, duration=0.6), row("b-sub1.wav")]
    manifest = write_rows(tmp_path / "train.json", rows)
    import_nemo([manifest], tmp_path / "corpora", ABOUT, [tmp_path / "audio_0.tar"])
    spans = {
        cut["supervisions"][0]["text"]: (cut["start"], cut["duration"]) for cut in cuts(tmp_path / "corpora").values()
    }
    assert spans == {"words of a.wav": (0, 0.4), "words of a-sub1.wav": (0.4, 0.6), "words of b-sub1.wav": (0, 0.5)}
    recordings = [cut["recording"]["id"] for cut in cuts(tmp_path / "corpora").values()]
    assert len(set(recordings)) == 2


def test_bad_rows_and_members_are_rejects(tmp_path: Path) -> None:
    members = [("good.flac", tone()), ("../up.flac", tone(seed=1)), ("link.flac", "-> /etc/passwd"), ("bad.flac", b"x"),
               ("twice.flac", tone(seed=2)), ("twice.flac", tone(seed=3)), ("unnamed.flac", tone(seed=4))]  # fmt: skip
    write_tar(tmp_path / "audio_0.tar", members)
    names = ["good.flac", "gone.flac", "../up.flac", "link.flac", "bad.flac", "twice.flac"]
    rows = [*map(row, names), row("good.flac", _skipme=True), {"audio_filepath": 3}, row("good.flac", duration=9)]
    manifest = write_rows(tmp_path / "manifest_0.json", rows)
    import_nemo([manifest], tmp_path / "corpora", ABOUT)
    assert texts(tmp_path / "corpora") == ["words of good.flac", "words of twice.flac"]
    found = {key.removeprefix("web-"): reason for key, (reason, _) in rejects(tmp_path / "corpora").items()}
    assert found == {
        "manifest_0-000002": "audio_missing",
        "manifest_0-000003": "audio_unreadable",
        "manifest_0-000004": "audio_unreadable",
        "manifest_0-000005": "audio_unreadable",
        "manifest_0-000007": "out_of_scope",
        "manifest_0-000008": "bad_row",
        "manifest_0-000009": "bad_row",
        "audio_0.tar:twice.flac": "duplicate_id",
    }


def test_a_tar_that_was_cut_short(tmp_path: Path) -> None:
    shards(tmp_path / "data", 1)
    tar = tmp_path / "data" / "audio_0.tar"
    tar.write_bytes(tar.read_bytes()[: tar.read_bytes().index(b"d_0_1.flac") + 700])
    import_nemo([tmp_path / "data" / "tarred_audio_manifest.json"], tmp_path / "corpora", ABOUT)
    assert texts(tmp_path / "corpora") == ["words of d_0_0.flac"]
    ((reason, detail),) = rejects(tmp_path / "corpora").values()
    assert (reason, "cut short" in detail) == ("audio_unreadable", True)


def test_files_beside_a_manifest_go_before_tars_that_nobody_named(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(tone(kind="wav"))
    write_tar(tmp_path / "audio_0.tar", [("a.wav", tone(seed=5, kind="wav"))])
    manifest = write_rows(tmp_path / "manifest_0.json", [row("a.wav")])
    import_nemo([manifest], tmp_path / "corpora", ABOUT)
    (cut,) = cuts(tmp_path / "corpora").values()
    assert cut["recording"]["sources"][0]["source"] == str(tmp_path / "a.wav")


def test_tars_that_cannot_be_told_apart_or_are_not_there(tmp_path: Path) -> None:
    shards(tmp_path / "data")
    write_tar(tmp_path / "other" / "audio_0.tar", [])
    manifest = tmp_path / "data" / "tarred_audio_manifest.json"
    twice = [tmp_path / "data" / "audio_0.tar", tmp_path / "other" / "audio_0.tar"]
    with pytest.raises(SettingsError, match="have one number"):
        import_nemo([manifest], tmp_path / "corpora", ABOUT, twice)
    with pytest.raises(MissingFileError, match=r"audio_3\.tar"):
        import_nemo([manifest], tmp_path / "corpora", ABOUT, [tmp_path / "data" / "audio_{0..3}.tar"])
    assert not (tmp_path / "corpora").exists()


def test_splits_of_rows_are_known_before_audio_is_written(tmp_path: Path) -> None:
    write_tar(tmp_path / "audio_0.tar", [("a.flac", tone())])
    manifest = write_rows(tmp_path / "manifest_0.json", [row("a.flac", split="sideways")])
    with pytest.raises(SettingsError, match="sideways"):
        import_nemo([manifest], tmp_path / "corpora", ABOUT)
    assert not (tmp_path / "corpora").exists()
