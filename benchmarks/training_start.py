"""How soon `soundwave train` takes its first step, and its data side's memory, at the size of the paper's stage II.

    python -m benchmarks.training_start --draws 3650000 --json

A catalog is written to disk first (not timed): as many cuts as draws, at most 3.65 million, each with 22 aligned words
(sounds without) and stored frames (all cuts name the same rows of one small matrix). More draws than cuts are several
epochs. `soundwave train` runs with a model of two layers, 32 wide, whose settings ask for words and stored frames.

Rows (targets on 2 cores: 30 s, 10 s, 600 MB, 1.2):
    start_seconds    start of the process to the end of its first step, all imports and the model included.
    copy_seconds     of that, copying what the training reads of its plan's cuts into the run's folder.
    copy_mb          how much that is on disk.
    resume_seconds   the same for a run that goes on after step 3,000 (half of a shorter plan), less what a run with a
                     plan of 1,000 draws takes to go on after its first step: imports, model, a step.
    start_cpu_seconds   processor time of the process that starts, less that of one with a plan of 1,000 draws: what to
                     look at on a busy machine.
    data_mb          most memory of the process that starts, less that of one with a plan of 1,000 draws.
    data_mb_growth   data_mb at this number of draws / at a tenth of it, with a tenth of the cuts.

Standard error shows three sizes, and resuming at another step. What stands for the 3,000 steps is one real step, its
rows of metrics and ledger repeated. 3.65 million draws take 1 GB of catalog, 4 GB of rows, and some minutes.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb
import numpy as np
import yaml

from benchmarks.catalog import tell
from benchmarks.rows import Row, row, show
from benchmarks.tiny_llm import WORDS, make_tiny_llm
from curation.plan import make_plan
from curation.plan.mixture import Mixture
from curation.reader.kept import MARK
from manifests.runs import CHECKPOINTS, LEDGER_ROWS, METRICS, ROWS, read_run
from soundwave.train.runs import checkpoint

CUTS, SMALL = 3_650_000, 1_000
RESUME_AT, FRAMES, RATE, DIM, SPOKEN = 3_000, 100, 10.0, 8, 22
SHARES = {"asr": 0.7, "st": 0.2, "sound": 0.1}
DOMAIN = "CASE WHEN i % 20 < 14 THEN 'asr' WHEN i % 20 < 18 THEN 'st' ELSE 'sound' END"
ID = "'syn-' || lpad(i::VARCHAR, 9, '0')"
WORD = f"{list(WORDS)}[1 + (hash(i * 100 + k) % {len(WORDS)})::INTEGER]"
TABLES = {
    "cuts": f"""
SELECT
  {ID} AS cut_id, 'rec-' || i AS recording_id, 'syn' AS corpus, 'train' AS split, d AS domain, d AS task,
  0.0::DOUBLE AS start, 10.0::DOUBLE AS duration, 'en' AS language, NULL::VARCHAR AS target_language,
  'spk-' || (hash(i + 1) % 50000) AS speaker,
  CASE WHEN d <> 'sound' THEN array_to_string([{WORD} FOR k IN range({SPOKEN})], ' ') END AS text,
  CASE d WHEN 'st' THEN 'please enter ' || i WHEN 'sound' THEN 'dog' END AS target_text,
  CASE WHEN d = 'sound' THEN ['Dog'] END::VARCHAR[] AS sound, NULL::VARCHAR AS sound_original, 16000 AS sampling_rate,
  1 AS channels, '0' AS channel, '/data/corpus/' || i || '.flac' AS source_path, 'CC0-1.0' AS license,
  md5('a' || i) AS audio_sha256, NULL::VARCHAR AS decoding, '{{}}' AS manifest
FROM (SELECT i, {DOMAIN} AS d FROM range(CUTS) t(i))
""",
    "words": f"""
SELECT
  {ID} AS cut_id, 'synthetic' AS backend, k::INTEGER AS position, {WORD} AS symbol, (k * 0.45)::DOUBLE AS start,
  0.3::DOUBLE AS duration, -0.1::DOUBLE AS score, NULL::VARCHAR AS flag
