"""What a process takes: the most memory, and processor time.

A process counts the most memory that the process which started it ever had as its own, since it begins as a part of it.
So a small process stands between.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import IO

from manifests.units import Seconds

BETWEEN = """
import json, os, sys
child = os.posix_spawnp(sys.argv[2], sys.argv[2:], os.environ)
_, status, used = os.wait4(child, 0)
unit = 1 if sys.platform == "darwin" else 1024
with open(int(sys.argv[1]), "w") as stream:
    json.dump([os.waitstatus_to_exitcode(status), used.ru_maxrss * unit, used.ru_utime + used.ru_stime], stream)
"""


@dataclass(frozen=True)
class Spent:
    """By one process and those that it waited for."""

    code: int
    """It ended with; below 0: the signal that ended it."""
    seconds: Seconds
    """By the clock."""
    cpu_seconds: Seconds
    """Of processors."""
    peak: int
    """The most resident memory of one of them, in bytes."""


def spend(
    command: Sequence[str], *, output: IO[bytes] | int | None = None, environment: Mapping[str, str] | None = None
) -> Spent:
    """Run a command to its end. Its standard input stays open for as long as this process lives, and gives nothing.

    Args:
        command: the program and its arguments.
        output: where its output and its errors go; None: output nowhere, errors to ours.
        environment: its variables; None: ours.
    """
    start = time.perf_counter()
    reading, writing = os.pipe()
    with os.fdopen(reading) as answer:
        try:
            process = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", BETWEEN, str(writing), *command],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL if output is None else output,
                stderr=output,
                env=None if environment is None else dict(environment),
                pass_fds=(writing,),
            )
        finally:
            os.close(writing)
        said = answer.read()
        process.communicate()
    code, peak, cpu = json.loads(said) if said else (process.returncode, 0, 0.0)
    return Spent(code, time.perf_counter() - start, cpu, peak)
