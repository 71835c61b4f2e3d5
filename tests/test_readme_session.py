"""The README's commands for one's own data, as written, with a made LibriSpeech and tiny models of random weights."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import soundfile
from typer.testing import CliRunner

from curation.catalog import connect
from manifests.files import read_json
from soundwave.cli import build_app
from tests.curation.dask_processes import DaskProcesses, dask_processes
from tests.curation.encoders.test_encoders import make_whisper
from tests.soundwave.conftest import make_tiny_llm

README = Path(__file__).parents[1] / "README.md"
PLACES = {"source": "/data/LibriSpeech", "encoder": "openai/whisper-large-v3", "dask": "tcp://scheduler:8786"}


def commands(heading: str = "On your own data") -> str:
    """The block of shell under the heading about one's own data."""
    part = README.read_text(encoding="utf-8").split(f"\n## {heading}")[1]
    block = re.search(r"^```\n(.*?)^```$", part, re.MULTILINE | re.DOTALL)
    assert block
    return block[1]


def librispeech(root: Path, clips: int) -> Path:
    """Two seconds of noise a clip, in LibriSpeech's layout."""
    chapter = root / "train-clean-100" / "19" / "198"
    chapter.mkdir(parents=True)
    names = [f"19-198-{number:04}" for number in range(clips)]
    rng = np.random.default_rng(0)
    for name in names:
        soundfile.write(chapter / f"{name}.flac", rng.normal(0, 0.1, 32000), 16000)
    (chapter / "19-198.trans.txt").write_text("".join(f"{name} PRESS ONE PLEASE\n" for name in names))
    return root


@pytest.fixture
def dask(tmp_path: Path) -> Iterator[DaskProcesses]:
    with dask_processes(tmp_path / "dask") as found:
        found.scheduler()
        # It imports its libraries while this process imports the same ones.
        found.worker("worker", "--preload", "transformers.models.whisper.modeling_whisper")
        yield found


def run(script: str) -> None:
    """Do what a shell would; commands of ours run in this process, which has imported torch already."""
    for part in re.split(r"^(?=soundwave )", script, flags=re.MULTILINE):
        ours, _, others = part.partition("\n") if part.startswith("soundwave ") else ("", "", part)
        if ours:
            done = CliRunner().invoke(build_app(), shlex.split(ours)[1:], catch_exceptions=False)
            assert done.exit_code == 0, f"{ours}\n{done.output}"
        subprocess.run(["bash", "-ec", others], check=True)


def test_the_commands_for_ones_own_data_run_as_written(
    dask: DaskProcesses, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "whisper").mkdir()
    whisper, llm = str(make_whisper(tmp_path / "whisper")), str(make_tiny_llm(tmp_path / "llm"))
    script = commands()
    there = {"source": str(librispeech(tmp_path / "LibriSpeech", 8)), "encoder": whisper, "dask": dask.address}
    for place, name in PLACES.items():
        assert name in script
        script = script.replace(name, there[place])
    assert script.rstrip().splitlines()[-1].startswith("soundwave train paper/alignment ")
    script = f"{script.rstrip()} --steps 2 --set encoder={whisper} --set model.llm={llm}\n"
    folder = tmp_path / "session"
    folder.mkdir()
    monkeypatch.chdir(folder)
    run(script.replace("label quality", "label quality --workers 0"))  # no processes for a few clips
    (part,) = folder.glob("labels/encode/librispeech/features-*.parquet")
    stored = pq.read_table(part).to_pylist()
    assert [row["frames"] for row in stored] == [100] * 8
    assert {Path(row["path"]).parent for row in stored} == {part.parent}
    assert read_json(folder / "runs" / "stage-1" / "run.json")["steps"] == 2


def test_the_commands_from_a_folder_to_a_mixture_run_as_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "calls").mkdir()
    rng = np.random.default_rng(0)
    numbers = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
    for number, word in enumerate(numbers):
        soundfile.write(tmp_path / "calls" / f"{number}.wav", rng.normal(0, 0.1, 24000 + number), 16000)
        (tmp_path / "calls" / f"{number}.txt").write_text(f"please press {word}\n")
    monkeypatch.chdir(tmp_path)
    run(re.sub(r"(label \w+)", r"\1 --workers 0", commands("From a folder of recordings and texts")))
    lock = read_json(tmp_path / "mixtures" / "first" / "lock.json")
    assert lock["domains"]["calls"]["max_repeat"] == 2 and lock["domains"]["calls"]["candidates"] >= 6
    with connect(tmp_path / "catalog") as con:
        assert con.execute("SELECT count(DISTINCT cut_id) FROM labels WHERE pass = 'agree'").fetchall() == [(12,)]
