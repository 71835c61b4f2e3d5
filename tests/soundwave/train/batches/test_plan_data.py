"""What a plan's draws are, and their frames: stored ones, or encoded on the fly by one encoder."""

import json
import random
import shutil
from collections import defaultdict
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile

from curation import encoders
from curation.catalog import build, catalog_fingerprint, connect
from curation.plan import make_plan
from curation.plan.mixture import Mixture
from curation.reader.windows import CatalogRows
from manifests.errors import AudioError, InputError, MixtureError, StaleError
from manifests.schema import arrow_schema
from soundwave.train.batches import clips
from soundwave.train.batches import plan_data as data
from soundwave.train.batches.clips import encode_pieces
from soundwave.train.batches.plan_data import CutStore, FrameStore, PlanData, _widened
from tests.curation.encoders.test_encoders import make_whisper
from tests.editing import edit
from tests.soundwave.conftest import make_workspace

ENCODER = "moonshine-tiny-en"


def test_training_reads_the_text_that_the_plan_gives(workspace, tmp_path):
    """The CTC target and the answer are of the new text; the old one's word times are not used, frames are."""
    lock = json.loads((workspace / "mixtures" / "speech" / "lock.json").read_text())
    query = f"SELECT *, CASE WHEN cut_id = 'tiny-01' THEN 'press seven' END AS text FROM ({lock['query']})"
    settings = {name: value for name, value in lock["settings"].items() if name != "select"}
    make_plan(Mixture(**settings | {"query": query, "name": "told"}), workspace / "catalog", tmp_path / "told")
    told, own = (
        {draw.cut.cut_id: draw.cut for draw in PlanData(folder, encoder=ENCODER).draws()}
        for folder in (tmp_path / "told", workspace / "mixtures" / "speech")
    )
    assert own["tiny-01"].text != "press seven" and own["tiny-01"].words
    assert told.pop("tiny-01") == replace(own.pop("tiny-01"), text="press seven", words=())
    assert told == own
    assert "press seven" in PlanData(tmp_path / "told", encoder=ENCODER).answers("asr")


