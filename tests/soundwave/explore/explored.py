"""A workspace to explore: eight clips with words, a mixture of two domains, its plan, a run with a ledger, a study."""

import yaml

from curation.catalog import build
from curation.plan import make_plan
from curation.plan.mixture import load_mixture
from manifests.files import write_json, write_jsonl
from soundwave.ablation.grid import Grid
from tests.curation.catalog.study_folders import write_study_run
from tests.soundwave.report.small_workspace import SECONDS, cut_row, result, write_grid_results, write_words

SCRIPT = "<script>document.title = 'taken'</script> press & <b>one</b>"
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
    return folder


def _write_labels(folder, names):
    """Of the pass quality: a number for each cut, the highest for the last."""
    import pyarrow as pa
    import pyarrow.parquet as pq

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
