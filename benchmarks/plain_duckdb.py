"""The least that a plan, a catalog and an audit must do, as one plain DuckDB statement each: peers measured in the same
run, so that it does not matter how fast a machine is.

They print the seconds that they took, by the clock and of processor time:

    python -m benchmarks.plain_duckdb sort FOLDER/catalog --threads 2
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import duckdb

STATEMENTS = {
    # As many rows in an order by hash, written as a plan's columns are.
    "sort": """
COPY (
  SELECT 0 AS step, 0 AS slot, cut_id, domain, 0 AS repeat, duration / 3600 AS units, duration AS seconds
  FROM read_parquet('{source}/cuts/*/*.parquet') WHERE split = 'train' ORDER BY hash(cut_id)
) TO '{target}' (FORMAT parquet, COMPRESSION zstd)""",
    # The same lines into Parquet as DuckDB finds them.
    "read_json": """
COPY (SELECT * FROM read_json('{source}/*/cuts.jsonl', format = 'newline_delimited'))
TO '{target}' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)""",
    # One scan and hash aggregation of what `leakage_text` reads.
    "aggregate": """
SELECT count(*), sum(cuts) FROM (
  SELECT task, language, split, text, count(*) AS cuts, min(cut_id), max(corpus), sum(duration)
  FROM read_parquet('{source}/cuts/*/*.parquet') GROUP BY task, language, split, text
)""",
}


@dataclass(frozen=True)
class Seconds:
    """What a statement took."""

    wall: float
    cpu: float


def seconds(name: str, source: Path, threads: int = 2) -> Seconds:
    """Wall and processor time of a statement, in a process of its own."""
    words = [sys.executable, "-m", "benchmarks.plain_duckdb", name, str(source), "--threads", str(threads)]
    wall, cpu = subprocess.run(words, check=True, stdout=subprocess.PIPE).stdout.split()
    return Seconds(float(wall), float(cpu))


def main() -> None:
    """Run one and print its seconds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=[*STATEMENTS])
    parser.add_argument("source", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.source) as folder:
        con = duckdb.connect(config={"threads": options.threads, "temp_directory": f"{folder}/spill"})
        start, used = time.perf_counter(), time.process_time()
        con.execute(STATEMENTS[options.name].format(source=options.source, target=f"{folder}/out.parquet")).fetchall()
        print(time.perf_counter() - start, time.process_time() - used)


if __name__ == "__main__":
    main()