class Counting:
    """An encoder of 10 frames a second: their times, and the samples' mean. Counts the clips it was given."""

    name, dim, frame_rate = "counting", 2, 10.0

    def __init__(self):
        self.clips = []

    def encode(self, clips):
        self.clips += [len(clip) for clip in clips]
        return [self._one(clip) for clip in clips]

    def _one(self, clip):
        frames = np.zeros((len(clip) // 1600, 2), np.float32)
        frames[:, 0] = np.arange(len(frames))
        frames[:, 1] = clip.mean()
        return frames


@pytest.fixture
def encoder(monkeypatch):
    made = []

    def load(name):
        made.append(name)
        return made_once

    made_once = Counting()
    monkeypatch.setattr(encoders, "load_encoder", load)
    return made_once


@pytest.fixture(scope="module")
def store(workspace):
    return CutStore(workspace / "catalog", [f"tiny-{n:02d}" for n in range(24)], encoder=ENCODER)


@pytest.fixture
def clip(tmp_path, store):
    """A cut of so many seconds of noise on disk, without stored frames."""

    def make(seconds, **changes):
        path = tmp_path / f"{seconds}.wav"
        noise = np.random.default_rng(0).normal(0, 0.1, round(16000 * seconds)).astype(np.float32)
        soundfile.write(path, noise, 16000)
        cut = store.cuts["tiny-00"]
        return replace(cut, source_path=str(path), start=0.0, duration=seconds, features={}, words=(), **changes)

    return make


def test_cuts_have_their_words_sounds_and_features(store):
    speech, sound = store.cuts["tiny-00"], store.cuts["tiny-20"]
    assert [word.symbol for word in speech.words] == speech.text.split() and speech.speaker is None
    assert speech.words[1].start == 0.5 and speech.words[1].end == 1.0
    assert sound.sound == ("Dog barking",) and sound.words == () and set(sound.features) == {"plain", "speed=0.9"}
    assert (store.feature_dim, store.frame_rate) == (12, 40.0)


def test_stored_frames_come_by_variant_and_plain_when_there_is_no_such(store):
    cut = store.cuts["tiny-00"]
    plain, fast, none = (store.frames(cut, name) for name in ("plain", "speed=0.9", "speed=1.1"))
    assert plain.dtype == np.float32 and plain.shape == (20 * len(cut.words), 12)
    assert len(fast) == len(plain) - 2 and np.array_equal(none, plain)


def test_an_unknown_id_is_named(workspace):
    with pytest.raises(InputError, match=r"no cut 'nobody' \(1 such"):
        CutStore(workspace / "catalog", ["tiny-00", "nobody"], encoder=ENCODER)


def test_what_is_not_stored_is_encoded(workspace, encoder, clip):
    fresh = CutStore(workspace / "catalog", ["tiny-00"], encoder="counting")
    assert (fresh.feature_dim, fresh.frame_rate) == (2, 10.0)
    assert [fresh.frames(clip(seconds)).shape for seconds in (1.0, 31.0)] == [(10, 2), (310, 2)]
    assert encoder.clips == [16000, 16000 * 31]


def test_a_speed_that_is_not_stored_is_made(workspace, encoder, clip):
    fresh = CutStore(workspace / "catalog", ["tiny-00"], encoder="counting")
    assert len(fresh.frames(clip(9.0), "speed=0.9")) == 100


def test_part_of_a_recording_is_read_alone(workspace, encoder, clip):
    fresh = CutStore(workspace / "catalog", ["tiny-00"], encoder="counting")
    assert len(fresh.frames(replace(clip(9.0), start=2.0, duration=3.0))) == 30


def test_a_missing_file_is_named(workspace, encoder, clip):
    fresh = CutStore(workspace / "catalog", ["tiny-00"], encoder="counting")
    with pytest.raises(AudioError, match=r"No such audio file: .*gone\.wav"):
        fresh.frames(replace(clip(1.0), source_path="gone.wav"))


@pytest.mark.parametrize(("seconds", "pieces"), [(64.0, 1), (64.1, 3), (300.0, 10)])
def test_a_long_clip_goes_through_the_encoder_in_equal_pieces(seconds, pieces):
    encoder = Counting()
    samples = np.ones(round(16000 * seconds), np.float32)
    frames = encode_pieces(encoder, samples)
    assert len(encoder.clips) == pieces and sum(encoder.clips) == len(samples)
    assert max(encoder.clips) - min(encoder.clips) <= 1
    assert pieces == 1 or max(encoder.clips) <= 16000 * clips.PIECE
    assert abs(len(frames) - 10 * seconds) <= pieces


def test_the_real_encoder_is_loaded_once(tmp_path):
    name = str(make_whisper(tmp_path))
    store, other = FrameStore(name, None), FrameStore(name, None)
    assert store.load_encoder() is store.load_encoder() is other.load_encoder() and store.feature_dim == 16


def test_answers_of_a_domain(workspace):
    plan = PlanData(workspace / "mixtures" / "mixed", encoder=ENCODER)
    found = {domain: list(plan.answers(domain)) for domain in ("sound", "qa", "none")}
    assert found == {"sound": ["Dog."], "qa": ["one"], "none": []}
    spoken = sorted({draw.cut.text for draw in plan.draws() if draw.domain == "asr"})
    answers = plan.answers("asr")
    assert list(answers) == spoken and answers is plan.answers("asr") and answers[-1] == spoken[-1]
    for seed in range(20):  # options are drawn from it as from a list
        assert random.Random(seed).sample(answers, 3) == random.Random(seed).sample(spoken, 3)


def test_words_of_two_aligners_are_not_mixed(tmp_path, workspace):
    shutil.copytree(workspace / "corpora", tmp_path / "corpora")
    shutil.copytree(workspace / "labels", tmp_path / "labels")
    path = tmp_path / "labels" / "align" / "tiny" / "words-0000.parquet"
    rows = pq.read_table(path)
    other = [row | {"backend": "z-other", "start": row["start"] + 0.1} for row in rows.to_pylist()]
    pq.write_table(pa.concat_tables([rows, pa.Table.from_pylist(other, schema=rows.schema)]), path)
    build(tmp_path / "corpora", tmp_path / "labels", tmp_path / "catalog")
    cut = CutStore(tmp_path / "catalog", ["tiny-00"], encoder=ENCODER).cuts["tiny-00"]
    assert " ".join(word.symbol for word in cut.words) == cut.text and cut.words[1].start == 0.5


def test_a_plan_begins_again_at_its_end(workspace):
    plan = PlanData(workspace / "mixtures" / "mixed", encoder=ENCODER)
    assert plan.step(len(plan)) == plan.step(0) and len(list(plan.draws())) == sum(
        len(plan.step(n)) for n in range(len(plan))
    )


def test_steps_are_the_plans_rows_whatever_the_window_and_the_order(workspace, monkeypatch):
    """Against the plan and the catalog themselves, with windows of a step, of a few and of the whole plan."""
    folder = workspace / "mixtures" / "mixed"
    expected = defaultdict(list)
    for row in pq.read_table(folder / "plan.parquet").to_pylist():
        expected[row["step"]].append((row["cut_id"], row["domain"], row["repeat"]))
    with connect(workspace / "catalog") as con:
        texts = dict(con.execute("SELECT cut_id, text FROM cuts").fetchall())
    for draws in (1, 10, 10_000):
        monkeypatch.setattr("curation.reader.BLOCK", draws)
        plan = PlanData(folder, encoder=ENCODER)
        assert len(plan) == len(expected) > 2
        for number in (*range(len(plan)), *reversed(range(len(plan))), 1, len(plan) - 1):
            found = plan.step(number)
            assert [(draw.cut.cut_id, draw.domain, draw.repeat) for draw in found] == expected[number]
            assert all(draw.cut.text == texts[draw.cut.cut_id] for draw in found)


def test_windows_hold_the_same_draws_as_the_whole_plan(workspace, monkeypatch):
    whole = list(PlanData(workspace / "mixtures" / "mixed", encoder=ENCODER).draws())
    monkeypatch.setattr("curation.reader.BLOCK", 3)
    assert list(PlanData(workspace / "mixtures" / "mixed", encoder=ENCODER).draws()) == whole


def test_what_the_whole_plan_holds(workspace):
    plan = PlanData(workspace / "mixtures" / "mixed", encoder=ENCODER)
    cuts = {draw.cut.cut_id: draw.cut for draw in plan.draws()}
    assert plan.tasks == sorted({cut.task for cut in cuts.values()}) == ["asr", "qa", "sound", "st"]
    spoken = sorted(cut.cut_id for cut in cuts.values() if cut.has_audio)
    assert sorted(cut.cut_id for cut in plan.spoken_cuts()) == spoken
    assert all(cut.text == cuts[cut.cut_id].text for cut in plan.spoken_cuts())
    assert plan.unstored == 0 and PlanData(workspace / "mixtures" / "mixed", encoder="counting").unstored == len(spoken)


def test_a_catalog_that_is_built_again_during_a_training_changes_nothing(tmp_path, workspace, monkeypatch):
    shutil.copytree(workspace / "catalog", tmp_path / "catalog")
    shutil.copytree(workspace / "mixtures" / "mixed", tmp_path / "mixed")
    edit(tmp_path / "mixed" / "lock.json", catalog=str(tmp_path / "catalog"))
    monkeypatch.setattr("curation.reader.BLOCK", 1)
    plan = PlanData(tmp_path / "mixed", encoder=ENCODER)
    before = [plan.step(number) for number in range(len(plan))]
    (tmp_path / "catalog" / "catalog.json").write_text('{"fingerprint": "another", "parts": []}')
    for path in (tmp_path / "catalog").rglob("*.parquet"):
        path.unlink()
    assert [plan.step(number) for number in range(len(plan))] == before and list(plan.answers("sound")) == ["Dog."]


def test_a_copy_on_disk_is_used_again_and_made_again_for_another_plan(tmp_path, workspace, monkeypatch):
    """The rows are those of a copy in memory; what is no whole copy of this plan is no copy."""
    speech, mixed = (workspace / "mixtures" / name for name in ("speech", "mixed"))
    expected = {plan: list(PlanData(plan, encoder=ENCODER).draws()) for plan in (speech, mixed)}
    monkeypatch.setattr(data, "IN_MEMORY", 0)
    made = []
    real = data.keep
    monkeypatch.setattr(data, "keep", lambda *given: made.append(given[2]) or real(*given))

    def draws(plan):
        opened = PlanData(plan, encoder=ENCODER)
        opened.keep(tmp_path / "rows")
        return list(opened.draws()), list(opened.answers("sound"))

    assert draws(mixed) == draws(mixed) == (expected[mixed], ["Dog."]) and made == [mixed]
    (tmp_path / "rows" / "kept.json").unlink()
    assert draws(mixed)[0] == expected[mixed] and made == [mixed] * 2
    assert draws(speech) == (expected[speech], []) and made == [mixed, mixed, speech]


def test_a_copy_that_is_damaged_is_made_again(tmp_path, workspace, monkeypatch, capsys):
    """One bit of any of its files, whatever its size; an earlier version's copy, which has sizes alone, is taken."""
    plan = workspace / "mixtures" / "mixed"
    expected = list(PlanData(plan, encoder=ENCODER).draws())
    monkeypatch.setattr(data, "IN_MEMORY", 0)
    rows, made, real = tmp_path / "rows", [], data.keep
    monkeypatch.setattr(data, "keep", lambda *given: made.append(1) or real(*given))

    def draws():
        opened = PlanData(plan, encoder=ENCODER)
        opened.keep(rows)
        return list(opened.draws()), list(opened.answers("sound"))

    assert draws() == (expected, ["Dog."]) and len(made) == 1
    (answers,) = (path.name for path in rows.glob("answers-*"))
    for name in ("cuts.arrow", "words.npy", answers, "kept.json"):
        damaged = bytearray((rows / name).read_bytes())
        damaged[len(damaged) // 2] ^= 4
        (rows / name).write_bytes(damaged)
        before = len(made)
        assert draws() == (expected, ["Dog."]) and len(made) == before + (not name.startswith("answers"))
        assert ("copied again" in capsys.readouterr().err) == (not name.startswith(("answers", "kept")))
    mark = json.loads((rows / "kept.json").read_text())
    files = {name: row["bytes"] for name, row in mark["files"].items()}
    (rows / "kept.json").write_text(json.dumps({"key": mark["key"], "files": files}))
    before = len(made)
    assert draws() == (expected, ["Dog."]) and len(made) == before


def test_a_copy_made_some_cuts_at_a_time_is_the_same(workspace, monkeypatch):
    """What DuckDB joins at once is bounded, whatever the number of cuts."""
    plan = workspace / "mixtures" / "mixed"
    expected = list(PlanData(plan, encoder=ENCODER).draws())
    asked, real = [], CatalogRows.batches
    monkeypatch.setattr(CatalogRows, "batches", lambda rows, sql: asked.append(sql) or real(rows, sql))
    monkeypatch.setattr("curation.reader.kept.PART", 3)
    found = PlanData(plan, encoder=ENCODER)
    assert list(found.draws()) == expected and len(expected) > 20
    parts = -(-len({draw.cut.cut_id for draw in expected}) // 3)
    assert parts > 3 and [sum(f"FROM {table} WHERE" in sql for sql in asked) for table in ("once", "drawn")] == [
        parts,
        3 * parts,
    ]


def test_words_that_no_part_holds_together_or_in_order_are_sorted(tmp_path, workspace):
    """A part as another tool may have written it: its rows in any order."""
    shutil.copytree(workspace / "corpora", tmp_path / "corpora")
    shutil.copytree(workspace / "labels", tmp_path / "labels")
    path = tmp_path / "labels" / "align" / "tiny" / "words-0000.parquet"
    rows = pq.read_table(path)
    ids = [f"tiny-{n:02d}" for n in range(24)]
    for order in (np.random.default_rng(1).permutation(len(rows)), np.arange(len(rows))[::-1]):
        pq.write_table(rows.take(pa.array(order)), path)
        build(tmp_path / "corpora", tmp_path / "labels", tmp_path / "catalog")
        shutil.rmtree(tmp_path / "plan", ignore_errors=True)
        mixture = Mixture.model_validate(
            {
                "name": "m",
                "stage": "sft",
                "query": "SELECT cut_id, task AS domain FROM cuts WHERE recording_id IS NOT NULL",
                "unit": "samples",
            }
            | {"budget": 24, "shares": {"asr": 16, "st": 4, "sound": 4}, "batch": {"seconds": 8}}
        )
        make_plan(mixture, tmp_path / "catalog", tmp_path / "plan")
        found = {draw.cut.cut_id: draw.cut for draw in PlanData(tmp_path / "plan", encoder=ENCODER).draws()}
        expected = CutStore(workspace / "catalog", ids, encoder=ENCODER).cuts
        assert sorted(found) == ids and sum(len(cut.words) for cut in found.values()) == len(rows)
        assert {name: cut.words for name, cut in found.items()} == {name: cut.words for name, cut in expected.items()}


@pytest.mark.parametrize("step", ["align", "encode"])
def test_a_plan_that_draws_a_refused_cut_is_not_opened(tmp_path, step):
    """What `encode` refused has no frames: it would be encoded again at training."""
    root = make_workspace(tmp_path)
    found = {"cut_id": "tiny-00", "corpus": "tiny", "pass": step, "reason": "too_long", "detail": "100 s"}
    table = pa.Table.from_pylist([found], schema=arrow_schema("rejects"))
    pq.write_table(table, root / "labels" / step / "tiny" / "rejects-0000.parquet")
    build(root / "corpora", root / "labels", root / "catalog")
    plan = root / "mixtures" / "speech"
    with pytest.raises(StaleError, match="has changed since"):  # it was planned before the pass was run again
        PlanData(plan, encoder=ENCODER)
    edit(plan / "lock.json", catalog_fingerprint=catalog_fingerprint(root / "catalog"))
    with pytest.raises(MixtureError, match=rf"by pass: {step} 1\)(.|\n)*tiny-00: {step}, too_long \(100 s\)"):
        PlanData(plan, encoder=ENCODER)


@pytest.mark.parametrize("kind", ["<f2", ">f2", "<f4", "<f8"])
def test_stored_numbers_of_any_width_come_as_float32(kind):
    rows = np.array([[0.0, -0.0, 6e-8, 65504.0], [np.inf, -np.inf, np.nan, 1 / 3]]).astype(kind)
    found = _widened(rows)
    assert found.dtype == np.float32
    assert found.tobytes() == rows.astype(np.float32).tobytes()
