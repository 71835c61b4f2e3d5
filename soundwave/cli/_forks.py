"""`python -m soundwave.cli._forks MODULE ...`: a process that imports once what many commands need, and becomes them.

Importing takes seconds of a processor, forking some hundredths. Standard input is a socket: each message is a
command's words and folder, with its standard input, output and error, and one descriptor more, to which the command's
process id is written and, when it has ended, its exit code. Each command is a process of its own, with its own memory,
beside which another one waits for it: nothing that happens to it reaches the others, nor does the end of this process.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import json
import os
import socket
import sys
import threading
import traceback
from pathlib import Path

from soundwave.cli import _child, build_app

LIMIT = 1 << 16  # bytes of a message
DESCRIPTORS = 4


def main() -> None:
    """Fork for each message, until the other end is closed; then until all have ended."""
    control = socket.socket(fileno=os.dup(0))
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for name in sys.argv[1:]:
        importlib.import_module(name)
    build_app()
    gc.collect()
    gc.freeze()  # or each process's first collection would copy all memory that they share
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, LIMIT, DESCRIPTORS)
        if not message:
            break
        words, folder = json.loads(message)
        if os.fork() == 0:
            control.close()
            _wait_for(words, Path(folder), descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        _reap(os.WNOHANG)
    _reap(0)
    os._exit(0)  # not by way of freeing all that was imported


def _reap(options: int) -> None:
    """Let go of those that have ended, or, without options, wait for all."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, options)[0]:
            pass


def _wait_for(words: list[str], folder: Path, descriptors: list[int]) -> None:
    """Start a command, and say its process id and what it ended with; never returns."""
    *streams, answer = descriptors
    child = os.fork()
    if child == 0:
        os.close(answer)
        _become(words, folder, streams)
    for descriptor in streams:
        os.close(descriptor)
    with contextlib.suppress(OSError):  # nobody hears it any more
        with contextlib.suppress(PermissionError, ProcessLookupError):
            os.setpgid(child, child)  # it does so itself, too: whoever is told its id may signal its group
        os.write(answer, f"{child}\n".encode())
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    with contextlib.suppress(OSError):
        os.write(answer, f"{code}\n".encode())
    os._exit(0)


def _become(words: list[str], folder: Path, streams: list[int]) -> None:
    """Be the process of `soundwave WORDS`, as `_child` is; never returns."""
    code: object = 0
    try:
        os.setpgid(0, 0)
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.close(stream)
        os.chdir(folder)
        sys.argv = [str(_child.__file__), *words]
        _child.main()
    except SystemExit as end:
        code = end.code
    except BaseException:
        traceback.print_exc()
        code = 1
    if code is not None and not isinstance(code, int):
        print(code, file=sys.stderr)
        code = 1
    _end(code or 0)


def _end(code: int) -> None:
    """As the interpreter ends, without freeing all that was imported."""
    try:
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
    except BaseException:
        traceback.print_exc()
        code = code or 1
    finally:
        os._exit(code)


if __name__ == "__main__":
    main()
