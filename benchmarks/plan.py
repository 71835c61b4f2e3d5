"""A plan from ten million candidates, beside Lhotse's `CutSet.mux` with the same ask.

    python -m benchmarks.plan --rows 10000000 --json

A synthetic catalog is written to disk first (not timed): three domains of 70, 20 and 10 % of the rows, of up to 20, 10
and 4.5 s. The mixture asks for shares of 83, 15 and 2 % of the hours, 70 % of all hours in total, one use at most.

Rows (ratio: how many times better ours is):
    plan_seconds   query, plan, certificate and lock, start of the process not counted. Target 20 on 2 cores.
    plan_against_sort  the same; peer: DuckDB sorts as many rows of the catalog by hash and writes them. Target 0.33.
    plan_against_sort_cpu  the same by processor time: what to look at on a busy machine.
    plan_cpu_seconds   processor time of that process, start included: what to look at on a busy machine.
    share_error    the largest |realised - asked| share of hours over the plan; peer: 10,000 draws of `CutSet.mux` from
                   as many synthetic cuts. mux draws by count, so its weights are share / mean duration of the domain,
                   as its users give them. Median over 10 seeds: mux draws by chance. Target 1e-4.
    share_error_10000   the same, ours over the plan's first 10,000 draws, too, less its last, unfinished window of 64
                   steps: inside a window a plan sorts by length.
    share_error_lazy    peer: the same mux of lazy sources, read from JSONL while it draws.
    share_error_hours   peer: the same mux with shares of hours as its weights, which it takes for shares of cuts.
    window_error   the furthest a window of 64 steps is from a domain's share, in its longest rows. Target 1.
    peak_mb        the most resident memory of the process that plans.
    resume_seconds open the plan at step 3,000 (half of a shorter one) and give its batch; peer: Lhotse's
                   DynamicBucketingSampler, `load_state_dict` and one batch. Target 0.1.
    cuts_per_second   the plan's draws in batches, without decoding; peer: the same sampler. Target 100,000.
    cuts_per_second_8_ranks   how fast one rank of 8 gets through the whole plan.
    check_seconds  refuse a changed plan or catalog: hashes the plan, and this catalog's rows as it has no catalog.json.

Standard error tells how far it is. Ten million rows take about 2 GB of disk and a few minutes on two cores.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from statistics import fmean, median
from typing import TYPE_CHECKING

import duckdb

from benchmarks import plain_duckdb
from benchmarks.catalog import cpu_seconds, peak_mb, tell
from benchmarks.plan_reading import reading
from benchmarks.rows import Row, row, show
from curation.plan import make_plan
from curation.plan.mixture import Mixture

if TYPE_CHECKING:
    from lhotse import CutSet

SHARES = {"asr": 0.83, "sound": 0.02, "st": 0.15}
MEAN_SECONDS = 0.7 * 10.25 + 0.2 * 5.25 + 0.1 * 2.5
DRAWS, SEEDS = 10_000, 10  # of Lhotse's mux
BATCH_SECONDS = 240.0
WINDOW = 64  # steps
CUTS = """
SELECT
  'syn-' || i AS cut_id, 'rec-' || i AS recording_id, 'syn' AS corpus,
  CASE WHEN i % 50 = 0 THEN 'test' ELSE 'train' END AS split, d AS domain, d AS task, 0.0::DOUBLE AS start,
  0.5 + (hash(i) % 10000) / 10000.0 * (CASE d WHEN 'asr' THEN 19.5 WHEN 'st' THEN 9.5 ELSE 4.0 END) AS duration,
  'en' AS language, NULL::VARCHAR AS target_language,
  'spk-' || (hash(i + 1) % 50000) AS speaker, 'the words ' || md5(i::VARCHAR) || ' of row ' || i AS text,
  CASE WHEN d = 'st' THEN 'die Worte' END AS target_text, NULL::VARCHAR[] AS sound, NULL::VARCHAR AS sound_original,
  16000 AS sampling_rate, 1 AS channels, '0' AS channel, '/data/' || i || '.flac' AS source_path, 'CC0-1.0' AS license,
  md5('a' || i) AS audio_sha256, NULL::VARCHAR AS decoding, '{}' AS manifest
FROM (SELECT i, CASE WHEN i % 20 < 14 THEN 'asr' WHEN i % 20 < 18 THEN 'st' ELSE 'sound' END AS d FROM range(ROWS) t(i))
"""


def generate(catalog: Path, rows: int) -> None:
    """Write the catalog."""
    target = catalog / "cuts" / "syn"
    target.mkdir(parents=True, exist_ok=True)
    query = CUTS.replace("ROWS", str(rows))
    duckdb.connect().execute(f"COPY ({query}) TO '{target / 'part.parquet'}' (FORMAT parquet, COMPRESSION zstd)")


def plan(folder: Path, rows: int, threads: int) -> dict[str, float]:
    """Plan once; seconds, errors, draws and peak memory."""
    mixture = Mixture.model_validate(
        {
            "name": "benchmark",
            "stage": "sft",
            "query": "SELECT cut_id, domain FROM accepted WHERE split = 'train'",
            "unit": "hours",
            "budget": 0.7 * rows * MEAN_SECONDS / 3600,
            "shares": SHARES,
            "max_repeats": 1,
            "batch": {"seconds": BATCH_SECONDS},
            "window": WINDOW,
        }
    )
    start = time.perf_counter()
    lock = make_plan(mixture, folder / "catalog", folder / "plan", threads=threads)
    seconds = time.perf_counter() - start
    assert lock.worst_window is not None
    return {
        "plan_seconds": seconds,
        "plan_cpu_seconds": cpu_seconds(),
        "share_error": max(abs(domain.realised_share - domain.share) for domain in lock.domains.values()),
        "window_error": abs(lock.worst_window.off_by) / lock.worst_window.longest,
        "peak_mb": peak_mb(),
        "draws": lock.draws,
        "first_share_error": first_share_error(folder / "plan"),
    }


def first_share_error(folder: Path) -> float:
    """The largest error of hour shares in the whole windows of a plan's first DRAWS draws."""
    query = "SELECT domain, units, step FROM read_parquet(?) ORDER BY step, slot LIMIT ?"
    draws = duckdb.connect().execute(query, [str(folder / "plan.parquet"), DRAWS]).fetchall()
    end = draws[-1][2] // WINDOW * WINDOW or math.inf  # a small plan has no whole window
    return share_error((domain, units) for domain, units, step in draws if step < end)


