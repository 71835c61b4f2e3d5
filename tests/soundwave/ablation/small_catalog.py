"""A catalog of a dozen cuts without audio files: enough to plan on, and to count hours of."""

from curation.catalog import build
from manifests.files import write_json, write_jsonl


def cut(number, split="train", seconds=3.0, *, corpus="prompts", text=None, speaker=None):
    name = f"{corpus}-{number:02d}"
    recording = {
        "id": name,
        "sources": [{"type": "file", "channels": [0], "source": f"{name}.wav"}],
        "sampling_rate": 16000,
        "num_samples": int(16000 * seconds),
        "duration": seconds,
        "channel_ids": [0],
    }
    supervision = {"id": name, "recording_id": name, "start": 0.0, "duration": seconds, "channel": 0, "language": "en"}
    supervision |= {"speaker": speaker} if speaker else {}
    facts = {"corpus": corpus, "split": split, "task": "asr", "domain": "asr", "license": "CC0-1.0"}
    return {
        "id": name,
        "start": 0.0,
        "duration": seconds,
        "channel": 0,
        "supervisions": [supervision | {"text": text or f"{corpus.rstrip('s')} number {number}"}],
        "recording": recording,
        "custom": facts | {"audio_sha256": f"{corpus}-{number}".rjust(64, "0")},
        "type": "MonoCut",
    }


def small_catalog(folder, cuts=12, **more):
    """`folder`/catalog with `cuts` training cuts of 3 s and two test cuts; returns its path.

    more: name of another corpus -> its cuts.
    """
    rows = [cut(number) for number in range(cuts)] + [cut(cuts + extra, "test") for extra in range(2)]
    for name, own in {"prompts": rows, **more}.items():
        write_jsonl(folder / "corpora" / name / "cuts.jsonl.gz", own)
        info = {"name": name, "title": name.title(), "license": "CC0-1.0", "makers": "the tests"}
        counts = {"cuts": len(own), "texts": 0, "rejects": 0, "hours": 3 * len(own) / 3600}
        write_json(folder / "corpora" / name / "corpus.json", info | counts)
    build(folder / "corpora", folder / "labels", folder / "catalog")
    return folder / "catalog"


def write_grid(folder, **changes):
    """`folder`/grid.yaml: two arms that share stage I, on stages and mixtures written beside it."""
    import yaml

    for stage, weights in (("alignment", (0, 1)), ("shrinking", (1, 1))):
        settings = {"stage": stage, "train": ["alignment"], "optimiser": {"learning_rate": 0.001}, "steps": 3}
        settings |= {"lm_weight": weights[0], "ctc_weight": weights[1]}
        (folder / f"{stage}-stage.yaml").write_text(yaml.safe_dump(settings))
        mixture = {
            "stage": stage,
            "query": "SELECT cut_id, domain FROM cuts WHERE split = 'train'",
            "shares": {"asr": 1},
        }
        mixture |= {"unit": "samples", "epochs": 1, "batch": {"seconds": 6}}
        (folder / f"{stage}.yaml").write_text(yaml.safe_dump(mixture))
    steps = [{"stage": f"{stage}-stage.yaml", "mixture": f"{stage}.yaml"} for stage in ("alignment", "shrinking")]
    grid = {"question": "Does it?", "arms": {"full": steps, "short": steps[1:]}, "evaluate": {"corpus": "prompts"}}
    path = folder / "grid.yaml"
    path.write_text(yaml.safe_dump(grid | changes))
    return path
