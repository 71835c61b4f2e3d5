"""The runner: every cut ends labelled or rejected, what is done stays done, whoever dies on the way."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import textwrap
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.passes import cluster, workers
from curation.passes.runner import run_pass
from curation.passes.shards import ShardResult, finished, shard_key, split_rows
from curation.passes.workers import WorkerPool
from manifests.digests import CHECKED
from manifests.errors import MissingFileError, StaleError
from manifests.files import MARK, read_json, write_json
from tests.curation.labelling import Counting, cut, plain_rows, table, write_made


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    return write_made(tmp_path / "corpora" / "made", plain_rows(60))


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log.txt"


def logged(log: Path) -> Counter[str]:
    return Counter(log.read_text().split()) if log.exists() else Counter()


def test_every_cut_is_labelled_or_rejected(corpus: Path, tmp_path: Path, log: Path) -> None:
    fates = {"made-0003": "reject", "made-0020": "raise", "made-0041": "forget"}
    summary = run_pass(Counting(log, fates), corpus, tmp_path / "labels", workers=0, shard_size=8)
    assert (summary.cuts, summary.labelled, summary.rejected) == (60, 57, 3)
    assert summary.reasons == {"too_short": 1, "pass_failed": 2}
    rejects = {row["cut_id"]: (row["reason"], row["corpus"], row["pass"]) for row in table(summary.folder, "rejects")}
    assert rejects["made-0003"] == ("too_short", "made", "counting")
    labelled = [row["cut_id"] for row in table(summary.folder, "labels")]
    assert sorted([*labelled, *rejects]) == [f"made-{number:04}" for number in range(60)]
    assert labelled == sorted(labelled)  # corpus order
    assert read_json(summary.folder / "pass.json")["counts"]["labelled"] == 57


def test_a_second_run_does_nothing(corpus: Path, tmp_path: Path, log: Path) -> None:
    job = Counting(log, {})
    first = run_pass(job, corpus, tmp_path / "labels", workers=0, shard_size=8)
    second = run_pass(job, corpus, tmp_path / "labels", workers=0, shard_size=8)
    assert second.shards_reused == second.shards == first.shards > 3
    assert (second.cuts, second.labelled, second.seconds) == (60, 60, 60.0)
    assert set(logged(log).values()) == {1}


def test_a_changed_setting_runs_all_shards_and_leaves_no_stale_files(
    corpus: Path, tmp_path: Path, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("curation.passes.runner.GRACE", -3600.0)  # all that is not ours counts as old
    first = run_pass(Counting(log, {}), corpus, tmp_path / "labels", workers=0, shard_size=8)
    old = {path.name for path in first.folder.iterdir()}
    second = run_pass(Counting(log, {}, tune=5), corpus, tmp_path / "labels", workers=0, shard_size=8)
    assert second.shards_reused == 0
    assert {path.name for path in second.folder.iterdir()} & old == {MARK, CHECKED, "pass.json"}
    assert {row["value"] for row in table(second.folder, "labels")} == {9.0 + 5}


def test_young_files_of_another_run_are_left_alone(corpus: Path, tmp_path: Path, log: Path) -> None:
    other = run_pass(Counting(log, {}), corpus, tmp_path / "labels", workers=0)
    before = {path.name for path in other.folder.iterdir()}
    run_pass(Counting(log, {}, tune=5), corpus, tmp_path / "labels", workers=0)
    assert before <= {path.name for path in other.folder.iterdir()}
    back = run_pass(Counting(log, {}), corpus, tmp_path / "labels", workers=0)
    assert back.shards_reused == back.shards


def test_shards_that_vanish_under_a_run_are_told(corpus: Path, tmp_path: Path, log: Path) -> None:
    class Meddler(Counting):
        def label_shard(self, rows: list[dict]) -> ShardResult:
            for marker in (tmp_path / "labels").rglob("shard-*.json"):
                marker.unlink()
            return super().label_shard(rows)

    with pytest.raises(StaleError, match="again"):
        run_pass(Meddler(log, {}), corpus, tmp_path / "labels", workers=0, shard_size=8)
    assert run_pass(Counting(log, {}), corpus, tmp_path / "labels", workers=0, shard_size=8).labelled == 60


def test_a_changed_row_runs_its_shard_alone(tmp_path: Path, log: Path) -> None:
    rows = list(plain_rows(80))
    labels = tmp_path / "labels"
    run_pass(Counting(log, {}), write_made(tmp_path / "made", rows), labels, workers=0, shard_size=8)
    rows[40]["supervisions"][0]["text"] = "another"
    again = run_pass(Counting(log, {}), write_made(tmp_path / "made", rows), labels, workers=0, shard_size=8)
    assert again.shards - again.shards_reused == 1


def test_a_row_put_in_leaves_distant_shards_alone(tmp_path: Path, log: Path) -> None:
    rows = list(plain_rows(200))
    labels = tmp_path / "labels"
    run_pass(Counting(log, {}), write_made(tmp_path / "made", rows), labels, workers=0, shard_size=8)
    rows.insert(30, cut("made-0029b"))
    again = run_pass(Counting(log, {}), write_made(tmp_path / "made", rows), labels, workers=0, shard_size=8)
    assert again.cuts == 201
    assert again.shards_reused > again.shards / 2


def test_a_lost_or_cut_part_is_made_again(corpus: Path, tmp_path: Path, log: Path) -> None:
    job = Counting(log, {})
    summary = run_pass(job, corpus, tmp_path / "labels", workers=0, shard_size=8)
    before = table(summary.folder, "labels")
    lost, emptied, *_ = sorted(summary.folder.glob("labels-*.parquet"))
    lost.unlink()
    emptied.write_bytes(b"")
    marker = max(summary.folder.glob("shard-*.json"))
    marker.write_text("{")
    again = run_pass(job, corpus, tmp_path / "labels", workers=0, shard_size=8)
    assert again.shards_reused in (again.shards - 3, again.shards - 2)  # the marker may be one of the two's
    assert table(summary.folder, "labels") == before


def test_audio_without_a_fingerprint_is_watched_by_size_and_time(tmp_path: Path, log: Path) -> None:
    audio = tmp_path / "a.wav"
    audio.write_bytes(b"12")
    row = cut("made-1", audio=audio, sha256=None)
    before = shard_key(Counting(log, {}), [row], tmp_path)
    audio.write_bytes(b"123")
    assert shard_key(Counting(log, {}), [row], tmp_path) != before
    named = cut("made-1", audio=audio)
    before = shard_key(Counting(log, {}), [named], tmp_path)
    audio.touch()
    assert shard_key(Counting(log, {}), [named], tmp_path) == before


def test_shards_in_which_all_was_rejected_are_done(corpus: Path, tmp_path: Path, log: Path) -> None:
    job = Counting(log, {f"made-{number:04}": "reject" for number in range(60)})
    first = run_pass(job, corpus, tmp_path / "labels", workers=0)
    assert (first.labelled, first.rejected) == (0, 60)
    assert run_pass(job, corpus, tmp_path / "labels", workers=0).shards_reused == first.shards


def test_an_empty_corpus_is_done(tmp_path: Path, log: Path) -> None:
    summary = run_pass(Counting(log, {}), write_made(tmp_path / "made", []), tmp_path / "labels", workers=0)
    assert (summary.cuts, summary.shards) == (0, 0)
    assert read_json(summary.folder / "pass.json")["shards"] == []


def test_bad_calls_say_so(tmp_path: Path, corpus: Path, log: Path) -> None:
    with pytest.raises(MissingFileError, match="prepare"):
        run_pass(Counting(log, {}), tmp_path / "nowhere", tmp_path / "labels", workers=0)


@pytest.mark.parametrize("size", [1, 8])
def test_the_second_row_of_an_id_is_refused_and_the_first_is_labelled(tmp_path: Path, log: Path, size: int) -> None:
    rows = [cut("made-1", text="b"), cut("made-2"), cut("made-1", text="a"), cut("made-1", text="a")]
    summary = run_pass(Counting(log, {}), write_made(tmp_path / "twice", rows), tmp_path / "labels", workers=0,
                       shard_size=size)  # fmt: skip
    assert (summary.cuts, summary.labelled, dict(summary.reasons)) == (4, 2, {"duplicate_id": 2})
    assert sorted(row["cut_id"] for row in table(summary.folder, "labels")) == ["made-1", "made-2"]
    found = {row["detail"].partition(" too")[0] for row in table(summary.folder, "rejects")}
    assert found == {f"cuts.jsonl.gz:{n}: the id is that of cuts.jsonl.gz:3" for n in (1, 4)}


def test_nothing_to_do_starts_no_cluster(
    corpus: Path, tmp_path: Path, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = Counting(log, {})
    run_pass(job, corpus, tmp_path / "labels", workers=0)
    monkeypatch.setattr("curation.passes.workers.local_client", lambda *_: pytest.fail("a cluster was started"))
    run_pass(job, corpus, tmp_path / "labels", workers=2)


@given(st.lists(st.text(min_size=1, max_size=4), unique=True, max_size=120), st.integers(1, 20))
def test_split_rows_keeps_order_and_bounds(ids: list[str], size: int) -> None:
    rows = [{"id": name} for name in ids]
    shards = list(split_rows(rows, size))
    assert [row for shard in shards for row in shard] == rows
    assert all(1 <= len(shard) <= 2 * size for shard in shards)


def test_a_real_cluster_loses_no_row_when_workers_die(
    corpus: Path, tmp_path: Path, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One cut kills its worker once, another each time: the first is labelled, the second rejected."""
    calm = run_pass(Counting(tmp_path / "calm.txt", {}), corpus, tmp_path / "calm", workers=0, shard_size=8)
    monkeypatch.chdir(tmp_path)
    before = set(tmp_path.iterdir()) | {log, tmp_path / "labels"}
    job = Counting(log, {"made-0007": "die_once", "made-0033": "die"})
    with WorkerPool(workers=2) as pool:
        rough = run_pass(job, corpus, tmp_path / "labels", shard_size=8, pool=pool)
    assert (rough.cuts, rough.labelled, rough.rejected) == (60, 59, 1)
    assert [(row["cut_id"], row["reason"]) for row in table(rough.folder, "rejects")] == [("made-0033", "pass_failed")]
    undisturbed = [row for row in table(calm.folder, "labels") if row["cut_id"] != "made-0033"]
    assert table(rough.folder, "labels") == undisturbed
    litter = {path for path in set(tmp_path.iterdir()) - before if path.suffix != ".flag"}
    assert not litter