FROM (SELECT i, unnest(range({SPOKEN})) AS k FROM range(CUTS) t(i) WHERE i % 20 < 18)
""",
    "features": f"""
SELECT
  {ID} AS cut_id, 'moonshine-tiny-en' AS encoder, 'plain' AS variant, 'MATRIX' AS path, 0::BIGINT AS "offset",
  {FRAMES} AS frames, {DIM} AS dim, {RATE}::DOUBLE AS frame_rate
FROM range(CUTS) t(i)
""",
}


@dataclass(frozen=True)
class Case:
    """A plan, and the model's settings."""

    folder: Path
    plan: Path
    stage: Path

    def run(self, name: str, until: Callable[[Path], bool]) -> tuple[float, float, float]:
        """Train in a process of its own until something is true of its folder.

        Returns:
            Seconds, the process's most memory in MB, and its processor time.
        """
        output = self.folder / "runs" / name
        words = [sys.executable, "-m", "soundwave", "train", str(self.stage), "--plan", str(self.plan)]
        start = time.perf_counter()
        process = subprocess.Popen([*words, "--output", str(output)], stderr=subprocess.PIPE)
        while not until(output):
            if process.poll() is not None:
                raise SystemExit(f"it ended with {process.returncode}: {process.stderr and process.stderr.read()!r}")
            time.sleep(0.02)
        seconds = time.perf_counter() - start
        peak = peak_of(process.pid)
        process.kill()
        _, _, used = os.wait4(process.pid, 0)
        return seconds, peak, used.ru_utime + used.ru_stime


