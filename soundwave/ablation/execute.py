"""Run jobs with dependencies as processes side by side: longest chain first, with a line each in a live table."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, BinaryIO, Protocol

from curation.passes.cluster import raise_interrupt
from manifests.errors import InputError
from manifests.progress import progress_bar
from manifests.units import Seconds

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

POLL: Seconds = 0.5  # how often bars are brought up to date
GRACE: Seconds = 10.0  # how long a process that was asked to stop may take
LOG_LINES = 8  # of a failed process's log that are shown
TAIL_BYTES = 8192


@dataclass(frozen=True)
class Job:
    """One process to run."""

    key: str
    """Unique name; what other jobs' `needs` say."""
    title: str
    """For people."""
    command: tuple[str, ...]
    """Program and arguments."""
    log: Path
    """Where its standard output and error go, together, unless `stdout` is given."""
    done: Callable[[], bool]
    """Is what the job makes there? Asked before starting it (then it is reused) and after it ended."""
    needs: tuple[str, ...] = ()
    """Keys of jobs that must have ended well before."""
    weight: float = 1.0
    """Expected length, in any unit: the order of starting depends on it, the results do not."""
    soon: bool = False
    """Short, and shows something: it starts before all others that could."""
    metrics: Path | None = None
    """A JSONL file that grows as the job goes on, with `step`, `steps` and `loss`."""
    stdout: Path | None = None
    """Where its standard output goes, when that is its answer."""
    note: Callable[[], str] | None = None
    """What its line says when it has ended well."""


@dataclass
class Outcome:
    """What became of the jobs, by key."""

    finished: list[str] = field(default_factory=list)
    reused: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)  # key -> last lines of the log
    skipped: list[str] = field(default_factory=list)  # a job they need failed
    left: list[str] = field(default_factory=list)  # the time was over before they began or ended


class Launched(Protocol):
    """A job that was started."""

    @property
    def code(self) -> int | None:
        """How it ended; None: it goes on."""

    def close(self) -> None:
        """It has ended: let go of what it held."""

    def stop(self) -> None:
        """End it, if it goes on, and wait for that."""


Launch = Callable[[Job, Callable[[str], None]], Launched]
"""Starts a job; the function is to be called with its key when it ends, from any thread."""

Watch = Callable[[Outcome], None]


@dataclass(frozen=True)
class RunRules:
    """How a list of jobs is run."""

    retries: int = 0
    """How often a job that fails is tried again."""
    keep_going: bool = True
    """A job that fails does not keep others, which do not need it, from starting."""
    seconds: Seconds | None = None
    """After so long no job starts, and those that run are stopped; None: no limit."""


@dataclass
class _Running:
    job: Job
    process: Launched
    bar: TaskID


def run_jobs(
    jobs: Sequence[Job],
    workers: int,
    *,
    environment: Mapping[str, str] | None = None,
    rules: RunRules = RunRules(),
    launch: Launch | None = None,
    watch: Watch | None = None,
) -> Outcome:
    """Run `jobs`, at most `workers` at a time, each once what it needs has ended well.

    A failing job's last lines are shown; those that need it are skipped, the others go on. An interrupt stops
    every process before it is passed on.

    Args:
        jobs: what is to be done.
        workers: how many run at once.
        environment: of the processes here.
        rules: retries, and when to stop.
        launch: starts a job elsewhere; None: as a process of this machine.
        watch: is called with what became of the jobs so far, again and again while others go on.

    Raises:
        InputError: a job needs one that is not there, or jobs need each other in a ring.
    """
    urgency = _urgency(jobs)
    here = dict(environment or os.environ)
    start = launch or (lambda job, ended: LocalProcess(job, here, ended))
    with progress_bar() as bars:
        return _Executor(jobs, workers, urgency, start, bars, rules=rules, watch=watch).run()


def _urgency(jobs: Sequence[Job]) -> dict[str, float]:
    """Weight of the longest chain that starts with each job."""
    by_key = {job.key: job for job in jobs}
    following: dict[str, set[str]] = {key: set() for key in by_key}
    for job in jobs:
        for need in job.needs:
            if need not in by_key:
                raise InputError(f"Job {job.key} needs {need}, which is not among the jobs ({', '.join(by_key)}).")
            following[need].add(job.key)
    lengths: dict[str, float] = {}
    try:
        for key in TopologicalSorter(following).static_order():  # what follows a job comes before it
            lengths[key] = by_key[key].weight + max((lengths[other] for other in following[key]), default=0.0)
    except CycleError as error:
        raise InputError(f"Jobs need each other in a ring: {' -> '.join(error.args[1])}.") from error
    return lengths


