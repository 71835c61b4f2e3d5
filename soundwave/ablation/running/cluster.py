"""Jobs of an ablation on the workers of a Dask cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from soundwave.ablation.execute import Job, Launch, Launched
from soundwave.ablation.running.processes import RemoteCommand, process_cluster


@contextmanager
def cluster_launch(
    address: str, output: Path, catalog: Path, workers: int, resources: Mapping[str, float]
) -> Iterator[tuple[Launch, int]]:
    """How jobs are started on the cluster at `address` (see `process_cluster`), and how many go at once.

    Raises:
        InputError: as `process_cluster`.
    """
    folder = output.resolve()
    files = [path for path in sorted(catalog.resolve().glob("*.json"))[:1] if path.is_file()]
    with process_cluster(address, folder, files, workers=workers, resources=resources) as cluster:

        def launch(job: Job, ended: Callable[[str], None]) -> Launched:
            job.log.parent.mkdir(parents=True, exist_ok=True)
            if job.stdout is not None:
                job.stdout.parent.mkdir(parents=True, exist_ok=True)
            stdout = None if job.stdout is None else str(job.stdout.resolve())
            command = RemoteCommand(job.command, str(job.log.resolve()), stdout, str(Path.cwd()))
            return cluster.start(job.key, command, partial(ended, job.key))

        yield launch, cluster.width()
