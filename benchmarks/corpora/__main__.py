"""All corpora that Debian's packages give, and all labelling passes over them: one command, and what each took.

    python -m benchmarks.corpora --output corpora --json         (`make corpora`)

Recipes and passes are those that the product knows when it runs. What is done is not done again: killed, the command
goes on, and OUTPUT/took.json keeps what each step has taken so far (but for the corpus or pass that was at work when it
was killed). A recipe or a pass whose model or package is not here is named on standard error and left out.

Rows:
    prepare_NAME_minutes         a corpus; prepare_NAME_hours the hours of audio in it, prepare_NAME_cuts its cuts
    label_NAME_minutes           a pass over all corpora, with two workers; label_NAME_processor_minutes of both
    label_NAME_audio_hours       hours of audio that it labels in an hour of a processor
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.rows import Row, row, show
from curation.catalog import build
from curation.passes import PASSES, make_pass
from curation.passes.runner import run_pass
from curation.passes.workers import WorkerPool
from curation.text.readings import number_readings
from manifests.errors import InputError
from manifests.files import read_json, write_json
from recipes import registry

WORKERS = 2


def packaged() -> list[str]:
    """Recipes whose corpora Debian's packages hold."""
    return [name for name in registry.names() if registry.find(name).packages]


class Took:
    """What steps have taken, in a file that grows: step -> sums."""

    def __init__(self, path: Path) -> None:
        self._path = path
        found = read_json(path) if path.is_file() else {}
        self._steps: dict[str, Counter[str]] = {step: Counter(sums) for step, sums in found.items()}

    def add(self, step: str, **more: float) -> dict[str, float]:
        """The sums of a step with `more` added to them."""
        sums = self._steps.setdefault(step, Counter())
        sums.update(more)
        write_json(self._path, self._steps)
        return dict(sums)


def processor_seconds() -> float:
    """Of this process and of those that it has waited for."""
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(used.ru_utime + used.ru_stime for used in map(resource.getrusage, kinds))


def prepared(names: Sequence[str], folder: Path, took: Took) -> Iterator[Row]:
    """Prepare each recipe."""
    for name in names:
        start = time.perf_counter()
        try:
            info = registry.prepare(name, folder, readings=number_readings)
        except InputError as error:
            print(f"{name} is left out: {error}", file=sys.stderr)
            continue
        wall = took.add(f"prepare {name}", wall=time.perf_counter() - start)["wall"]
        yield row(f"prepare_{info.name}_minutes", wall / 60, None, "min")
        yield row(f"prepare_{info.name}_hours", info.hours, None, "h", better="high")
        yield row(f"prepare_{info.name}_cuts", info.cuts + info.texts, None, "rows", better="high")


def labelled(names: Sequence[str], corpora: Path, labels: Path, took: Took) -> Iterator[Row]:
    """Run each pass over all corpora."""
    for name in names:
        before, wall, audio = processor_seconds(), 0.0, 0.0
        try:
            job = make_pass(name)
            with WorkerPool(workers=WORKERS) as pool:  # its start, which counts, is half a minute of imports
                for corpus in sorted(path.parent for path in corpora.glob("*/corpus.json")):
                    done = run_pass(job, corpus, labels, pool=pool)
                    if done.computed_seconds:  # what was there takes no time
                        wall, audio = wall + done.wall_seconds, audio + done.computed_seconds
        except InputError as error:
            print(f"{name} is left out: {error}", file=sys.stderr)
            continue
        used = processor_seconds() - before if audio else 0.0
        sums = took.add(name, wall=wall, processor=used, audio=audio)
        yield row(f"label_{name}_minutes", sums["wall"] / 60, None, "min")
        yield row(f"label_{name}_processor_minutes", sums["processor"] / 60, None, "min")
        speed = sums["audio"] / sums["processor"] if sums["processor"] else 0.0
        yield row(f"label_{name}_audio_hours", speed, None, "h/h", better="high")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=Path("corpora"), help="Folder of corpora, labels and catalog.")
    parser.add_argument("--recipe", action="append", help="These alone; may be repeated.")
    parser.add_argument("--pass", dest="passes", action="append", help="These alone; may be repeated.")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    corpora, labels = options.output / "corpora", options.output / "labels"
    took = Took(options.output / "took.json")
    rows = [
        *prepared(options.recipe or packaged(), corpora, took),
        *labelled(options.passes or PASSES.names(), corpora, labels, took),
    ]
    build(corpora, labels, options.output / "catalog")
    show(rows, as_json=options.json)


if __name__ == "__main__":
    main()
