"""`--force` keeps the old result in its place until the new one is whole, whenever it is killed or finds no room."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from curation.catalog import build
from curation.plan import make_plan
from curation.plan.mixture import load_mixture
from soundwave.train.loop import train
from soundwave.train.settings import StageSettings
from tests.soundwave.disk.cases import run_cases
from tests.soundwave.disk.test_killed import MIXTURE, corpora

ROOM = 400  # bytes that a file may have


def nothing_wrong(words: list[str], folder: Path, result: str, look: str, stride: int) -> int:
    """Try a command without room, then killed; the number of moments, after none of which anything was wrong."""
    case = {"words": words, "folder": str(folder), "result": result, "look": look}
    full, killed = {**case, "room": (ROOM,)}, {**case, "stride": stride}
    *wrong, last = run_cases(folder.parent.with_name("cases.json"), [full, killed])
    assert not wrong, "\n".join([*wrong, last])
    return int(last.removeprefix("tried "))


def test_mix_plan(tmp_path: Path) -> None:
    folder = tmp_path / "place" / "w"
    corpora(folder, "old")
    build(folder / "corpora", folder / "labels", folder / "catalog")
    (folder / "query.sql").write_text("SELECT cut_id, 'asr' AS domain FROM cuts ORDER BY cut_id")
    (folder / "small.yaml").write_text(MIXTURE)
    make_plan(load_mixture(folder / "small.yaml"), folder / "catalog", folder / "mixtures" / "small")
    words = ["mix", "plan", str(folder / "small.yaml"), "--catalog", str(folder / "catalog"), "--force"]
    words += ["--set", "seed=5", "--output", str(folder / "mixtures" / "small")]
    assert nothing_wrong(words, folder, "mixtures", "forced_plan", stride=4) >= 8


def test_train(tmp_path: Path, workspace: Path, stage_values: Callable[..., dict[str, Any]]) -> None:
    folder = tmp_path / "place" / "w"
    shutil.copytree(workspace / "mixtures" / "speech", folder / "plan")
    settings = stage_values("alignment", steps=2, checkpoint_every=1)
    train(StageSettings(**settings), plan=folder / "plan", output=folder / "runs" / "one")
    (folder / "stage.yaml").write_text(yaml.safe_dump(settings | {"seed": 9}))
    words = ["train", str(folder / "stage.yaml"), "--plan", str(folder / "plan"), "--force"]
    words += ["--output", str(folder / "runs" / "one")]
    assert nothing_wrong(words, folder, "runs", "forced_run", stride=40) >= 40
