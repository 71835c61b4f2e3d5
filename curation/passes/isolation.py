"""Cuts that kill the process that labels them (a crash in a decoder or model): found one by one, and rejected."""

from __future__ import annotations

import multiprocessing
import os
import threading
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import numpy as np

from curation.passes.shards import Counts, LabelPass, Row, ShardResult, corpus_of, label_good, write_shard
from manifests.reasons import Reason
from manifests.rows import Reject


def label_isolated(job: LabelPass, rows: list[Row], key: str, folder: Path) -> Counts:
    """Label one cut at a time in a process of its own: those that kill it become rejects."""
    whole = ShardResult()
    executor = spawning()
    try:
        for row in rows:
            try:
                _extend(whole, executor.submit(label_good, job, [row]).result())
            except BrokenProcessPool:
                executor.shutdown()
                executor = spawning()
                detail = "the process that labelled this cut died, several times"
                whole.rejects.append(Reject(str(row["id"]), corpus_of(row), job.name, Reason.pass_failed, detail))
    finally:
        executor.shutdown()
    return write_shard(job, rows, key, folder, whole)


def spawning() -> ProcessPoolExecutor:
    """One new process, which ends with this one."""
    return ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"), initializer=_end_with_parent)


def _end_with_parent() -> None:
    """End this process when the one that started it is gone: it would wait for work for ever."""
    parent = multiprocessing.parent_process()

    def watch() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _extend(whole: ShardResult, part: ShardResult) -> None:
    before = 0 if whole.matrix is None else len(whole.matrix)
    whole.words += part.words
    whole.labels += part.labels
    whole.rejects += part.rejects
    whole.features += [{**row, "offset": row["offset"] + before} for row in part.features]
    whole.embeddings += part.embeddings
    if part.matrix is not None:
        whole.matrix = part.matrix if whole.matrix is None else np.concatenate([whole.matrix, part.matrix])
