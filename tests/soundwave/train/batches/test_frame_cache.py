"""Frames kept on disk: what comes back, what goes first, what is never touched, and a training with and without it."""

import json
import multiprocessing
import os
import signal

import numpy as np
import pytest

from manifests.disk.alone import in_turn
from manifests.disk.faults import TEMPORARY
from manifests.errors import OccupiedError, SettingsError
from manifests.runs import WEIGHTS
from manifests.settings import check_settings
from soundwave.train.batches.frame_cache import FrameCache, identity
from soundwave.train.batches.plan_data import Cut
from soundwave.train.loop import train
from soundwave.train.settings import FrameCacheSettings, StageSettings
from tests.soundwave.train.heard_workspace import make_heard_workspace
from tests.soundwave.train.stopping import Killed, kill_at

TIMES = ("seconds", "cpu_seconds", "wait_seconds", "encode_seconds", "recalled", "encoded")


class Loud:
    """An encoder whose frames are a sound's level."""

    name, dim, frame_rate = "loud", 1, 10.0

    def __init__(self, gain=1.0):
        self.gain = gain

    def encode(self, clips):
        return [np.full((3, 1), self.gain * np.abs(clip).mean(), np.float32) for clip in clips]


def frames(value=1.0, count=1000):
    return np.full((count, 4), value, np.float32)  # 16,032 bytes in a file


def keys(cache, count):
    return [cache.key(number) for number in range(count)]


def names(folder):
    return {path.stem for path in folder.rglob("*.frames")}


def size(folder):
    return sum(path.stat().st_size for path in folder.rglob("*.frames"))


def test_what_is_kept_comes_back_bit_for_bit(tmp_path):
    cache = FrameCache(tmp_path / "cache", 10**6, Loud())
    values = np.random.default_rng(0).standard_normal((7, 5)).astype(np.float32)
    values[0, :3] = (-0.0, np.inf, np.nan)
    key = cache.key("a")
    assert cache.get(key) is None
    cache.put(key, values)
    again = FrameCache(tmp_path / "cache", 10**6, Loud()).get(key)
    assert again.tobytes() == values.tobytes() and again.shape == values.shape and again.flags.writeable
    cache.put(cache.key("none"), np.zeros((0, 5), np.float32))
    assert cache.get(cache.key("none")).shape == (0, 5)


def test_what_was_not_asked_for_longest_goes_first(tmp_path):
    cache = FrameCache(tmp_path / "cache", 90_000, Loud())
    one, two, three, four, five, six = keys(cache, 6)
    for number, key in enumerate((one, two, three, four)):
        cache.put(key, frames())
        os.utime(cache._path(key), ns=(number, number))
    assert cache.get(one) is not None  # which makes it the newest
    cache.put(five, frames())
    assert names(cache.folder) == {one, two, three, four, five}
    cache.put(six, frames())
    assert names(cache.folder) == {one, three, four, five, six} and size(cache.folder) <= 90_000
    assert not list(cache.folder.glob(".[0-9a-f]*"))


def test_a_smaller_limit_holds_at_once_and_what_is_too_large_is_not_kept(tmp_path):
    cache = FrameCache(tmp_path / "cache", 10**6, Loud())
    for key in keys(cache, 20):
        cache.put(key, frames())
    assert size(cache.folder) > 300_000
    small = FrameCache(tmp_path / "cache", 100_000, Loud())
    assert 0 < size(cache.folder) <= 100_000
    small.put(small.key("large"), frames(count=10_000))
    assert small.get(small.key("large")) is None


@pytest.mark.parametrize("fault", ["one bit", "cut off", "longer", "empty", "other shape", "other file"])
def test_a_damaged_entry_is_not_there_and_is_made_anew(tmp_path, fault):
    cache = FrameCache(tmp_path / "cache", 10**6, Loud())
    key = cache.key("a")
    cache.put(key, frames())
    path = cache._path(key)
    data = bytearray(path.read_bytes())
    if fault == "one bit":
        data[9_000] ^= 1
    elif fault == "other shape":
        data[8:12], data[12:16] = data[12:16], data[8:12]
    changed = {"cut off": data[:-1], "longer": data + b"\0", "empty": b"", "other file": b"x" * len(data)}
    path.write_bytes(changed.get(fault, data))
    assert cache.get(key) is None and not path.exists()
    cache.put(key, frames())
    assert cache.get(key).tobytes() == frames().tobytes()


