from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import soundfile

from curation.plan import make_plan
from curation.plan.mixture import Mixture
from curation.reader import PlanReader
from curation.reader.prefetch import look_ahead
from curation.reader.rows import decoded_audio, decoded_features, lhotse_cuts, stored_frames, with_rows
from manifests.errors import AudioError, InputError, StaleError
from manifests.settings import check_settings
from tests.curation.synthetic_catalog import cut, mono_cut, text_row, write_catalog


def make(folder: Path, *, audio: bool = True, texts: bool = False) -> Path:
    """A plan over twelve clips, the n-th holding the level n / 100, each used twice."""
    rows = []
    for n in range(12):
        path = folder / f"c{n:02}.wav"
        if audio:
            soundfile.write(path, np.full(16000 + 160 * n, n / 100, dtype=np.float32), 16000, subtype="FLOAT")
        facts = {"duration": 1 + n / 100, "source_path": str(path)}
        rows.append(cut(f"c{n:02}", manifest=json.dumps(mono_cut(f"c{n:02}")), **facts))
    rows += [text_row(f"q{n}") for n in range(4)] if texts else []
    write_catalog(folder / "catalog", rows)
    asked = {"stage": "sft", "query": "SELECT cut_id, task AS domain FROM cuts", "epochs": 2, "max_repeats": 2}
    asked |= {"shares": {"asr": 0.9, "qa": 0.1} if texts else {"asr": 1}, "batch": {"seconds": 4}, "window": 2}
    if texts:
        asked |= {"epochs": None, "budget": 15 / 3600}
    kept = {name: value for name, value in asked.items() if value is not None}
    make_plan(check_settings(Mixture, kept, where="test"), folder / "catalog", folder / "plan")
    return folder / "plan"


def test_rows_come_with_their_draws(tmp_path: Path) -> None:
    plan = make(tmp_path, audio=False)
    reader = PlanReader(plan)
    for batch, pairs in with_rows(reader, reader.catalog):
        assert tuple(draw for draw, _ in pairs) == batch.draws
        assert all(row["cut_id"] == draw.cut_id and row["duration"] == draw.seconds for draw, row in pairs)


def test_rows_are_the_same_in_small_windows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = PlanReader(make(tmp_path, audio=False))
    whole = list(with_rows(reader, reader.catalog))
    monkeypatch.setattr("curation.reader.windows.WINDOW", 5)
    assert list(with_rows(reader, reader.catalog)) == whole


def test_a_cut_that_the_catalog_lacks_is_named(tmp_path: Path) -> None:
    reader = PlanReader(make(tmp_path, audio=False))
    write_catalog(tmp_path / "other", [cut("x")])
    with pytest.raises(StaleError, match="c0"):
        list(with_rows(reader, tmp_path / "other"))


def test_rows_come_with_words_and_stored_frames(tmp_path: Path) -> None:
    plan = make(tmp_path, audio=False)
    rows = pq.read_table(tmp_path / "catalog" / "cuts" / "syn" / "part.parquet").to_pylist()
    word = {"cut_id": "c03", "symbol": "some", "start": 0.25, "duration": 0.5}
    words = [word | {"backend": "b", "position": 1, "symbol": "words", "start": 1.0}]
    words += [word | {"backend": "b", "position": 0}, word | {"backend": "z", "position": 0, "symbol": "no"}]
    place = {"path": "f.npy", "offset": 7, "frames": 2, "dim": 4, "frame_rate": 50.0}
    stored = [place | {"cut_id": "c03", "encoder": name, "variant": "plain"} for name in ("ours", "other")]
    write_catalog(tmp_path / "catalog", rows, features=stored, words=words)
    reader = PlanReader(plan, check=False)
    found = [row for _, pairs in with_rows(reader, reader.catalog, words=True, encoder="ours") for _, row in pairs]
    for row in found:
        named = row["cut_id"] == "c03"
        assert row["features"] == ([place | {"variant": "plain"}] if named else None)
        spoken = [{"symbol": "some", "start": 0.25, "end": 0.75}, {"symbol": "words", "start": 1.0, "end": 1.5}]
        assert row["words"] == (spoken if named else None)


