"""Clips as they are heard: sample for sample in place, within what the page has room for."""

import base64
import io

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.catalog import build
from manifests.files import write_json, write_jsonl
from manifests.shown.sound import mp3, sound_url
from soundwave.report.clips.sounds import LONGEST, PageClip, envelope, fit_into, hear_clips, wave_path
from soundwave.report.workspace import Workspace
from tests.soundwave.report.small_workspace import cut_row

MINUTES = 1.2  # of each long clip


def test_an_envelope_is_the_peak_of_every_bin():
    samples = np.zeros(1000, dtype=np.float32)
    samples[250:300] = -0.4
    samples[900] = 0.2
    assert envelope(samples, bins=10).tolist() == pytest.approx([0, 0, 1, 0, 0, 0, 0, 0, 0, 0.5])
    assert envelope(np.zeros(0, dtype=np.float32)).tolist() == [0]
    assert wave_path(samples).startswith("M2 29V31")  # silence is a line


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 40_000), st.floats(0, 1))
def test_mp3_has_the_samples_where_they_were(count, place):
    samples = np.zeros(count, dtype=np.float32)
    at = min(count - 1, int(place * count))
    samples[at] = 0.9
    found, rate = soundfile.read(io.BytesIO(mp3(samples)))
    assert (rate, len(found)) == (16000, count)
    if abs(found).max() > 0.01:  # a click at the very end may be lost in the codec
        assert abs(int(abs(found).argmax()) - at) <= 2


def test_loud_samples_are_cut_off_and_an_address_holds_the_sound():
    head, _, body = sound_url(np.full(1600, 3.0, dtype=np.float32)).partition(",")
    assert head == "data:audio/mpeg;base64"
    found, _ = soundfile.read(io.BytesIO(base64.b64decode(body)))
    assert len(found) == 1600


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(1, 100), max_size=12), st.integers(0, 600))
def test_sounds_are_left_out_from_the_end_until_they_fit(sizes, room):
    clips = [PageClip({"cut_id": str(n)}, url="x" * size) for n, size in enumerate(sizes)]
    fit_into(clips, room)
    kept = [len(clip.url) for clip in clips if clip.url]
    assert sum(kept) <= room
    assert kept == sizes[: len(kept)]
    assert len(kept) == len(sizes) or sum(sizes[: len(kept) + 1]) > room
    assert all(clip.url or (not clip.small_enough and clip.why) for clip in clips)


@pytest.fixture(scope="module")
def long_clips(tmp_path_factory):
    """A catalog of six clips of more than a minute: noise, which no codec makes small."""
    folder = tmp_path_factory.mktemp("long")
    rows = [cut_row(folder, number, "test") for number in range(6)]
    count = int(MINUTES * 60 * 16000)
    for number, row in enumerate(rows):
        noise = np.random.default_rng(number).normal(0, 0.2, count).astype(np.float32)
        soundfile.write(folder / "corpora" / "prompts" / f"{row['id']}.wav", noise, 16000)
        row["duration"] = row["supervisions"][0]["duration"] = row["recording"]["duration"] = count / 16000
        row["recording"]["num_samples"] = count
    write_jsonl(folder / "corpora" / "prompts" / "cuts.jsonl.gz", rows)
    info = {"name": "prompts", "title": "Noise", "license": "CC0-1.0", "makers": "the tests"}
    write_json(folder / "corpora" / "prompts" / "corpus.json", info | {"cuts": 6, "texts": 0, "rejects": 0, "hours": 1})
    build(folder / "corpora", folder / "labels", folder / "catalog")
    return folder


def test_many_long_clips_stay_within_the_budget(long_clips):
    ids = [f"prompts-{number:02d}" for number in range(6)] + ["nobody"]
    budget = 1_000_000
    heard = hear_clips(Workspace(long_clips), ids, budget)
    sizes = [len(clip.url) for clip in heard.values() if clip.url]
    assert 0 < len(sizes) < 6 and sum(sizes) <= budget < sum(sizes) + max(sizes)
    assert list(heard) == ids and not heard["nobody"].url and "catalog" in heard["nobody"].why
    left_out = [clip for clip in heard.values() if not clip.small_enough]
    assert len(left_out) == 6 - len(sizes) and all(clip.wave for clip in left_out)
    first = heard[ids[0]]
    assert first.seconds == LONGEST and first.cut_off