def test_only_its_own_files_go(tmp_path):
    folder = tmp_path / "cache"
    cache = FrameCache(folder, 50_000, Loud())
    others = [
        folder / "notes.txt",
        folder / "ab" / "mine.frames",
        folder / "xy" / f"{'0' * 32}.frames",
        folder / "b.npy",
    ]
    for path in others:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x" * 30_000)
        os.utime(path, ns=(1, 1))
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / f"{'1' * 32}.frames").write_bytes(b"x" * 30_000)
    (folder / "11").symlink_to(tmp_path / "elsewhere")
    for key in keys(cache, 8):
        cache.put(key, frames())
    FrameCache(folder, 50_000, Loud())
    assert all(path.is_file() for path in others) and (tmp_path / "elsewhere" / f"{'1' * 32}.frames").is_file()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    with pytest.raises(OccupiedError, match=r"is not a cache of encoder frames, but it holds mine.txt"):
        FrameCache(tmp_path / "full", 10**6, Loud())
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["mine.txt"]


def cut(**changes):
    values = {"cut_id": "a-1", "corpus": "a", "split": "train", "task": "asr", "start": 0.0, "duration": 1.0}
    values |= dict.fromkeys(("language", "target_language", "text", "target_text", "source_path"))
    return vars(Cut(**values | {"sound": (), "audio_sha256": "f" * 64} | changes))


def test_a_key_is_what_is_heard_and_by_whom(tmp_path):
    cache = FrameCache(tmp_path / "cache", 10**6, Loud())
    row = {"id": "a-1", "type": "MonoCut", "start": 0, "duration": 1.0, "channel": 1, "supervisions": []}
    sources = [{"type": "file", "channels": [0, 1], "source": "/a.wav"}]
    row["recording"] = {"id": "a", "sources": sources, "sampling_rate": 16000, "num_samples": 16000, "duration": 1.0}
    variants = [
        (cut(), 1.0), (cut(), 0.9), (cut(start=0.5), 1.0), (cut(duration=0.5), 1.0), (cut(audio_sha256="e" * 64), 1.0),
        (cut(decoding=json.dumps(row)), 1.0), (cut(decoding=json.dumps(row | {"channel": 0})), 1.0),
    ]  # fmt: skip
    found = [cache.of_cut(one, speed)._key for one, speed in variants]
    assert len(set(found)) == len(variants) and None not in found
    assert cache.of_cut(cut(cut_id="a-2", source_path="/moved.wav", text="other"), 1.0)._key == found[0]
    assert FrameCache(tmp_path / "cache", 10**6, Loud(2.0)).of_cut(cut(), 1.0)._key != found[0]
    assert identity(Loud()) == identity(Loud()) != identity(Loud(1.0001))
    unknown = cache.of_cut(cut(audio_sha256=None), 1.0)
    assert not unknown.known and unknown.get() is None
    unknown.hear(np.ones(100, np.float32))
    unknown.put(frames())
    other = cache.of_cut(cut(cut_id="a-9", audio_sha256=None), 1.0)
    other.hear(np.ones(100, np.float32))
    assert other.get() is not None


def work(folder, limit, number, ready):
    """Write and read as fast as it can; now and then another process's entries."""
    cache = FrameCache(folder, limit, Loud())
    ready.wait()
    rng = np.random.default_rng(number)
    for turn in range(150):
        key = int(rng.integers(40))
        if (found := cache.get(cache.key(key))) is None:
            cache.put(cache.key(key), frames(key))
        else:
            assert (found == key).all()
        if turn % 10 == 0:
            with in_turn(folder):  # nothing goes meanwhile
                if sum(entry.size for entry in cache.entries()) > limit:
                    os._exit(3)


