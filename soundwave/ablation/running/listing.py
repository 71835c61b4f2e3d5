"""The jobs of an ablation as lines for a shell, or for a scheduler such as SLURM.

Each line is one job. Lines of a wave need only lines of the waves before it, so a wave can be one job array. Runs and
evaluations must lie where all machines see them: the call that printed the lines has written plans and settings there,
and the same call, without the option, collects what they made.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from soundwave.ablation.commands import CHILD
from soundwave.ablation.execute import Job


@dataclass(frozen=True)
class ListedCommand:
    """One line."""

    wave: int
    """From 1: all that it needs is in earlier ones."""
    key: str
    needs: tuple[str, ...]
    """Keys of lines that must have ended well."""
    title: str
    command: str


def listed_commands(jobs: Sequence[Job]) -> list[ListedCommand]:
    """The lines of all jobs that are not done, wave by wave, in order of their keys."""
    by_key = {job.key: job for job in jobs}
    waves: dict[str, int] = {}  # 0: done

    def wave(key: str) -> int:
        if key not in waves:
            job = by_key[key]
            before = max((wave(need) for need in job.needs), default=0)
            waves[key] = 0 if before == 0 and job.done() else before + 1
        return waves[key]

    lines = [
        ListedCommand(wave(job.key), job.key, tuple(need for need in job.needs if wave(need)), job.title, as_line(job))
        for job in jobs
        if wave(job.key)
    ]
    return sorted(lines, key=lambda line: (line.wave, line.key))


def as_line(job: Job) -> str:
    """A job as people type it; its answer goes to its file."""
    words = job.command
    if words[: len(CHILD)] == CHILD:  # which ends with the process that started it: a scheduler's line has none
        words = ("soundwave", *words[len(CHILD) :])
    line = shlex.join(words)
    if job.stdout is None:
        return line
    target = shlex.quote(str(job.stdout))
    return f"mkdir -p {shlex.quote(str(job.stdout.parent))} && {line} > {target}"


def script(lines: Sequence[ListedCommand]) -> list[str]:
    """The lines with a comment before each wave."""
    found: list[str] = []
    for number in sorted({line.wave for line in lines}):
        mine = [line for line in lines if line.wave == number]
        needs = "needs nothing" if number == 1 else "needs the waves before it"
        found += [f"# wave {number}: {len(mine)} jobs, {needs}", *(line.command for line in mine)]
    return found
