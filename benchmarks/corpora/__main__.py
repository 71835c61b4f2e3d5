"""All corpora that Debian's packages give, and all labelling passes over them: one command, and what each took.

    python -m benchmarks.corpora --output corpora --json         (`make corpora`)

Recipes and passes are those that the product knows when it runs. What is done is not done again: killed, the command
goes on. A recipe or a pass whose model or package is not here is named on standard error and left out.

Rows:
    prepare_NAME_minutes         a corpus; prepare_NAME_hours the hours of audio in it, prepare_NAME_cuts its cuts
    label_NAME_minutes           a pass over all corpora
    label_NAME_audio_hours       hours of audio that it labels in an hour, with two workers
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.rows import Row, row, show
from curation.catalog import build
from curation.passes import PASSES, make_pass
from curation.passes.runner import run_pass
from curation.text.readings import number_readings
from manifests.errors import InputError
from recipes import registry

WORKERS = 2


def packaged() -> list[str]:
    """Recipes whose corpora Debian's packages hold."""
    return [name for name in registry.names() if registry.find(name).packages]


def prepared(names: Sequence[str], folder: Path) -> Iterator[Row]:
    """Prepare each recipe."""
    for name in names:
        start = time.perf_counter()
        try:
            info = registry.prepare(name, folder, readings=number_readings)
        except InputError as error:
            print(f"{name} is left out: {error}", file=sys.stderr)
            continue
        yield row(f"prepare_{info.name}_minutes", (time.perf_counter() - start) / 60, None, "min")
        yield row(f"prepare_{info.name}_hours", info.hours, None, "h", better="high")
        yield row(f"prepare_{info.name}_cuts", info.cuts + info.texts, None, "rows", better="high")


def labelled(names: Sequence[str], corpora: Path, labels: Path) -> Iterator[Row]:
    """Run each pass over all corpora."""
    for name in names:
        seconds = wall = 0.0
        try:
            job = make_pass(name)
            for corpus in sorted(path.parent for path in corpora.glob("*/corpus.json")):
                done = run_pass(job, corpus, labels, workers=WORKERS)
                seconds, wall = seconds + done.seconds, wall + done.wall_seconds
        except InputError as error:
            print(f"{name} is left out: {error}", file=sys.stderr)
            continue
        yield row(f"label_{name}_minutes", wall / 60, None, "min")
        yield row(f"label_{name}_audio_hours", seconds / wall if wall else 0.0, None, "h/h", better="high")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=Path("corpora"), help="Folder of corpora, labels and catalog.")
    parser.add_argument("--recipe", action="append", help="These alone; may be repeated.")
    parser.add_argument("--pass", dest="passes", action="append", help="These alone; may be repeated.")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    corpora, labels = options.output / "corpora", options.output / "labels"
    rows = [
        *prepared(options.recipe or packaged(), corpora),
        *labelled(options.passes or PASSES.names(), corpora, labels),
    ]
    build(corpora, labels, options.output / "catalog")
    show(rows, as_json=options.json)


if __name__ == "__main__":
    main()
