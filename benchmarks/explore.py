"""`soundwave explore` over a large catalog: the first page, filters, and the server's memory.

    python -m benchmarks.explore --rows 1000000 --json

The catalog is that of benchmarks/catalog.py, with two labels for every second cut. The server runs in a process of its
own and is asked over HTTP, as a browser asks it; each time is that of an answer that is there in full.

Rows:
    open          seconds from the command to the first answer
    first_page    seconds of the first page of the table. Target 1.
    first_facets  seconds of its facets and histograms, of all cuts
    filter_NAME   seconds of the page of a filter, the slowest of three. Target 0.5.
    facets_NAME   seconds of its facets
    peak_mb       the most resident memory (VmHWM) of the server. Target 500.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from urllib.request import Request, urlopen

from benchmarks.catalog import build, generate
from benchmarks.rows import Row, row, show

FILTERS: dict[str, dict[str, Any]] = {
    "box": {"among": {"corpus": ["c2"], "split": ["test"]}},
    "range": {"between": {"duration": [3, 4]}},
    "text": {"text": "again began"},
    "nothing": {"text": "no such text"},
    "sql": {"where": "duration > 19 AND text LIKE '%family%'"},
    "label": {"between": {"agree_wer": [0.9, None]}},
}
TIMES = 3


def label(folder: Path) -> None:
    """Two labels for every second cut, as a pass writes them."""
    import duckdb

    for corpus in sorted(path.name for path in (folder / "corpora").iterdir()):
        place = folder / "labels" / "agree" / corpus
        place.mkdir(parents=True, exist_ok=True)
        source = folder / "corpora" / corpus / "cuts.jsonl"
        duckdb.sql(
            f"COPY (SELECT 'agree' AS pass, id AS cut_id, unnest(['wer', 'cer']) AS name, (hash(id) % 1000) / 1000.0 "
            f"AS value, CAST(NULL AS VARCHAR) AS text FROM read_json('{source}', columns = {{id: 'VARCHAR'}}, "
            f"format = 'newline_delimited') WHERE hash(id) % 2 = 0) TO '{place / 'labels-0123456789abcdef.parquet'}'"
        )
        (place / "shard-0123456789abcdef.json").write_text(json.dumps({"pass": "agree", "counts": {}}))
        facts = {"pass": "agree", "version": "1", "shards": ["0123456789abcdef"], "settings": {}, "counts": {}}
        (place / "pass.json").write_text(json.dumps(facts))


def measure(folder: Path) -> list[Row]:
    """Ask the server."""
    start = time.perf_counter()
    words = [sys.executable, "-m", "soundwave", "explore", str(folder / "catalog"), "--port", "0"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            address = next(line.strip() for line in server.stdout if "?token=" in line)
            ask = _asker(address)
            ask("about")
            lines = [row("open", time.perf_counter() - start, None, "s")]
            lines.append(row("first_page", _seconds(ask, "cuts", {"rows": 50}), None, "s"))
            lines.append(row("first_facets", _seconds(ask, "facets", {}), None, "s"))
            for name, chosen in FILTERS.items():
                for kind, path in (("filter", "cuts"), ("facets", "facets")):
                    times = [_seconds(ask, path, {"filter": chosen}) for _ in range(TIMES)]
                    lines.append(row(f"{kind}_{name}", max(times), None, "s"))
            lines.append(row("peak_mb", _peak_mb(server.pid), None, "MB"))
        finally:
            server.terminate()
    return lines


def _asker(address: str) -> Any:
    parts = urlsplit(address)
    headers = {"X-Soundwave-Token": parse_qs(parts.query)["token"][0], "Content-Type": "application/json"}

    def ask(path: str, body: dict[str, Any] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        with urlopen(Request(f"http://{parts.netloc}/api/{path}", data, headers)) as answer:
            return json.load(answer)

    return ask


def _seconds(ask: Any, path: str, body: dict[str, Any]) -> float:
    start = time.perf_counter()
    ask(path, body)
    return time.perf_counter() - start


def _peak_mb(process: int) -> float:
    text = Path(f"/proc/{process}/status").read_text(encoding="ascii")
    return float(re.findall(r"^VmHWM:\s+(\d+) kB", text, re.MULTILINE)[0]) / 1000


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, help="keep the synthetic catalog here; a temporary folder by default")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        if not (folder / "catalog").is_dir():
            generate(folder, options.rows)
            label(folder)
            build(folder)
        show(measure(folder), as_json=options.json)


if __name__ == "__main__":
    main()
