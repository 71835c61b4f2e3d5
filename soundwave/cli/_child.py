"""`python -m soundwave.cli._child ARGS`: `soundwave ARGS` that ends when the process that started it does.

The parent holds the other end of standard input and never writes to it. When the parent is gone, in whatever way
(even `kill -9`), reading ends, and so do we: no orphan goes on training into a run that a rerun wants to resume.
"""

from __future__ import annotations

import os
import signal
import threading
from typing import BinaryIO


def stop_at_end_of(stream: BinaryIO) -> None:
    """Block until `stream` ends, then terminate this process. Runs are resumable, so stopping hard is safe."""
    while stream.read(1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def main() -> None:
    """Watch standard input beside the command line proper."""
    # An unbuffered duplicate: the interpreter locks its own sys.stdin at exit, and this thread never lets go.
    watched = os.fdopen(os.dup(0), "rb", buffering=0)
    threading.Thread(target=stop_at_end_of, args=(watched,), daemon=True).start()
    from soundwave.cli import main as command_line

    command_line()


if __name__ == "__main__":
    main()
