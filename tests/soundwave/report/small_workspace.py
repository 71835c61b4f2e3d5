"""A workspace of eight short clips with word alignments, one mixture, and an ablation with invented numbers."""

import shutil

import numpy as np
import soundfile

from curation.catalog import build
from curation.plan import make_plan
from curation.plan.mixture import Mixture
from manifests.files import read_json, write_json, write_jsonl
from soundwave.ablation.grid import Grid
from soundwave.ablation.results import write_results
from soundwave.ablation.run import describe

WORDS = ("press", "one", "to", "listen", "now")
SECONDS = 1.5


def cut_row(folder, number, split):
    name = f"prompts-{number:02d}"
    path = folder / "corpora" / "prompts" / f"{name}.wav"
    path.parent.mkdir(parents=True, exist_ok=True)
    tone = np.sin(np.arange(int(16000 * SECONDS)) / (5 + number)).astype(np.float32) * np.linspace(
        0, 0.5, int(16000 * SECONDS)
    )
    soundfile.write(path, tone, 16000)
    supervision = {"id": name, "recording_id": name, "start": 0.0, "duration": SECONDS, "channel": 0, "language": "en"}
    facts = {"corpus": "prompts", "split": split, "task": "asr", "domain": "asr", "license": "CC0-1.0"}
    recording = {
        "id": name,
        "sources": [{"type": "file", "channels": [0], "source": str(path)}],
        "sampling_rate": 16000,
        "num_samples": len(tone),
        "duration": SECONDS,
        "channel_ids": [0],
    }
    return {
        "id": name,
        "start": 0.0,
        "duration": SECONDS,
        "channel": 0,
        "supervisions": [supervision | {"text": " ".join(WORDS)}],
        "recording": recording,
        "custom": facts | {"audio_sha256": f"{number:064d}"},
        "type": "MonoCut",
    }


def write_words(folder, names):
    """The align pass's shard for all cuts but the last, which it refused."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from manifests.schema import arrow_schema

    place = folder / "labels" / "align" / "prompts"
    place.mkdir(parents=True)
    words = [
        {"cut_id": name, "backend": "test", "position": at, "symbol": word, "start": 0.1 + 0.25 * at, "duration": 0.2}
        for name in names[:-1]
        for at, word in enumerate(WORDS)
    ]
    rejects = [{"cut_id": names[-1], "corpus": "prompts", "pass": "align", "reason": "no_speech", "detail": "a tone"}]
    for kind, rows in (("words", words), ("rejects", rejects)):
        pq.write_table(
            pa.Table.from_pylist(rows, schema=arrow_schema(kind)), place / f"{kind}-0123456789abcdef.parquet"
        )
    counts = {"cuts": len(names), "labelled": len(names) - 1, "rejected": 1, "reasons": {"no_speech": 1}}
    write_json(place / "shard-0123456789abcdef.json", {"pass": "align", "counts": counts})
    facts = {"pass": "align", "version": "3", "shards": ["0123456789abcdef"], "settings": {}, "counts": counts}
    write_json(place / "pass.json", facts)


def result(grid, arm, stage, position, last, ctc, llm, **more):
    row = {"grid": grid, "cell": f"{arm}-100%-seed7", "arm": arm, "fraction": 1.0, "seed": 7, "stage": stage}
    row |= {"position": position, "last": last, "hours": 0.3, "steps": 20, "wall_seconds": 60.0 * position}
    row |= {"clips": 2, "words": 10, "run": f"runs/{stage}-{arm}", "plan": "p1", "key": f"{stage}-{arm}"}
    for metric, value in (("ctc_wer", ctc), ("llm_wer", llm)):
        row |= {metric: value, f"{metric}_low": value and value - 0.05, f"{metric}_high": value and value + 0.05}
    return row | more


def write_run(folder, name, stage, measures):
    run = folder / "ablation" / "runs" / name
    rows = [
        {"step": step, "steps": 20, "seconds": 3.0 * (step + 1), "loss": 1.0}
        | {measure: high * 0.9**step for measure, high in measures.items()}
        for step in range(20)
    ]
    write_jsonl(run / "metrics.jsonl", rows)
    write_json(run / "run.json", {"run": name, "stage": stage, "steps": 20, "seconds": 60.0, "status": "done"})
    write_json(run / "environment.json", {"python": "3.11.7", "packages": {"torch": "2.9.0"}})
    text = "Press 1 to listen now."
    heard = {"ctc": "press one to <b> now", "llm": "press a one to listen"}
    other = "two two" if name.endswith("short") else "press one to listen now"
    rows = [{"id": "prompts-07", "reference": text, **heard}]
    write_jsonl(
        run / "examples-test.jsonl", [*rows, {"id": "prompts-06", "reference": text, "ctc": "press", "llm": other}]
    )


def write_ledger(folder, name):
    """The ledger of a run that was trained on the plan p1, with the plan's lock."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from manifests.schema import arrow_schema, columns

    run, plan = folder / "ablation" / "runs" / name, folder / "ablation" / "plans" / "p1"
    lock = read_json(plan / "lock.json")
    facts = read_json(run / "run.json") | {"key": f"key-{name}", "plan": lock["plan_sha256"], "parent": None}
    write_json(run / "run.json", facts)
    shutil.copy(plan / "lock.json", run / "lock.json")
    rows = [
        dict.fromkeys(columns("ledger"))
        | {"run": name, "step": row["step"], "cut_id": row["cut_id"], "domain": row["domain"]}
        | {"ctc_loss": 5.0 - row["step"] / 2}
        for row in pq.read_table(plan / "plan.parquet").to_pylist()
    ]
    pq.write_table(pa.Table.from_pylist(rows, schema=arrow_schema("ledger")), run / "ledger.parquet")


