"""Devices, caches, disk and Dask of this machine."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from curation.passes.cluster import cores, local_client
from manifests.files import cache_dir
from soundwave.doctor.health import HealthCheck

ROOM = 5e9  # bytes that the demo may take


def check_devices() -> Iterator[HealthCheck]:
    """Cores and memory."""
    yield HealthCheck("device", "cores", "ok", f"{cores()} to work with, of {os.cpu_count()}")
    if hasattr(os, "sysconf"):
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        yield HealthCheck("device", "memory", "ok", f"{memory / 2**30:.1f} GiB")


def check_gpu() -> Iterator[HealthCheck]:
    """What torch can compute on beside the processor."""
    import torch

    names = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
    for number, name in enumerate(names):
        total = torch.cuda.get_device_properties(number).total_memory
        yield HealthCheck("device", f"GPU {number}", "ok", f"{name}, {total / 2**30:.1f} GiB")
    if not names:
        yield HealthCheck("device", "GPU", "ok", "none: everything runs on the processor")


def check_places() -> Iterator[HealthCheck]:
    """Caches and their sizes; free disk where a workspace and temporary files would lie."""
    hub = Path(os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface").expanduser()
    for name, folder, what in (("soundwave", cache_dir(), "SOUNDWAVE_CACHE"), ("hugging face", hub, "HF_HOME")):
        said = f"{folder}: {size(folder) / 1e6:,.0f} MB" if folder.is_dir() else f"{folder}: not there yet"
        yield HealthCheck("cache", name, "ok", f"{said} (variable {what})")
    for name, folder in (("workspace", Path.cwd()), ("temporary files", Path(tempfile.gettempdir()))):
        free = shutil.disk_usage(folder).free
        said = f"{folder}: {free / 1e9:,.1f} GB free"
        short = name == "workspace" and free < ROOM
        do = "Work in a folder with more room: the demo takes up to 5 GB." if short else ""
        yield HealthCheck("disk", name, "unfit" if short else "ok", said, do)


def size(folder: Path) -> int:
    """Bytes of the files in a folder; what cannot be read counts nothing."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(place, name)).st_size  # noqa: PTH118 - of very many files
            except OSError:
                continue
    return total


def check_dask() -> Iterator[HealthCheck]:
    """Does a worker start, and answer?"""
    with local_client(1) as client:
        answer = client.submit(pow, 6, 2).result(timeout=60)
    said = f"started, and said that 6 x 6 is {answer}"
    yield HealthCheck("dask", "worker", "ok" if answer == 36 else "broken", said, core=True)
