"""The command line: hands inputs to processes, ends those that hang, and prints the rows."""

from __future__ import annotations

import argparse
import itertools
import multiprocessing
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

import psutil

import benchmarks.fuzz
from benchmarks.fuzz.kinds import KINDS, LEARNED, chosen
from benchmarks.fuzz.speech import make_speech
from benchmarks.fuzz.worker import OURS, Verdict, serve
from benchmarks.fuzz.workspace import make_workspace
from benchmarks.rows import Row, row, show

FIRST = 60.0  # seconds of processor time more that the first input of a process and kind may take: libraries are loaded
FAULTS = {"traceback": "tracebacks", "wrong_acceptance": "wrong_acceptances", "hang": "hangs"}
EXCEPTION = re.compile(r"[A-Za-z_][\w.]*(?:: |$)")  # the line of a traceback that names the exception
LISTED = 40  # faults that are listed in full


class Process:
    """One process at work, started again when it hangs or dies."""

    def __init__(self, number: int, base: Path, seed: int, keep: Path | None) -> None:
        self._number, self._base, self._seed, self._keep = number, base, seed, keep
        self._starts = 0
        self._start()

    def _start(self) -> None:
        scratch = self._base.with_name(f"{self._number}-{self._starts}")
        self._starts += 1
        context = multiprocessing.get_context("spawn")
        self.pipe: Connection
        self.pipe, other = context.Pipe()
        keep = str(self._keep) if self._keep else None
        arguments = (other, str(self._base), str(scratch), self._seed, keep)
        self._process = context.Process(target=serve, args=arguments, daemon=True)
        self._process.start()
        other.close()
        self._seen: set[str] = set()
        self.busy: tuple[str, int] | None = None

    def give(self, kind: str, case: int, limit: float) -> None:
        """Hand it an input."""
        self.busy = (kind, case)
        self._limit = limit + (0.0 if kind in self._seen else FIRST)
        self._used, self._given = self._seconds(), time.monotonic()
        self._seen.add(kind)
        self.pipe.send(self.busy)

    def hangs(self) -> bool:
        """Whether its input takes too long: in processor time, since machines are busy; or in far more of any time."""
        return self._seconds() - self._used > self._limit or time.monotonic() - self._given > 20 * self._limit

    def _seconds(self) -> float:
        try:
            return sum(psutil.Process(self._process.pid).cpu_times()[:2])
        except psutil.Error:
            return 0.0

    def take(self) -> Verdict:
        """Its verdict; that it died, if it did."""
        assert self.busy is not None
        kind, case = self.busy
        self.busy = None
        try:
            return _without_fault_of_ours(Verdict(**self.pipe.recv()))
        except (EOFError, ConnectionResetError):
            self._process.join()
            code = self._process.exitcode
            self._start()
            return Verdict(kind, case, fault="traceback", detail=f"the process ended with {code}")

    def kill(self) -> Verdict:
        """End it, since it hangs."""
        assert self.busy is not None
        kind, case = self.busy
        self.close()
        self._start()
        return Verdict(kind, case, fault="hang", detail="it took too long")

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.join()


def _without_fault_of_ours(verdict: Verdict) -> Verdict:
    if verdict.fault == OURS:
        raise RuntimeError(f"{verdict.kind} {verdict.case}: {verdict.detail}")
    return verdict


def inputs(names: list[str], case: int | None) -> Iterator[tuple[str, int]]:
    """(kind, case) without end: each kind in turn, by its weight; or one."""
    if case is not None:
        yield from ((name, case) for name in names)
        return
    counts = {name: itertools.count() for name in names}
    order = sorted(chosen(names), key=lambda name: (name, 0))
    spread = sorted((at * 7919 % len(order), at) for at in range(len(order)))
    for _, at in itertools.cycle(spread):
        yield order[at], next(counts[order[at]])


