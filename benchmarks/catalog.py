"""The catalog at size: JSONL to Parquet, every audit, and peak memory; Lhotse on a sample beside it.

    python -m benchmarks.catalog --rows 10000000 --json

Synthetic corpora are written to disk first (not timed): four corpora of Lhotse MonoCuts as plain JSONL, about 780 bytes
a row; one text in ten has a number. Each part of ours runs in a process of its own, so that its memory can be told.

Rows (ratio: how many times better ours is):
    jsonl_to_parquet   rows a second from JSONL to the catalog, fingerprint included; peer: rows a second that Lhotse's
                       lazy CutSet reads from the same file (20,000 rows), without writing anything. Where the package
                       orjson is installed Lhotse reads with it, about 1.5 times as fast. Target 150,000.
    rows_per_cpu_second   the same by processor time of that process: what to look at on a busy machine.
    build_against_read_json   seconds of the catalog; peer: DuckDB's `read_json` of the same lines into Parquet. Target
                       0.67. What the catalog does beyond the peer, whose lines are not checked: see STEPS.
    build_against_read_json_cpu   the same by processor time.
    build_STEP_cpu     processor time of a step of the build: see STEPS.
    audit_NAME         seconds of one audit over all rows; no peer. Target 5.
    audit_against_scan   the slowest of them; peer: one scan and hash aggregation of what `leakage_text` reads. Target
                       0.33.
    audit_against_scan_cpu   the same by processor time.
    peak_mb            the most resident memory (VmHWM) of the two processes. Target 6,000.

Standard error tells how far it is. Ten million rows take about 10 GB of disk and a few minutes on two cores.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks import plain_duckdb
from benchmarks.rows import Row, row, show

CORPORA = 4
SAMPLE = 20_000
WORDS = """
about after again all along also always among another around away back because before began being below between both
bring call came change city close come country could cover cross day different does down each early earth enough even
every eye face family far father feel few field find first follow food form found four friend from give good
"""
# What a build is made of, and by what that is more than the peer does.
STEPS = {
    "lines": "lines cut in Python, where what DuckDB's parser lets pass is found: nan, trailing commas, deep nesting",
    "copy": "lines, parsed and checked against the contract, and written: columns as the peer, and each row's JSON",
    "keys": "each row parsed again: a key twice in one object has another value with each reader of JSON",
    "repeats": "ids that occur twice, recordings with two files",
    "digest": "the file read back: MD5 of each row's JSON, which the catalog's fingerprint is made of",
}
LINE = """
'{"id": "c' || c || '-' || i || '", "start": 0.0, "duration": ' || d || ', "channel": 0, "supervisions": [{"id": "c'
|| c || '-' || i || '", "recording_id": "r' || i || '", "start": 0.0, "duration": ' || d || ', "channel": 0, "text": "'
|| array_to_string(list_transform(range(9), lambda k: words[1 + (hash(i, k, c) % len(words))::INT]), ' ')
|| CASE WHEN hash(i) % 10 = 0 THEN ' ' || i || ' times' ELSE ' ' END || '", "language": "en", "speaker": "spk-'
|| (i % 5000) || '"}], "recording": {"id": "r' || i || '", "sources": [{"type": "file", "channels": [0], "source": '
|| '"/data/corpus-' || c || '/audio/' || i || '.flac"}], "sampling_rate": 16000, "num_samples": '
|| round(d * 16000)::BIGINT || ', "duration": ' || d || ', "channel_ids": [0]}, "custom": {"corpus": "c' || c
|| '", "split": "' || CASE WHEN i % 50 = 0 THEN 'test' ELSE 'train' END || '", "task": "asr", "domain": "asr", '
|| '"license": "CC0-1.0", "audio_sha256": "' || sha256(c || '-' || i) || '"}, "type": "MonoCut"}'
"""


def generate(folder: Path, rows: int) -> None:
    """Write the corpora as plain JSONL: compressing them would take longer than all that is measured."""
    import duckdb

    con = duckdb.connect()
    words = str(sorted(WORDS.split()))
    for corpus in range(CORPORA):
        tell(f"writing corpus {corpus + 1} of {CORPORA}")
        target = folder / "corpora" / f"c{corpus}"
        target.mkdir(parents=True, exist_ok=True)
        con.execute(
            f"COPY (SELECT {LINE} FROM (SELECT i, {corpus} AS c, 0.5 + (hash(i) % 195000) / 10000.0 AS d, "
            f"{words} AS words "
            f"FROM range({rows // CORPORA}) t(i))) TO '{target / 'cuts.jsonl'}' "
            "(FORMAT csv, HEADER false, QUOTE '', ESCAPE '', DELIMITER '\x01')"
        )
        (target / "corpus.json").write_text("{}")
    (folder / "labels").mkdir(exist_ok=True)
    os.sync()  # or the disk is still busy while we measure


def build(folder: Path) -> dict[str, float]:
    """Build the catalog; seconds and peak memory."""
    from curation.catalog import build as build_catalog

    tell("JSONL to Parquet")
    spent = count_steps()
    start, used = time.perf_counter(), cpu_seconds()
    summary = build_catalog(folder / "corpora", folder / "labels", folder / "catalog")
    seconds, cpu = time.perf_counter() - start, cpu_seconds() - used
    tell(f"{summary.rows('cuts'):,} rows in {seconds:.1f} s ({cpu:.1f} s of processor time)")
    facts = {"seconds": seconds, "cpu_seconds": cpu, "rows": summary.rows("cuts"), "peak_mb": peak_mb()}
    return facts | {f"build_{name}_cpu": taken for name, taken in spent.items()}


def count_steps() -> dict[str, float]:
    """Have the steps of a build add their processor time, of all threads, to what is returned."""
    from curation.catalog import lines, parts

    spent = dict.fromkeys(STEPS, 0.0)

    def counted(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def counting(*words: Any, **named: Any) -> Any:
            used = cpu_seconds()
            try:
                return call(*words, **named)
            finally:
                spent[name] += cpu_seconds() - used

        return counting

    def blocks(*words: Any) -> Iterator[Any]:
        """Of its own thread alone: others work on the block before."""
        found = cut(*words)
        while True:
            used = time.thread_time()
            block = next(found, None)
            spent["lines"] += time.thread_time() - used
            if block is None:
                return
            yield block

    cut = lines._batches
    vars(lines)["_batches"] = blocks
    for name, called in (
        ("copy", "_copy_strictly"),
        ("keys", "keys_repeat"),
        ("repeats", "may_repeat"),
        ("digest", "_part"),
    ):
        setattr(parts, called, counted(name, getattr(parts, called)))
    return spent


def audit(folder: Path) -> dict[str, float]:
    """Run every audit; seconds of each, the most processor time, and peak memory."""
    from curation.audit import find_audits, run_audit
    from curation.audit.functions import create_functions
    from curation.catalog import connect

    found: dict[str, float] = {}
    most = 0.0
    with connect(folder / "catalog") as con:
        create_functions(con)
        for one in find_audits():
            start, used = time.perf_counter(), cpu_seconds()
            run_audit(con, one)
            found[f"audit_{one.name}"] = time.perf_counter() - start
            taken = cpu_seconds() - used
            most = max(most, taken)
            tell(f"audit {one.name}: {found[f'audit_{one.name}']:.2f} s, {taken:.2f} s of processor time")
    return found | {"most_cpu_seconds": most, "peak_mb": peak_mb()}


def tell(what: str) -> None:
    """Progress, on standard error."""
    print(f"{time.strftime('%H:%M:%S')} {what}", file=sys.stderr, flush=True)


def cpu_seconds() -> float:
    """Processor time of this process so far, over all threads."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def peak_mb() -> float:
    """The most resident memory this process has had."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return float(line.split()[1]) / 1000
    raise RuntimeError("no VmHWM in /proc/self/status; this benchmark needs Linux")


def lhotse_rows_a_second(folder: Path) -> float:
    """Rows a second of Lhotse's lazy reader on the first rows of one corpus."""
    from lhotse import CutSet

    sample = folder / "sample.jsonl"
    with (folder / "corpora" / "c0" / "cuts.jsonl").open() as source, sample.open("w") as target:
        count = sum(1 for _, line in zip(range(SAMPLE), source, strict=False) if target.write(line))
    start = time.perf_counter()
    assert sum(1 for _ in CutSet.from_jsonl_lazy(sample)) == count
    return count / (time.perf_counter() - start)