class _Executor:
    """The loop: start what can start, wait for an ending or the next tick, bring the bars up to date."""

    def __init__(
        self,
        jobs: Sequence[Job],
        workers: int,
        urgency: Mapping[str, float],
        launch: Launch,
        bars: Progress,
        *,
        rules: RunRules,
        watch: Watch | None,
    ) -> None:
        # Ties by key: what runs first must not depend on the order the jobs were given in.
        self.waiting = sorted(jobs, key=lambda job: (not job.soon, -urgency[job.key], job.key))
        self.workers = workers
        self.launch = launch
        self.bars = bars
        self.rules = rules
        self.watch = watch
        self.tries: Counter[str] = Counter()
        self.deadline = None if rules.seconds is None else time.monotonic() + rules.seconds
        self.running: dict[str, _Running] = {}
        self.outcome = Outcome()
        self.endings: queue.Queue[str] = queue.Queue()

    def run(self) -> Outcome:
        try:
            while not self._over():
                raise_interrupt()
                self._start_ready()
                if not self.running:
                    return self.outcome
                if self.watch is not None:
                    self.watch(self.outcome)
                self._wait()
            self.outcome.left = [*self.running, *(job.key for job in self.waiting)]
            return self.outcome
        except KeyboardInterrupt:
            self.bars.console.print("Stopped. Run the same command again: what is done is reused, the rest goes on.")
            raise
        finally:
            for running in self.running.values():
                running.process.stop()
                running.process.close()

    def _over(self) -> bool:
        """Is the time over?"""
        if self.deadline is None or time.monotonic() < self.deadline or not (self.running or self.waiting):
            return False
        self.bars.console.print(
            "The time is over. Run the same command again: what is done is reused, the rest goes on."
        )
        return True

    def _start_ready(self) -> None:
        """Settle what is done or can never run, then fill the free places in order of urgency."""
        settled = True
        while settled:  # settling one job may free or doom others
            settled = any(self._settle(job) for job in list(self.waiting))
        if self.outcome.failed and not self.rules.keep_going:
            self.outcome.left = [job.key for job in self.waiting]
            return
        good = {*self.outcome.finished, *self.outcome.reused}
        for job in [job for job in self.waiting if good.issuperset(job.needs)]:
            if len(self.running) >= self.workers:
                return
            self.waiting.remove(job)
            self._start(job)

    def _settle(self, job: Job) -> bool:
        bad = {*self.outcome.failed, *self.outcome.skipped}
        if bad.intersection(job.needs):
            self.outcome.skipped.append(job.key)
        elif {*self.outcome.finished, *self.outcome.reused}.issuperset(job.needs) and job.done():
            self.outcome.reused.append(job.key)
            self.bars.add_task(job.title, total=1, completed=1, note="reused")
        else:
            return False
        self.waiting.remove(job)
        return True

    def _start(self, job: Job) -> None:
        self.tries[job.key] += 1
        bar = self.bars.add_task(job.title, total=None, note="starting")
        self.running[job.key] = _Running(job, self.launch(job, self.endings.put), bar)

    def _wait(self) -> None:
        try:
            ended = self.endings.get(timeout=POLL)
        except queue.Empty:
            ended = None
        for running in self.running.values():
            self._show(running)
        if ended is not None:
            self._finish(self.running.pop(ended))

    def _show(self, running: _Running) -> None:
        row = last_row(running.job.metrics) if running.job.metrics else None
        if row and row.get("steps"):
            loss = row.get("loss")
            note = f"loss {loss:.3f}" if isinstance(loss, int | float) else ""
            self.bars.update(running.bar, total=int(row["steps"]), completed=int(row["step"]) + 1, note=note)

    def _finish(self, running: _Running) -> None:
        job, code = running.job, running.process.code
        running.process.close()
        self._show(running)
        bar = self.bars.tasks[self.bars.task_ids.index(running.bar)]
        total = bar.total or 1
        if code == 0 and job.done():
            self.outcome.finished.append(job.key)
            note = "" if bar.total is None else bar.fields["note"]  # a job without steps has nothing to add
            note = job.note() if job.note else note
            self.bars.update(running.bar, total=total, completed=total, note=note)
            return
        why = f"ended with code {code}" if code else "ended well but left nothing finished behind"
        again = self.tries[job.key] <= self.rules.retries
        tail = log_tail(job.log)
        if again:
            self.waiting.append(job)  # behind the others: what it needs of the machine may be free then
        else:
            self.outcome.failed[job.key] = tail
        self.bars.update(running.bar, total=total, note="failed, is tried again" if again else "failed")
        self.bars.console.print(f"{job.title} {why}. The end of {job.log}:\n{tail}", markup=False, highlight=False)


