"""Trainings and evaluations as forks of one process that has imported what they need (see `soundwave.cli._forks`).

A short training spends more on imports than on its steps, and a sweep has many. What is computed is the same, and each
job is still a process of its own. Only where a process can be forked safely once its libraries are loaded: on Linux
without an accelerator, since a driver does not survive a fork, and there a training is not short.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, BinaryIO

from manifests.units import Seconds
from soundwave.ablation.commands import CHILD
from soundwave.ablation.execute import Job, Launch, LocalProcess

DRIVERS = ("/dev/nvidiactl", "/dev/dxg", "/dev/kfd", "/dev/accel", "/dev/neuron0")
FORKS = (sys.executable, "-m", "soundwave.cli._forks")
IMPORTS = (
    "curation.catalog",
    "curation.reader",
    "jiwer",
    "pandas",
    "peft",
    "pyarrow.dataset",
    "soundwave.evaluate.families",
    "soundwave.model.speech_llm",
    "soundwave.train.loop",
    "transformers.models.llama.modeling_llama",
)
LOST = 1  # the code of a process of which no end was told


def can_fork() -> bool:
    """Whether a process that has loaded torch can be forked safely here."""
    return sys.platform == "linux" and not any(Path(path).exists() for path in DRIVERS)


@contextmanager
def forked_launch(jobs: Sequence[Job], environment: Mapping[str, str]) -> Iterator[Launch | None]:
    """How jobs are started; None: each as a process that imports all itself.

    Args:
        jobs: what may be started. For one alone nothing is gained.
        environment: of the processes.
    """
    if len(jobs) < 2 or not can_fork():
        yield None
        return
    forks = Forks(environment)
    try:
        yield lambda job, ended: LocalProcess(job, environment, ended, start=forks.start)
    finally:
        forks.close()


class Forks:
    """A process that becomes others; it starts with the first."""

    def __init__(self, environment: Mapping[str, str], imports: Sequence[str] = IMPORTS) -> None:
        """environment: of all of them; imports: modules that it loads."""
        self._environment, self._words = dict(environment), [*FORKS, *imports]
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    def start(
        self, command: Sequence[str], *, stdin: int, stdout: IO[bytes], stderr: IO[bytes], **others: Any
    ) -> ForkedProcess | subprocess.Popen[bytes]:
        """Start a command as `subprocess.Popen` does; one that is no `soundwave` of ours is started by it."""
        if tuple(command[: len(CHILD)]) != CHILD:
            plain: Callable[..., subprocess.Popen[bytes]] = subprocess.Popen
            return plain(command, stdin=stdin, stdout=stdout, stderr=stderr, **others)
        message = json.dumps([command[len(CHILD) :], str(Path.cwd())]).encode()
        try:
            return ForkedProcess(self._running(), message, stdout, stderr)
        except (BrokenPipeError, ConnectionResetError):  # it was killed: those that it became go on, a new one follows
            self.close()
            return ForkedProcess(self._running(), message, stdout, stderr)

    def _running(self) -> socket.socket:
        if self._control is None:
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with theirs:
                self._process = subprocess.Popen(
                    self._words,
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    env=self._environment,
                    start_new_session=True,
                )
            self._control = ours
        return self._control

    def close(self) -> None:
        """End the process, when all that it became have ended."""
        if self._control is not None and self._process is not None:
            self._control.close()
            self._process.wait()
            self._control = self._process = None


class ForkedProcess:
    """A running command, with the parts of `subprocess.Popen` that are asked for here."""

    def __init__(self, control: socket.socket, message: bytes, stdout: IO[bytes], stderr: IO[bytes]) -> None:
        """Start it.

        Args:
            control: of the process that becomes it.
            message: what `soundwave.cli._forks` reads.
            stdout, stderr: where it writes.
        """
        theirs, ours = os.pipe()
        answers, answer = os.pipe()
        try:
            socket.send_fds(control, [message], [theirs, stdout.fileno(), stderr.fileno(), answer])
        except BaseException:
            os.close(ours)
            os.close(answers)
            raise
        finally:
            os.close(theirs)
            os.close(answer)
        self.stdin: BinaryIO = os.fdopen(ours, "wb", buffering=0)
        self.returncode: int | None = None
        self._pid: int | None = None
        self._born, self._ended = threading.Event(), threading.Event()
        threading.Thread(target=self._listen, args=(answers,), daemon=True).start()

    def _listen(self, answers: int) -> None:
        with os.fdopen(answers) as lines, suppress(ValueError):
            self._pid = int(lines.readline())
            self._born.set()
            self.returncode = int(lines.readline())
        if self.returncode is None:
            self.returncode = LOST
        self._born.set()
        self._ended.set()

    @property
    def pid(self) -> int:
        """Its process id, once it is born.

        Raises:
            ProcessLookupError: it never was.
        """
        self._born.wait()
        if self._pid is None:
            raise ProcessLookupError
        return self._pid

    def poll(self) -> int | None:
        """How it ended; None: it goes on."""
        return self.returncode

    def wait(self, timeout: Seconds | None = None) -> int:
        """Wait for its end.

        Raises:
            subprocess.TimeoutExpired: it goes on.
        """
        if not self._ended.wait(timeout) or self.returncode is None:
            raise subprocess.TimeoutExpired(FORKS, timeout or 0.0)
        return self.returncode
