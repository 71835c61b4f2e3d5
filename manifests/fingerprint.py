"""Fingerprints: what made an artefact, from content and settings, never from file names alone."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

VERSION = "0.1.0"  # of all four packages; results and finished passes keep it


def canonical_json(value: Any) -> str:
    """JSON with sorted keys and no spaces: equal values give equal text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)


def fingerprint(*values: Any) -> str:
    """64 hex digits (SHA-256) of the canonical JSON of `values`."""
    return hashlib.sha256(canonical_json(values).encode()).hexdigest()


def file_sha256(path: Path) -> str:
    """64 hex digits (SHA-256) of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def unit_hash(key: str, seed: int = 0) -> float:
    """A stable number in [0, 1) for `key`: the same on every machine and in every process."""
    return int.from_bytes(hashlib.sha256(f"{seed}:{key}".encode()).digest()[:8], "big") / 2.0**64


def stable_split(key: str, *, dev: float = 0.08, test: float = 0.10) -> str:
    """`train`, `dev` or `test` for a group key (a speaker, or a normalised text).

    All items of one key land in one split, so splits are disjoint in whatever the key is; adding
    items never moves the old ones. `dev` and `test` are the expected fractions of keys.
    """
    position = unit_hash(key)
    if position < test:
        return "test"
    return "dev" if position < test + dev else "train"


def provenance(settings: Mapping[str, Any], inputs: Mapping[str, str]) -> dict[str, Any]:
    """What an artefact says about itself: code version, settings, input fingerprints."""
    return {"soundwave": VERSION, "settings": dict(settings), "inputs": dict(inputs)}
