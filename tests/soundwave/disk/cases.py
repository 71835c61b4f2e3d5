"""Run cases of `kill_points` in a process that does nothing else."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests import forked


def run_cases(file: Path, cases: Sequence[dict[str, Any]]) -> list[str]:
    """What `python -m tests.soundwave.disk.kill_points` says of them."""
    file.write_text(json.dumps(cases))
    done = forked.run("main", "tests.soundwave.disk.kill_points", str(file))
    assert done.returncode == 0, done.stderr[-3000:]
    found: list[str] = json.loads(done.stdout.splitlines()[-1])
    return found
