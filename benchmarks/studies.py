"""The studies in docs/studies, each by one command that goes on where it was stopped.

    python -m benchmarks.studies synthetic --output studies [--limit 2h] [--only GRID] [--anew]

docs/studies/NAME/study.yaml lists corpora, labelling passes and grids, all of which were written down before anything
was trained. Corpora, labels, catalog and trainings go to OUTPUT/NAME, by the commands that anybody types. Cells that
are finished in docs/studies/NAME/GRID.parquet are taken from there (--anew: trained again). Then that table is written
again, with what each held-out clip gave (GRID-clips.parquet), what may be claimed in sentences (GRID.txt), and figures.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq
from pydantic import BaseModel, Field

from benchmarks.study_figures import StudyFigure, draw
from manifests.files import read_json, read_text, write_json, write_jsonl, write_text
from manifests.rows import cut_rows
from manifests.settings.core_yaml import load_yaml
from manifests.settings.fields import STRICT

STUDIES = Path(__file__).parent.parent / "docs" / "studies"
SENTENCES = ("claims", "fit")


class Planted(BaseModel):
    """A corpus of another one's cuts, each with the transcript of another cut of the same split."""

    model_config = STRICT

    of: str
    """The corpus with the right ones."""
    seed: int = 0
    """Of which cut gets which."""


class Study(BaseModel):
    """What a study needs."""

    model_config = STRICT

    corpora: tuple[str, ...] = Field(min_length=1)
    """Recipes."""
    planted: dict[str, Planted] = Field(default_factory=dict)
    """Corpora with wrong transcripts, made of these."""
    passes: tuple[tuple[str, ...], ...] = ()
    """Labelling passes: the words of their commands."""
    grids: tuple[str, ...] = Field(min_length=1)
    """Files of the study, less .yaml, in the order in which they are run."""
    figures: dict[str, StudyFigure] = Field(default_factory=dict)
    """Name of an .svg -> what it shows."""


@dataclass(frozen=True)
class Place:
    """Where one study lies, and what it makes."""

    written: Path
    """Its folder in docs/studies."""
    output: Path
    """Its folder of corpora, labels and trainings."""

    def prepare(self, study: Study) -> None:
        """Corpora, labels, catalog."""
        corpora, labels = self.output / "corpora", self.output / "labels"
        soundwave("prepare", *study.corpora, "--output", corpora)
        for name, planted in study.planted.items():
            plant(corpora / planted.of, corpora / name, planted.seed)
        for words in study.passes:
            soundwave("label", *words, "--corpora", corpora, "--labels", labels)
        soundwave("catalog", "build", "--corpora", corpora, "--labels", labels, "--catalog", self.output / "catalog")

    def run(self, grid: str, *, limit: str | None, anew: bool) -> None:
        """Train a grid's cells and write down what they gave."""
        table = self.written / f"{grid}.parquet"
        taken: list[str | Path] = [] if anew or not table.is_file() else ["--results", table, "--any-catalog"]
        limited: list[str | Path] = [] if limit is None else ["--time-limit", limit]
        folder = self.output / "ablation"
        words: list[str | Path] = [
            self.written / f"{grid}.yaml",
            "--catalog",
            self.output / "catalog",
            "--output",
            folder,
        ]
        try:
            soundwave("ablate", "run", *words, "--keep-going", *taken, *limited)
        finally:
            self.write_down(grid, folder / grid)

    def draw(self, study: Study) -> None:
        """Figures of the tables that are written down."""
        for name, asked in study.figures.items():
            tables = [self.written / f"{grid}.parquet" for grid in asked.grids]
            rows = [row for table in tables if table.is_file() for row in pq.read_table(table).to_pylist()]
            draw(rows, asked, self.written / f"{name}.svg")

    def write_down(self, grid: str, found: Path) -> None:
        """Copy a grid's tables beside its file, and what they say."""
        for made, kept in (("results.parquet", f"{grid}.parquet"), ("clips.parquet", f"{grid}-clips.parquet")):
            if (found / made).is_file():
                shutil.copyfile(found / made, self.written / kept)
        if (found / "results.parquet").is_file():
            said = [answer("ablate", part, found) for part in SENTENCES]
            write_text(self.written / f"{grid}.txt", "\n".join(said))


def plant(source: Path, target: Path, seed: int) -> None:
    """Make the corpus `target`, unless it is there: the cuts of `source` with each other's transcripts."""
    if (target / "corpus.json").is_file():
        return
    rows = [row | {"id": row["id"].replace(source.name, target.name, 1)} for row in cut_rows(source)]
    chance = random.Random(seed)
    for split in sorted({str(row["custom"]["split"]) for row in rows}):
        spoken = [row for row in rows if row["custom"]["split"] == split and row["supervisions"]]
        chance.shuffle(spoken)
        texts = [row["supervisions"][0]["text"] for row in spoken]
        for place, row in enumerate(spoken):
            others = (text for text in texts[place + 1 :] + texts[:place] if text != texts[place])
            row["supervisions"][0]["text"] = next(others)
    for row in rows:
        row["custom"] = {**row["custom"], "corpus": target.name}
    write_jsonl(target / "cuts.jsonl.gz", rows)
    facts = {**read_json(source / "corpus.json"), "name": target.name, "title": f"{source.name} with wrong transcripts"}
    kept = ("name", "title", "license", "makers", "hours")
    write_json(target / "corpus.json", {name: facts[name] for name in kept} | {"cuts": len(rows), "texts": 0})


def soundwave(*words: str | Path) -> None:
    """Run a command of the product.

    Raises:
        SystemExit: it failed.
    """
    command = [sys.executable, "-m", "soundwave", *map(str, words)]
    if code := subprocess.run(command, check=False).returncode:
        raise SystemExit(f"soundwave {' '.join(map(str, words))}: ended with {code}")


def answer(*words: str | Path) -> str:
    """What a command of the product says; its error, where it has nothing to say."""
    command = [sys.executable, "-m", "soundwave", *map(str, words)]
    wide = {**os.environ, "COLUMNS": "100", "NO_COLOR": "1"}
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=wide)
    return f"$ soundwave {words[0]} {words[1]}\n{done.stdout or done.stderr}"


def main(words: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("study", choices=sorted(path.parent.name for path in STUDIES.glob("*/study.yaml")))
    parser.add_argument("--output", type=Path, default=Path("studies"))
    parser.add_argument("--only", action="append", help="This grid alone; may be repeated.")
    parser.add_argument("--limit", help="Stop the trainings of a grid after 30m, 2h, ...; the same call goes on.")
    parser.add_argument("--anew", action="store_true", help="Train also what the tables in docs/studies have.")
    parser.add_argument("--prepare", action="store_true", help="Corpora, labels and catalog alone.")
    options = parser.parse_args(words)
    place = Place(STUDIES / options.study, options.output / options.study)
    study = Study.model_validate(load_yaml(read_text(place.written / "study.yaml")))
    place.prepare(study)
    for grid in () if options.prepare else options.only or study.grids:
        place.run(grid, limit=options.limit, anew=options.anew)
        place.draw(study)


if __name__ == "__main__":
    main()