def share_error(draws: Iterable[tuple[str, float]]) -> float:
    """The largest error of shares over draws (domain, hours or seconds)."""
    sums = dict.fromkeys(SHARES, 0.0)
    for domain, units in draws:
        sums[domain] += units
    return max(abs(sums[name] / sum(sums.values()) - share) for name, share in SHARES.items())


def mux_share_errors(folder: Path) -> dict[str, float]:
    """The median error of hour shares when Lhotse mixes the three domains, by how it is asked."""
    from lhotse import CutSet, MonoCut  # not while the memory of planning is measured

    found = duckdb.connect().execute(
        "SELECT domain, cut_id, duration FROM read_parquet(?) WHERE split = 'train' "
        "QUALIFY row_number() OVER (PARTITION BY domain ORDER BY hash(cut_id)) <= 20000",
        [str(folder / "catalog" / "cuts" / "syn" / "part.parquet")],
    )
    cuts: dict[str, list[MonoCut]] = {name: [] for name in SHARES}
    for domain, cut_id, duration in found.fetchall():
        cuts[domain].append(MonoCut(id=cut_id, start=0.0, duration=duration, channel=0, custom={"domain": domain}))
    eager = [CutSet.from_cuts(cuts[name]) for name in SHARES]
    lazy = []
    for name, cut_set in zip(SHARES, eager, strict=True):
        cut_set.to_file(folder / f"mux-{name}.jsonl")
        lazy.append(CutSet.from_jsonl_lazy(folder / f"mux-{name}.jsonl"))
    means = {name: fmean(cut.duration for cut in cuts[name]) for name in SHARES}
    by_count = [share / means[name] for name, share in SHARES.items()]
    asked = {"eager": (eager, by_count), "lazy": (lazy, by_count), "hours": (eager, list(SHARES.values()))}
    return {
        name: median(mux_share_error(CutSet.mux(*sets, weights=weights, seed=seed)) for seed in range(SEEDS))
        for name, (sets, weights) in asked.items()
    }


def mux_share_error(mixed: CutSet) -> float:
    """The error over the first DRAWS draws of mixed cut sets."""
    return share_error((cut.custom["domain"], cut.duration) for cut in islice(mixed, DRAWS))


def measure(folder: Path, rows: int, threads: int) -> list[Row]:
    """All rows of the benchmark."""
    tell(f"writing a catalog of {rows:,} rows")
    generate(folder / "catalog", rows)
    os.sync()
    tell("planning")
    words = [sys.executable, "-m", "benchmarks.plan", "--folder", str(folder), "--rows", str(rows), "--phase", "plan"]
    words += ["--threads", str(threads)]
    found = json.loads(subprocess.run(words, check=True, stdout=subprocess.PIPE).stdout)
    tell(f"{found['draws']:,} draws in {found['plan_seconds']:.1f} s; Lhotse's mux, then reading beside its sampler")
    mux = mux_share_errors(folder)
    sort = plain_duckdb.seconds("sort", folder / "catalog", threads)
    return [
        row("plan_seconds", found["plan_seconds"], None, "s"),
        row("plan_against_sort", found["plan_seconds"], sort.wall, "s"),
        row("plan_against_sort_cpu", found["plan_cpu_seconds"], sort.cpu, "s"),
        row("plan_cpu_seconds", found["plan_cpu_seconds"], None, "s"),
        row("share_error", found["share_error"], mux["eager"], "share of hours"),
        row("share_error_10000", found["first_share_error"], mux["eager"], "share of hours"),
        row("share_error_lazy", found["share_error"], mux["lazy"], "share of hours"),
        row("share_error_hours", found["share_error"], mux["hours"], "share of hours"),
        row("window_error", found["window_error"], None, "longest rows"),
        row("peak_mb", found["peak_mb"], None, "MB"),
        *reading(folder / "plan", BATCH_SECONDS),
    ]


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--folder", type=Path, help="keep the synthetic catalog here; a temporary folder by default")
    parser.add_argument("--phase", choices=["plan"], help=argparse.SUPPRESS)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.phase:
        print(json.dumps(plan(options.folder, options.rows, options.threads)))
        return
    with tempfile.TemporaryDirectory() as temporary:
        show(measure(options.folder or Path(temporary), options.rows, options.threads), as_json=options.json)


if __name__ == "__main__":
    main()