DRIVER = """
    import sys
    from pathlib import Path
    sys.path.insert(0, {tests!r})
    from tests.curation.labelling import Counting
    from curation.passes.runner import run_pass

    if __name__ == "__main__":
        job = Counting(Path({log!r}), {{"made-0044": "kill_driver"}})
        run_pass(job, Path({corpus!r}), Path({labels!r}), workers=1, shard_size=8)
"""


def test_a_killed_driver_goes_on_where_it_was(corpus: Path, tmp_path: Path, log: Path) -> None:
    labels = tmp_path / "labels"
    script = tmp_path / "driver.py"
    paths = {"tests": str(Path(__file__).parents[3]), "log": str(log), "corpus": str(corpus), "labels": str(labels)}
    script.write_text(textwrap.dedent(DRIVER).format(**paths))
    killed = subprocess.run([sys.executable, script], capture_output=True, check=False)
    assert killed.returncode == -9
    folder = labels / "counting" / "made"
    done = {path.stem.removeprefix("shard-") for path in folder.glob("shard-*.json")}
    assert done
    assert not (folder / "pass.json").exists()
    before = logged(log)
    summary = run_pass(Counting(log, {}), corpus, labels, workers=0, shard_size=8)
    assert summary.shards_reused == len(done) < summary.shards
    kept = sum(counts.cuts for key in done if (counts := finished(folder, key)))
    assert (logged(log) - before).total() == 60 - kept
    assert (summary.cuts, summary.labelled) == (60, 60)


