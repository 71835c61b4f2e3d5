from __future__ import annotations

import gzip
import hashlib
import json
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curation.catalog import build, catalog_fingerprint, connect
from curation.catalog.parts import rows_digest
from curation.duck import open_memory, records
from curation.interchange.jsonl import export_jsonl
from manifests.digests import SEAL
from manifests.errors import DiskError, InputError, ManifestError, MissingFileError
from manifests.fingerprint import fingerprint
from manifests.rows.validate import validate_rows
from tests.curation.synthetic_catalog import cut, mono_cut, write_catalog, write_corpus_lines


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    write_corpus_lines(tmp_path / "corpora" / "syn", [mono_cut("syn-a"), mono_cut("syn-b", text="Zwei „Wörter“\n")])
    (tmp_path / "labels").mkdir()
    return tmp_path


def make(workspace: Path):
    return build(workspace / "corpora", workspace / "labels", workspace / "catalog")


def rows(workspace: Path, sql: str) -> list[dict]:
    with connect(workspace / "catalog") as con:
        return records(con.execute(sql))


def write_pass(workspace: Path, name: str, shards: dict[str, list[dict]], *, corpus: str = "syn", kind: str = "labels"):
    folder = workspace / "labels" / name / corpus
    folder.mkdir(parents=True, exist_ok=True)
    for shard, labels in shards.items():
        pq.write_table(pa.Table.from_pylist(labels), folder / f"{kind}-{shard}.parquet")
    (folder / "pass.json").write_text(json.dumps({"shards": list(shards), "settings": {}}))


def label(cut_id: str, value: float, name: str = "frames") -> dict:
    return {"pass": "encode", "cut_id": cut_id, "name": name, "value": value, "text": "t"}


def test_a_cut_becomes_a_typed_row_that_keeps_its_json(workspace: Path) -> None:
    make(workspace)
    found = rows(workspace, "SELECT * FROM cuts WHERE cut_id = 'syn-b'")[0]
    manifest = found.pop("manifest")
    assert json.loads(manifest) == mono_cut("syn-b", text="Zwei „Wörter“\n")
    assert found == {
        "cut_id": "syn-b",
        "recording_id": "syn-b",
        "corpus": "syn",
        "split": "train",
        "domain": "asr",
        "task": "asr",
        "start": 0.0,
        "duration": 1.5,
        "language": "en",
        "target_language": None,
        "speaker": None,
        "text": "Zwei „Wörter“\n",
        "target_text": None,
        "sound": None,
        "sound_original": None,
        "sampling_rate": 16000,
        "channels": 1,
        "channel": "0",
        "decoding": None,
        "source_path": "/audio/syn-b.wav",
        "license": "CC0-1.0",
        "audio_sha256": None,
    }


def test_text_rows_and_cuts_share_a_table(tmp_path: Path) -> None:
    text = {"id": "q-1", "corpus": "quiz", "split": "dev", "text": "What?", "target_text": "That.", "license": "BSD"}
    text |= {"task": "qa", "domain": "", "language": "en", "type": "Text"}
    write_corpus_lines(tmp_path / "corpora" / "quiz", [text])
    make(tmp_path)
    found = rows(tmp_path, "SELECT * EXCLUDE manifest FROM texts")[0]
    assert (found["recording_id"], found["duration"], found["domain"]) == (None, 0.0, "qa")
    assert (found["text"], found["target_text"], found["target_language"]) == ("What?", "That.", "en")


def test_the_way_back_to_jsonl_is_the_identity(workspace: Path) -> None:
    lines = [
        json.dumps(mono_cut("syn-1", custom={"deep": {"a": [1, 2.50, None]}}, extra="kept"), ensure_ascii=False),
        '{"type": "MonoCut",  "id":"syn-2", "start": 1e0, "duration":2.000, "recording": {"id": "r"}, '
        '"custom": {"split": "train", "task": "asr", "ünï": "\\u00e9"}}',
    ]
    write_corpus_lines(workspace / "corpora" / "syn", lines)
    make(workspace)
    assert export_jsonl(workspace / "catalog", workspace / "back.jsonl") == 2
    assert (workspace / "back.jsonl").read_text(encoding="utf-8") == "".join(line + "\n" for line in lines)
    assert export_jsonl(workspace / "catalog", workspace / "back.jsonl.gz", where="cut_id = 'syn-2'") == 1
    assert gzip.decompress((workspace / "back.jsonl.gz").read_bytes()).decode() == lines[1] + "\n"


