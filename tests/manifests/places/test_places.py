"""Sound inside tars and stores: addresses, bytes by range, what was changed meanwhile."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pytest
import soundfile

from curation.interchange.archives import members
from manifests.audio import audio_facts, decode
from manifests.audio.streams import libav_frames, libav_reads, sndfile
from manifests.errors import AudioError, InputError
from manifests.places import as_sound, held, is_place, place_of_member, reachable, stores
from tests.curation.interchange.archives.tars import tone, write_tar

LONG = "l" * 90
NAMES = ("a.wav", "sub/b c#1%.flac", "größe.ogg", f"{LONG}/{'m' * 60}.mp3", f"{LONG}/{LONG}/{LONG}.wav")


@pytest.mark.parametrize("kind", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT])
@pytest.mark.parametrize("most", [held.IN_MEMORY, 4096])
def test_a_member_sounds_as_a_file_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: int, most: int
) -> None:
    monkeypatch.setattr(held, "IN_MEMORY", most)
    monkeypatch.setattr(held, "BLOCK", 5000)
    names = [name for name in NAMES if kind != tarfile.USTAR_FORMAT or len(name) < 200]
    sounds = {name: tone(1.5, seed, kind=name.rpartition(".")[2]) for seed, name in enumerate(names)}
    with tarfile.open(tmp_path / "a#0.tar", "w", format=kind) as archive:
        for name, data in sounds.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    found = list(members(tmp_path / "a#0.tar", lambda *_: False))
    assert [member.name for member in found] == names
    for member in found:
        place = place_of_member(tmp_path / "a#0.tar", member.name, member.offset, member.size)
        assert as_sound(str(place)) == place
        alone = tmp_path / f"alone{place.suffix}"
        alone.write_bytes(sounds[member.name])
        assert audio_facts(place).sha256 == audio_facts(alone).sha256
        assert audio_facts(place).samples == audio_facts(alone).samples
        for start, duration in ((0.0, None), (0.7, 0.4)):
            one, other = (decode(path, start=start, duration=duration) for path in (place, alone))
            assert one[1] == other[1]
            assert len(one[0]) and np.array_equal(one[0], other[0])


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("s3://b/k.wav", True),
        ("memory://b/k.wav", True),
        ("tar:/a.tar#512+100=a.wav", True),
        ("tar:s3://b/a.tar#512+100=a.wav", True),
        ("/a.tar#512+100=a.wav", False),
        ("tar:/a.tar", False),
        ("tar:/a.tar#-1+5=a", False),
        ("https://host/a.wav", False),
        ("file:///a.wav", False),
        ("s3:/b/k.wav", False),
    ],
)
def test_what_is_an_address(text: str, place: bool) -> None:
    assert is_place(text) == place
    assert str(as_sound(text)) == text.replace("file:///", "file:/").replace("https://", "https:/")
    assert isinstance(as_sound(text), Path) != place


def test_numbers_that_no_tar_has_are_refused() -> None:
    with pytest.raises(InputError, match="expected numbers up to"):
        as_sound(f"tar:/a.tar#{10**16 - 1}+5=a.wav")


def test_of_a_long_recording_only_the_span_is_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held, "IN_MEMORY", 1 << 16)
    monkeypatch.setattr(held, "BLOCK", 1 << 15)
    data = io.BytesIO()
    samples = np.random.default_rng(0).uniform(-0.5, 0.5, 16000 * 120).astype(np.float32)
    soundfile.write(data, samples, 16000, format="WAV", subtype="FLOAT")
    fsspec.filesystem("memory").pipe_file("/long/a.wav", data.getvalue())
    asked: list[int] = []
    real = stores.StoreContainer.read

    def read(self: Any, start: int, end: int) -> bytes:
        asked.append(end - start)
        return real(self, start, end)

    monkeypatch.setattr(stores.StoreContainer, "read", read)
    found, _ = decode(as_sound("memory://long/a.wav"), start=90.0, duration=1.0)
    assert np.array_equal(found[:, 0], samples[16000 * 90 : 16000 * 91])
    assert 0 < sum(asked) < 300_000 < len(data.getvalue()) // 20


def test_a_store_that_fails_in_the_middle_is_no_end_of_the_sound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held, "IN_MEMORY", 1 << 12)
    monkeypatch.setattr(stores, "FIRST_PAUSE", 0.0)
    for kind in ("wav", "flac", "mp3"):
        store = fsspec.filesystem("memory")
        store.pipe_file(f"/gone/a.{kind}", tone(4.0, kind=kind))
        place = as_sound(f"memory://gone/a.{kind}")
        with (
            pytest.raises(AudioError, match=rf"No such audio: memory://gone/a.{kind}") as caught,
            reachable(place) as path,
        ):
            store.rm(f"/gone/a.{kind}")
            decode_held(path)
        assert caught.value.reason == "audio_missing"


def decode_held(path: Path) -> None:
    """Decode what `reachable` gave, as `decode` does; it ends early."""
    if libav_reads(path):
        list(libav_frames(path))
    else:
        with sndfile(path) as stream:
            stream.read()


def test_members_of_one_size_are_told_apart_by_their_names(tmp_path: Path) -> None:
    data = tone(kind="wav")
    write_tar(tmp_path / "a.tar", [("a.wav", data), ("b.wav", data)])
    place = place_of_member(tmp_path / "a.tar", "a.wav", 512, len(data))
    decode(place)
    write_tar(tmp_path / "a.tar", [("b.wav", data), ("a.wav", data)])
    with pytest.raises(AudioError, match="is not the one that was imported"):
        decode(place)
