"""Items become a corpus window by window: the same rows whatever the windows, and after a kill."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from curation.passes.measure import MeasuringPool, measuring
from curation.passes.workers import WorkerPool
from manifests.audio import AudioFacts, audio_facts, probing
from manifests.files import read_jsonl
from manifests.items import About, Item, measure
from manifests.items.corpus import gathering, names_of
from manifests.items.measure import MEASURED
from manifests.items.splits import Sharing
from manifests.rows import CUTS, REJECTS, CorpusInfo, Reject
from manifests.switch import switched

ABOUT = About("made", "CC0-1.0", channels="reject")
Rows = tuple[list[dict[str, Any]], list[dict[str, Any]]]


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sounds")
    for number in range(8):
        wave = np.full((800 + number, 1 + (number == 7)), 0.1, np.float32)
        wave[:, -1] += 0.1 * (number == 7)  # the channels of the last one differ
        soundfile.write(folder / f"{number}.wav", wave, 16_000)
    return folder


def items(sounds: Path) -> list[Item | Reject]:
    """Ids that repeat, recordings whose ids are those of other audio, a broken file, one item a place."""
    names = ["3", "1", "2", "1", "7", "0", "3", "2", "4", "1", "5", "0", "6", "9", "7", "1"]
    made: list[Item | Reject] = [
        Item(
            key=f"k{n % 11}",
            place=f"list:{n}",
            recording="r" if n in {2, 5, 7} else f"of-{name}",
            audio=sounds / f"{name}.wav",
            text=f"text {n}",
            split="train" if n % 4 else "dev",
        )
        for n, name in enumerate(names)
    ]
    return [*made, ABOUT.reject("z", "bad_row", "a line")]  # type: ignore[arg-type]


def corpus(folder: Path, source: list[Any] | Iterator[Any], names: dict[str, str]) -> Rows:
    folder.mkdir(parents=True, exist_ok=True)
    with gathering(folder, ABOUT) as rows:
        rows.read(source, ABOUT.map_of(names))
        rows.share(Sharing())
        with switched(folder) as switch:
            rows.write(switch, CorpusInfo("made", "made", "CC0-1.0", "tests"))
    return list(read_jsonl(folder / CUTS)), list(read_jsonl(folder / REJECTS))


def test_first_come_ids_are_kept_and_the_others_say_so(sounds: Path, tmp_path: Path) -> None:
    given = items(sounds)
    names, count = names_of(given)
    assert (names, count) == ({"dev": "list:0", "train": "list:1"}, 17)
    cuts, rejects = corpus(tmp_path / "made", given, names)
    assert len(cuts) + len(rejects) == 17
    said = {(row["reason"], row["detail"].partition(":")[0]) for row in rejects}
    assert {reason for reason, _ in said} == {"duplicate_id", "audio_missing", "channels_differ", "bad_row"}
    assert [row["id"] for row in cuts] == sorted({row["id"] for row in cuts})
    again = [row["detail"] for row in rejects if row["reason"] == "duplicate_id"]
    assert "list:11: the id 'k0' is that of list:0, which was kept" in again
    assert "list:5: the recording id 'r' is that of other audio in list:2, which was kept" in again


@pytest.mark.parametrize("size", [1, 3, 5])
def test_windows_do_not_change_the_rows(
    sounds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    given = items(sounds)
    names, _ = names_of(given)
    whole = corpus(tmp_path / "whole", given, names)
    monkeypatch.setattr(measure, "WINDOW", size)
    monkeypatch.setattr(measure, "KNOWN", 2)
    assert corpus(tmp_path / "parts", given, names) == whole


def test_a_killed_command_goes_on_where_it_was(sounds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = items(sounds)[:12]
    names, _ = names_of(given)
    whole = corpus(tmp_path / "whole", given, names)
    monkeypatch.setattr(measure, "WINDOW", 2)
    read: list[str] = []

    def reading(path: Path) -> AudioFacts:
        read.append(path.name)
        return audio_facts(path)

    monkeypatch.setattr(measure, "audio_facts", reading)

    def killed() -> Iterator[Any]:
        yield from given[:10]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        corpus(tmp_path / "made", killed(), names)
    kept = sorted(path.name for path in (tmp_path / "made" / MEASURED).iterdir())
    assert kept == ["000000.json", "000001.json", "000002.json"]  # what was in hand then is lost
    assert [path.name for path in (tmp_path / "made").iterdir()] == [MEASURED]
    (tmp_path / "made" / MEASURED / "000001.json").write_text("{")  # half a file is none
    read.clear()
    assert corpus(tmp_path / "made", given, names) == whole
    assert sorted(read) == ["2.wav", "4.wav", "5.wav"]
    assert not (tmp_path / "made" / MEASURED).exists()


def test_a_file_that_changed_is_measured_again(sounds: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes((sounds / "1.wav").read_bytes())
    folder = tmp_path / MEASURED
    measure.write_measured(folder, 0, [measure.measure(path), measure.measure(sounds / "none.wav")])
    found = measure.read_measured(folder / "000000.json")
    assert list(found) == [path] and found[path] == measure.measure(path)
    with probing(decode=True):  # asked for more than was done
        assert measure.read_measured(folder / "000000.json") == {}
    path.write_bytes((sounds / "2.wav").read_bytes())
    assert found[path].stamp != measure.stamp(path)


@pytest.mark.parametrize("pooled", [False, True])
def test_two_at_once_do_not_harm_each_other(
    sounds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pooled: bool
) -> None:
    """The one that is ready first takes away what was measured, and its own rows are whole."""
    given = items(sounds)
    names, _ = names_of(given)
    monkeypatch.setattr(measure, "WINDOW", 2)
    whole = corpus(tmp_path / "alone", given, names)

    def disturbed() -> Iterator[Any]:
        for number, item in enumerate(given):
            if number == 9:
                assert corpus(tmp_path / "made", given, names) == whole
                assert not (tmp_path / "made" / MEASURED).exists()
            yield item

    with WorkerPool(workers=0) as pool, probing(measurer=MeasuringPool(pool) if pooled else None):
        assert corpus(tmp_path / "made", disturbed(), names) == whole


@pytest.mark.parametrize("workers", [0, 1])
def test_processes_give_the_same_rows(
    sounds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    given = items(sounds)
    names, _ = names_of(given)
    with probing() as cost:
        whole = corpus(tmp_path / "threads", given, names)
    monkeypatch.setattr(measure, "WINDOW", 3)
    with WorkerPool(workers=workers) as pool, probing(measurer=MeasuringPool(pool)) as other:
        assert corpus(tmp_path / "processes", given, names) == whole
    assert (other.files, other.decoded) == (cost.files, cost.decoded)
    with measuring(None, None) as none:
        assert none is None