@pytest.mark.parametrize("ahead", [0, 3])
def test_audio_is_that_of_the_draw(tmp_path: Path, ahead: int) -> None:
    reader = PlanReader(make(tmp_path))
    seen = 0
    for batch, items in decoded_audio(reader, ahead=ahead):
        for draw, (row, samples) in zip(batch.draws, items, strict=True):
            number = int(draw.cut_id[1:])
            assert row["cut_id"] == draw.cut_id
            assert samples is not None
            assert len(samples) == 16000 + 160 * number
            assert np.allclose(samples, number / 100)
            seen += 1
    assert seen == 24


def test_text_only_rows_have_no_audio(tmp_path: Path) -> None:
    found = [
        (row["cut_id"][0], samples is None)
        for _, items in decoded_audio(PlanReader(make(tmp_path, texts=True)))
        for row, samples in items
    ]
    assert {("c", False), ("q", True)} == set(found)


def test_audio_that_does_not_decode_names_its_cut(tmp_path: Path) -> None:
    plan = make(tmp_path)
    (tmp_path / "c05.wav").unlink()
    with pytest.raises(AudioError, match="cut 'c05'") as caught:
        list(decoded_audio(PlanReader(plan)))
    assert caught.value.reason == "audio_missing"


def with_features(tmp_path: Path, *, but: str = "") -> Path:
    """A plan whose n-th clip has n + 1 frames of the value n, in one matrix; another encoder's frames beside them."""
    plan = make(tmp_path, audio=False, texts=True)
    rows = pq.read_table(tmp_path / "catalog" / "cuts" / "syn" / "part.parquet").to_pylist()
    clips = [row for row in rows if row["recording_id"]]
    np.save(tmp_path / "f.npy", np.concatenate([np.full((n + 1, 4), n, np.float16) for n in range(len(clips))]))
    facts = {"variant": "plain", "path": str(tmp_path / "f.npy"), "dim": 4, "frame_rate": 50.0}
    stored = [
        facts | {"cut_id": row["cut_id"], "encoder": name, "offset": n * (n + 1) // 2, "frames": n + 1}
        for n, row in enumerate(clips)
        for name in ("ours", "other")
        if row["cut_id"] != but
    ]
    write_catalog(tmp_path / "catalog", rows, features=stored)
    return plan


def test_stored_frames_are_those_of_the_draw(tmp_path: Path) -> None:
    reader = PlanReader(with_features(tmp_path), check=False)
    seen = set()
    for batch, items in decoded_features(reader, "ours"):
        for draw, (row, frames) in zip(batch.draws, items, strict=True):
            assert row["cut_id"] == draw.cut_id
            seen.add(draw.cut_id[0])
            if draw.cut_id.startswith("q"):
                assert frames is None
                continue
            number = int(draw.cut_id[1:])
            assert frames is not None
            assert (frames.shape, frames.dtype) == ((number + 1, 4), np.float32)
            assert (frames == number).all()
    assert seen == {"c", "q"}


def test_frames_that_were_written_again_are_the_new_ones(tmp_path: Path) -> None:
    path = tmp_path / "features.npy"
    for value in (1, 2):
        np.save(tmp_path / "new.npy", np.full((3, 2), value, np.float16))
        (tmp_path / "new.npy").replace(path)
        assert (stored_frames(str(path), 1, 2) == np.full((2, 2), value)).all()


def test_frames_that_are_not_stored_are_asked_for(tmp_path: Path) -> None:
    reader = PlanReader(with_features(tmp_path, but="c03"), check=False)
    with pytest.raises(InputError, match="cut 'c03' has no stored frames"):
        list(decoded_features(reader, "ours"))


def test_lhotse_cuts_stand_in_the_plans_order(tmp_path: Path) -> None:
    from lhotse import CutSet

    plan = make(tmp_path, audio=False)
    rows = pq.read_table(plan / "plan.parquet").to_pylist()
    cuts = list(CutSet(lhotse_cuts(plan)))
    assert [cut.recording.id for cut in cuts] == [row["cut_id"] for row in rows]
    assert len({cut.id for cut in cuts}) == len(rows)
    names = ("step", "slot", "domain", "repeat")
    assert [cut.custom["plan"] for cut in cuts] == [{name: row[name] for name in names} for row in rows]


def test_lhotse_cuts_are_lhotses_own_but_for_id_and_plan(tmp_path: Path) -> None:
    from lhotse import MonoCut

    for found in lhotse_cuts(make(tmp_path, audio=False)):
        facts = found.custom.pop("plan")
        expected = MonoCut.from_dict(mono_cut(found.recording.id))
        expected.id += f"_repeat{facts['repeat']}" if facts["repeat"] else ""
        assert found.to_dict() == expected.to_dict()


def test_a_mixed_cut_tells_its_draw_too(tmp_path: Path) -> None:
    from lhotse import MonoCut
    from lhotse.utils import fastcopy

    first = MonoCut.from_dict(mono_cut("m"))
    mixed = first.pad(duration=2.5).append(fastcopy(first, id="n"))
    line = json.dumps(fastcopy(mixed, id="mixed").to_dict())
    write_catalog(tmp_path / "catalog", [cut("mixed", duration=4.0, manifest=line)])
    asked = {"stage": "sft", "query": "SELECT cut_id, domain FROM cuts", "epochs": 2, "max_repeats": 2}
    asked |= {"shares": {"asr": 1}, "batch": {"seconds": 4}, "window": 1}
    make_plan(check_settings(Mixture, asked, where="test"), tmp_path / "catalog", tmp_path / "plan")
    found = list(lhotse_cuts(tmp_path / "plan"))
    assert [cut.id for cut in found] == ["mixed", "mixed_repeat1"]
    assert [cut.plan["repeat"] for cut in found] == [0, 1]
    assert found[0].duration == mixed.duration


def test_lhotse_batches_of_all_ranks_are_the_plan(tmp_path: Path) -> None:
    plan = make(tmp_path, audio=False)
    ranks = [list(lhotse_cuts(plan, rank=rank, world=8).batches()) for rank in range(8)]
    assert {len(batches) for batches in ranks} == {PlanReader(plan).lock.steps}
    assert sum(len(cuts) for batches in ranks for cuts in batches) == 24


def test_text_only_rows_are_refused_or_skipped_as_lhotse_has_none(tmp_path: Path) -> None:
    plan = make(tmp_path, audio=False, texts=True)
    with pytest.raises(InputError, match="text-only row 'q"):
        list(lhotse_cuts(plan))
    kept = pq.read_table(plan / "plan.parquet").to_pylist()
    assert len(list(lhotse_cuts(plan, texts="skip"))) == sum(row["domain"] == "asr" for row in kept)
    with pytest.raises(InputError, match="expected 'refuse' or 'skip'"):
        lhotse_cuts(plan, texts="drop")  # type: ignore[arg-type]


def test_looking_ahead_keeps_order_and_bounds_what_is_decoded() -> None:
    asked = 0

    def batches() -> Any:
        nonlocal asked
        for number in range(10):
            asked += 1
            yield number, [number, number]

    for taken, (number, items) in enumerate(look_ahead(batches(), lambda item: item * 2, ahead=3, threads=4), 1):
        assert number == taken - 1
        assert items == [2 * number, 2 * number]
        assert asked <= taken + 3


def test_looking_ahead_really_decodes_ahead() -> None:
    """While batch 0 is held, batch 1 decodes: its decoder is what lets this test go on."""
    reached = threading.Event()

    def decode(item: int) -> int:
        if item == 1:
            reached.set()
        return item

    results = look_ahead(((n, [n]) for n in range(3)), decode, ahead=1, threads=1)
    assert next(results) == (0, [0])
    assert reached.wait(timeout=600)
    results.close()


def test_an_error_comes_at_its_batch_and_stops_the_threads() -> None:
    before = threading.active_count()

    def decode(item: int) -> int:
        if item == 2:
            raise AudioError("broken")
        return item

    results = look_ahead(((n, [n]) for n in range(5)), decode, ahead=2)
    assert [next(results)[0], next(results)[0]] == [0, 1]
    with pytest.raises(AudioError, match="broken"):
        next(results)
    assert threading.active_count() == before


@pytest.mark.parametrize("asked", [{"ahead": -1}, {"threads": 0}])
def test_impossible_look_ahead_is_refused(asked: dict[str, int]) -> None:
    with pytest.raises(InputError, match="expected ahead >= 0"):
        look_ahead([], str, **asked)
