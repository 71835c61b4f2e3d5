"""What a sweep of twelve sizes costs when they branch off one run, against twelve runs from zero.

    python -m benchmarks.sweep --json

Synthetic speech: each word is a pattern of frames with noise, stored as an `encode` pass would; a random tiny LLM gives
the vocabulary, and stage I (CTC, letters) learns to spell. One grid of twelve sizes, matched repeats, trained twice in
this process: `ladder: branches` and `ladder: independent`. Warm-up, stable, and a decay over the last twentieth.

Rows (ratio: how many times better ours is):
    sweep_cost   processor seconds of all trainings; ours: branches, peer: independent runs. Target 4.
    branch_gap   ours: root mean square over the sizes of (branch - independent) held-out CTC loss per token, one seed;
                 peer: the standard deviation over seeds of independent runs of one size (three seeds, three sizes).
                 Target 1: a branch is no further from its independent run than another seed is.
    shared_plans largest difference of held-out CTC loss between the trunk and the independent run of the same size,
                 where nothing is random: 0.

By steps alone branches would cost a fifth. The rest is what each training does beside its steps (model, checkpoints,
ledger, files: 0.3 s), which weighs less the longer it is: --clips. As in a sweep, a training has one thread: several
that wait for each other would be counted as work. The table goes to stderr.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
import yaml

from benchmarks.rows import Row, row, show
from benchmarks.tiny_llm import WORDS, make_tiny_llm
from curation.catalog import build
from manifests.files import write_json, write_jsonl
from manifests.schema import arrow_schema
from soundwave.ablation.nodes import Node
from soundwave.ablation.run import Ablation
from soundwave.evaluate.families import measure
from soundwave.evaluate.held_out import EvalOptions
from soundwave.train.loop import train
from soundwave.train.settings import load_stage

ENCODER, WIDTH, FRAMES, WORD_SECONDS = "moonshine-tiny-en", 24, 16, 0.4
SIZES, SEEDS = 12, (7, 8, 9)
SPREAD = (3, 6, 12)  # sizes, in twelfths, that are trained with every seed


def corpus(root: Path, clips: int, noise: float) -> Path:
    """A catalog of clips of 3 to 7 words, an eighth of them held out; noise: of a frame, beside patterns of 1."""
    rng = np.random.default_rng(0)
    patterns = {word: rng.normal(size=(FRAMES, WIDTH)) for word in WORDS}
    place, labels = root / "corpora" / "words", root / "labels" / "encode" / "words"
    labels.mkdir(parents=True)
    cuts, features, frames, offset = [], [], [], 0
    for number in range(clips):
        said = [str(word) for word in rng.choice(WORDS, size=3 + number % 5)]
        parts = [patterns[word] + noise * rng.normal(size=(FRAMES, WIDTH)) for word in said]
        name, matrix = f"words-{number:05d}", np.concatenate(parts).astype(np.float16)
        cuts.append(_cut(name, said, "test" if number % 8 == 7 else "train"))
        stored = {"encoder": ENCODER, "variant": "plain", "dim": WIDTH, "frame_rate": FRAMES / WORD_SECONDS}
        stored |= {"cut_id": name, "offset": offset, "frames": len(matrix)}
        features.append(stored | {"path": str(labels / "features-0000.npy")})
        frames.append(matrix)
        offset += len(matrix)
    write_jsonl(place / "cuts.jsonl.gz", cuts)
    facts = {"name": "words", "title": "Words", "license": "CC0-1.0", "makers": "the benchmark"}
    write_json(place / "corpus.json", facts | {"cuts": clips, "texts": 0, "rejects": 0, "hours": 0.1})
    np.save(labels / "features-0000.npy", np.concatenate(frames))
    pq.write_table(pa.Table.from_pylist(features, schema=arrow_schema("features")), labels / "features-0000.parquet")
    write_json(labels / "pass.json", {"shards": ["0000"], "settings": {}, "counts": {}})
    build(root / "corpora", root / "labels", root / "catalog")
    return root / "catalog"


def _cut(name: str, said: Sequence[str], split: str) -> dict[str, Any]:
    seconds = WORD_SECONDS * len(said)
    sources = [{"type": "file", "channels": [0], "source": f"{name}.wav"}]
    recording = {"id": name, "sources": sources, "channel_ids": [0], "sampling_rate": 16000}
    recording |= {"num_samples": round(16000 * seconds), "duration": seconds}
    supervision = {"id": name, "recording_id": name, "start": 0.0, "duration": seconds, "channel": 0, "language": "en"}
    custom = {"corpus": "words", "split": split, "task": "asr", "domain": "asr", "license": "CC0-1.0"}
    return {"id": name, "start": 0.0, "duration": seconds, "channel": 0, "recording": recording, "type": "MonoCut",
            "supervisions": [supervision | {"text": " ".join(said)}],
            "custom": custom | {"audio_sha256": name.rjust(64, "0")}}  # fmt: skip


def write_grids(root: Path, step_seconds: float) -> dict[str, Path]:
    """The grid, as branches and as independent runs; and its sizes that are trained with every seed."""
    model = {"llm": str(make_tiny_llm(root / "llm")), "stack": 2, "heads": 4, "ctc_vocabulary": "seen", "lora_rank": 2}
    optimiser = {"learning_rate": 3e-3, "schedule": "wsd", "warmup_steps": 4, "decay": 0.05}
    stage = {"stage": "alignment", "model": model, "train": ["alignment", "ctc_head"], "lm_weight": 0.0}
    stage |= {"ctc_weight": 1.0, "ctc_units": "letters", "optimiser": optimiser, "precision": "fp32"}
    stage |= {"tensorboard": False, "checkpoint_every": 1000, "ahead": 0}
    mixture = {"stage": "alignment", "query": "SELECT cut_id, domain FROM cuts WHERE split = 'train'", "epochs": 1,
               "shares": {"asr": 1}, "batch": {"seconds": step_seconds}, "window": 1}  # fmt: skip
    grid: dict[str, Any] = {"question": "How does the loss fall with hours?", "repeats": "matched"}
    grid |= {"outcomes": {"loss": "loss.ctc_loss"}}
    grid |= {"arms": {"stage-1": [{"stage": "stage.yaml", "mixture": "mixture.yaml"}]}}
    every, some = [n / SIZES for n in range(1, SIZES + 1)], [n / SIZES for n in SPREAD]
    grids = {
        "branches": grid | {"ladder": "branches", "fractions": every, "seeds": SEEDS[:1]},
        "independent": grid | {"fractions": every, "seeds": SEEDS[:1]},
        "spread": grid | {"fractions": some, "seeds": SEEDS},
    }
    for name, values in {"stage": stage, "mixture": mixture, **grids}.items():
        plain = {key: list(value) if isinstance(value, tuple) else value for key, value in values.items()}
        (root / f"{name}.yaml").write_text(yaml.safe_dump(plain), encoding="utf-8")
    return {name: root / f"{name}.yaml" for name in grids}


def train_all(grid: Path, catalog: Path, output: Path) -> tuple[dict[tuple[float, int], float], float]:
    """Train every cell of a grid in this process: (size, seed) -> held-out CTC loss, and processor seconds."""
    ablation = Ablation([str(grid)], catalog, output)
    ablation.claim()
    ablation.make_plans()
    began = time.process_time()
    for node in sorted(ablation.nodes.values(), key=lambda node: -node.part):
        task = ablation.task(node)
        train(load_stage(task.settings), plan=task.plan, output=task.output, init=task.init, branch=task.branch)
    spent = time.process_time() - began
    losses = {}
    for cell in ablation.expansion.cells:
        node: Node = ablation.nodes[cell.chain[-1]]
        found = measure(ablation.run_folder(node), catalog, ["loss"], EvalOptions(split="test", min_words=1))
        losses[cell.fraction, cell.seed] = float(found["families"]["loss"]["ctc_loss"])
    return losses, spent


def rows(clips: int, step_seconds: float, noise: float) -> list[Row]:
    """All rows."""
    with tempfile.TemporaryDirectory(prefix="soundwave-") as folder:
        root = Path(folder)
        catalog, grids = corpus(root, clips, noise), write_grids(root, step_seconds)
        ours, cost = train_all(grids["branches"], catalog, root / "branches")
        theirs, from_zero = train_all(grids["independent"], catalog, root / "independent")
        several, _ = train_all(grids["spread"], catalog, root / "independent")
    for key in sorted(ours):
        print(f"size {key[0]:.3f}: branch {ours[key]:.4f}, independent {theirs[key]:.4f}", file=sys.stderr)
    gaps = [ours[key] - theirs[key] for key in ours if key[0] < 1]
    spread = [np.var([several[size, seed] for seed in SEEDS], ddof=1) for size in sorted({key[0] for key in several})]
    gap, sd = float(np.sqrt(np.mean(np.square(gaps)))), float(np.sqrt(np.mean(spread)))
    return [
        row("sweep_cost", cost, from_zero, "s"),
        row("branch_gap", gap, sd, "nats"),
        row("shared_plans", abs(ours[1.0, SEEDS[0]] - theirs[1.0, SEEDS[0]]), None, "nats"),
    ]


def main() -> None:
    """Print the rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print the rows as JSON")
    parser.add_argument("--clips", type=int, default=12000, help="of the corpus (default 12000)")
    parser.add_argument("--step", type=float, default=8.0, help="seconds of audio in a step (default 8)")
    parser.add_argument("--noise", type=float, default=1.5, help="of a frame (default 1.5)")
    options = parser.parse_args()
    torch.set_num_threads(1)
    show(rows(options.clips, options.step, options.noise), as_json=options.json)


if __name__ == "__main__":
    main()
