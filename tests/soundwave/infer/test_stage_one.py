"""A stage-I run as an aligner, and `soundwave calibrate`."""

import json
import pickle

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile
import torch
import typer
from lhotse import MonoCut, Recording, SupervisionSegment
from typer.testing import CliRunner

from curation.align import load_aligner
from curation.text import normalise
from manifests.errors import MissingFileError, SettingsError, StaleError
from manifests.files import write_json, write_jsonl
from soundwave.cli.calibrate import register
from soundwave.infer.stage_one import StageOne, run_aligner
from soundwave.model.pretrained import load_tokenizer
from soundwave.model.settings import ModelSettings
from soundwave.model.speech_llm import SpeechLLM
from soundwave.model.tokens import TokenTable, seen_tokens
from tests.editing import edit
from tests.tolerance import half_the_digits

FEATURES = 12


class Blocks:
    """An encoder: every 384 samples are a frame."""

    name, dim, frame_rate = "blocks", FEATURES, 16000 / 384

    def encode(self, clips):
        return [clip[: len(clip) // 384 * 384].reshape(-1, 384)[:, :FEATURES].copy() for clip in clips]


@pytest.fixture(params=["seen", "full"])
def run(request, tmp_path, tiny_llm, monkeypatch):
    """A finished run whose weights are random."""
    monkeypatch.setattr("curation.encoders.load_encoder", lambda _: Blocks())
    # What is not a default must reach the aligner too.
    odd = {"positions": "rotary", "window": 3, "activation": "relu", "feed_forward": 1.0}
    settings = ModelSettings(llm=str(tiny_llm), stack=2, heads=4, ctc_vocabulary=request.param, **odd)
    seen = seen_tokens(load_tokenizer(str(tiny_llm)), ["press one"]) if request.param == "seen" else None
    model = SpeechLLM.create(settings, encoder="blocks", feature_dim=FEATURES, token_ids=seen)
    folder = tmp_path / "run"
    model.save_pretrained(folder / "final")
    facts = {"run": "run", "stage": "alignment", "key": "k", "plan": "p", "parent": None, "steps": 1, "status": "done"}
    write_json(folder / "run.json", facts | {"settings": {"ctc_units": "letters"}})
    return folder


def test_emissions_are_those_of_the_whole_model(run):
    model = SpeechLLM.from_pretrained(run / "final")
    stage = StageOne.load(run / "final")
    samples = np.random.default_rng(0).standard_normal(384 * 150).astype(np.float32)
    tokens = np.array(stage.spell("press") + stage.spell("key"))
    found = stage.emit(samples, tokens)
    [features] = Blocks().encode([samples])
    with torch.inference_mode():
        frames, _ = model.align(torch.from_numpy(features)[None], torch.tensor([len(features)]))
        scores = torch.nn.functional.linear(frames[0], model.ctc_head.weight, model.ctc_head.bias).log_softmax(-1)
    expected = torch.cat([scores[:, -1:], scores[:, tokens], scores[:, :-1].amax(1, keepdim=True)], dim=1)
    np.testing.assert_allclose(found, expected.numpy(), rtol=half_the_digits(np.float32))
    assert stage.frame == pytest.approx(0.048)


def test_words_are_spelled_in_the_runs_own_units(run):
    stage = StageOne.load(run / "final")
    assert isinstance(stage.table, TokenTable)
    assert stage.table.decode(stage.spell("press")) == "press" and len(stage.spell("press")) == 5
    stage.unit = "tokens"
    assert stage.table.decode(stage.spell("press")) == "press" and len(stage.spell("press")) == 1


def test_a_run_aligns_in_another_process_as_in_this_one(run):
    aligner = load_aligner("soundwave", model=str(run))
    samples = np.random.default_rng(1).standard_normal(32000).astype(np.float32)
    words = normalise("Press one, please.")
    found = aligner.align(samples, words)
    assert [word.position for word in found] == [0, 1, 2]
    assert pickle.loads(pickle.dumps(aligner)).align(samples, words) == found
    assert aligner.speaks("en-US") and not aligner.speaks("cs")
    assert run_aligner(run).version == aligner.version


def test_wrong_use_is_answered_in_a_sentence(run, tmp_path):
    with pytest.raises(SettingsError, match="Known aligners: hf-ctc, pocketsphinx, soundwave, torchaudio, whisperx"):
        load_aligner("none")
    with pytest.raises(SettingsError, match="its folder as `model`"):
        load_aligner("soundwave")
    with pytest.raises(MissingFileError):
        load_aligner("soundwave", model=str(tmp_path / "nowhere"))
    edit(run / "run.json", status="running")
    with pytest.raises(StaleError):
        load_aligner("soundwave", model=str(run))


def call(*arguments):
    app = typer.Typer()
    app.callback()(lambda: None)
    register(app)
    result = CliRunner().invoke(app, ["calibrate", *map(str, arguments)])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_calibrate_learns_from_a_corpus_and_label_takes_it(run, tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    corpus, labels, rows, words = tmp_path / "corpora" / "made", tmp_path / "labels", [], []
    for number in range(20):
        path = tmp_path / f"{number}.wav"
        soundfile.write(path, rng.standard_normal(32000) * 0.1, 16000)
        said = SupervisionSegment(f"c{number}", f"c{number}", 0.0, 2.0, text="press one key", language="en")
        clip = MonoCut(f"c{number}", 0.0, 2.0, 0, [said], recording=Recording.from_file(path, f"c{number}"))
        clip.custom = {"corpus": "made", "task": "asr", "split": "train" if number < 18 else "test"}
        rows.append(clip.to_dict())
        words += [{"cut_id": f"c{number}", "position": n, "start": 0.6 * n, "duration": 0.5} for n in range(3)]
    write_jsonl(corpus / "cuts.jsonl.gz", rows)
    write_json(labels / "align" / "made" / "pass.json", {"shards": ["s"]})
    pq.write_table(pa.Table.from_pylist(words), labels / "align" / "made" / "words-s.parquet")
    places = ("--corpora", tmp_path / "corpora", "--labels", labels, "--corpus", "made", "--model", run)
    output = tmp_path / "c.json"
    call(*places, "--output", output, "--source", "reference", "--no-noise")
    learned = json.loads(output.read_text())
    assert (learned["words"], learned["reference"], learned["backend"]) == (54, "made: reference", "soundwave")
    aligner = load_aligner("soundwave", model=str(run), calibration=output)
    assert aligner.version.endswith(aligner.calibration.fingerprint)
    for arguments, said in (
        (("--source", "guess"), "--source is 'guess'"),
        (("--backend", "pocketsphinx"), "unknown key `model`"),
    ):
        with pytest.raises(SettingsError, match=said):
            call(*places, "--output", output, *arguments)