def peak_of(number: int) -> float:
    """The most resident memory that a process has had, MB. What `wait4` gives counts that of its parent as well."""
    lines = Path(f"/proc/{number}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) * 1024 / 1e6


def generate(folder: Path, cuts: int, draws: int) -> Case:
    """A catalog and a plan, unless they are there."""
    catalog, plan, stage = folder / "catalog", folder / "plan", folder / "stage.yaml"
    matrix = folder / "frames.npy"
    folder.mkdir(parents=True, exist_ok=True)
    np.save(matrix, np.random.default_rng(0).standard_normal((FRAMES, DIM)).astype(np.float16))
    for table, query in TABLES.items():
        place = catalog / table / "syn"
        if not place.is_dir():
            place.mkdir(parents=True)
            layout = "FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1"
            sql = query.replace("CUTS", str(cuts)).replace("MATRIX", str(matrix))
            duckdb.connect().execute(f"COPY ({sql}) TO '{place}/part.parquet' ({layout})")
    if not plan.is_dir():
        settings = {"name": "benchmark", "stage": "shrinking", "unit": "samples", "budget": draws, "shares": SHARES}
        settings |= {"query": "SELECT cut_id, domain FROM accepted", "max_repeats": 8, "window": 64, "seed": 1}
        make_plan(Mixture.model_validate(settings | {"batch": {"seconds": 800}}), catalog, plan)
    model = {"llm": str(make_tiny_llm(folder / "llm")), "heads": 4, "lora_rank": 4, "stack": 1}
    joins = {"sandwich": {"share": 0.5, "joined": "frames"}, "multi_speaker": {"share": 0.02, "joined": "frames"}}
    training = {"model": model, **joins, "checkpoint_every": 1, "optimiser": {"learning_rate": 1e-3}}
    training |= {"encoder": "moonshine-tiny-en", "precision": "fp32", "steps": None}
    training |= {"micro_batch": {"seconds": 80}}  # of 800: what the model computes with is not the data side's memory
    stage.write_text(yaml.safe_dump({"extends": "paper/shrinking", **training}))
    return Case(folder, plan, stage)


def rows_of(output: Path) -> int:
    """Steps in a run's metrics."""
    path = output / METRICS
    return path.read_bytes().count(b"\n") if path.is_file() else 0


@dataclass(frozen=True)
class Start:
    """How a run began."""

    seconds: float
    """To its first step."""
    copying: float
    """Of them, until the rows that it reads lay in its folder."""
    copied: float
    """MB of these rows."""
    memory: float
    """The most, MB."""
    processor: float
    """Seconds."""


def first_step(case: Case, name: str) -> Start:
    """Begin a run; it is killed when it has a checkpoint."""
    times: dict[str, float] = {}
    start = time.perf_counter()

    def done(output: Path) -> bool:
        seen = {"began": (output / ROWS).is_dir(), "copied": (output / ROWS / MARK).is_file(), "step": rows_of(output)}
        for what, there in seen.items():
            if there:
                times.setdefault(what, time.perf_counter() - start)
        return any((output / CHECKPOINTS).glob("*.safetensors")) and read_run(output).step > 0

    _, memory, processor = case.run(name, done)
    copied = sum(path.stat().st_size for path in (case.folder / "runs" / name / ROWS).glob("*")) / 1e6
    copying = times.get("copied", 0.0) - times.get("began", 0.0)  # a small plan's rows stay in memory
    return Start(times["step"], copying, copied, memory, processor)


def resumed(case: Case, name: str, at: int) -> float:
    """Make a run that has begun one that was stopped after step `at`; seconds until it has taken the next step."""
    output = case.folder / "runs" / name
    info = read_run(output)
    state = checkpoint.load_last(output / CHECKPOINTS, training=info.key, step=info.step)
    assert state is not None
    checkpoint.save(output / CHECKPOINTS, replace(state, step=at), (), training=info.key)
    info.step = at
    info.write(output)
    for file in (METRICS, LEDGER_ROWS):
        found = [json.loads(line) for line in (output / file).read_text().splitlines()]
        one = [line for line in found if line["step"] == 0]
        with (output / file).open("w") as stream:
            for step in range(at):
                stream.writelines(json.dumps(line | {"step": step}) + "\n" for line in one)
    return case.run(name, lambda folder: rows_of(folder) > at)[0]


def measure(folder: Path, draws: int) -> list[Row]:
    """All rows of the benchmark."""
    sizes = {size: min(draws, CUTS) * size // draws for size in (draws, draws // 10, draws // 100)}
    tell("a plan of 1,000 draws: imports, model, a step")
    small = generate(folder / "small", SMALL, SMALL)
    least = first_step(small, "run")
    small_resume = resumed(small, "run", 1)
    found = {}
    for size, cuts in reversed(sizes.items()):
        tell(f"a catalog of {cuts:,} cuts and a plan of {size:,} draws")
        case = generate(folder / str(size), cuts, size)
        start = first_step(case, "run")
        at = min(RESUME_AT, len_of(case) // 2)
        again = {step: resumed(case, "run", step) - small_resume for step in (max(1, at // 100), at)}
        found[size] = (start, again[at], start.memory - least.memory)
        listed = ", ".join(f"after step {step:,} {seconds:.1f} s" for step, seconds in again.items())
        tell(
            f"start {start.seconds:.1f} s ({least.seconds:.1f} s with 1,000 draws; processor {start.processor:.1f} and "
            f"{least.processor:.1f} s), copying {start.copying:.1f} s, resume {listed}, {found[size][2]:.0f} MB"
        )
    start, again_at, memory = found[draws]
    return [
        row("start_seconds", start.seconds, None, "s"),
        row("copy_seconds", start.copying, None, "s"),
        row("copy_mb", start.copied, None, "MB"),
        row("resume_seconds", again_at, None, "s"),
        row("start_cpu_seconds", start.processor - least.processor, None, "s"),
        row("data_mb", memory, None, "MB"),
        row("data_mb_growth", memory / max(1.0, found[draws // 10][2]), None, "times"),
    ]


def len_of(case: Case) -> int:
    """Steps of its plan."""
    return int(json.loads((case.plan / "lock.json").read_text())["steps"])


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=CUTS)
    parser.add_argument("--folder", type=Path, help="keep the synthetic catalogs here; a temporary folder by default")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        show(measure(options.folder or Path(temporary), options.draws), as_json=options.json)


if __name__ == "__main__":
    main()
