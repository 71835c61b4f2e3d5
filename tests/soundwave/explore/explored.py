"""A workspace to explore: eight clips with words, a mixture of two domains, its plan, a run, and studies."""

import json
from itertools import product

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from curation.catalog import build
from curation.plan import make_plan
from curation.plan.mixture import load_mixture
from manifests.files import write_json, write_jsonl
from soundwave.ablation.grid import Grid
from soundwave.ablation.results import write_results
from soundwave.ablation.run import describe
from tests.curation.catalog.study_folders import write_study_run
from tests.soundwave.ablation.small_study import CLIPS
from tests.soundwave.report.small_workspace import SECONDS, cut_row, result, write_grid_results, write_words

SCRIPT = "<script>document.title = 'taken'</script> press & <b>one</b>"
SOUNDS = (("Dog", 0.25, 0.5), ("Rain", 0.5, 0.9), ("Dog", 1.3, 0.15))  # label, start, duration
MIXTURE = {
    "stage": "alignment",
    "unit": "samples",
    "budget": 8,
    "max_repeats": 3,
    "shares": {"low": 0.5, "high": 0.5},
    "batch": {"seconds": 3},
    "query": "SELECT cut_id, CASE WHEN cut_id < 'prompts-03' THEN 'low' ELSE 'high' END AS domain\n"
    "FROM cuts\nWHERE split = 'train'\n",
}


def explored_workspace(folder):
    """Fill `folder`; returns it."""
    rows = [cut_row(folder, number, "test" if number >= 6 else "train") for number in range(8)]
    rows[1]["supervisions"][0]["text"] = SCRIPT
    rows[2]["supervisions"][0]["language"] = None
    rows[3]["supervisions"] += [sound_in(rows[3], n, *sound) for n, sound in enumerate(SOUNDS, 1)]
    write_jsonl(folder / "corpora" / "prompts" / "cuts.jsonl.gz", rows)
    info = {"name": "prompts", "title": "Prompts", "license": "CC0-1.0", "makers": "the tests"}
    counts = {"cuts": 8, "texts": 0, "rejects": 0, "hours": 8 * SECONDS / 3600}
    write_json(folder / "corpora" / "prompts" / "corpus.json", info | counts)
    write_words(folder, [row["id"] for row in rows])
    _write_labels(folder, [row["id"] for row in rows])
    build(folder / "corpora", folder / "labels", folder / "catalog")
    mixtures = folder / "mixtures"
    mixtures.mkdir()
    (mixtures / "two.yaml").write_text(yaml.safe_dump(MIXTURE))
    plan = folder / "ablation" / "plans" / "p1"
    make_plan(load_mixture(mixtures / "two.yaml"), folder / "catalog", plan)
    ledger = [{"step": step, "cut_id": "prompts-01", "domain": "low", "ctc_loss": 4.0 - step} for step in range(3)]
    write_study_run(folder / "ablation", "alignment-full", ledger, plan=plan)
    grid = Grid.model_validate(
        {"question": "How does it fall?", "arms": {"full": [{"stage": "alignment", "mixture": "alignment"}]}}
        | {"fractions": [0.5, 1.0], "evaluate": {"decode": ["ctc"]}, "metric": "ctc_wer"}
    )
    cells = [
        result("ladder", "full", "alignment", 1, True, error, None, fraction=size, hours=0.3 * size)
        for size, error in ((0.5, 0.5), (1.0, 0.35))
    ]
    write_grid_results(folder, "ladder", grid, cells)
    write_shares(folder / "ablation" / "shares")
    return folder


def sound_in(row, number, label, start, duration):
    """A supervision of a row for a sound inside it."""
    times = {"recording_id": row["id"], "start": start, "duration": duration, "channel": 0}
    return {"id": f"{row['id']}-sound-{number}", "custom": {"sound": [label]}} | times


def write_shares(folder, sizes=(0.5, 1.0), shares=(0.0, 0.1, 0.3, 0.6), sounds=True):
    """A study of a share and sizes with two outcomes and their clips: errors are least, and sounds best, elsewhere."""
    outcomes = {"wer": "ctc_wer"} | ({"sounds": "sound.label_accuracy"} if sounds else {})
    grid = Grid.model_validate(
        {"question": "How much of it?", "arms": {"full": [{"stage": "alignment", "mixture": "alignment"}]}}
        | {"axes": {"share.low": {"stage": "alignment", "values": list(shares)}}, "outcomes": outcomes}
        | {"fractions": list(sizes), "seeds": [7, 8], "evaluate": {"decode": ["ctc"]}}
    )
    rows, clips = [], []
    for number, (share, size, seed) in enumerate(product(shares, sizes, (7, 8))):
        axes = {"share.low": share}
        found = result(folder.name, "full", "alignment", 1, True, None, None, fraction=size, hours=0.3 * size)
        found |= {"cell": f"full-{size * 100:g}%-{share}-seed{seed}", "seed": seed, "axes": json.dumps(axes)}
        wer = 0.3 + (share - 0.2) ** 2 + 0.1 / size + 0.002 * (number % 3)
        for name, value in [("wer", wer), ("sounds", share - 0.001 * number)][: len(outcomes)]:
            found |= {name: value, f"{name}_low": value - 0.05, f"{name}_high": value + 0.05}
            same = {key: found[key] for key in ("grid", "cell", "arm", "seed", "stage")} | {"outcome": name}
            clips += [
                same | {"item": f"prompts-{n:02d}", "group": None, "value": 10 * value + sign, "weight": 10.0}
                for n, sign in ((6, -0.5), (7, 0.5))
            ]
        rows.append(found)
    table = pa.Table.from_pylist(clips, schema=pa.schema(list(CLIPS.items())))
    write_results(folder, rows, *outcomes)
    pq.write_table(table, folder / "clips.parquet")
    write_json(folder / "grid.json", describe(folder.name, grid, rows, table))
    return folder


def _write_labels(folder, names):
    """Of the pass quality: a number for each cut, the highest for the last."""
    from manifests.schema import arrow_schema

    place = folder / "labels" / "quality" / "prompts"
    place.mkdir(parents=True)
    labels = [
        {"pass": "quality", "cut_id": name, "name": "snr", "value": float(number)} for number, name in enumerate(names)
    ]
    key = "0123456789abcdef"
    pq.write_table(pa.Table.from_pylist(labels, schema=arrow_schema("labels")), place / f"labels-{key}.parquet")
    counts = {"cuts": len(names), "labelled": len(names), "rejected": 0, "reasons": {}}
    write_json(place / f"shard-{key}.json", {"pass": "quality", "counts": counts})
    facts = {"pass": "quality", "version": "3", "shards": [key], "settings": {}, "counts": counts}
    write_json(place / "pass.json", facts)