def in_a_process(phase: str, folder: Path) -> dict[str, float]:
    """Run one phase by itself."""
    words = [sys.executable, "-m", "benchmarks.catalog", "--phase", phase, "--folder", str(folder)]
    found: dict[str, float] = json.loads(subprocess.run(words, check=True, stdout=subprocess.PIPE).stdout)
    return found


def measure(folder: Path, rows: int) -> list[Row]:
    """All rows of the benchmark."""
    generate(folder, rows)
    built = in_a_process("build", folder)
    audits = in_a_process("audit", folder)
    speed = built["rows"] / built["seconds"]
    lines = [
        row("jsonl_to_parquet", speed, lhotse_rows_a_second(folder), "rows/s", better="high"),
        row("rows_per_cpu_second", built["rows"] / built["cpu_seconds"], None, "rows/s of processor time"),
    ]
    plain = plain_duckdb.seconds("read_json", folder / "corpora")
    lines.append(row("build_against_read_json", built["seconds"], plain.wall, "s"))
    lines.append(row("build_against_read_json_cpu", built["cpu_seconds"], plain.cpu, "s"))
    lines += [row(f"build_{name}_cpu", built[f"build_{name}_cpu"], None, "s") for name in STEPS]
    times = {name: seconds for name, seconds in audits.items() if name.startswith("audit_")}
    lines += [row(name, seconds, None, "s") for name, seconds in times.items()]
    scan = plain_duckdb.seconds("aggregate", folder / "catalog")
    lines.append(row("audit_against_scan", max(times.values()), scan.wall, "s"))
    lines.append(row("audit_against_scan_cpu", audits["most_cpu_seconds"], scan.cpu, "s"))
    return [*lines, row("peak_mb", max(built["peak_mb"], audits["peak_mb"]), None, "MB")]


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--folder", type=Path, help="keep the synthetic corpora here; a temporary folder by default")
    parser.add_argument("--phase", choices=["build", "audit"], help=argparse.SUPPRESS)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.phase:
        print(json.dumps({"build": build, "audit": audit}[options.phase](options.folder)))
        return
    with tempfile.TemporaryDirectory() as temporary:
        show(measure(options.folder or Path(temporary), options.rows), as_json=options.json)


if __name__ == "__main__":
    main()
