"""Sounds of cuts, in ranges, and of nothing else."""

import gzip
import io

import pytest
import soundfile

from curation.catalog import build
from curation.duck import Limits
from soundwave.explore.asking import Explorer
from soundwave.explore.places import find_explored
from soundwave.explore.sound import Sounds, byte_range


def heard(reader, **headers):
    return reader.get("/api/sound", params={"id": "prompts-03"}, headers=headers)


def test_a_cut_is_heard_as_wav(reader, explored):
    answer = heard(reader)
    samples, rate = soundfile.read(io.BytesIO(answer.content))
    file, own = soundfile.read(explored / "corpora" / "prompts" / "prompts-03.wav")
    assert (rate, own, len(samples)) == (16000, 16000, 24000)
    assert abs(samples - file).max() <= 1 / 32768
    assert answer.headers["content-type"] == "audio/wav" and answer.headers["accept-ranges"] == "bytes"


def test_ranges(reader):
    whole = heard(reader).content
    for asked, part in (("bytes=0-1", whole[:2]), ("bytes=44-", whole[44:]), ("bytes=-10", whole[-10:])):
        answer = heard(reader, Range=asked)
        assert answer.status_code == 206 and answer.content == part
        assert answer.headers["content-range"].endswith(f"/{len(whole)}")
    assert heard(reader, Range="bytes=0-1,5-6").content == whole, "several ranges: the whole, as a server may"
    answer = heard(reader, Range=f"bytes={len(whole)}-")
    assert answer.status_code == 416 and answer.headers["content-range"] == f"bytes */{len(whole)}"


@pytest.mark.parametrize(
    ("header", "found"),
    [
        (None, None),
        ("", None),
        ("bytes=-", None),
        ("bytes=5-2", None),
        ("letters=0-1", None),
        ("bytes=0-999", (0, 10)),
        ("bytes=3-3", (3, 4)),
        ("bytes=-999", (0, 10)),
    ],
)
def test_what_a_range_header_asks_for(header, found):
    assert byte_range(header, 10) == found


@pytest.mark.parametrize("header", ["bytes=10-", "bytes=10-12", "bytes=-0"])
def test_a_range_of_nothing(header):
    with pytest.raises(ValueError, match="10 bytes"):
        byte_range(header, 10)


@pytest.mark.parametrize("value", ["/etc/passwd", "corpora/prompts/prompts-03.wav", "prompts-03/../prompts-04", ""])
def test_only_ids_of_cuts_are_heard(reader, value):
    assert reader.get("/api/sound", params={"id": value}).status_code == 404
    assert reader.get("/api/sound", params={"path": value, "id": ""}).status_code == 404


def test_audio_that_has_gone_is_told(explored, own, client_of):
    cuts = own / "corpora" / "prompts" / "cuts.jsonl.gz"
    rows = gzip.decompress(cuts.read_bytes()).replace(str(explored).encode(), str(own).encode())
    cuts.write_bytes(gzip.compress(rows))
    build(own / "corpora", own / "labels", own / "catalog")
    (own / "corpora" / "prompts" / "prompts-03.wav").unlink()
    client = client_of(own / "catalog")
    answer = client.get("/api/sound", params={"id": "prompts-03"})
    assert answer.status_code == 422 and "prompts-03.wav" in answer.json()["error"]
    assert client.get("/api/sound", params={"id": "prompts-04"}).status_code == 200


def test_few_sounds_are_kept(explored, monkeypatch):
    from soundwave.explore import sound

    monkeypatch.setattr(sound, "KEPT_BYTES", 100_000)
    explorer = Explorer(find_explored(explored), Limits(60, 10**9))
    sounds = Sounds(explorer)
    sizes = [len(sounds.wav(f"prompts-{number:02d}")) for number in range(5)]
    assert sizes == [48044] * 5 and len(sounds._kept) == 2
    explorer.close()
