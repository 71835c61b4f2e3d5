"""A process that tries inputs: mutates a file of its own copy of the workspace, runs the commands, judges."""

from __future__ import annotations

import os
import shutil
import sys
import time
import traceback
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random

from benchmarks.fuzz.drive import Done, forget_peak, peak_mb, run_command
from benchmarks.fuzz.kinds import KINDS, OUT, Before, Input, files
from benchmarks.fuzz.mutate import mutate

OURS = "fault of the fuzzer"
GZIP = b"\x1f\x8b"


@dataclass
class Verdict:
    """What came of one input."""

    kind: str
    case: int
    target: str = ""
    fault: str = ""  # traceback, wrong_acceptance, hang; empty: none
    detail: str = ""
    unnamed: bool = False  # an error did not name the file
    seconds: float = 0.0
    peak: float = 0.0  # MiB


def serve(pipe: Connection, base: str, scratch: str, seed: int, keep: str | None) -> None:
    """Answer (kind, case) with a Verdict until None comes."""
    log = os.open(Path(scratch).with_suffix(".log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 1)  # libraries in C write here
    os.dup2(log, 2)
    sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
    bench = Bench(Path(base), Path(scratch), seed, Path(keep) if keep else None)
    while (asked := pipe.recv()) is not None:
        try:
            verdict = bench.attempt(*asked)
        except Exception:  # the parent stops with it
            verdict = Verdict(*asked, fault=OURS, detail=traceback.format_exc())
        pipe.send(asdict(verdict))


class Bench:
    """A copy of the workspace, and what the commands make of it as it is."""

    def __init__(self, base: Path, scratch: Path, seed: int, keep: Path | None = None) -> None:
        self.base, self.scratch, self._seed, self._keep = base, scratch, seed, keep
        self._before: dict[tuple[str, str], Before] = {}
        shutil.copytree(base, scratch, dirs_exist_ok=True)
        os.chdir(scratch)

    def attempt(self, name: str, case: int) -> Verdict:
        """Try one input."""
        kind, rng = KINDS[name], Random(f"{self._seed}/{name}/{case}")
        target = rng.choice(files(kind))
        before = self._known(name, target)
        original = target.read_bytes()
        packed = original.startswith(GZIP)
        form = kind.form if packed or b"\0" not in original else "bytes"
        data = mutate(original, form, packed, rng)
        verdict = Verdict(name, case, str(target))
        target.write_bytes(data)
        forget_peak()
        start = time.perf_counter()
        done = self._run(name, target)
        verdict.seconds, verdict.peak = time.perf_counter() - start, peak_mb()
        if data != original:
            self._judge(verdict, Input(target, data, original, before), done)
        if verdict.fault and self._keep:
            self._save(verdict, data, done)
        self._restore()
        return verdict

    def _known(self, name: str, target: Path) -> Before:
        """What the commands do with the files as they are; once for the same commands."""
        key = (name, repr(KINDS[name].commands(target)))
        if key not in self._before:
            done = self._run(name, target)
            bad = [one for one in done if one.trace or one.code not in KINDS[name].codes]
            if bad:
                raise RuntimeError(f"{name}: the workspace itself is refused: {bad[0]}")
            self._before[key] = Before(done, KINDS[name].facts())
            whole = (self.base / target).read_bytes()  # the commands may have removed it here
            wrong = KINDS[name].wrong(Input(target, whole, whole, self._before[key]), done)
            if wrong:
                raise RuntimeError(f"{name}: the oracle refuses the workspace itself: {wrong}")
            self._restore()
        return self._before[key]

    def _run(self, name: str, target: Path) -> list[Done]:
        shutil.rmtree(OUT, ignore_errors=True)
        Path(OUT).mkdir()
        done = []
        for words in KINDS[name].commands(target):
            done.append(run_command(words))
            if done[-1].trace or done[-1].code not in KINDS[name].codes:
                break
        return done

    def _judge(self, verdict: Verdict, case: Input, done: list[Done]) -> None:
        last, codes = done[-1], KINDS[verdict.kind].codes
        if last.trace:
            verdict.fault, verdict.detail = "traceback", last.trace
        elif last.code in codes:
            wrong = KINDS[verdict.kind].wrong(case, done)
            if wrong:
                verdict.fault, verdict.detail = "wrong_acceptance", wrong
        elif case.target.name not in last.err and case.target.stem not in last.err:
            verdict.unnamed, verdict.detail = True, last.err

    def _save(self, verdict: Verdict, data: bytes, done: list[Done]) -> None:
        folder = self._keep / f"{verdict.kind}-{verdict.case:06}" if self._keep else Path()
        folder.mkdir(parents=True, exist_ok=True)
        (folder / Path(verdict.target).name).write_bytes(data)
        said = "\n".join(
            f"$ soundwave {' '.join(one.words)}\n{one.out[:2000]}\n{one.err[:2000]}{one.trace}" for one in done
        )
        text = f"{verdict.target}\nseed {self._seed}\n{verdict.fault}: {verdict.detail}\n\n{said}"
        (folder / "said.txt").write_text(text, encoding="utf-8", errors="replace")

    def _restore(self) -> None:
        """The workspace as it was: files that changed, went or came."""
        shutil.rmtree(OUT, ignore_errors=True)
        here = {path.relative_to(self.scratch): path.stat() for path in self.scratch.rglob("*") if path.is_file()}
        there = {path.relative_to(self.base): path.stat() for path in self.base.rglob("*") if path.is_file()}
        for path in here.keys() - there.keys():
            (self.scratch / path).unlink()
        for path, stat in there.items():
            mine = here.get(path)
            if mine is None or (mine.st_size, mine.st_mtime_ns) != (stat.st_size, stat.st_mtime_ns):
                (self.scratch / path).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(self.base / path, self.scratch / path)
