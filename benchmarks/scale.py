"""How the work on rows grows: catalog build, audits, plan, diff of two plans and the start of training, size by size.

    python -m benchmarks.scale --rows 1000000 10000000 --json
    python -m benchmarks.scale --rows 1000000 10000000 --into docs/scale.md

The corpora are those of benchmarks.catalog (written to disk first, not timed). Each step is a command of the product in
a process of its own with the memory that it takes by default (4 GB for DuckDB, the rest spilled to disk): `catalog
build`, `audit`, `mix plan` (half of the hours, shares by corpus), `mix diff` of that plan and one with another seed and
other shares, and, where `--start` asks for it, the first step of training on as many draws, which is that of
benchmarks.training_start.

Rows, for each step and size (no peers; benchmarks.catalog and benchmarks.plan have them):
    STEP_ROWS_cpu_seconds   processor time of the process: what to look at on a busy machine
    STEP_ROWS_seconds       wall time
    STEP_ROWS_peak_mb       most resident memory
    STEP_ROWS_disk_mb       what it wrote
    STEP_ROWS_spill_mb      the most that lay in its folder of spilled data (looked at ten times a second)
    STEP_exponent           b in: seconds of processor time, less those on 1,000 rows = a * rows^b, fitted over the
                            sizes (1: linear)

A million rows take 1 GB of disk and about a minute of processor time; ten million ten times as much.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import yaml

from benchmarks import catalog as synthetic
from benchmarks.catalog import CORPORA, tell
from benchmarks.rows import Row, row, show
from soundwave.ablation.running.spent import spend

BASE = 1_000  # rows of the catalog that says what a command takes at least
MEAN_SECONDS = 10.25  # of a cut
SHARES = {"a": (0.4, 0.3, 0.2, 0.1), "b": (0.3, 0.3, 0.2, 0.2)}  # of the plans, by corpus
FIGURES = ("cpu_seconds", "seconds", "peak_mb", "disk_mb", "spill_mb")
MARKS = ("<!-- measured -->", "<!-- end of measured -->")


@dataclass(frozen=True)
class Figures:
    """What one command took."""

    cpu_seconds: float
    seconds: float
    peak_mb: float
    disk_mb: float
    spill_mb: float
    load: float  # processes that wanted a core when it began, those of others


def steps(folder: Path) -> dict[str, tuple[list[str], Path | None]]:
    """Step -> its command, and what it writes."""
    catalog, plans = folder / "catalog", folder / "plans"
    plan = {
        name: ["mix", "plan", str(folder / f"{name}.yaml"), "--catalog", str(catalog), "--output", str(plans / name)]
        for name in SHARES
    }
    return {
        "build": (["catalog", "build", *_places(folder, "corpora", "labels", "catalog")], catalog),
        "audit": (["audit", "--catalog", str(catalog)], None),
        "plan": (plan["a"], plans / "a"),
        "plan_again": (plan["b"], plans / "b"),
        "diff": (["mix", "diff", str(plans / "a"), str(plans / "b"), "--catalog", str(catalog)], None),
    }


def _places(folder: Path, *names: str) -> list[str]:
    return [word for name in names for word in (f"--{name}", str(folder / name))]


def write_mixtures(folder: Path, rows: int) -> None:
    """Two mixtures of half of the hours, by corpus."""
    for number, (name, shares) in enumerate(SHARES.items()):
        settings = {
            "name": name,
            "stage": "sft",
            "query": "SELECT cut_id, corpus AS domain FROM accepted WHERE split = 'train'",
            "unit": "hours",
            "budget": 0.5 * rows * MEAN_SECONDS / 3600,
            "shares": {f"c{corpus}": share for corpus, share in zip(range(CORPORA), shares, strict=True)},
            "max_repeats": 1,
            "batch": {"seconds": 240.0},
            "window": 64,
            "seed": number,
        }
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(settings))


def run(words: Sequence[str], written: Path | None, scratch: Path) -> Figures:
    """Run a command of the product; `scratch` is where it puts what does not fit into memory.

    Raises:
        SystemExit: it failed. 1 says that there are findings or changes.
    """
    load = os.getloadavg()[0]
    scratch.mkdir(exist_ok=True)
    watch = _Spill(scratch)
    spent = spend([sys.executable, "-m", "soundwave", *words], environment={**os.environ, "TMPDIR": str(scratch)})
    spilled = watch.end()
    if spent.code not in (0, 1):
        raise SystemExit(f"soundwave {' '.join(words)}: ended with {spent.code}")
    shutil.rmtree(scratch)
    return Figures(
        spent.cpu_seconds,
        spent.seconds,
        spent.peak / 1e6,
        size_mb(written) if written else 0.0,
        spilled,
        load,
    )


class _Spill:
    """Looks at the size of a folder ten times a second."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._most, self._done = folder, 0.0, threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def _look(self) -> None:
        while not self._done.wait(0.1):
            self._most = max(self._most, size_mb(self._folder))

    def end(self) -> float:
        """The most megabytes that were in it."""
        self._done.set()
        self._thread.join()
        return self._most


