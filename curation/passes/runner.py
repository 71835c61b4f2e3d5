"""Run a labelling pass over a corpus on Dask: small shards, each written by its own worker, nothing collected.

The driver streams the manifest, names each shard by its content, skips those that are whole on disk, and
keeps a bounded number of the others in flight. Workers write; the driver gets counts. So a killed worker
costs its shard (Dask gives it to another), a killed driver costs the shards in flight, and driver memory
does not grow with the corpus. A cut whose labelling kills its process is found by running its shard one
cut at a time, and becomes a reject.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import manifests
from curation.passes.shards import (
    Counts,
    LabelPass,
    ShardOnDisk,
    check_shard,
    remove_stale,
    shard_key,
    shard_on_disk,
    split_rows,
)
from curation.passes.workers import WorkerPool
from curation.storage import local
from manifests.digests import Checked, write_sealed
from manifests.errors import InputError, StaleError
from manifests.files import claim_folder
from manifests.progress import progress_bar
from manifests.rows import PASS_FILE, read_corpus
from manifests.rows.passes import FILES
from manifests.rows.places import with_found_audio
from manifests.rows.unchanged import HASHED, hashes_files
from manifests.units import Seconds, hours

SHARD_SIZE = 64  # cuts: some seconds to a minute of work, so that little is lost with a worker
GRACE = 600.0  # seconds; files that are not ours and this much older than our start are nobody's


@dataclass
class PassSummary:
    """What one pass did to one corpus. labelled + rejected = cuts, always."""

    name: str
    corpus: str
    folder: Path
    cuts: int = 0
    labelled: int = 0
    rejected: int = 0
    seconds: Seconds = 0.0  # of audio, in all shards
    reasons: Counter[str] = field(default_factory=Counter)
    shards: int = 0
    shards_reused: int = 0
    computed_seconds: Seconds = 0.0  # of audio, in shards that were not there
    wall_seconds: Seconds = 0.0

    def add(self, counts: Counts) -> None:
        """Take in one shard."""
        self.cuts += counts.cuts
        self.labelled += counts.labelled
        self.rejected += counts.rejected
        self.seconds += counts.seconds
        self.reasons.update(counts.reasons)

    def row(self) -> dict[str, Any]:
        """As JSON."""
        return {
            **vars(self),
            "folder": str(self.folder),
            "reasons": dict(sorted(self.reasons.items())),
            "seconds": round(self.seconds, 3),
            "computed_seconds": round(self.computed_seconds, 3),
            "wall_seconds": round(self.wall_seconds, 2),
        }


def run_pass(
    job: LabelPass,
    corpus_dir: Path,
    labels_dir: Path,
    *,
    workers: int | None = None,
    dask: str | None = None,
    shard_size: int = SHARD_SIZE,
    pool: WorkerPool | None = None,
) -> PassSummary:
    """Label every cut of a prepared corpus, or reject it; what is done already is not done again.

    Args:
        job: the pass.
        corpus_dir: a prepared corpus (`corpus.json` in it).
        labels_dir: parts go to `labels_dir/PASS/CORPUS`.
        workers: processes; None: one per core, 0: none, in this process.
        dask: address of a running scheduler instead, whose workers see the same files at the same paths.
        shard_size: cuts per shard, roughly.
        pool: workers to share between calls; `workers` and `dask` are then ignored.

    Raises:
        MissingFileError: no prepared corpus there.
        InputError: the pass cannot run here, no scheduler answers, its workers are unlike this process, or a folder is
            in an object store.
        StaleError: another run removed our shards meanwhile.
        OccupiedError: the folder of these labels holds something else; nothing in it was touched.
    """
    began = time.monotonic()
    local(corpus_dir, what="the audio of a corpus", use="is read from")
    local(labels_dir, what="what a pass finds")
    info = read_corpus(corpus_dir)
    job.check()
    folder = labels_dir / job.name / corpus_dir.name
    claim_folder(folder, f"a folder of labels by {job.name}", known=(PASS_FILE, "shard-*.json"))
    summary = PassSummary(job.name, corpus_dir.name, folder)
    with ExitStack() as stack:
        pool = pool or stack.enter_context(WorkerPool(workers=workers, dask=dask))
        place = folder.absolute()  # workers have other working folders
        run = _PassRun(job, corpus_dir, place, shard_size, pool, hashed=hashes_files(info))
        bar = stack.enter_context(progress_bar())
        task = bar.add_task(f"{job.name} {corpus_dir.name}", total=info.cuts, note="")
        for counts, reused in run.results():
            summary.add(counts)
            summary.shards_reused += reused
            summary.computed_seconds += 0.0 if reused else counts.seconds
            note = _speed(summary.computed_seconds, time.monotonic() - began)
            bar.update(task, completed=summary.cuts, total=max(info.cuts, summary.cuts), note=note)
    summary.shards = len(run.keys)
    summary.wall_seconds = time.monotonic() - began
    _finish(job, summary, run.keys)
    return summary


@dataclass
class _PassRun:
    job: LabelPass
    corpus_dir: Path
    folder: Path
    shard_size: int
    pool: WorkerPool
    hashed: bool = False
    keys: list[str] = field(default_factory=list)  # of the shards, in corpus order

    def __post_init__(self) -> None:
        self.checked = Checked(self.folder)

    def results(self) -> Iterator[tuple[Counts, bool]]:
        """Counts of each shard, and whether it was there before."""
        seen: set[str] = set()
        for rows in split_rows(self.job.rows(self.corpus_dir), self.shard_size):
            key = shard_key(self.job, rows, self.corpus_dir)
            if key in seen:
                raise InputError(f"{self.corpus_dir}: cut {rows[0].get('id')!r} occurs twice, expected unique ids.")
            seen.add(key)
            self.keys.append(key)
            found = check_shard(self.folder, key, self.checked)
            if isinstance(found, Counts):
                yield found, True
                continue
            if found is not None:
                print(f"{self.folder}: {found}. The shard is made again.", file=sys.stderr)
            mark = {HASHED: True} if self.hashed else {}
            sent = [with_found_audio(row, self.corpus_dir) | mark for row in rows]
            self.pool.submit(self.job, sent, key, self.folder)
            while self.pool.full():
                yield self.pool.next(), False
        while self.pool.busy():
            yield self.pool.next(), False


def _speed(audio: Seconds, wall: Seconds) -> str:
    return f"{hours(audio) / max(hours(wall), 1e-9):.0f} audio-h/h" if audio else ""


def _finish(job: LabelPass, summary: PassSummary, keys: list[str]) -> None:
    counts = {name: summary.row()[name] for name in ("cuts", "labelled", "rejected", "seconds", "reasons")}
    found = {key: shard_on_disk(summary.folder, key) for key in keys}
    whole = {key: shard for key, shard in found.items() if isinstance(shard, ShardOnDisk)}
    files = {name: row for shard in whole.values() for name, row in shard.parts.items()}
    checked = Checked(summary.folder)
    wrong = checked.check(files)
    if lost := [key for key in keys if key not in whole or not wrong.keys().isdisjoint(whole[key].parts)]:
        raise StaleError(
            f"{len(lost)} of {len(keys)} shards in {summary.folder} were removed while they were made: another run "
            "with other settings is at work there. When it has ended, run the same command again."
        )
    write_sealed(
        summary.folder / PASS_FILE,
        {
            "pass": job.name,
            "version": job.version,
            "soundwave": manifests.__version__,
            "corpus": summary.corpus,
            "settings": dict(job.settings),
            "shards": keys,
            "counts": counts,
            FILES: {name: row.row() for name, row in files.items()},
        },
    )
    checked.save(files)
    remove_stale(summary.folder, keys, before=time.time() - summary.wall_seconds - GRACE)
