"""Change a sealed JSON record as a user does on purpose: without its seal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from manifests.digests import SEAL
from manifests.files import read_json, write_json


def edit(path: Path, **changes: Any) -> None:
    """Give keys of the record other values."""
    write_json(path, {key: value for key, value in read_json(path).items() if key != SEAL} | changes)