def test_processes_share_it_and_a_kill_leaves_nothing_that_counts(tmp_path):
    folder, limit, context = tmp_path / "cache", 300_000, multiprocessing.get_context("fork")
    ready = context.Event()
    processes = [context.Process(target=work, args=(folder, limit, number, ready)) for number in range(3)]
    for process in processes:
        process.start()
    ready.set()
    while not len(names(folder)) >= 10:  # it is at work
        assert processes[0].is_alive()
    os.kill(processes[0].pid, signal.SIGKILL)
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [-signal.SIGKILL, 0, 0]
    cache = FrameCache(folder, limit, Loud())
    assert [path for path in folder.rglob("*") if TEMPORARY.fullmatch(path.name)] == []
    whole = [cache.get(path.stem) for path in folder.rglob("*.frames")]
    assert len(whole) >= 10 and all(found is not None for found in whole) and size(folder) <= limit


def test_a_disk_that_takes_no_more_does_not_stop_a_training(tmp_path, capsys, monkeypatch):
    cache = FrameCache(tmp_path / "cache", 10**6, Loud())
    (tmp_path / "cache" / cache.key(0)[:2]).write_text("a file where a folder should be")
    for key in [cache.key(0), *keys(cache, 5)]:
        cache.put(key, frames())
    assert names(cache.folder) == set()
    assert capsys.readouterr().err.count("no more frames are kept") == 1


@pytest.mark.parametrize("size", ["", "many", "0GB", "-1GB", "10"])
def test_a_size_that_is_none_is_refused(size):
    with pytest.raises(SettingsError, match="size"):
        check_settings(FrameCacheSettings, {"folder": "cache", "size": size}, where="stage.yaml")


# Trainings


@pytest.fixture(scope="module")
def heard(tmp_path_factory):
    return make_heard_workspace(tmp_path_factory.mktemp("heard"))


def rows_of(run):
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def results(run):
    rows = [{name: value for name, value in row.items() if name not in TIMES} for row in rows_of(run)]
    return rows, (run / "final" / WEIGHTS).read_bytes()


def test_a_training_is_the_same_with_it_and_without(heard, stage_values, tmp_path, monkeypatch):
    plan = heard / "mixtures" / "mixed"
    steps = 2 * json.loads((plan / "lock.json").read_text())["steps"]
    more = {"speeds": [0.9, 1.0], "checkpoint_every": 1, "tensorboard": False, "spec_augment": {}}
    values = stage_values("shrinking", steps=steps, model={"ctc_vocabulary": "full"}, **more)
    train(StageSettings(**values), plan=plan, output=tmp_path / "without")
    kept = values | {"frame_cache": {"folder": str(tmp_path / "cache"), "size": "50MB"}}
    with monkeypatch.context() as patch, pytest.raises(Killed):
        kill_at(patch, steps // 2)
        train(StageSettings(**kept), plan=plan, output=tmp_path / "first")
    train(StageSettings(**kept), plan=plan, output=tmp_path / "first")
    expected = results(tmp_path / "without")
    assert results(tmp_path / "first") == expected
    first = rows_of(tmp_path / "first")
    assert first[0]["encoded"] > 0 == first[0]["recalled"]
    assert sum(row["recalled"] for row in first[steps // 2 :]) > 0  # the second time round
    damaged = sorted((tmp_path / "cache").rglob("*.frames"))[0]
    damaged.write_bytes(damaged.read_bytes()[:-4])
    train(StageSettings(**kept), plan=plan, output=tmp_path / "second")
    assert results(tmp_path / "second") == expected
    assert sum(row["encoded"] for row in rows_of(tmp_path / "second")) == 1
    tight = values | {"frame_cache": {"folder": str(tmp_path / "tight"), "size": "250KB"}}
    train(StageSettings(**tight), plan=plan, output=tmp_path / "third")
    assert results(tmp_path / "third") == expected and 0 < size(tmp_path / "tight") <= 250_000
    for path in heard.glob("corpora/tiny/*.wav"):
        path.unlink()
    (tmp_path / "cache").rename(tmp_path / "moved")
    kept["frame_cache"] = {"folder": str(tmp_path / "moved"), "size": "50MB"}
    train(StageSettings(**kept), plan=plan, output=tmp_path / "fourth")  # neither reads nor encodes
    assert results(tmp_path / "fourth") == expected and sum(row["encoded"] for row in rows_of(tmp_path / "fourth")) == 0