class LostResult:
    """A future whose worker died after it was done and before anybody had its result."""

    status = "finished"

    def result(self, timeout: float | None = None) -> None:
        if timeout is None:
            pytest.fail("this waits for ever")
        raise TimeoutError


def test_a_result_lost_with_its_worker_is_made_again(
    corpus: Path, tmp_path: Path, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool, rows, folder = WorkerPool(workers=1), list(plain_rows(3)), tmp_path / "labels"
    shard = workers._Shard(Counting(log, {}), workers.pack(rows), "0" * 16, folder)
    lost = LostResult()
    pool._client, pool._pending = object(), {lost: shard}
    monkeypatch.setattr(pool, "_done", lambda: lost)
    monkeypatch.setattr(pool, "_alive", lambda: False)
    monkeypatch.setattr(pool, "_send", lambda again: pool._ready.append(again.isolated()))
    assert pool.next().labelled == 3
    assert logged(log).total() == 3


def test_what_killed_drivers_left_in_the_temporary_folder_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr("curation.passes.cluster.NEW", -1.0)
    dead, strange = tmp_path / "soundwave-dead", tmp_path / "soundwave-notes"
    for folder in (dead, strange):
        (folder / "worker").mkdir(parents=True)
    (dead / cluster.OWNER).touch()
    with cluster._scratch() as first:
        assert not dead.exists()
        with cluster._scratch() as second:
            assert Path(first).is_dir() and first != second
    assert list(tmp_path.iterdir()) == [strange]


def peak(work: Callable[[], object]) -> int:
    """Bytes that Python holds at most while `work` runs."""
    tracemalloc.start()
    try:
        kept = work()
        return tracemalloc.get_traced_memory()[1] if kept is not None else 0
    finally:
        tracemalloc.stop()


def test_driver_memory_does_not_grow_with_the_corpus(tmp_path: Path, log: Path) -> None:
    def rows(count: int) -> Iterator[dict]:
        return (cut(f"made-{number:04}", text=f"{number} " * 5000) for number in range(count))

    def label(count: int) -> int:
        corpus = write_made(tmp_path / str(count), rows(count))
        return peak(lambda: run_pass(Counting(log, {}), corpus, tmp_path / "labels", workers=0, shard_size=8))

    label(16)  # imports
    small, large = label(60), label(600)
    kept = peak(lambda: list(rows(600)))
    assert large - small < kept / 4  # keys of shards are kept, rows are not


@pytest.mark.parametrize("made_by", [{"recipe": "toy"}, {"imported": "kaldi"}, {}])
def test_audio_that_was_changed_after_it_was_prepared_is_a_reject(
    tmp_path: Path, log: Path, made_by: dict[str, str]
) -> None:
    paths = [tmp_path / f"{name}.wav" for name in "abc"]
    for path in paths:
        path.write_bytes(path.name.encode())
    corpus = write_made(tmp_path / "corpora" / "made", [cut(f"made-{path.stem}", audio=path) for path in paths])
    facts = read_json(corpus / "corpus.json") | {"provenance": {"settings": made_by}}
    write_json(corpus / "corpus.json", facts)
    paths[1].write_bytes(b"others")
    summary = run_pass(Counting(log, {}), corpus, tmp_path / "labels", workers=0)
    rejects = table(summary.folder, "rejects")
    if not made_by:  # nobody says what the fingerprint is of
        assert rejects == []
        return
    assert [(row["cut_id"], row["reason"]) for row in rejects] == [("made-b", "audio_changed")]
    assert "b.wav was changed after it was prepared (SHA-256 " in rejects[0]["detail"]
    assert {row["cut_id"] for row in table(summary.folder, "labels")} == {"made-a", "made-c"}


@pytest.mark.parametrize(
    "marker", [{"counts": {"cuts": "x"}}, {"counts": 1}, {"checksums": 5}, {"parts": {"labels": 1e999}}]
)
def test_a_marker_of_other_types_is_made_again(corpus: Path, tmp_path: Path, log: Path, marker: dict[str, Any]) -> None:
    job = Counting(log, {})
    summary = run_pass(job, corpus, tmp_path / "labels", workers=0, shard_size=64)
    before = table(summary.folder, "labels")
    path = next(summary.folder.glob("shard-*.json"))
    facts = read_json(path)
    write_json(path, {key: value for key, value in facts.items() if key != "seal"} | marker)
    again = run_pass(job, corpus, tmp_path / "labels", workers=0, shard_size=64)
    assert (again.shards_reused, table(again.folder, "labels")) == (again.shards - 1, before)
