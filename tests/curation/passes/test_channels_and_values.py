"""Passes reject what cannot be heard, and the keys of ordinary cuts stay what they were."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from curation.passes.encode import Encode
from curation.passes.quality import Quality, duplicates
from curation.passes.runner import run_pass
from curation.passes.shards import audio_stamp, shard_key
from manifests.fingerprint import fingerprint
from manifests.rows.places import with_found_audio
from tests.curation.labelling import cut, of_channels, table, write_made
from tests.wave_bytes import float32, noise, pcm16, saved


def reasons(folder: Path, job: Quality | Encode, rows: list[dict]) -> dict[str, str]:
    summary = run_pass(job, write_made(folder / "made", rows), folder / "labels", workers=0)
    return {row["cut_id"]: row["reason"] for row in table(summary.folder, "rejects")}


@pytest.mark.parametrize("job", [Quality(), Encode()], ids=["quality", "encode"])
def test_every_pass_rejects_what_cannot_be_heard(tmp_path: Path, job: Quality | Encode) -> None:
    broken = np.zeros(16_000)
    broken[8_000] = np.nan
    call = saved(tmp_path / "call.wav", pcm16(noise(1), noise(2)))
    web = cut("web", audio=call)
    web["recording"]["sources"][0]["type"] = "url"
    rows = [
        cut("nan", audio=saved(tmp_path / "nan.wav", float32(broken))),
        of_channels(cut("both", audio=call), [0, 1]),
        of_channels(cut("third", audio=call), 2),
        cut("told mono", audio=call),
        web,
        cut("shapeless", audio=call) | {"recording": {"sources": ["call.wav"]}},
        cut("nowhere", audio=call) | {"recording": "call.wav"},
    ]
    expected = {
        "nan": "not_finite",
        "both": "channels_differ",
        "third": "channel_missing",
        "told mono": "channels_differ",
        "web": "unsupported_audio",
        "shapeless": "bad_row",
        "nowhere": "bad_row",
    }
    assert reasons(tmp_path, job, rows) == expected


def test_the_detail_of_a_sample_that_is_no_number_says_when(tmp_path: Path) -> None:
    broken = np.zeros(16_000)
    broken[8_000] = np.inf
    row = cut("a", audio=saved(tmp_path / "a.wav", float32(broken)))
    summary = run_pass(Quality(), write_made(tmp_path / "made", [row]), tmp_path / "labels", workers=0)
    (found,) = table(summary.folder, "rejects")
    assert "0.500000 s (channel 0) is inf" in found["detail"]


def test_a_constant_and_a_mixture_that_cancels_out_are_silent(tmp_path: Path) -> None:
    opposite = saved(tmp_path / "opposite.wav", pcm16(noise(1), -noise(1)))
    rows = [
        cut("constant", audio=saved(tmp_path / "dc.wav", pcm16(np.full(16_000, 12_000)))),
        of_channels(cut("cancelled", audio=opposite), [0, 1], mode="mix"),
        of_channels(cut("one side", audio=opposite), 1),
    ]
    assert reasons(tmp_path, Quality(), rows) == {"constant": "silent", "cancelled": "silent"}


def test_clipping_of_a_channel_shows_in_a_mixture(tmp_path: Path) -> None:
    square = np.where(np.arange(16_000) // 40 % 2, 32_767, -32_767)
    path = saved(tmp_path / "a.wav", pcm16(square, noise(1)))
    rows = [of_channels(cut("mixed", audio=path), [0, 1], mode="mix"), of_channels(cut("good", audio=path), 1)]
    assert reasons(tmp_path, Quality(), rows) == {"mixed": "clipped"}


def test_two_speakers_of_one_file_and_a_slower_copy_are_no_copies(tmp_path: Path) -> None:
    call = saved(tmp_path / "call.wav", pcm16(noise(1), noise(2)))
    slower = of_channels(cut("slower", audio=call), 0)
    slower["recording"]["transforms"] = [{"name": "Speed", "kwargs": {"factor": 0.9}}]
    rows = [of_channels(cut("a", audio=call), 0), of_channels(cut("b", audio=call), 1), slower]
    rows += [of_channels(cut("c", audio=call), 1)]
    assert duplicates(write_made(tmp_path / "made", rows)) == {"c": "b"}


def test_keys_of_mono_cuts_stay_and_those_of_several_channels_move(tmp_path: Path) -> None:
    mono = cut("a", audio=saved(tmp_path / "a.wav", pcm16(noise(1))))
    several = of_channels(mono, 0)
    job = Quality()
    before = [
        fingerprint(job.name, job.version, dict(job.settings), [row], [])[:16] for row in (mono, several)
    ]  # as it was when channels were averaged
    assert shard_key(job, [mono], tmp_path) == before[0]
    assert shard_key(job, [several], tmp_path) != before[1]


def test_every_file_of_a_recording_is_found_and_watched(tmp_path: Path) -> None:
    files = [saved(tmp_path / "made" / f"{n}.wav", pcm16(noise(n, 100 * n))) for n in (1, 2)]
    row = of_channels(cut("a", sha256=None), 1)
    row["recording"]["sources"] = [
        {"type": "file", "channels": [n], "source": path.name} for n, path in enumerate(files)
    ]
    assert audio_stamp(row, tmp_path / "made")[::2] == [path.stat().st_size for path in files]
    found = with_found_audio(row, tmp_path / "made")
    assert [source["source"] for source in found["recording"]["sources"]] == [str(path) for path in files]
