"""Sound that lies in tars: labels, plans and trainings are those of files."""

import json
import shutil

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from manifests.errors import BadCutError
from manifests.runs import WEIGHTS
from manifests.settings.core_yaml import yaml_text
from soundwave.cli import build_app
from soundwave.train.settings import StageSettings
from tests.soundwave.train.heard_workspace import make_heard_workspace

STEPS = 4


def soundwave(*words):
    done = CliRunner().invoke(build_app(), [str(word) for word in words])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """A workspace of files, and one whose corpus was imported in place from its export."""
    root = make_heard_workspace(tmp_path_factory.mktemp("files"))
    near = tmp_path_factory.mktemp("tars")
    spoken = ["--where", "task = 'asr'"]
    soundwave("catalog", "export", near / "shar", "--catalog", root / "catalog", "--format", "shar", *spoken)
    source = ["import", "lhotse", near / "shar", "--in-place", "--corpus", "tiny", "--license", "CC0-1.0"]
    soundwave("catalog", *source, "--output", near / "corpora")
    shutil.copytree(root / "labels", near / "labels")
    mixture = {
        "name": "told", "stage": "shrinking", "unit": "samples", "budget": 24, "max_repeats": 8, "window": 4,
        "query": "SELECT cut_id, task AS domain FROM cuts WHERE split = 'train' AND task = 'asr'",
        "shares": {"asr": 1.0}, "batch": {"seconds": 8}, "seed": 1,
    }  # fmt: skip
    for place in (root, near):
        soundwave("label", "fingerprint", "--corpora", place / "corpora", "--labels", place / "labels", "--workers", 0)
        soundwave("catalog", "build", "--corpora", place / "corpora", "--labels", place / "labels", "--catalog",
                  place / "catalog")  # fmt: skip
        (place / "told.yaml").write_text(yaml_text(mixture))
        soundwave("mix", "plan", place / "told.yaml", "--catalog", place / "catalog")
    return root, near


def command(stage_values, root, tmp_path, name):
    values = stage_values("shrinking", steps=STEPS, tensorboard=False, model={"ctc_vocabulary": "full"})
    (tmp_path / "stage.yaml").write_text(yaml_text(StageSettings(**values).model_dump(mode="json")))
    return ["train", tmp_path / "stage.yaml", "--plan", root / "mixtures" / "told", "--output", tmp_path / name]


def test_a_training_hears_what_lies_in_tars_as_it_hears_files(both, stage_values, tmp_path):
    losses = {}
    for root in both:
        soundwave(*command(stage_values, root, tmp_path, root.name))
        rows = (tmp_path / root.name / "metrics.jsonl").read_text().splitlines()
        losses[root.name] = [json.loads(row)["loss"] for row in rows]
    one, other = losses.values()
    assert one == other and len(set(one)) == STEPS
    assert len({(tmp_path / root.name / "final" / WEIGHTS).read_bytes() for root in both}) == 1
    labels = [pq.read_table(next(root.glob("labels/fingerprint/tiny/labels-*.parquet"))) for root in both]
    heard = [set(map(tuple, (table.select(["cut_id", "name", "text"]).to_pylist()[0].values(),))) for table in labels]
    assert heard[0] == heard[1]
    assert not (both[1] / "corpora" / "tiny" / "audio").exists()


@pytest.mark.parametrize(("fault", "reason"), [("gone", "audio_missing"), ("cut off", "audio_unreadable")])
def test_a_tar_that_is_spoiled_stops_the_run_or_its_draws_are_left_out(both, stage_values, tmp_path, fault, reason):
    _, tars = both
    (tar,) = tars.glob("shar/*.tar")
    kept = tar.read_bytes()
    try:
        tar.unlink() if fault == "gone" else tar.write_bytes(kept[: len(kept) // 2])
        words = command(stage_values, tars, tmp_path, "run")
        with pytest.raises(
            BadCutError, match=r"Step \d: cut 'tiny-\d+': .*tar:.*\.tar#\d+\+\d+=tiny-\d+\.flac"
        ) as caught:
            soundwave(*words)
        assert caught.value.reason == reason
        if fault == "cut off":
            done = soundwave(*words, "--on-bad-cut", "skip")
            assert "draws were left out" in done.stdout
            ledger = pq.read_table(tmp_path / "run" / "ledger.parquet").to_pylist()
            out = [row for row in ledger if row["frames"] is None]
            assert 0 < len(out) < len(ledger)
            assert {row["reason"] for row in out} == {reason}
            assert all(f"{tar}#" in row["detail"] and row["cut_id"] in row["detail"] for row in out)
    finally:
        tar.write_bytes(kept)