class Process(Protocol):
    """What is needed of a running process, as `subprocess.Popen` has it."""

    @property
    def pid(self) -> int:
        """Its id, and that of its group."""

    @property
    def returncode(self) -> int | None:
        """How it ended."""

    @property
    def stdin(self) -> IO[bytes] | None:
        """Our end of its standard input."""

    def poll(self) -> int | None:
        """How it ended; None: it goes on."""

    def wait(self, timeout: Seconds | None = None) -> int:
        """Wait for its end."""


class LocalProcess:
    """A job as a process of this machine."""

    def __init__(
        self,
        job: Job,
        environment: Mapping[str, str],
        ended: Callable[[str], None],
        *,
        start: Callable[..., Process] = subprocess.Popen,
    ) -> None:
        """Start it; start: how, instead of by an interpreter of its own."""
        job.log.parent.mkdir(parents=True, exist_ok=True)
        self._files: list[BinaryIO] = [job.log.open("ab")]
        if job.stdout is not None:
            job.stdout.parent.mkdir(parents=True, exist_ok=True)
            self._files.append(job.stdout.open("wb"))
        self._process = start(
            job.command,
            stdin=subprocess.PIPE,  # held open: see soundwave.cli._child
            stdout=self._files[-1],
            stderr=self._files[0],
            env=dict(environment),
            start_new_session=True,  # Ctrl-C reaches us alone, and we stop the children in order
        )
        threading.Thread(target=self._announce, args=(job.key, ended), daemon=True).start()

    def _announce(self, key: str, ended: Callable[[str], None]) -> None:
        self._process.wait()
        ended(key)

    @property
    def code(self) -> int | None:
        """How it ended."""
        return self._process.returncode

    def stop(self) -> None:
        """End it and its process group."""
        stop_all([self._process])

    def close(self) -> None:
        """Close its pipe and files."""
        if self._process.stdin:
            self._process.stdin.close()
        _close(self._files)


def stop_all(processes: Sequence[Process]) -> None:
    """End processes and their process groups: ask, wait up to `GRACE` seconds, then kill."""
    for process in processes:
        if process.stdin and not process.stdin.closed:
            process.stdin.close()
        _signal(process, signal.SIGTERM)
    for process in processes:
        try:
            process.wait(timeout=GRACE)
        except subprocess.TimeoutExpired:
            _signal(process, signal.SIGKILL)
            process.wait()


def _signal(process: Process, number: signal.Signals) -> None:
    if process.poll() is None:
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            return


def _close(files: Sequence[BinaryIO]) -> None:
    for stream in files:
        stream.close()


def last_row(path: Path) -> dict[str, Any] | None:
    """The last whole line of a growing JSONL file that is an object with a `step`, or None if there is none yet."""
    try:
        lines = _tail(path).split("\n")[:-1]  # what follows the last newline is still being written
    except OSError:
        return None
    for line in reversed(lines):
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(row, dict) and "step" in row:
            return row
    return None


def log_tail(path: Path) -> str:
    """The last lines of a log, or a word that there are none."""
    try:
        lines = [line for line in _tail(path).splitlines() if line.strip()]
    except OSError:
        lines = []
    return "\n".join(lines[-LOG_LINES:]) or "(the log is empty)"


def _tail(path: Path) -> str:
    with path.open("rb") as stream:
        size = stream.seek(0, os.SEEK_END)
        stream.seek(max(0, size - TAIL_BYTES))
        return stream.read().decode("utf-8", errors="replace")
