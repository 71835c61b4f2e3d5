"""Commands in processes that are forked from one that has imported their libraries already, which takes seconds.

    python -m tests.forked SOCKET     be that process, until standard input ends

Whoever connects sends a request and its standard streams, and gets the exit code of MODULE.main().
"""

from __future__ import annotations

import atexit
import functools
import gc
import importlib
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]
IMPORTS = (
    "curation.audit",
    "curation.catalog",
    "curation.interchange.export",
    "curation.passes.quality",
    "curation.passes.runner",
    "curation.plan",
    "lhotse",
    "peft",
    "recipes.registry",
    "soundwave.train.loop",
    "transformers.models.llama.modeling_llama",
)
CLIENT = """
import json, os, socket, sys
there = socket.socket(socket.AF_UNIX)
there.connect(sys.argv[1])
request = json.dumps([sys.argv[2], sys.argv[3:], os.getcwd(), dict(os.environ)]).encode()
socket.send_fds(there, [len(request).to_bytes(4, "big")], [0, 1, 2])
there.sendall(request)
sys.exit(int(there.makefile().read() or 70))
"""


@functools.cache
def bin_folder() -> Path:
    """A folder with the program `soundwave`, and `main` for the main() of any module; the first call starts a process.

    It ends with this one, however this one ends: its standard input is a pipe from here.
    """
    folder = Path(tempfile.mkdtemp(prefix="forked-"))
    (folder / "client.py").write_text(CLIENT)
    ask = f'exec "{sys.executable}" -IS "{folder}/client.py" "{folder}/socket"'
    for name, words in (("soundwave", "soundwave.cli"), ("main", "")):
        (folder / name).write_text(f'#!/bin/sh\n{ask} {words} "$@"\n')
        (folder / name).chmod(0o755)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    words = [sys.executable, "-m", "tests.forked", str(folder / "socket")]
    started = subprocess.Popen(words, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert started.stdout is not None and started.stdout.readline() == b"ready\n"
    atexit.register(_stop, started, folder)
    return folder


def _stop(started: subprocess.Popen[bytes], folder: Path) -> None:
    started.communicate()
    shutil.rmtree(folder, ignore_errors=True)


def run(
    program: str, *words: str, cwd: Path = ROOT, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """What a program of `bin_folder` did: its exit code, and what it said."""
    command = [str(bin_folder() / program), *words]
    environment = {**os.environ, **(env or {})}
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, encoding="utf-8", check=False)


def main() -> None:
    """Fork for everyone who connects."""
    for name in IMPORTS:
        importlib.import_module(name)
    importlib.import_module("soundwave.cli").build_app()
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(sys.argv[1])
    listener.listen()
    gc.freeze()  # or a collection would copy all memory that forks share
    print("ready", flush=True)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those who answer
    while listener in select.select([listener, sys.stdin], [], [])[0]:
        connection, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            answer(connection)
        connection.close()
    os._exit(0)


def answer(connection: socket.socket) -> None:
    """Fork once more, and send what that process ends with."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    head, streams, _, _ = socket.recv_fds(connection, 4, 3)
    with connection.makefile("rb") as stream:
        module, words, folder, environment = json.loads(stream.read(int.from_bytes(head, "big")))
    child = os.fork()
    if child == 0:
        connection.close()
        become(module, words, Path(folder), environment, streams)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    connection.sendall(str(code).encode())
    os._exit(0)


def become(module: str, words: list[str], folder: Path, environment: dict[str, str], streams: list[int]) -> None:
    """Be the process of that program."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    sys.stdin, sys.stdout, sys.stderr = (
        open(number, mode, buffering, encoding="utf-8", errors=errors, closefd=False)  # noqa: SIM115
        for number, mode, buffering, errors in (
            (0, "r", -1, "strict"),
            (1, "w", -1, "strict"),
            (2, "w", 1, "backslashreplace"),
        )
    )
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = [module.removesuffix(".cli"), *words]
    sys.modules["__main__"].__package__ = ""  # or usage would name this module
    code: object = 0
    try:
        importlib.import_module(module).main()
    except SystemExit as end:
        code = end.code
    except BaseException:
        traceback.print_exc()
        code = 1
    atexit._run_exitfuncs()
    if not sys.stdout.closed:
        sys.stdout.flush()
    os._exit(code if isinstance(code, int) else 0 if code is None else 1)  # not by way of freeing all that was imported


if __name__ == "__main__":
    main()