def run(options: argparse.Namespace) -> list[Verdict]:
    """Try inputs until the time or their number is used up."""
    names = options.only or list(KINDS)
    todo = inputs(names, options.case)
    if options.inputs is not None:
        todo = itertools.islice(todo, options.inputs)
    found: list[Verdict] = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="fuzz-", ignore_cleanup_errors=True)))
        (folder / "base").mkdir()
        make_workspace(folder / "base")
        if LEARNED & set(names):
            make_speech(folder / "base")
        keep = options.keep.absolute() if options.keep else None
        processes = [Process(number, folder / "base", options.seed, keep) for number in range(options.processes)]
        for process in processes:
            stack.callback(process.close)
        end = time.monotonic() + options.seconds if options.inputs is None and options.case is None else None
        while True:
            for process in processes:
                late = end is not None and time.monotonic() > end
                if process.busy is None and not late and (given := next(todo, None)):
                    process.give(*given, options.limit)
            working = [process for process in processes if process.busy]
            if not working:
                return found
            ready = wait([process.pipe for process in working], timeout=1.0)
            for process in working:
                if process.pipe in ready:
                    found.append(process.take())
                elif process.hangs():
                    found.append(process.kill())


def rows(found: list[Verdict]) -> Iterator[Row]:
    """Of all, then of each kind."""
    for name in ("", *sorted({verdict.kind for verdict in found})):
        some = [verdict for verdict in found if not name or verdict.kind == name]
        suffix = f"_{name}" if name else ""
        yield row(f"inputs{suffix}", len(some), None, "files")
        for fault, plural in FAULTS.items():
            yield row(f"{plural}{suffix}", sum(verdict.fault == fault for verdict in some), None, "files")
        yield row(f"unnamed{suffix}", sum(verdict.unnamed for verdict in some), None, "errors")
        yield row(f"peak_mb{suffix}", round(max((verdict.peak for verdict in some), default=0.0), 1), None, "MiB")
        yield row(f"seconds{suffix}", round(sum(verdict.seconds for verdict in some), 1), None, "s")


def summary(found: list[Verdict], seed: int) -> Iterator[str]:
    """Faults, those of one cause together."""
    causes: dict[tuple[str, str, str], list[Verdict]] = {}
    for verdict in found:
        if verdict.fault:
            causes.setdefault((verdict.kind, verdict.fault, cause(verdict.detail)), []).append(verdict)
    for (kind, fault, why), some in sorted(causes.items(), key=lambda item: -len(item[1]))[:LISTED]:
        cases = ", ".join(str(verdict.case) for verdict in some[:5])
        yield f"{len(some):4} {fault} {kind} (seed {seed}, --only {kind} --case {cases}; {some[0].target}): {why}"


def cause(detail: str) -> str:
    """An exception and the line of ours that it came through last, or what an oracle said."""
    lines = detail.strip().splitlines()
    if not lines or not lines[0].startswith("Traceback"):
        return detail[:160]
    files = [line.strip() for line in lines if line.startswith('  File "')]
    ours = [line for line in files if "site-packages" not in line and "/lib/python" not in line and "<" not in line]
    place = ours[-1].rpartition("/")[2].replace('"', "") if ours else ""
    last = next((line for line in reversed(lines) if EXCEPTION.match(line)), lines[-1])
    return f"{last[:110]} [{place}]"


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=benchmarks.fuzz.__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--inputs", type=int, help="so many inputs, in place of --seconds")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", action="append", choices=list(KINDS), help="this kind alone; may be repeated")
    parser.add_argument("--case", type=int, help="this case alone, of --only")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--limit", type=float, default=30.0, help="seconds of processor time that an input may take")
    parser.add_argument("--keep", type=Path, help="folder for the inputs of faults")
    parser.add_argument("--unnamed", action="store_true", help="list errors that do not name the file, too")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = run(options)
    show(list(rows(found)), as_json=options.json)
    print(*summary(found, options.seed), sep="\n", file=sys.stderr)
    if options.unnamed:
        said: Any = {(verdict.kind, verdict.detail[:150]) for verdict in found if verdict.unnamed}
        print(*sorted(f"unnamed {kind}: {detail}" for kind, detail in said), sep="\n", file=sys.stderr)
    sys.exit(1 if any(verdict.fault for verdict in found) else 0)


if __name__ == "__main__":
    main()
