"""How well the ledger finds wrong transcripts: real prompts, some with another prompt's text, a real stage I.

    python -m benchmarks.suspicious --workspace demo [--share 0.1] [--passes 8] [--seed 7] [--output DIR] [--json]

The workspace has the demo's corpus `asterisk` with its encoder frames (`soundwave demo`). In a copy, a share of the
training cuts with two words or more get the texts of others among them: every text is of the corpus, and every length
occurs. Stage I is trained on all of it, and nothing but its ledger is looked at.

Rows, in % of k cuts, k as many as were planted:
    suspicious_precision   of the k most suspicious (`suspicion()`), how many are planted; peer: by the last loss alone
    suspicious_chance      of k cuts at random
    suspicious_pruned      of the planted, how many the rule `suspicious.sql` leaves out with its defaults
    suspicious_lost        of the others, how many it leaves out
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.rows import Row, row, show

CORPUS = "asterisk"
QUERY = f"SELECT cut_id, task AS domain FROM accepted WHERE split = 'train' AND duration <= 30 AND corpus = '{CORPUS}'"
LEAST_WORDS = 2


def plant(rows: list[dict[str, Any]], share: float, seed: int) -> set[str]:
    """Give a share of the training cuts texts of others among them; their ids."""
    chance = random.Random(seed)
    fit = [cut for cut in rows if cut["custom"]["split"] == "train" and len(_text(cut).split()) >= LEAST_WORDS]
    chosen = sorted(chance.sample(fit, round(share * len(fit))), key=lambda cut: str(cut["id"]))
    chance.shuffle(chosen)
    texts = [_text(cut) for cut in chosen]
    wrong = set()
    for place, cut in enumerate(chosen):
        other = texts[place - 1]
        if other != _text(cut):
            wrong.add(str(cut["id"]))
        cut["supervisions"][0]["text"] = other
    return wrong


def _text(cut: dict[str, Any]) -> str:
    return str((cut["supervisions"] or [{}])[0].get("text") or "")


def workspace(source: Path, place: Path, share: float, seed: int) -> set[str]:
    """A catalog of the corpus with planted texts, its frames where they are; the ids of what was planted."""
    from curation.catalog import build
    from manifests.files import read_jsonl, write_jsonl

    for kind in ("encode", "quality"):
        if (source / "labels" / kind / CORPUS).is_dir():
            skip = shutil.ignore_patterns("*.npy")
            shutil.copytree(source / "labels" / kind / CORPUS, place / "labels" / kind / CORPUS, ignore=skip)
            for matrix in (source / "labels" / kind / CORPUS).glob("*.npy"):
                (place / "labels" / kind / CORPUS / matrix.name).symlink_to(matrix.resolve())
    corpus = place / "corpora" / CORPUS
    shutil.copytree(source / "corpora" / CORPUS, corpus, ignore=shutil.ignore_patterns("audio", ".*"))
    rows = list(read_jsonl(corpus / "cuts.jsonl.gz"))
    wrong = plant(rows, share, seed)
    write_jsonl(corpus / "cuts.jsonl.gz", rows)
    build(place / "corpora", place / "labels", place / "catalog")
    return wrong


def trained(place: Path, passes: float, seed: int) -> float:
    """Plan and train stage I; seconds of the processor."""
    from curation.plan import make_plan
    from curation.plan.mixture import Mixture
    from soundwave.train.loop import train
    from soundwave.train.settings import load_stage

    asked = {"shares": {"asr": 1}, "epochs": passes, "max_repeats": 64, "batch": {"seconds": 16, "rows": 32}}
    mixture = Mixture.model_validate({"name": "planted", "stage": "alignment", "query": QUERY, "seed": seed} | asked)
    make_plan(mixture, place / "catalog", place / "mixtures" / "planted")
    settings = load_stage("alignment", {"seed": seed})
    return train(settings, plan=place / "mixtures" / "planted", output=place / "runs" / "planted").cpu_seconds


def judged(place: Path, wrong: set[str]) -> dict[str, float]:
    """Precision of the worst, by what the ledger says, in %."""
    from curation.catalog import connect
    from curation.catalog.runs import find_runs
    from curation.rules import FOLDER, read_rules

    with connect(place / "catalog", runs=find_runs([place / "runs"])) as con:
        order = "SELECT cut_id, times_usual, uses FROM suspicion() ORDER BY times_usual DESC, cut_id"
        ranked = con.execute(order).fetchall()
        last = con.execute("SELECT cut_id FROM suspicion() ORDER BY last_loss DESC, cut_id").fetchall()
    known = [name for name, *_ in ranked]
    planted = wrong & set(known)
    count = len(planted)
    header = read_rules((FOLDER / "suspicious.sql").read_text(encoding="utf-8"), "suspicious.sql", {}).settings
    most, least = float(header["times_below"]), float(header["least_uses"])
    out = {name for name, times, uses in ranked if times >= most and uses >= least}
    found = {"ours": [name in wrong for name in known[:count]], "last": [row[0] in wrong for row in last[:count]]}
    return {name: 100 * sum(hits) / count for name, hits in found.items()} | {
        "chance": 100 * count / len(known),
        "pruned": 100 * len(out & planted) / count,
        "lost": 100 * len(out - planted) / (len(known) - count),
    }


def rows(source: Path, place: Path, share: float, passes: float, seed: int) -> list[Row]:
    """Everything, once."""
    began = time.process_time()
    wrong = workspace(source, place, share, seed)
    seconds = trained(place, passes, seed)
    found = judged(place, wrong)
    said = f"{len(wrong)} planted, training {seconds:.0f} s, in all {time.process_time() - began:.0f} s of processor"
    print(said, file=sys.stderr)
    return [
        row("suspicious_precision", found["ours"], found["last"], "%", better="high"),
        row("suspicious_chance", found["chance"], None, "%", better="high"),
        row("suspicious_pruned", found["pruned"], None, "%", better="high"),
        row("suspicious_lost", found["lost"], None, "%"),
    ]


def main() -> None:
    """Measure, and print rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workspace", type=Path, default=Path("demo"))
    parser.add_argument("--share", type=float, default=0.1)
    parser.add_argument("--passes", type=float, default=8)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--output", type=Path, help="keep the workspace here; a temporary folder by default")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = given.output or Path(folder)
        show(rows(given.workspace, place, given.share, given.passes, given.seed), as_json=given.json)


if __name__ == "__main__":
    main()
