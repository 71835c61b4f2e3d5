"""Imports that copy no audio: what is heard is what a copying import hears, and a fault names the place."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from curation.catalog import build, connect
from curation.duck import records
from curation.interchange.export import export_webdataset
from curation.passes.fingerprint import Fingerprint
from curation.plan import make_plan
from curation.plan.mixture import Mixture
from curation.reader import PlanReader
from curation.reader.rows import decoded_audio, lhotse_cuts
from curation.storage import resolve
from manifests.audio import SOUND_COLUMNS, CutSound, read_cut
from manifests.errors import AudioError, InputError, StoreError
from manifests.files import read_jsonl, write_jsonl
from manifests.places import PLACE, as_sound, stores
from manifests.rows.unchanged import HASHED, changed_audio
from soundwave.cli import build_app
from tests.curation.catalog.test_catalog_s3 import bucket, sent, server  # noqa: F401 - fixtures
from tests.curation.interchange.archives.tars import tone, write_tar
from tests.curation.interchange.test_stores import KINDS, here, rejects, taken  # noqa: F401 - a fixture
from tests.curation.synthetic_catalog import mono_cut, write_corpus_lines

LEFT = {kind: names for kind, names in KINDS.items() if kind != "parquet"} | {"lhotse shar": ("shar",)}
TARRED = ("webdataset", "nemo tarred", "lhotse shar")


@pytest.fixture
def sources(here: Path) -> Path:  # noqa: F811
    """The clips of `here`, and as Shar."""
    cuts = list(read_jsonl(here / "cuts.jsonl"))
    sounds = {cut["id"]: (here / "audio" / f"{cut['id']}.wav").read_bytes() for cut in cuts}
    members = [(f"{name}.{end}", data) for name in sounds for end, data in (("wav", sounds[name]), ("json", "{}"))]
    write_tar(here / "shar" / "recording.000000.tar", members)
    write_jsonl(here / "shar" / "cuts.000000.jsonl.gz", cuts)
    return here


def places(output: Path) -> list[dict[str, Any]]:
    return [row["recording"]["sources"][0] for row in read_jsonl(output / "far" / "cuts.jsonl.gz")]


@pytest.mark.parametrize(
    ("kind", "store"), [*((kind, "s3") for kind in LEFT), *((kind, "disk") for kind in (*TARRED, "nemo"))]
)
def test_what_is_left_in_place_sounds_as_its_copy(
    sources: Path,
    bucket: Path,  # noqa: F811
    tmp_path: Path,
    kind: str,
    store: str,
) -> None:
    copied = taken(kind, [str(sources / name) for name in LEFT[kind]], tmp_path / "copied")
    sent(sources, bucket / "in")
    root = "s3://data/in" if store == "s3" else str(sources)
    found = taken(kind, [f"{root}/{name}" for name in LEFT[kind]], tmp_path / "left", in_place=True)
    assert found == copied
    assert len(found) == 2
    assert not (tmp_path / "left" / "far" / "audio").exists()
    inside = kind in TARRED
    for source in places(tmp_path / "left"):
        assert source["type"] == (PLACE if inside or store == "s3" else "file")
        assert source["source"].startswith(f"tar:{root}/" if inside else f"{root}/")


def test_the_catalog_names_the_place_and_what_reads_it_hears_it(sources: Path, tmp_path: Path) -> None:
    heard = taken("webdataset", [str(sources / "tars")], tmp_path, in_place=True)
    (tmp_path / "labels").mkdir()
    build(tmp_path, tmp_path / "labels", tmp_path / "catalog")
    with connect(tmp_path / "catalog") as con:
        rows = records(con.execute(f"SELECT {', '.join(SOUND_COLUMNS)} FROM cuts"))
    assert {row["cut_id"]: read_cut(CutSound.of_catalog(row)).tobytes() for row in rows} == {
        name: samples for name, (_, samples) in heard.items()
    }
    assert [row["decoding"] for row in rows] == [None, None]  # a catalog's row alone says where it is
    assert export_webdataset(tmp_path / "catalog", tmp_path / "out") == 2
    assert taken("webdataset", [str(tmp_path / "out")], tmp_path / "again") == heard
    plan = {"name": "m", "stage": "sft", "query": "SELECT cut_id, task AS domain FROM cuts", "shares": {"asr": 1.0}}
    plan |= {"unit": "samples", "budget": 2, "batch": {"seconds": 8}}
    make_plan(Mixture.model_validate(plan), tmp_path / "catalog", tmp_path / "plan")
    with pytest.raises(InputError, match="inside a tar or a store, where Lhotse does not read it"):
        list(lhotse_cuts(tmp_path / "plan"))
    drawn = [pair for _, pairs in decoded_audio(PlanReader(tmp_path / "plan")) for pair in pairs]
    assert {row["cut_id"]: samples.tobytes() for row, samples in drawn if samples is not None} == {
        name: samples for name, (_, samples) in heard.items()
    }


def test_rows_that_name_objects_are_read_there_only_if_asked(bucket: Path, tmp_path: Path) -> None:  # noqa: F811
    (bucket / "good.flac").write_bytes(tone())
    source = {"type": "url", "channels": [0], "source": "s3://data/good.flac"}
    facts = {"sampling_rate": 16000, "num_samples": 8000, "duration": 0.5, "channel_ids": [0]}
    said = [{"id": "a", "recording_id": "a", "start": 0, "duration": 0.5, "text": "x"}]
    cut = {"id": "a", "type": "MonoCut", "start": 0, "duration": 0.5, "channel": 0, "supervisions": said}
    for kind in ("url", PLACE, "command"):
        row = cut | {"recording": {"id": "a", "sources": [source | {"type": kind}], **facts}}
        (tmp_path / f"{kind}.jsonl").write_text(json.dumps(row))
        assert taken("lhotse", [str(tmp_path / f"{kind}.jsonl")], tmp_path / kind) == {}
        found = taken("lhotse", [str(tmp_path / f"{kind}.jsonl")], tmp_path / f"{kind}-left", in_place=True)
        assert len(found) == (kind != "command")
    (tmp_path / "list.json").write_text(json.dumps({"audio_filepath": "s3://data/good.flac", "text": "x"}))
    assert len(taken("nemo", [str(tmp_path / "list.json")], tmp_path / "nemo", in_place=True)) == 1


def test_a_row_of_the_catalog_is_a_place_only_if_it_says_so(tmp_path: Path) -> None:
    """A file whose relative name reads as an address is a file, and a place that is no address is an error."""
    names = {"file": "tar:/a.tar#512+16044=a.wav", PLACE: "/etc/hostname"}
    rows = []
    for kind, name in names.items():
        row = mono_cut(f"odd-{kind}", corpus="odd")
        row["recording"]["sources"][0] |= {"type": kind, "source": name}
        rows.append(row)
    write_corpus_lines(tmp_path / "corpora" / "odd", rows)
    (tmp_path / "labels").mkdir()
    build(tmp_path / "corpora", tmp_path / "labels", tmp_path / "catalog")
    with connect(tmp_path / "catalog") as con:
        found = {row["cut_id"]: row for row in records(con.execute(f"SELECT {', '.join(SOUND_COLUMNS)} FROM cuts"))}
    with pytest.raises(AudioError, match=r"No such audio file: .*corpora/odd/tar:/a\.tar"):
        read_cut(CutSound.of_catalog(found["odd-file"]))
    with pytest.raises(InputError, match="its place is '/etc/hostname', expected s3://"):
        CutSound.of_catalog(found["odd-place"])


def test_a_packed_tar_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    for number, mode in enumerate(("w:gz", "w:xz", "w:bz2")):
        tar = write_tar(tmp_path / f"a{number}.tar", [("a.flac", tone()), ("a.txt", "x")], mode)
        with pytest.raises(InputError, match=f"a{number}.tar is packed.*plain .tar first.*setting `in_place`"):
            taken("webdataset", [str(tar)], tmp_path / "out", in_place=True)
    assert not (tmp_path / "out").exists()


def test_kinds_that_cannot_be_left_say_so(here: Path, tmp_path: Path) -> None:  # noqa: F811
    command = ["catalog", "import", "parquet", str(here / "train.parquet"), "--in-place", "--corpus", "far"]
    result = CliRunner().invoke(build_app(), [*command, "--license", "CC0-1.0", "--output", str(tmp_path)])
    assert "--in-place is for nemo, kaldi, folder, tsv, csv, lhotse, webdataset" in str(result.exception)


def _moved(tar: Path) -> None:
    tar.rename(tar.with_suffix(".elsewhere"))


def _other(tar: Path) -> None:
    write_tar(tar, [("new.txt", "x" * 2000), ("one.wav", tone()), ("sub/two.wav", tone(seed=1))])


def _cut_off(tar: Path) -> None:
    tar.write_bytes(tar.read_bytes()[:3000])


def _damaged(tar: Path) -> None:
    data = bytearray(tar.read_bytes())
    data[:512] = b"\xff" * 512
    tar.write_bytes(data)


@pytest.mark.parametrize(
    ("fault", "reason", "said"),
    [
        (_moved, "audio_missing", "No such audio: tar:"),
        (_other, "audio_unreadable", "is not the one that was imported"),
        (_cut_off, "audio_unreadable", "it is cut off, what holds it ends at byte 3,000"),
        (_damaged, "audio_unreadable", "is not the one that was imported"),
    ],
)
def test_a_tar_that_changed_is_named_with_the_cut(
    sources: Path, tmp_path: Path, fault: Any, reason: str, said: str
) -> None:
    taken("nemo", [str(sources / "tarred" / "manifest_0.json")], tmp_path, in_place=True)
    (row, _) = read_jsonl(tmp_path / "far" / "cuts.jsonl.gz")
    fault(sources / "tarred" / "audio_0.tar")
    with pytest.raises(AudioError) as caught:
        read_cut(CutSound.of_manifest(row))
    assert caught.value.reason == reason
    assert said in str(caught.value)
    assert f"cut '{row['id']}'" in str(caught.value)
    assert row["recording"]["sources"][0]["source"] in str(caught.value)


def test_a_damaged_tar_gives_rejects_and_what_is_whole_stays(sources: Path, tmp_path: Path) -> None:
    tar = sources / "tarred" / "audio_0.tar"
    tar.write_bytes(tar.read_bytes()[: 512 + 16044 + 1024])  # in the second header
    found = taken("nemo", [str(sources / "tarred" / "manifest_0.json")], tmp_path, in_place=True)
    assert [text for text, _ in found.values()] == ["one"]
    ((reason, _),) = rejects(tmp_path)
    assert reason == "audio_unreadable"


class Faults:
    """The S3 server behind a door that answers some requests with 503, as stores do that are too busy."""

    def __init__(self) -> None:
        self.left = self.asked = 0

    def wrap(self, app: Any) -> Any:
        def answer(environ: dict[str, Any], start: Any) -> Any:
            self.asked += 1
            if self.left > 0:
                self.left -= 1
                start("503 Slow Down", [("Content-Type", "application/xml")])
                return [b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"]
            return app(environ, start)

        return answer


@pytest.fixture
def busy(monkeypatch: pytest.MonkeyPatch) -> Iterator[Faults]:
    """A store with one object, which may be told to fail; it is waited for in milliseconds."""
    moto_server = pytest.importorskip("moto.server")
    s3fs = pytest.importorskip("s3fs")
    serving, faults = pytest.importorskip("werkzeug.serving"), Faults()
    app = moto_server.DomainDispatcherApplication(moto_server.create_backend_app)
    made = serving.make_server("127.0.0.1", 0, faults.wrap(app), threaded=True)
    thread = threading.Thread(target=made.serve_forever)
    thread.start()
    settings = {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{made.port}", "AWS_ACCESS_KEY_ID": "a"}
    for name, value in (settings | {"AWS_SECRET_ACCESS_KEY": "b", "AWS_DEFAULT_REGION": "us-east-1"}).items():
        monkeypatch.setenv(name, value)
    s3fs.S3FileSystem.clear_instance_cache()
    monkeypatch.setattr(stores, "FIRST_PAUSE", 0.001)
    root: Any = resolve("s3://busy")
    root.fs.mkdir("busy")
    (root / "good.flac").write_bytes(tone())
    yield faults
    faults.left = 0
    root.fs.rm("busy", recursive=True)
    made.shutdown()
    thread.join()


def heard(address: str) -> bytes:
    source = {"type": PLACE, "channels": [0], "source": address}
    recording = {"id": "a", "sources": [source], "sampling_rate": 16000, "num_samples": 8000, "duration": 0.5}
    cut = {"id": "far-a", "type": "MonoCut", "start": 0, "duration": 0.5, "channel": 0, "recording": recording}
    return read_cut(CutSound.of_manifest(cut)).tobytes()


def test_a_store_that_fails_for_a_while_is_asked_again(busy: Faults) -> None:
    expected = heard("s3://busy/good.flac")
    busy.left = stores.TRIES - 1
    assert heard("s3://busy/good.flac") == expected
    assert busy.left == 0


def test_a_store_that_goes_on_failing_is_one_message(busy: Faults) -> None:
    heard("s3://busy/good.flac")
    busy.left, before = 1000, busy.asked
    with pytest.raises(AudioError) as caught:
        heard("s3://busy/good.flac")
    assert f"cut 'far-a': s3://busy/good.flac cannot be read: its store answered {stores.TRIES} times" in str(
        caught.value
    )
    assert 1000 - busy.left >= stores.TRIES
    assert busy.asked - before < 4 * stores.TRIES  # there is an end to it
    busy.left = 0
    with pytest.raises(AudioError, match=r"cut 'far-a': No such audio: s3://busy/none.flac") as missing:
        heard("s3://busy/none.flac")
    assert missing.value.reason == "audio_missing"
    (resolve("s3://busy") / "empty.flac").write_bytes(b"")
    with pytest.raises(AudioError, match=r"s3://busy/empty.flac is empty \(0 bytes\)"):
        heard("s3://busy/empty.flac")


def test_a_store_that_is_away_makes_no_rejects(busy: Faults, tmp_path: Path) -> None:
    """Neither an import nor a pass takes an outage for a fault of the audio: the same command goes on later."""
    (tmp_path / "list.json").write_text(json.dumps({"audio_filepath": "s3://busy/good.flac", "text": "x"}))
    busy.left = 1000
    with pytest.raises(StoreError, match=r"s3://busy/good\.flac cannot be read"):
        taken("nemo", [str(tmp_path / "list.json")], tmp_path / "out", in_place=True)
    busy.left = 0
    assert len(taken("nemo", [str(tmp_path / "list.json")], tmp_path / "out", in_place=True)) == 1
    assert rejects(tmp_path / "out") == []
    rows = list(read_jsonl(tmp_path / "out" / "far" / "cuts.jsonl.gz"))
    busy.left = 1000
    with pytest.raises(StoreError, match=r"cut 'far-list-000001': s3://busy/good\.flac cannot be read"):
        Fingerprint().label_shard(rows)
    busy.left = 0
    assert Fingerprint().label_shard(rows).rejects == []
    (resolve("s3://busy") / "good.flac").unlink()
    (reject,) = Fingerprint().label_shard(rows).rejects
    assert reject.reason == "audio_missing"
    assert changed_audio(rows[0] | {HASHED: True}) is None


def test_passes_see_that_the_bytes_in_a_tar_have_changed(sources: Path, tmp_path: Path) -> None:
    tar = sources / "tarred" / "audio_0.tar"
    taken("nemo", [str(sources / "tarred" / "manifest_0.json")], tmp_path / "out", in_place=True)
    (row, _) = read_jsonl(tmp_path / "out" / "far" / "cuts.jsonl.gz")
    place = as_sound(row["recording"]["sources"][0]["source"])
    assert place.is_file()
    assert changed_audio(row | {HASHED: True}) is None
    data = bytearray(tar.read_bytes())
    data[512 + 2000] ^= 1
    tar.write_bytes(data)
    assert "was changed after it was prepared" in str(changed_audio(row | {HASHED: True}))
