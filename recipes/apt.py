"""Debian packages without root: `apt-get download`, then `dpkg-deb -x` into the cache."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from manifests.errors import DownloadError
from manifests.files import write_json
from manifests.fingerprint import file_sha256
from manifests.progress import progress_bar

# Told to be root when it is, apt does not warn that its download user cannot write here.
APT = ["apt-get", "-q", "-o", "APT::Sandbox::User=root"]
OTHER_WAY = (
    "Without it: unpack the packages elsewhere (`dpkg-deb -x FILE.deb DIR`) and name that folder in the setting "
    "`source`."
)

_URI = re.compile(r"^'([^']+)' (\S+) (\d+)")


def fetch_debian(packages: Sequence[str], cache: Path) -> Path:
    """Root of the unpacked Debian `packages` (it contains `usr/`), fetched into `cache` where not there yet.

    All packages share `cache/debian/root`; `cache/debian/PACKAGE.done` is written last and marks one complete.
    When every marker is there, nothing is run and nothing is fetched.

    Raises:
        DownloadError: no apt-get or dpkg-deb, empty package lists, unknown package, no network.
    """
    root, missing = cache / "debian" / "root", [name for name in packages if not marker(name, cache).is_file()]
    if not missing:
        return root
    for tool in ("apt-get", "dpkg-deb"):
        if shutil.which(tool) is None:
            raise DownloadError(
                f"`{tool}` is not on this machine, and {', '.join(missing)} must be fetched with it. {OTHER_WAY}"
            )
    root.mkdir(parents=True, exist_ok=True)
    sizes = _sizes(missing)
    with progress_bar() as bar:
        for name in missing:
            megabytes = max(1, round(sizes.get(name, 0) / 1e6))
            task = bar.add_task(f"fetch {name}", total=megabytes, note="MB")
            _fetch(name, root, cache, lambda done, task=task: bar.update(task, completed=done))  # type: ignore[misc]
            bar.update(task, completed=megabytes)
    return root


def marker(package: str, cache: Path) -> Path:
    """The file that says a package is completely unpacked, and which version."""
    return cache / "debian" / f"{package}.done"


def _fetch(package: str, root: Path, cache: Path, report: Callable[[float], None]) -> None:
    """Download and unpack one package in a folder of its own, which is gone afterwards."""
    with tempfile.TemporaryDirectory(dir=cache / "debian", prefix=".fetch-") as scratch:
        with _watch(Path(scratch), report):
            archive = _download(package, Path(scratch))
        _unpack(package, archive, Path(scratch) / "tree", root, cache)


def _sizes(packages: Sequence[str]) -> dict[str, int]:
    """Download size in bytes of each package; needs the package lists but no network."""
    result = _run([*APT, "download", "--print-uris", *packages], cwd=None)
    if result.returncode != 0:
        raise DownloadError(_explain(packages, result.stderr))
    found = {}
    for line in result.stdout.splitlines():
        if match := _URI.match(line):
            found[match[2].partition("_")[0]] = int(match[3])
    return found


def _download(package: str, folder: Path) -> Path:
    """The package's .deb in `folder`; apt checks its hash."""
    result = _run([*APT, "download", package], cwd=folder)
    archives = sorted(folder.glob("*.deb"))
    if result.returncode != 0 or not archives:
        raise DownloadError(_explain([package], result.stderr or result.stdout))
    return archives[0]


def _unpack(package: str, archive: Path, tree: Path, root: Path, cache: Path) -> None:
    """Unpack beside the root, move file by file (each move is atomic), mark last."""
    result = _run(["dpkg-deb", "-x", str(archive), str(tree)], cwd=None)
    if result.returncode != 0:
        raise DownloadError(f"dpkg-deb could not unpack {archive.name}: {result.stderr.strip()}")
    for folder, folders, files in os.walk(tree):
        target = root / Path(folder).relative_to(tree)
        if not Path(os.path.realpath(target)).is_relative_to(os.path.realpath(root)):
            raise DownloadError(f"{archive.name} writes through a link that leaves {root} ({target}). It was left out.")
        target.mkdir(parents=True, exist_ok=True)
        links = [name for name in folders if (Path(folder) / name).is_symlink()]
        for name in files + links:
            (Path(folder) / name).replace(target / name)
    facts = {"package": package, "file": archive.name, "bytes": archive.stat().st_size, "sha256": file_sha256(archive)}
    write_json(marker(package, cache), facts)


def _run(command: list[str], cwd: Path | None) -> subprocess.CompletedProcess[str]:
    """Run a tool, keep what it says, in the untranslated locale so that messages can be recognised."""
    return subprocess.run(
        command,
        cwd=cwd,
        env={**os.environ, "LC_ALL": "C"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def _explain(packages: Sequence[str], said: str) -> str:
    """Apt's complaint as found / expected / what to do."""
    names = ", ".join(packages)
    lines = [line for line in said.splitlines() if line.startswith(("E:", "Err:", "W:"))] or said.splitlines()[-3:]
    found = " ".join(line.strip() for line in lines)[:400]
    if re.search("Unable to locate|No packages found|Can't find a source", said):
        advice = (
            "The package lists are empty, or lack the archive section that holds it. "
            "Run `apt-get update` as root once (on Ubuntu enable `universe`), then this again."
        )
    elif re.search(r"Failed to fetch|Could not connect|Temporary failure|Unable to connect|timed out", said):
        advice = (
            "The package archive cannot be reached, or the lists are old: check the network, then `apt-get update`."
        )
    else:
        advice = "Run the same `apt-get download` by hand to see more."
    return f"apt-get could not fetch {names}: {found or 'it said nothing'}. {advice} {OTHER_WAY}"


@contextmanager
def _watch(folder: Path, report: Callable[[float], None]) -> Iterator[None]:
    """Report the megabytes of partial files in `folder` while the block runs."""
    stop = threading.Event()

    def look() -> None:
        while not stop.wait(0.2):
            report(sum(path.stat().st_size for path in folder.glob("*.deb*")) / 1e6)

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
