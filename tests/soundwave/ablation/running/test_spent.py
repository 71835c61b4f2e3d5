"""What a process takes is its own: not what the process that starts it holds."""

from __future__ import annotations

import os
import sys
import tempfile

import numpy as np

from soundwave.ablation.running.spent import spend

LARGE = 400_000_000  # bytes


def test_memory_of_whoever_starts_it_is_not_counted() -> None:
    held = np.ones(LARGE // 8)
    spent = spend([sys.executable, "-S", "-c", "sum(range(100_000))"])
    assert (spent.code, held.nbytes) == (0, LARGE)
    assert 1_000_000 < spent.peak < LARGE / 4 and spent.seconds > 0 and spent.cpu_seconds > 0


def test_its_own_memory_is() -> None:
    assert spend([sys.executable, "-S", "-c", f"bytearray({LARGE})"]).peak > LARGE


def test_how_it_ended_and_what_it_said() -> None:
    with tempfile.TemporaryFile() as said:
        program = "import os, sys; print(os.environ['A'], file=sys.stderr, flush=True); os.kill(os.getpid(), 9)"
        spent = spend([sys.executable, "-c", program], output=said, environment={**os.environ, "A": "heard"})
        said.seek(0)
        assert (spent.code, said.read()) == (-9, b"heard\n")
    assert spend([sys.executable, "-c", "raise SystemExit(3)"]).code == 3


def test_its_input_stays_open() -> None:
    program = "import select, sys; raise SystemExit(len(select.select([sys.stdin], [], [], 0.2)[0]))"
    assert spend([sys.executable, "-c", program]).code == 0