def size_mb(folder: Path) -> float:
    """Megabytes on disk in a folder; files may go while they are looked at."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_blocks * 512
        except OSError:
            continue
    return total / 1e6


def measure_size(folder: Path, rows: int, *, start: bool) -> dict[str, Figures]:
    """Every step at one size."""
    if not (folder / "corpora").is_dir():
        synthetic.generate(folder, rows)
    write_mixtures(folder, rows)
    for made in ("catalog", "plans"):
        shutil.rmtree(folder / made, ignore_errors=True)
    found = {}
    for name, (words, written) in steps(folder).items():
        found[name] = run(words, written, folder / "scratch")
        tell(f"{rows:,} rows: {name}: {asdict(found[name])}")
    if start:
        found["training_start"] = training_start(folder / "start", rows)
        tell(f"{rows:,} draws: training_start: {asdict(found['training_start'])}")
    return found


def training_start(folder: Path, draws: int) -> Figures:
    """The first step of `soundwave train` on a plan with so many draws."""
    from benchmarks import training_start as trainer

    case = trainer.generate(folder, min(draws, trainer.CUTS), draws)
    load = os.getloadavg()[0]
    seconds, memory, processor = trainer.first_step(case, "run")
    written = size_mb(folder / "runs")
    shutil.rmtree(folder)
    return Figures(processor, seconds, memory, written, 0.0, load)


def exponents(found: Mapping[int, Mapping[str, Figures]]) -> dict[str, float]:
    """Step -> how its processor time grows with the rows, of two sizes or more."""
    least, *sizes = sorted(found)
    if len(sizes) < 2:
        return {}
    grown = {}
    for name in found[sizes[0]]:
        base = found[least][name].cpu_seconds
        times = [max(found[size][name].cpu_seconds - base, 1e-3) for size in sizes]
        grown[name] = float(np.polyfit(np.log(sizes), np.log(times), 1)[0])
    return grown


def table(found: Mapping[int, Mapping[str, Figures]], grown: Mapping[str, float]) -> str:
    """Markdown: a line for each step and size."""
    lines = [
        "| step | rows | processor time (s) | wall (s) | peak memory (MB) | written (MB) | spilled (MB) | load |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name in found[max(found)]:
        for rows, done in found.items():
            figures = done[name]
            values = [f"{getattr(figures, figure):,.{1 if 'seconds' in figure else 0}f}" for figure in FIGURES]
            lines.append(f"| {name} | {rows:,} | {' | '.join(values)} | {figures.load:.1f} |")
    listed = ", ".join(f"{name} {power:.2f}" for name, power in grown.items())
    return "\n".join(lines) + (f"\n\nExponents of processor time: {listed}.\n" if listed else "\n")


def write_into(path: Path, text: str) -> None:
    """Replace what stands between the two MARKS of a file."""
    before, _, rest = path.read_text(encoding="utf-8").partition(MARKS[0])
    _, _, after = rest.partition(MARKS[1])
    path.write_text(f"{before}{MARKS[0]}\n\n{text}\n{MARKS[1]}{after}", encoding="utf-8")


def rows_of(found: Mapping[int, Mapping[str, Figures]], grown: Mapping[str, float]) -> list[Row]:
    """All rows of the benchmark."""
    lines = [
        row(f"{name}_{rows}_{figure}", getattr(figures, figure), None, "s" if "seconds" in figure else "MB")
        for rows, steps_ in found.items()
        for name, figures in steps_.items()
        for figure in FIGURES
    ]
    return lines + [row(f"{name}_exponent", power, None, "power of the rows") for name, power in grown.items()]


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000_000, 10_000_000])
    parser.add_argument("--folder", type=Path, help="for the synthetic corpora; a temporary folder by default")
    parser.add_argument("--start", action="store_true", help="also the first step of training")
    parser.add_argument("--into", type=Path, help="write the table into this Markdown file, between its marks")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found: dict[int, dict[str, Figures]] = {}
    with tempfile.TemporaryDirectory() as temporary:
        for rows in (BASE, *sorted(options.rows)):
            folder = (options.folder or Path(temporary)) / str(rows)
            found[rows] = measure_size(folder, rows, start=options.start)
            if not options.folder:
                shutil.rmtree(folder)
            grown = exponents(found)
            if options.into:  # after each size: the largest takes long
                write_into(options.into, table(found, grown))
    show(rows_of(found, grown), as_json=options.json)


if __name__ == "__main__":
    main()
