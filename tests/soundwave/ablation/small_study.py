"""Studies with known truth, as tables: rows of results and rows of clips."""

import json

import numpy as np
import pyarrow as pa

from manifests.files import write_json
from soundwave.ablation.claims.measured import measure
from soundwave.ablation.grid import Grid
from soundwave.ablation.results import write_results
from soundwave.ablation.run import describe
from soundwave.evaluate.registry import find_figure

LLM_WER = find_figure("llm_wer")[1]
STAGE = [{"stage": "sft", "mixture": "sft"}]
CLIPS = {"grid": pa.string(), "cell": pa.string(), "arm": pa.string(), "seed": pa.int32(), "stage": pa.string()}
CLIPS |= {
    "outcome": pa.string(),
    "item": pa.string(),
    "group": pa.string(),
    "value": pa.float64(),
    "weight": pa.float64(),
}


def row(arm, error, seed=7, fraction=1.0, axes=None, half=0.06, **more):
    point = "".join(f"-{name}{value}" for name, value in (axes or {}).items())
    cell = f"{arm}-{fraction * 100:g}%{point}-seed{seed}"
    found = {"grid": "g", "cell": cell, "arm": arm, "fraction": fraction, "seed": seed, "stage": "sft", "last": True}
    found |= {"position": 1, "hours": fraction, "steps": 10, "cpu_seconds": 100.0 * fraction, "clips": 29, "plan": "p"}
    found |= {"llm_wer": error, "llm_wer_low": error - half, "llm_wer_high": error + half}
    return found | ({"axes": json.dumps(axes)} if axes else {}) | more


def clip_rows(of, errors, words, groups=None):
    """A row for each clip of a cell's row."""
    same = {name: of[name] for name in ("grid", "cell", "arm", "seed", "stage")} | {"outcome": "llm_wer"}
    return [
        same | {"item": f"clip-{n}", "group": groups and groups[n], "value": float(error), "weight": float(weight)}
        for n, (error, weight) in enumerate(zip(errors, words, strict=True))
    ]


def table(rows):
    return pa.Table.from_pylist(rows, schema=pa.schema(list(CLIPS.items())))


def study(effects, *, seeds=(7, 8, 9), clips=29, seed_sd=0.02, clip_sd=0.05, each_sd=0.1, speakers=None, random=0):
    """(rows, clips) of arms whose error rates differ from each other by `effects` (arm -> what is added)."""
    generator = np.random.default_rng(random)
    words, level = generator.integers(3, 20, clips), generator.normal(0.6, 0.1, clips)
    groups = speakers and [f"speaker-{n % speakers}" for n in range(clips)]
    rows, parts = [], []
    for arm, effect in effects.items():
        own = generator.normal(0, clip_sd, clips)
        for seed in seeds:
            rates = level + effect + own + generator.normal(0, seed_sd) + generator.normal(0, each_sd, clips)
            rows.append(row(arm, float(rates @ words / words.sum()), seed))
            parts += clip_rows(rows[-1], rates * words, words, groups)
    return rows, table(parts)


def measured(*args, **more):
    rows, clips = study(*args, **more)
    return measure(rows, "llm_wer", LLM_WER, clips)


def shares(values=(0.0, 0.03, 0.1, 0.2, 0.4, 0.6), seeds=(7, 8, 9), noise=0.01, best=0.2, random=0):
    """Rows along share.sound with the least error at `best`."""
    generator = np.random.default_rng(random)
    return [
        row("full", 0.3 + (share - best) ** 2 + generator.normal(0, noise), seed, axes={"share.sound": share})
        for share in values
        for seed in seeds
    ]


def grid(arms=("full",), seeds=(7, 8, 9), **more):
    said = {"question": "Why?", "arms": dict.fromkeys(arms, STAGE), "seeds": seeds, "evaluate": {"decode": ["llm"]}}
    return Grid.model_validate(said | more)


def write_study(folder, asked, rows, clips=None):
    """OUTPUT/GRID as `soundwave ablate` leaves it, with axes as later versions write them."""
    from manifests.files import write_jsonl

    write_results(folder, rows, asked.metric)
    write_jsonl(folder / "results.jsonl", rows)
    write_json(folder / "grid.json", describe(folder.name, asked, rows, clips))
    if clips is not None:
        import pyarrow.parquet as pq

        pq.write_table(clips, folder / "clips.parquet")
    return folder
