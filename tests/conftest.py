"""Fixtures that every area shares: small real audio, and the demo's cached assets."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import hypothesis
import pytest

from manifests.files import cache_dir

# Tables and help look the same in every terminal, and in none. Typer reads these when it is imported.
os.environ |= {"COLUMNS": "200", "TERM": "xterm", "NO_COLOR": "1"}
for name in ("FORCE_COLOR", "PY_COLORS", "GITHUB_ACTIONS", "TERMINAL_WIDTH"):
    os.environ.pop(name, None)


@pytest.fixture(scope="session")
def debian_root() -> Path:
    """Root of the unpacked Debian packages (contains usr/), as `make assets` leaves it."""
    root = cache_dir() / "debian" / "root"
    if not root.is_dir():
        pytest.skip("the demo's corpora are not cached: run `make assets`")
    return root


@pytest.fixture(scope="session")
def asterisk_sounds(debian_root: Path) -> Path:
    """Folder of the asterisk prompts (.g722)."""
    return debian_root / "usr/share/asterisk/sounds/en_US_f_Allison"


# The machine's load must not decide whether a property holds.
hypothesis.settings.register_profile("soundwave", deadline=None, derandomize=True)
hypothesis.settings.load_profile("soundwave")


@pytest.fixture(autouse=True)
def _chance() -> None:
    """What a test draws from torch does not depend on the tests before it."""
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(0)