@pytest.mark.parametrize(("name", "where"), [("x.json", "true"), ("x.jsonl", "nothing = 1"), ("x.jsonl", "false")])
def test_an_export_that_cannot_be_made_leaves_no_file(workspace: Path, name: str, where: str) -> None:
    make(workspace)
    with pytest.raises(InputError):
        export_jsonl(workspace / "catalog", workspace / name, where=where)
    assert not (workspace / name).exists()


def test_a_shut_off_disk_leaves_the_old_catalog(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = make(workspace)
    write_corpus_lines(workspace / "corpora" / "syn", [mono_cut("syn-new")])

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("curation.catalog.parts._copy", full)
    with pytest.raises(DiskError, match="No space left"):
        make(workspace)
    assert catalog_fingerprint(workspace / "catalog") == before.fingerprint
    assert len(rows(workspace, "SELECT * FROM cuts")) == 2
    assert not list((workspace / "catalog").glob("**/.*.parquet"))


@contextmanager
def small_disk(size: int) -> Iterator[None]:
    """Every file ends at `size` bytes, as on a disk that fills up."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_disk_that_fills_up_is_said_and_leaves_the_old_catalog(workspace: Path) -> None:
    before = make(workspace)
    lines = [mono_cut(f"syn-{n}", text=hashlib.sha256(str(n).encode()).hexdigest()) for n in range(2000)]
    write_corpus_lines(workspace / "corpora" / "syn", lines)
    with small_disk(20_000), pytest.raises(InputError, match=r"cuts-\w+\.parquet could not be written: File too large"):
        make(workspace)
    assert catalog_fingerprint(workspace / "catalog") == before.fingerprint
    assert len(rows(workspace, "SELECT * FROM cuts")) == 2
    assert not list((workspace / "catalog").glob("**/.*.parquet"))
    assert make(workspace).rows("cuts") == 2000


@pytest.mark.parametrize("bad", [b"not gzip at all\n", None], ids=["other bytes", "cut short"])
def test_a_packed_file_that_does_not_unpack_is_said(workspace: Path, bad: bytes | None) -> None:
    before = make(workspace)
    path = workspace / "corpora" / "syn" / "cuts.jsonl.gz"
    lines = [mono_cut(f"syn-{n}", text=hashlib.sha256(str(n).encode()).hexdigest()) for n in range(2000)]
    write_corpus_lines(path.parent, lines)
    path.write_bytes(bad or path.read_bytes()[:-5000])
    with pytest.raises(InputError):
        make(workspace)
    assert catalog_fingerprint(workspace / "catalog") == before.fingerprint


def test_lhotse_kinds_of_cut(workspace: Path) -> None:
    from lhotse.cut.set import deserialize_cut

    mono = deserialize_cut(mono_cut("syn-m"))
    custom = mono.custom
    padded = mono.pad(duration=2.5).with_id("syn-padded")
    mixed = mono.append(mono.with_id("x")).with_id("syn-mixed")
    multi = dict(mono_cut("syn-multi"), type="MultiCut", channel=[0, 1])
    write_corpus_lines(workspace / "corpora" / "syn", [mono.to_dict(), padded.to_dict(), mixed.to_dict(), multi])
    assert custom["task"] == "asr"
    make(workspace)
    found = rows(workspace, "SELECT cut_id, duration, recording_id, task FROM cuts ORDER BY cut_id")
    assert [tuple(row.values()) for row in found] == [
        ("syn-m", 1.5, "syn-m", "asr"),
        ("syn-mixed", 3.0, "syn-m", "asr"),
        ("syn-multi", 1.5, "syn-multi", "asr"),
        ("syn-padded", 2.5, "syn-m", "asr"),
    ]
    for row in rows(workspace, "SELECT manifest FROM cuts WHERE cut_id <> 'syn-multi'"):
        deserialize_cut(json.loads(row["manifest"]))


def lhotse_zoo() -> list[Any]:
    """Lhotse's kinds of cut, with features, alignments and custom fields, as Lhotse makes them."""
    from lhotse.cut.set import deserialize_cut
    from lhotse.features import Features
    from lhotse.supervision import AlignmentItem
    from lhotse.utils import fastcopy

    mono = deserialize_cut(mono_cut("zoo-mono", custom={"deep": {"a": [1, 2.5, None]}, "wer": 0.25}))
    words = [AlignmentItem("some", 0.0, 0.7, -1.5), AlignmentItem("words", 0.7, 0.8)]
    mono.supervisions = [mono.supervisions[0].with_alignment("word", words)]
    frames = Features("fbank", 150, 80, 0.01, 16000, 0.0, 1.5, "numpy_files", "/feats", "a.npy", channels=0)
    featured = fastcopy(mono, id="zoo-features", features=frames)
    multi = deserialize_cut(dict(mono_cut("zoo-multi"), type="MultiCut", channel=[0, 1]))
    short = mono.truncate(
        offset=0.25, duration=1.0, preserve_id=True
    )  # Lhotse leaves the supervision as long as it was
    return [
        mono,
        featured,
        multi,
        mono.pad(duration=2.5, preserve_id=True).with_id("zoo-padded"),
        mono.append(multi.with_id("tail")).with_id("zoo-appended"),
        mono.mix(mono.with_id("other"), offset_other_by=1.5, snr=10).with_id("zoo-mixed"),
        fastcopy(short, id="zoo-truncated", supervisions=[said.trim(1.0) for said in short.supervisions]),
    ]


def test_lhotses_kinds_of_cut_come_back_as_they_went_in(workspace: Path) -> None:
    from lhotse import CutSet
    from lhotse.cut.set import deserialize_cut

    cuts = lhotse_zoo()
    folder = write_corpus_lines(workspace / "corpora" / "syn", [])
    CutSet.from_cuts(cuts).to_file(folder / "cuts.jsonl.gz")
    summary = make(workspace)
    assert summary.rows("cuts") == len(cuts)
    export_jsonl(workspace / "catalog", workspace / "back.jsonl")
    back = (workspace / "back.jsonl").read_bytes()
    assert back == gzip.decompress((folder / "cuts.jsonl.gz").read_bytes())
    assert [deserialize_cut(json.loads(line)) for line in back.splitlines()] == cuts


def test_padding_alone_is_a_reject_that_says_so(workspace: Path) -> None:
    from lhotse.cut import PaddingCut

    padding = PaddingCut("syn-padding", 1.0, 16000, -23.0, num_samples=16000)
    write_corpus_lines(workspace / "corpora" / "syn", [mono_cut("syn-a"), padding.to_dict()])
    make(workspace)
    (found,) = rows(workspace, "SELECT cut_id, detail FROM rejects")
    assert found["cut_id"] == "syn-padding"
    assert found["detail"].startswith("type is PaddingCut, expected MonoCut")


def test_a_reader_goes_on_while_the_catalog_grows(workspace: Path) -> None:
    make(workspace)
    asked = "SELECT count(*) FROM cuts"
    with connect(workspace / "catalog") as before:
        write_corpus_lines(workspace / "corpora" / "two", [mono_cut("two-a")])
        make(workspace)
        assert before.execute(asked).fetchall() == [(2,)]
    with connect(workspace / "catalog") as after:
        assert after.execute(asked).fetchall() == [(3,)]


def test_rows_that_break_the_contract_become_rejects(workspace: Path) -> None:
    good = mono_cut("syn-good")
    lines = [
        good,
        "{broken",
        "[1, 2]",
        json.dumps(mono_cut("syn-nan")).replace('"duration": 1.5, "channel"', '"duration": NaN, "channel"'),
        mono_cut("syn-negative", start=-1.0),
        mono_cut("syn-zero", duration=0.0),
        mono_cut("syn-split", custom={"split": "validated"}),
        mono_cut("syn-text", start="soon"),
        {"id": "syn-type", "type": "Alien"},
        mono_cut("syn-good", text="again"),
    ]
    write_corpus_lines(workspace / "corpora" / "syn", lines)
    make(workspace)
    assert [row["cut_id"] for row in rows(workspace, "SELECT cut_id FROM cuts")] == ["syn-good"]
    found = {row["cut_id"]: row for row in rows(workspace, "SELECT * FROM rejects")}
    assert {name: row["reason"] for name, row in found.items() if row["reason"] != "bad_row"} == {
        "syn-good": "duplicate_id"
    }
    assert {row["pass"] for row in found.values()} == {"catalog"}
    assert "not valid JSON: {broken" in found.pop("cuts.jsonl.gz:2")["detail"]
    assert "expected a JSON object" in found.pop("cuts.jsonl.gz:3")["detail"]
    assert found["syn-nan"]["detail"].endswith(" (cuts.jsonl.gz:4)")
    details = {name.removeprefix("syn-"): row["detail"].partition(" (cuts")[0] for name, row in found.items()}
    assert details == {
        "nan": "duration is nan, expected seconds > 0",
        "negative": "start is -1.0, expected seconds >= 0",
        "zero": "duration is 0.0, expected seconds > 0",
        "split": "split is validated, expected train, dev or test",
        "text": "start is no number, expected seconds >= 0",
        "type": "type is Alien, expected MonoCut, MultiCut, MixedCut or Text",
        "good": "cuts.jsonl.gz:1: the id is that of cuts.jsonl.gz:10 too, which was kept (the first row in JSON order)",
    }


def test_known_names_of_splits_are_ours_in_the_catalog_and_stay_in_the_manifest(workspace: Path) -> None:
    names = {"a": "validation", "b": "test-clean", "c": "TRAIN", "d": "heldout", "e": "unlabeled", "f": "extra"}
    lines = [mono_cut(f"syn-{key}", custom={"split": name}) for key, name in names.items()]
    write_corpus_lines(workspace / "corpora" / "syn", lines)
    make(workspace)
    asked = "SELECT cut_id, split, manifest->>'$.custom.split' AS said FROM cuts ORDER BY cut_id"
    assert [(row["split"], row["said"]) for row in rows(workspace, asked)] == [
        ("dev", "validation"),
        ("test", "test-clean"),
        ("train", "TRAIN"),
        ("test", "heldout"),
    ]
    assert [row["detail"] for row in rows(workspace, "SELECT detail FROM rejects ORDER BY cut_id")] == [
        f"split is {name}, expected train, dev or test (cuts.jsonl.gz:{line})"
        for line, name in ((5, "unlabeled"), (6, "extra"))
    ]
    found = [problem.cut_id for problem in validate_rows(lines)]
    assert found == ["syn-e", "syn-f"]


def test_an_id_in_two_corpora_is_refused_and_the_old_catalog_stays(workspace: Path) -> None:
    before = make(workspace)
    write_corpus_lines(workspace / "corpora" / "other", [mono_cut("syn-a")])
    with pytest.raises(ManifestError, match=r"'syn-a' in other/cuts\.jsonl\.gz:1, syn/cuts\.jsonl\.gz:1"):
        make(workspace)
    assert catalog_fingerprint(workspace / "catalog") == before.fingerprint
    assert len(rows(workspace, "SELECT * FROM cuts")) == 2


def test_only_what_changed_is_written(workspace: Path) -> None:
    first = make(workspace)
    assert (first.written, first.reused) == (2, 0)
    assert (make(workspace).written, make(workspace).reused) == (0, 2)
    write_pass(workspace, "encode", {"s1": [label("syn-a", 3)], "s2": [label("syn-b", 4)]})
    kept = {part.path: (workspace / "catalog" / part.path).stat().st_mtime_ns for part in first.parts}
    second = make(workspace)
    assert (second.written, second.reused) == (1, 2)
    assert {path: (workspace / "catalog" / path).stat().st_mtime_ns for path in kept} == kept
    assert second.fingerprint != first.fingerprint
    assert len(rows(workspace, "SELECT * FROM labels")) == 2


def test_shards_that_pass_json_no_longer_names_are_left_out(workspace: Path) -> None:
    write_pass(workspace, "encode", {"old": [label("syn-a", 3)]})
    make(workspace)
    write_pass(workspace, "encode", {"new": [label("syn-a", 9)]})
    make(workspace)
    assert [row["value"] for row in rows(workspace, "SELECT value FROM labels")] == [9]
    assert len(list((workspace / "catalog" / "labels" / "syn").glob("*.parquet"))) == 1


def test_rejects_of_recipe_and_pass_share_a_table(workspace: Path) -> None:
    reject = {"cut_id": "syn-x", "corpus": "syn", "pass": "prepare", "reason": "silent", "detail": "-"}
    (workspace / "corpora" / "syn" / "rejects.jsonl.gz").write_bytes(gzip.compress(json.dumps(reject).encode()))
    write_pass(workspace, "quality", {"s": [reject | {"cut_id": "syn-a", "pass": "quality"}]}, kind="rejects")
    make(workspace)
    assert {row["pass"] for row in rows(workspace, "SELECT * FROM rejects")} == {"prepare", "quality"}
    assert [row["cut_id"] for row in rows(workspace, "SELECT cut_id FROM accepted")] == ["syn-b"]


def test_rows_name_the_pass_of_their_folder(workspace: Path) -> None:
    reject = {"cut_id": "syn-x", "corpus": "syn", "pass": "Prepare", "reason": "silent", "detail": "-"}
    (workspace / "corpora" / "syn" / "rejects.jsonl.gz").write_bytes(gzip.compress(json.dumps(reject).encode()))
    make(workspace)
    assert rows(workspace, "SELECT pass FROM rejects") == [{"pass": "prepare"}]
    write_pass(workspace, "mine", {"s": [label("syn-a", 3) | {"pass": "mine"}]})  # any name is one of a pass
    make(workspace)
    write_pass(workspace, "mine", {"s": [label("syn-a", 4) | {"pass": "Mine"}]})
    with pytest.raises(ManifestError, match=r"mine/syn: rows of labels name the pass 'Mine', expected 'mine'"):
        make(workspace)


def test_a_shard_with_other_columns_is_an_error(workspace: Path) -> None:
    write_pass(workspace, "encode", {"s": [{"cut_id": "syn-a"}]})
    with pytest.raises(ManifestError, match="do not fit the table `labels`"):
        make(workspace)


def test_a_damaged_shard_is_named(workspace: Path) -> None:
    write_pass(workspace, "encode", {"one": [label("syn-a", 3)], "two": [label("syn-b", 3)]})
    path = workspace / "labels" / "encode" / "syn" / "labels-two.parquet"
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(ManifestError, match=r"labels-two\.parquet is damaged, .*run `soundwave label` again for syn"):
        make(workspace)


@pytest.mark.parametrize("shards", ["null", '"s"', "[1]", '["../../x"]', '["s", null]', '[""]'])
def test_a_pass_that_names_no_shards_is_told(workspace: Path, shards: str) -> None:
    write_pass(workspace, "encode", {"s": [label("syn-a", 3)]})
    (workspace / "labels" / "encode" / "syn" / "pass.json").write_text(f'{{"shards": {shards}}}')
    with pytest.raises(ManifestError, match=r"encode/syn/pass\.json has no list `shards`"):
        make(workspace)


@pytest.mark.parametrize("parts", ["null", "[1]", "[{}]", '[{"table": "cuts", "corpus": 1}]', '{"a": 1}'])
def test_an_index_without_parts_is_told(workspace: Path, parts: str) -> None:
    make(workspace)
    (workspace / "catalog" / "catalog.json").write_text(f'{{"fingerprint": "x", "parts": {parts}}}')
    with pytest.raises(ManifestError, match=r"catalog\.json.*(.|\n)*`soundwave catalog build` again"):
        connect(workspace / "catalog")
    assert "catalog.json" in make(workspace).damaged[0]  # made again
    connect(workspace / "catalog").close()


def test_an_unfinished_pass_is_not_in_the_catalog(workspace: Path) -> None:
    write_pass(workspace, "encode", {"s": [label("syn-a", 3)]})
    (workspace / "labels" / "encode" / "syn" / "pass.json").unlink()
    assert make(workspace).rows("labels") == 0


def test_a_corpus_that_is_gone_leaves_the_catalog(workspace: Path) -> None:
    write_corpus_lines(workspace / "corpora" / "two", [mono_cut("two-a")])
    make(workspace)
    (workspace / "corpora" / "two" / "corpus.json").unlink()
    assert [row["corpus"] for row in make(workspace).corpora()] == ["syn"]
    assert not list((workspace / "catalog" / "cuts" / "two").glob("*.parquet"))


def test_the_fingerprint_follows_rows_not_their_order(tmp_path: Path) -> None:
    lines = [mono_cut(f"syn-{n}") for n in range(5)]
    marks = []
    for name, order in (("a", lines), ("b", lines[::-1]), ("c", lines[:4])):
        write_corpus_lines(tmp_path / name / "corpora" / "syn", order)
        marks.append(build(tmp_path / name / "corpora", tmp_path / "none", tmp_path / name / "catalog").fingerprint)
    assert marks[0] == marks[1] != marks[2]


def test_a_catalog_of_another_version_is_said(tmp_path: Path) -> None:
    write_catalog(tmp_path, [cut("a")])
    part = tmp_path / "cuts" / "syn" / "part.parquet"
    pq.write_table(pq.read_table(part).drop_columns(["speaker"]), part)
    with pytest.raises(ManifestError, match=r"table `cuts` lacks a column.*speaker.*catalog build"):
        connect(tmp_path)


def test_a_catalog_of_before_channels_were_columns_opens(tmp_path: Path) -> None:
    write_catalog(tmp_path, [cut("a")])
    part = tmp_path / "cuts" / "syn" / "part.parquet"
    pq.write_table(pq.read_table(part).drop_columns(["channel", "decoding"]), part)
    with connect(tmp_path) as con:
        assert con.execute("SELECT cut_id, channel, decoding FROM cuts").fetchall() == [("a", None, None)]


@pytest.mark.parametrize("content", [b"", None])
def test_a_part_that_is_empty_or_gone_is_named(workspace: Path, content: bytes | None) -> None:
    part = workspace / "catalog" / make(workspace).parts[0].path
    part.unlink() if content is None else part.write_bytes(content)
    with pytest.raises(MissingFileError, match=part.name):
        connect(workspace / "catalog")
    write_corpus_lines(workspace / "corpora" / "syn", [mono_cut("syn-a")])
    assert make(workspace).rows("cuts") == 1


def test_no_catalog_and_no_corpora_are_said(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match="catalog build"):
        connect(tmp_path / "nothing")
    with pytest.raises(MissingFileError, match="catalog build"):
        connect(tmp_path)
    with pytest.raises(MissingFileError, match="soundwave prepare"):
        build(tmp_path, tmp_path, tmp_path / "catalog")


@pytest.mark.parametrize("path", ["../outside.parquet", "cuts/../../outside.parquet", "/x.parquet", "cuts/x.parquet"])
def test_an_index_that_names_what_is_outside_is_not_followed(workspace: Path, path: str) -> None:
    make(workspace)
    index = workspace / "catalog" / "catalog.json"
    outside = workspace / "outside.parquet"
    outside.write_text("mine")
    facts = json.loads(index.read_text())
    for changed in ({"parts": [facts["parts"][0] | {"path": path}]}, {"gone": [path]}):
        index.write_text(json.dumps({key: item for key, item in (facts | changed).items() if key != SEAL}))
        with pytest.raises(ManifestError, match="none of ours"):
            connect(workspace / "catalog")
        assert "none of ours" in make(workspace).damaged[0]
        assert outside.read_text() == "mine"


def test_the_digest_is_the_sum_of_the_lower_halves_of_md5(tmp_path: Path) -> None:
    """It is made another way, which takes less time; no fingerprint may move."""
    path = tmp_path / "part.parquet"
    with open_memory() as con:
        con.execute(f"COPY (SELECT 'row ' || i AS manifest, i AS other FROM range(500) t(i)) TO '{path}'")
        for name, text in (("cuts", "manifest"), ("labels", "CAST(t AS VARCHAR)")):
            (total,) = con.execute(f"SELECT sum(md5_number_lower({text})) FROM read_parquet('{path}') t").fetchall()[0]
            assert rows_digest(con, name, path) == (500, fingerprint(name, "500", str(total)))
