"""Imported by a process that becomes `soundwave` commands: adds one, `wait FIFO`, to them, which ends when it is told.

Its code is what the pipe says.
"""

from __future__ import annotations

import sys
from pathlib import Path

import soundwave.cli

whole = soundwave.cli.main


def main() -> None:
    """The command line, or that command."""
    if sys.argv[1] != "wait":
        whole()
    code = Path(sys.argv[2]).read_text(encoding="utf-8")
    print("told", code, file=sys.stderr)
    sys.exit(int(code))


soundwave.cli.main = main