def write_grid_results(folder, name, grid, rows):
    write_results(folder / "ablation" / name, rows, grid.metric)
    write_json(folder / "ablation" / name / "grid.json", describe(name, grid, rows))


def small_workspace(folder):
    """Fill `folder`; returns it."""
    rows = [cut_row(folder, number, "test" if number >= 6 else "train") for number in range(8)]
    write_jsonl(folder / "corpora" / "prompts" / "cuts.jsonl.gz", rows)
    info = {"name": "prompts", "title": "Prompts & tones", "license": "CC0-1.0", "makers": "the tests"}
    counts = {"cuts": 8, "texts": 0, "rejects": 0, "hours": 8 * SECONDS / 3600}
    write_json(folder / "corpora" / "prompts" / "corpus.json", info | counts)
    write_words(folder, [row["id"] for row in rows])
    build(folder / "corpora", folder / "labels", folder / "catalog")
    mixture = {
        "name": "alignment",
        "stage": "alignment",
        "unit": "samples",
        "epochs": 2,
        "max_repeats": 3,
        "shares": {"asr": 1},
    }
    mixture |= {"query": "SELECT cut_id, domain FROM cuts WHERE split = 'train'", "batch": {"seconds": 3}}
    make_plan(Mixture.model_validate(mixture), folder / "catalog", folder / "ablation" / "plans" / "p1")
    steps = [{"stage": stage, "mixture": stage} for stage in ("alignment", "shrinking", "sft")]
    recipe = Grid.model_validate({"question": "Does stage I pay?", "arms": {"full": steps, "short": steps[1:]}})
    ladder = Grid.model_validate(
        {"question": "How does it fall?", "arms": {"stage-1": steps[:1]}, "fractions": [0.25, 0.5, 1.0]}
        | {"evaluate": {"decode": ["ctc"]}, "metric": "ctc_wer"}
    )
    cells = [
        result("recipe", "full", "alignment", 1, False, 0.35, None),
        result("recipe", "full", "shrinking", 2, False, 0.36, 0.52),
        result("recipe", "full", "sft", 3, True, None, 0.47),
        result("recipe", "short", "shrinking", 1, False, 0.95, 2.01),
        result("recipe", "short", "sft", 2, True, None, 1.7),
    ]
    write_grid_results(folder, "recipe", recipe, cells)
    sizes = [
        result("ladder", "stage-1", "alignment", 1, True, error, None, fraction=size, hours=0.3 * size)
        for size, error in ((0.25, 0.7), (0.5, 0.5), (1.0, 0.35))
    ]
    write_grid_results(folder, "ladder", ladder, sizes)
    write_run(folder, "alignment-full", "alignment", {"ctc_loss": 7.0})
    write_ledger(folder, "alignment-full")
    for arm in ("full", "short"):
        write_run(folder, f"shrinking-{arm}", "shrinking", {"ctc_loss": 3.0, "lm_loss": 4.0})
        write_run(folder, f"sft-{arm}", "sft", {"lm_loss": 2.0})
    write_json(folder / "ceiling.json", {"wer": 0.077, "wer_band": [0.05, 0.1], "clips": 2, "words": 10})
    phases = [{"name": "prepare", "title": "Recipes", "note": "8 cuts", "seconds": 3.0, "reused": False}]
    write_json(folder / "timings.json", {"phases": phases})
    return folder
