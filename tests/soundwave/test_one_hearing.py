"""A cut sounds the same to every reader: passes, the trainer, the plan's reader and the exports."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import soundfile

from curation.catalog import build, connect
from curation.duck import records
from curation.interchange.export import export_huggingface, export_shar, export_webdataset
from curation.passes.base import cut_audio
from curation.passes.quality import Quality
from curation.passes.runner import run_pass
from curation.reader import PlanDraw
from curation.reader.rows import _decode
from manifests.errors import AudioError
from soundwave.train.batches.plan_data import CutStore
from tests.curation.labelling import cut, of_channels, table, write_made
from tests.wave_bytes import float32, noise, pcm16, saved

A, B = noise(1) / 32_768, noise(2) / 32_768
LOUD = np.linspace(-1.5, 1.5, 16_000).astype(np.float32)
QUIET_STEP = 2.0**-24  # half a step of 24 bits


def rows(folder: Path) -> dict[str, tuple[dict[str, Any], np.ndarray]]:
    """Cut id -> its row and what it must sound like."""
    call = saved(folder / "call.wav", pcm16(noise(1), noise(2)))
    mono = [saved(folder / f"{n}.wav", pcm16(noise(n))) for n in (1, 2)]
    loud = saved(folder / "loud.wav", float32(LOUD))
    files = of_channels(cut("files", audio=mono[0]), 1)
    files["recording"]["sources"] = [
        {"type": "file", "channels": [n], "source": str(path)} for n, path in enumerate(mono)
    ]
    quiet = cut("quiet", audio=mono[0])
    quiet["recording"]["transforms"] = [{"name": "Volume", "kwargs": {"factor": 0.25}}]
    return {
        "files": (files, B),
        "left": (of_channels(cut("left", audio=call), 0), A),
        "loud": (cut("loud", audio=loud), LOUD),
        "mixed": (of_channels(cut("mixed", audio=call), [0, 1], mode="mix"), (A + B) / 2),
        "mono": (cut("mono", audio=mono[0]), A),
        "quiet": (quiet, A / 4),
        "right": (of_channels(cut("right", audio=call), 1), B),
    }


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """A catalog of these cuts, and of one that nobody can hear."""
    both = of_channels(cut("unsaid", audio=tmp_path / "audio" / "call.wav"), [0, 1])
    found = [row for row, _ in rows(tmp_path / "audio").values()] + [both]
    write_made(tmp_path / "corpora" / "made", found)
    build(tmp_path / "corpora", tmp_path / "labels", tmp_path / "catalog")
    return tmp_path


def in_the_catalog(folder: Path) -> dict[str, dict[str, Any]]:
    with connect(folder / "catalog") as con:
        return {row["cut_id"]: row for row in records(con.execute("SELECT * FROM cuts"))}


def test_the_catalog_keeps_how_a_cut_is_heard_and_nothing_of_plain_ones(made: Path) -> None:
    found = in_the_catalog(made)
    assert {name: row["channel"] for name, row in found.items()} == {
        "files": "1", "left": "0", "loud": "0", "mixed": "[0,1]", "mono": "0", "quiet": "0", "right": "1",
        "unsaid": "[0,1]",
    }  # fmt: skip
    assert {name for name, row in found.items() if row["decoding"] is None} == {"loud", "mono"}


def test_every_reader_of_samples_hears_the_same(made: Path) -> None:
    known = in_the_catalog(made)
    cuts = CutStore(made / "catalog", list(known), encoder="none").cuts
    for name, (row, signal) in rows(made / "audio").items():
        expected = signal.astype(np.float32)
        draw = PlanDraw(step=0, slot=0, cut_id=name, domain="asr", repeat=0, units=1.0, seconds=1.0)
        assert np.array_equal(cut_audio(row), expected), name
        assert np.array_equal(cuts[name].samples(), expected), name
        assert np.array_equal(_decode((draw, known[name]))[1], expected), name


def test_quality_measures_what_is_heard(made: Path) -> None:
    summary = run_pass(Quality(), made / "corpora" / "made", made / "labels", workers=0)
    peaks = {row["cut_id"]: row["value"] for row in table(summary.folder, "labels") if row["name"] == "peak"}
    assert peaks == {
        name: float(np.abs(signal.astype(np.float32)).max()) for name, (_, signal) in rows(made / "audio").items()
    }
    assert {row["cut_id"]: row["reason"] for row in table(summary.folder, "rejects")} == {
        "unsaid": "channels_differ",
        "loud": "clipped",  # a third of it is beyond full scale
    }


def heard(data: bytes) -> np.ndarray:
    samples, _ = soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True)
    assert samples.shape[1] == 1
    return samples[:, 0]


@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # of Lhotse's reader
def test_exports_hold_what_is_heard_without_clipping(made: Path) -> None:
    from lhotse import CutSet

    where = "cut_id <> 'unsaid'"
    for number, export in enumerate((export_huggingface, export_shar, export_webdataset)):
        assert export(made / "catalog", made / str(number), where=where) == 7
    found: list[dict[str, np.ndarray]] = [{}, {}, {}]
    for row in pq.read_table(made / "0" / "data").to_pylist():
        found[0][row["id"]] = heard(row["audio"]["bytes"])
        assert row["channels"] == 1
    for shar in CutSet.from_shar(in_dir=str(made / "1")):
        found[1][shar.id] = shar.load_audio()[0]
        assert shar.supervisions[0].channel == shar.channel == 0
    with tarfile.open(made / "2" / "shard-000000.tar") as tar:
        files = {member.name: tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr]
    for name, data in files.items():
        if not name.endswith(".json"):
            found[2][json.loads(files[f"{name.partition('.')[0]}.json"])["cut_id"]] = heard(data)
    for samples in found:
        for name, (_, signal) in rows(made / "audio").items():
            assert np.abs(samples[name] - signal.astype(np.float32)).max() <= QUIET_STEP, name


@pytest.mark.parametrize("export", [export_huggingface, export_shar, export_webdataset])
def test_a_cut_that_nobody_can_hear_is_not_exported(made: Path, export: Any) -> None:
    with pytest.raises(AudioError, match=r"cut 'unsaid'.*channels that differ"):
        export(made / "catalog", made / "out")
    assert not (made / "out").exists()


def test_the_trainer_refuses_what_it_cannot_hear(made: Path) -> None:
    store = CutStore(made / "catalog", ["unsaid"], encoder="none")
    with pytest.raises(AudioError, match=r"cut 'unsaid'.*Change the setting `channels`"):
        store.cuts["unsaid"].samples()
