"""What a Python process has: its version, the versions of packages, and the code of this project.

Workers of a Dask cluster are asked before they get work. They may lack this project, or have another Python, so the
text of this file is sent and run there: the standard library only, and nothing that an old Python cannot read.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import platform
from pathlib import Path

OURS = "soundwave"
FLOORS = ("manifests", "curation")  # what the passes are made of
LIBRARIES = (
    "dask", "distributed", "duckdb", "lhotse", "numpy", "onnxruntime", "pyarrow", "soundfile", "soxr", "torch",
    "transformers",
)  # fmt: skip


def versions() -> dict[str, str]:
    """Name -> version of Python, of this project and of libraries that shape labels; what is missing is left out.

    Of Python the first two numbers count, of a library not what it was built for (`+cu130`). The project's version
    ends in a checksum of its code, since code changes more often than its number.
    """
    found = {"Python": ".".join(platform.python_version_tuple()[:2])}
    for name in LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name).partition("+")[0]
        except importlib.metadata.PackageNotFoundError:
            continue
    ours = _ours()
    return {**found, OURS: ours} if ours else found


def _ours() -> str:
    folders = []
    for name in FLOORS:
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None:
            return ""
        folders.append(Path(spec.origin).parent)
    digest = hashlib.sha256()
    for folder in folders:
        for path in sorted(folder.rglob("*.py")) + sorted(folder.rglob("*.sql")):
            digest.update(path.relative_to(folder).as_posix().encode() + path.read_bytes())
    return f"{_number(folders[0] / 'fingerprint.py')} (code {digest.hexdigest()[:8]})"


def _number(path: Path) -> str:
    """The version that a file says, read without importing it: what it imports may be missing."""
    if path.is_file():
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.startswith("VERSION = "):
                return line.split('"')[1]
    return "of unknown version"
