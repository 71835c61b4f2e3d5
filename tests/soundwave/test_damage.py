"""Every artefact, damaged in every way: what the commands that read it say. docs/damage.md shows this table."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from curation.catalog import catalog_fingerprint
from curation.reader import PlanReader
from manifests.errors import DamagedError, InputError
from manifests.runs import final_model, read_run
from soundwave.report.training import curves
from soundwave.report.workspace import Workspace
from soundwave.train.batches.plan_data import PlanData
from soundwave.train.runs import checkpoint
from tests.soundwave import damage
from tests.soundwave.damage import ENCODER, soundwave

PAGE = Path(__file__).parents[2] / "docs" / "damage.md"
WAYS = ("empty", "truncated", "zeroed", "one bit", "swapped", "deleted")
ALL_ROWS = " UNION ALL ".join(
    f"SELECT '{table}' AS name, count(*) AS rows, sum(hash(t)::HUGEINT)::VARCHAR AS sum FROM {table} t"
    for table in ("cuts", "words", "labels", "rejects", "features", "plans")
)
NAMED, AGAIN, RIGHT, EARLIER = "named", "made again", "rows right", "the one before is used"


@pytest.fixture(scope="module")
def made(tmp_path_factory, stage_values) -> Path:
    return damage.make(tmp_path_factory.mktemp("damage"), stage_values)


@pytest.fixture(scope="module")
def kept(made):
    return damage.snapshot(made)


@dataclass
class Bench:
    """What a case needs: the workspace, its right rows, and a way to run commands."""

    root: Path
    capsys: pytest.CaptureFixture[str]

    def run(self, *words: object) -> tuple[int, str]:
        """Exit code and all that was said."""
        code, out, err = soundwave(self.capsys, *words)
        return code, out + err

    def rows(self) -> tuple[int, str]:
        return self.run("sql", ALL_ROWS, "--catalog", self.root / "catalog", "--json")

    def build(self) -> tuple[int, str]:
        places = [f"--{name}={self.root / name}" for name in ("corpora", "labels", "catalog")]
        return self.run("catalog", "build", *places)

    def verify(self, kind: str, folder: str) -> tuple[int, str]:
        return self.run("catalog", "verify", f"--{kind}", self.root / folder)


@pytest.fixture
def bench(made, capsys) -> Bench:
    return Bench(made, capsys)


@pytest.fixture(scope="module")
def right(made) -> str:
    return catalog_fingerprint(made / "catalog")


def named(path: Path, code: int, said: str) -> bool:
    """Whether a command refused and named the file, or what beside it no longer fits it (an exchanged record)."""
    return code in (1, 2) and (path.name in said or str(path.parent) in said) and "Traceback" not in said


def read_catalog(bench: Bench, path: Path, right: str) -> str:
    """SQL refuses; `catalog build` makes it again, with the same rows."""
    code, said = bench.rows()
    assert named(path, code, said), said
    code, said = bench.build()
    assert code == 0 and path.name in said and "made again" in said, said
    assert catalog_fingerprint(bench.root / "catalog") == right
    return f"{NAMED}; {AGAIN}"


def read_labels(bench: Bench, path: Path, right: str) -> str:
    """`catalog build` and training refuse, or their rows are right; `label` makes it again."""
    code, said = bench.build()
    outcome = NAMED if code else RIGHT
    assert named(path, code, said) if code else catalog_fingerprint(bench.root / "catalog") == right, said
    if path.suffix == ".npy":
        with pytest.raises(DamagedError, match=re.escape(path.name)):
            PlanData(bench.root / "mixtures" / "one", encoder=ENCODER).keep(bench.root / "rows")
        outcome = NAMED
    damage.label_again(bench.root)
    code, said = bench.build()
    assert code == 0 and catalog_fingerprint(bench.root / "catalog") == right, said
    return f"{outcome}; {AGAIN}"


def read_corpus(bench: Bench, path: Path, right: str) -> str:
    """`catalog build` refuses, or its rows are right and it names the file."""
    code, said = bench.build()
    if code == 0 or "left the catalog" in said:
        assert path.name in said, said
        assert "left the catalog" in said or catalog_fingerprint(bench.root / "catalog") == right, said
        return f"{NAMED}, {RIGHT}" if code == 0 else NAMED
    assert named(path, code, said), said
    return NAMED


def read_plan(bench: Bench, path: Path, right: str) -> str:
    """`mix show` and training refuse; `mix plan` (--force, where it is another mixture's) makes it again."""
    code, said = bench.run("mix", "show", path.parent, "--windows")
    assert named(path, code, said), said
    with pytest.raises(InputError, match=re.escape(str(path.parent))):
        PlanReader(path.parent)
    for seed, name in enumerate(damage.CORPORA):
        damage.plan_again(bench.root, name, seed, aside=True)
    assert PlanReader(path.parent).lock.draws == 12
    return f"{NAMED}; {AGAIN}"


def read_run_files(bench: Bench, path: Path, right: str) -> str:
    """`ledger` refuses a run's ledger, lock and run.json."""
    folder = path.parent
    code, said = bench.run("ledger", folder, "--json")
    if path.name == "run.json" and not path.exists():
        assert code == 2 and str(folder) in said, said
        return NAMED
    if code == 0 and path.name != "ledger.parquet":
        code, said = bench.verify("runs", "runs")
    assert named(path, code, said), said
    return NAMED


def read_model(bench: Bench, path: Path, right: str) -> str:
    """What `infer`, `eval` and `train --init` open the model with refuses."""
    with pytest.raises(InputError, match=re.escape(path.name)):
        final_model(path.parents[1])
    return NAMED


def read_metrics(bench: Bench, path: Path, right: str) -> str:
    """The report leaves the run's curve out, and says so."""
    drawn = [row["run"] for row in curves(Workspace(bench.root))]
    said = "".join(bench.capsys.readouterr())
    assert path.parent.name not in drawn and path.name in said, said
    return NAMED


def read_settings(bench: Bench, path: Path, right: str) -> str:
    """Nothing reads it but people: `catalog verify` names it."""
    code, said = bench.verify("runs", "runs")
    assert named(path, code, said), said
    return NAMED


def read_checkpoint(bench: Bench, path: Path, right: str) -> str:
    """A run goes on from the checkpoint before."""
    info = read_run(path.parents[1])
    state = checkpoint.load_last(path.parent, training=info.key, step=info.step)
    said = "".join(bench.capsys.readouterr())
    assert state is not None and state.step == 1, said
    assert f"{path.parent}" in said and "goes on from step 1" in said, said
    return f"{NAMED}; {EARLIER}"


ARTEFACTS: dict[str, tuple[str, str, Callable[[Bench, Path, str], str]]] = {
    "catalog.json": ("catalog/catalog.json", "", read_catalog),
    "catalog part": ("catalog/cuts/one/*.parquet", "catalog/cuts/two/*.parquet", read_catalog),
    "labels: words": ("labels/encode/one/words-*", "labels/encode/two/words-*", read_labels),
    "labels: labels": ("labels/encode/one/labels-*", "labels/encode/two/labels-*", read_labels),
    "labels: rejects": ("labels/encode/one/rejects-*", "labels/encode/two/rejects-*", read_labels),
    "labels: features": ("labels/encode/one/*.parquet", "labels/encode/two/features-*.parquet", read_labels),
    "labels: matrix": ("labels/encode/one/*.npy", "labels/encode/two/*.npy", read_labels),
    "labels: marker": ("labels/encode/one/shard-*", "labels/encode/two/shard-*", read_labels),
    "labels: pass.json": ("labels/encode/one/pass.json", "labels/encode/two/pass.json", read_labels),
    "corpus: cuts.jsonl.gz": ("corpora/one/cuts.jsonl.gz", "corpora/two/cuts.jsonl.gz", read_corpus),
    "corpus: texts.jsonl.gz": ("corpora/one/texts.jsonl.gz", "corpora/two/texts.jsonl.gz", read_corpus),
    "corpus: rejects.jsonl.gz": ("corpora/one/rejects.jsonl.gz", "corpora/two/rejects.jsonl.gz", read_corpus),
    "corpus: corpus.json": ("corpora/one/corpus.json", "corpora/two/corpus.json", read_corpus),
    "plan: plan.parquet": ("mixtures/one/plan.parquet", "mixtures/two/plan.parquet", read_plan),
    "plan: lock.json": ("mixtures/one/lock.json", "mixtures/two/lock.json", read_plan),
    "run: run.json": ("runs/one/run.json", "runs/two/run.json", read_run_files),
    "run: lock.json": ("runs/one/lock.json", "runs/two/lock.json", read_run_files),
    "run: ledger.parquet": ("runs/one/ledger.parquet", "runs/two/ledger.parquet", read_run_files),
    "run: metrics.jsonl": ("runs/one/metrics.jsonl", "runs/two/metrics.jsonl", read_metrics),
    "run: settings.yaml": ("runs/one/settings.yaml", "runs/two/settings.yaml", read_settings),
    "run: final weights": ("runs/one/final/adapters.safetensors", "runs/two/final/adapters.safetensors", read_model),
    "run: final config": ("runs/one/final/config.json", "mixtures/one/lock.json", read_model),
    "run: checkpoint": (
        "stopped/one/checkpoints/step-0000002.safetensors",
        "stopped/two/checkpoints/step-0000002.safetensors",
        read_checkpoint,
    ),
}  # fmt: skip


def one(root: Path, pattern: str) -> Path:
    (found, *_) = sorted(root.glob(pattern))
    return found


def outcomes(bench: Bench, artefact: str, right: str, kept) -> Iterator[tuple[str, str]]:
    """Each way of damage, and what came of it."""
    pattern, beside, read = ARTEFACTS[artefact]
    path, other = one(bench.root, pattern), one(bench.root, beside or pattern)
    for way, act in damage.ways(path, other):
        if way == "swapped" and path == other:
            yield way, "-"
            continue
        with damage.restored(bench.root, kept):
            act()
            yield way, read(bench, path, right)


def table() -> dict[str, dict[str, str]]:
    """The page's table: artefact -> way -> outcome."""
    lines = [line.strip("|\n ").split("|") for line in PAGE.read_text(encoding="utf-8").split("\n") if "|" in line]
    rows = [[cell.strip().strip("`") for cell in cells] for cells in lines]
    return {row[0]: dict(zip(WAYS, row[1:], strict=True)) for row in rows if row[0] in ARTEFACTS}


@pytest.mark.parametrize("artefact", ARTEFACTS)
def test_damage_is_named_or_mended_and_never_read_as_other_rows(artefact, bench, right, kept):
    found: dict[str, list[str]] = {}
    for way, outcome in outcomes(bench, artefact, right, kept):
        found.setdefault(way, []).append(outcome)
    row = {way: " / ".join(dict.fromkeys(said)) for way, said in found.items()}
    print(f"| {artefact} | {' | '.join(row[way] for way in WAYS)} |")
    assert row == table()[artefact]
