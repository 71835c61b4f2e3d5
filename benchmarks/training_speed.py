"""Samples a second of `soundwave train`, beside transformers' Trainer and a loop with Lhotse's sampler.

    python -m benchmarks.training_speed --json

Clips of noise of 2 to 12 s with texts, one plan; a random LLM of two layers. `soundwave train` runs as a process of its
own. The peers train the same network with the same losses on the same clips: `transformers.Trainer` with padded batches
of as many random clips as our steps have on average, and a plain loop over the batches of Lhotse's
DynamicBucketingSampler, with as much audio as our steps. Where frames are not stored, all encode with Moonshine. Each
side's first steps count for nothing.

A peer is one of two. `..._trainer` and `..._lhotse` run our own model code and make our own samples, in the process
that trains: only the loop and the batches are the peer's. `..._plain` is what a user of the architecture writes (see
`benchmarks.plain_model`): the same weights and losses by transformers' causal LM and torch's CTC loss over the whole
vocabulary, and a DataLoader whose worker, a process of its own, makes the samples and loads or encodes their frames.
Before it is timed, its loss on a batch must be ours.

Rows (ratio: how many times better ours is):
    stored_against_trainer   samples a second, stored frames; peer: transformers' Trainer. Target 1.5.
    audio_against_trainer    the same with encoding while training. Target 1.5.
    stored_against_lhotse    samples a second, stored frames; peer: the loop with Lhotse's sampler. Target 1.5.
    stored_against_plain, audio_against_plain   the same; peer: transformers' Trainer with the plain model.
    wide_against_plain       stored frames and an LLM of 32,768 tokens, a quarter of a Llama's.
    wait_share       share of the time of our steps that they waited for their frames, stored frames. Target 0.05.
    audio_cost       time of a step that encodes / (time of a step with stored frames + of encoding its clips, one core
                     each) x the cores there are, at most 2. Target 1.15.
    audio_work       the same of processor time, whatever the cores: what overlapping costs beside the parts. On a
                     machine that does other things too, this is the figure to look at.
    encode_batched   clips a second through a random Whisper of tiny's size, as a step encodes them: each on a core of
                     its own. Peer: one by one, on all cores. The target of 2 is out of reach on 2 cores: nine tenths of
                     the peer's time are matrix products, attention and convolutions of 30 s windows (profiled: 92 %),
                     which both cores share already. Windows together in a batch are slower than one by one on a CPU
                     (by 5 to 9 %: they leave the caches).
    encode_threads   the same through Moonshine; the peer has one core.
    encode_share     share of one by one's processor time in products, attention and convolutions, Whisper's.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import soundfile
import torch
import yaml
from numpy.typing import NDArray
from torch.profiler import ProfilerActivity, profile

from benchmarks.catalog import tell
from benchmarks.plain_model import plain_loss
from benchmarks.rows import Row, row, show
from benchmarks.tiny_llm import WORDS, make_tiny_llm
from curation.catalog import build
from curation.encoders import Encoder, load_encoder
from curation.encoders.whisper import WhisperEncoder
from curation.plan import make_plan
from curation.plan.mixture import Mixture
from manifests.files import write_json, write_jsonl
from manifests.runs import METRICS
from manifests.schema import arrow_schema
from manifests.units import SAMPLE_RATE
from soundwave.model.batch import Batch
from soundwave.train.batches.ahead import one_core_each
from soundwave.train.batches.clips import HeardClip, encode_clips
from soundwave.train.batches.plan_data import Draw, PlanData
from soundwave.train.batches.samples import collate
from soundwave.train.loop import Trainer
from soundwave.train.settings import load_stage

STEP_SECONDS, WARM, ENCODER = 60.0, 5, "moonshine-tiny-en"
WIDE = 32_768  # tokens
PRODUCTS = ("addmm", "aten::mm", "bmm", "attention", "convolution")
SAME = 1e-4  # relative: float32, summed in another order


def corpus(folder: Path, clips: int) -> None:
    """A corpus of noise, and its encoder frames as a labelling pass stores them."""
    rng, encoder = np.random.default_rng(0), load_encoder(ENCODER)
    place, labels = folder / "corpora" / "noise", folder / "labels" / "encode" / "noise"
    for path in (place, labels):
        path.mkdir(parents=True)
    cuts, features, frames, offset = [], [], [], 0
    for number in range(clips):
        name, count = f"noise-{number:05d}", int(SAMPLE_RATE * rng.uniform(2.0, 12.0))
        sound = (0.1 * rng.standard_normal(count)).astype(np.float32)
        soundfile.write(place / f"{name}.flac", sound, SAMPLE_RATE)
        cuts.append(_cut(name, count, " ".join(map(str, rng.choice(WORDS, count // SAMPLE_RATE * 2)))))
        frames.append(encoder.encode([sound])[0].astype(np.float16))
        features.append(
            {"cut_id": name, "encoder": ENCODER, "variant": "plain", "path": str(labels / "features-0000.npy")}
            | {"offset": offset, "frames": len(frames[-1]), "dim": encoder.dim, "frame_rate": encoder.frame_rate}
        )
        offset += len(frames[-1])
    write_jsonl(place / "cuts.jsonl.gz", cuts)
    write_json(place / "corpus.json", {"name": "noise", "title": "Noise", "license": "CC0-1.0", "makers": "us"})
    np.save(labels / "features-0000.npy", np.concatenate(frames))
    pq.write_table(pa.Table.from_pylist(features, schema=arrow_schema("features")), labels / "features-0000.parquet")
    write_json(labels / "pass.json", {"shards": ["0000"], "settings": {}, "counts": {}})


def _cut(name: str, count: int, text: str) -> dict[str, Any]:
    source = {"type": "file", "channels": [0], "source": f"{name}.flac"}
    seconds = count / SAMPLE_RATE
    recording = {"id": name, "sources": [source], "sampling_rate": SAMPLE_RATE, "num_samples": count}
    said = {"id": name, "recording_id": name, "start": 0.0, "duration": seconds, "channel": 0, "text": text}
    facts = {"corpus": "noise", "split": "train", "task": "asr", "domain": "asr", "license": "CC0-1.0"}
    return {"id": name, "start": 0.0, "duration": seconds, "channel": 0, "type": "MonoCut", "custom": facts} | {
        "supervisions": [said | {"language": "en"}],
        "recording": recording | {"duration": seconds, "channel_ids": [0]},
    }


def prepare(folder: Path, clips: int, steps: int) -> None:
    """Corpus, catalogs with and without stored frames, a plan on each, and the stage's settings."""
    corpus(folder, clips)
    for name, labels in (("stored", "labels"), ("audio", "none")):
        (folder / labels).mkdir(exist_ok=True)
        build(folder / "corpora", folder / labels, folder / name / "catalog")
        mixture = {"name": name, "stage": "sft", "query": "SELECT cut_id, domain FROM cuts", "shares": {"asr": 1.0}}
        mixture |= {"unit": "hours", "budget": steps * STEP_SECONDS / 3600, "max_repeats": 1000, "window": 16}
        mixture |= {"batch": {"seconds": STEP_SECONDS}}
        make_plan(Mixture.model_validate(mixture), folder / name / "catalog", folder / name / "plan")
    for name, tokens in (("stage", None), ("wide", WIDE)):
        llm = str(make_tiny_llm(folder / f"llm-{name}", vocabulary=tokens))
        model = {"llm": llm, "heads": 4, "lora_rank": 4, "stack": 2, "dropout": 0.0}
        stage = {"extends": "paper/shrinking", "model": model, "encoder": ENCODER, "micro_batch": None}
        stage |= {"precision": "fp32", "steps": steps, "tensorboard": False, "spec_augment": None, "templates": "short"}
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(stage))


def ours(folder: Path, name: str, stage: str = "stage") -> dict[str, float]:
    """Train; samples a second, and of a late step seconds, processor time, share of waiting, and clips."""
    output = folder / name / f"run-{stage}"
    words = [sys.executable, "-m", "soundwave", "train", str(folder / f"{stage}.yaml"), "--output", str(output)]
    subprocess.run([*words, "--plan", str(folder / name / "plan")], check=True, stdout=sys.stderr)
    rows = [json.loads(line) for line in (output / METRICS).read_text().splitlines()]
    seconds, work = (rows[-1][clock] - rows[WARM - 1][clock] for clock in ("seconds", "cpu_seconds"))
    late = rows[WARM:]
    return {
        "work": work / len(late),
        "samples": sum(line["draws"] for line in late) / seconds,
        "wait": sum(line["wait_seconds"] for line in late) / seconds,
        "step": seconds / len(late),
        "clips": sum(line["draws"] for line in late) / len(late),
    }


class Peer:
    """The same network, and the plan's draws, for somebody else's loop."""

    def __init__(self, folder: Path, name: str, steps: int, stage: str = "stage") -> None:
        settings = load_stage(folder / f"{stage}.yaml")
        self.data = PlanData(folder / name / "plan", encoder=ENCODER)
        self.trainer = Trainer.make(settings, self.data, None, folder / name / "peer")
        self.trainer.model.train()
        self.draws = list(self.data.draws())
        self.steps = steps

    def batch(self, draws: Sequence[Draw]) -> Batch:
        """Their frames, padded."""
        return collate(self.trainer.maker.samples(draws, 0), self.data.store.feature_dim)

    def loss(self, batch: Batch, *, plain: bool = False) -> torch.Tensor:
        """The step's loss."""
        settings, model = self.trainer.settings, self.trainer.model
        weights = {"lm_weight": settings.lm_weight, "ctc_weight": settings.ctc_weight}
        loss: torch.Tensor = plain_loss(model, batch, **weights) if plain else model(batch, **weights).loss
        return loss

    def check_plain(self) -> None:
        """The plain model must have our loss."""
        batch = self.batch(self.draws[:8])
        with torch.no_grad():
            mine, theirs = float(self.loss(batch)), float(self.loss(batch, plain=True))
        if abs(mine - theirs) > SAME * abs(mine):
            raise SystemExit(f"the plain model's loss is {theirs}, ours {mine}")

    def by_trainer(self, *, plain: bool = False) -> float:
        """Samples a second of transformers' Trainer; plain: with the plain model and a worker that loads frames."""
        from transformers import Trainer as Theirs
        from transformers import TrainerCallback, TrainingArguments

        peer, times = self, list[float]()
        size = max(1, round(len(self.draws) / len(self.data)))

        class Model(torch.nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.inner = peer.trainer.model

            def forward(self, draws: Sequence[Draw] = (), batch: Batch | None = None) -> dict[str, torch.Tensor]:
                return {"loss": peer.loss(batch or peer.batch(draws), plain=plain)}

        class Clock(TrainerCallback):
            def on_step_end(self, *_: Any, **__: Any) -> None:
                times.append(time.perf_counter())

        with tempfile.TemporaryDirectory() as folder:
            chosen = {"per_device_train_batch_size": size, "max_steps": self.steps, "save_strategy": "no"}
            chosen |= {"report_to": [], "use_cpu": not torch.cuda.is_available(), "remove_unused_columns": False}
            chosen |= {"dataloader_num_workers": 1, "dataloader_prefetch_factor": 2} if plain else {}
            arguments = TrainingArguments(folder, logging_strategy="no", disable_tqdm=True, **chosen)
            collator = (lambda draws: {"batch": peer.batch(draws)}) if plain else _as_one
            Theirs(Model(), arguments, train_dataset=self.draws, data_collator=collator, callbacks=[Clock()]).train()
        return size * (len(times) - WARM) / (times[-1] - times[WARM - 1])

    def by_lhotse(self) -> float:
        """Samples a second of a plain loop over Lhotse's batches."""
        from lhotse import CutSet, MonoCut
        from lhotse.dataset import DynamicBucketingSampler

        cuts = CutSet.from_cuts(
            MonoCut(id=str(number), start=0.0, duration=draw.cut.duration, channel=0)
            for number, draw in enumerate(self.draws)
        )
        batches: Iterable[Any] = DynamicBucketingSampler(
            cuts, max_duration=STEP_SECONDS, shuffle=True, num_buckets=10, world_size=1, rank=0
        )
        count, start = 0, 0.0
        for number, batch in enumerate(batches):
            if number == WARM:
                count, start = 0, time.perf_counter()
            self.trainer.optimiser.zero_grad(set_to_none=True)
            self.loss(self.batch([self.draws[int(cut.id)] for cut in batch])).backward()
            torch.nn.utils.clip_grad_norm_(list(self.trainer.trainable), 1.0)
            self.trainer.optimiser.step()
            count += len(batch)
        return count / (time.perf_counter() - start)


def _as_one(draws: list[Draw]) -> dict[str, Any]:
    return {"draws": draws}


def whisper() -> WhisperEncoder:
    """A random Whisper encoder of tiny's size."""
    from transformers import WhisperConfig, WhisperFeatureExtractor
    from transformers.models.whisper.modeling_whisper import WhisperModel

    sizes = {"d_model": 384, "encoder_layers": 4, "encoder_attention_heads": 6, "encoder_ffn_dim": 1536}
    config = WhisperConfig(**sizes, decoder_layers=1, decoder_attention_heads=6, decoder_ffn_dim=64)
    torch.manual_seed(0)
    return WhisperEncoder("random", WhisperModel(config).get_encoder(), WhisperFeatureExtractor())


def encoding(encoder: Encoder, count: int = 16) -> tuple[float, float]:
    """Clips a second as a step encodes them, and one by one; medians of three."""
    sounds = noise(count)
    encoder.encode(sounds[:1])

    def batched() -> None:
        clips = [HeardClip(str(n), partial(np.copy, sound), lambda: encoder) for n, sound in enumerate(sounds)]
        encode_clips(encoder, clips, pool)

    def single() -> None:
        for sound in sounds:
            encoder.encode([sound])

    with one_core_each(os.cpu_count() or 1) as pool:
        found = [_seconds(call) for _ in range(3) for call in (batched, single)]
    return count / median(found[::2]), count / median(found[1::2])


def noise(count: int) -> list[NDArray[np.float32]]:
    """Clips of 2 to 12 s."""
    rng = np.random.default_rng(0)
    return [rng.standard_normal(int(SAMPLE_RATE * rng.uniform(2, 12))).astype(np.float32) for _ in range(count)]


def share_of_products(encoder: Encoder) -> float:
    """What of an encoder's time on one core is spent in matrix products and their like."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with profile(activities=[ProfilerActivity.CPU]) as found:
        encoder.encode(noise(2))
    torch.set_num_threads(threads)
    times = {event.key: event.self_cpu_time_total for event in found.key_averages()}
    products = sum(time for name, time in times.items() if any(kind in name for kind in PRODUCTS))
    return products / sum(times.values())


def _seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def measure(folder: Path, clips: int, steps: int) -> list[Row]:
    """All rows of the benchmark."""
    tell(f"{clips} clips, and a plan of {steps} steps")
    prepare(folder, clips, steps)
    found, table = {}, []
    for name in ("stored", "audio"):
        tell(f"{name}: ours, then transformers' Trainer with our model, and with the plain one")
        found[name] = ours(folder, name)
        peer = Peer(folder, name, steps)
        peer.check_plain()
        table.append(faster(f"{name}_against_trainer", found[name]["samples"], peer.by_trainer()))
        table.append(faster(f"{name}_against_plain", found[name]["samples"], peer.by_trainer(plain=True)))
        tell(f"{table[-2:]}; waited {found[name]['wait']:.1%}")
    tell("stored: a loop with Lhotse's sampler; a vocabulary of a larger size; then the encoders")
    table.append(faster("stored_against_lhotse", found["stored"]["samples"], Peer(folder, "stored", steps).by_lhotse()))
    wide = Peer(folder, "stored", steps, "wide")
    wide.check_plain()
    mine = ours(folder, "stored", "wide")["samples"]
    table.append(faster("wide_against_plain", mine, wide.by_trainer(plain=True)))
    return [*table, *overlap(found), *encoders()]


def faster(name: str, ours: float, peer: float) -> Row:
    """A row of samples a second."""
    return row(name, ours, peer, "samples/s", better="high")


def overlap(found: dict[str, dict[str, float]]) -> list[Row]:
    """What it costs to make frames while the model computes."""
    encoder, sounds = load_encoder(ENCODER), noise(16)
    encoder.encode(sounds[:1])
    start, work = time.perf_counter(), time.process_time()
    encoder.encode(sounds)
    alone, used = (clock / len(sounds) for clock in (time.perf_counter() - start, time.process_time() - work))
    stored, audio = found["stored"], found["audio"]
    cores = min(2, os.cpu_count() or 1)
    return [
        row("wait_share", stored["wait"], None, "share"),
        row("audio_cost", audio["step"] / (stored["step"] + audio["clips"] * alone) * cores, None, "times"),
        row("audio_work", audio["work"] / (stored["work"] + audio["clips"] * used), None, "times"),
    ]


def encoders() -> list[Row]:
    """What encoders gain by going through many clips at once."""
    tiny = whisper()
    return [
        row("encode_batched", *encoding(tiny), "clips/s", better="high"),
        row("encode_threads", *encoding(load_encoder(ENCODER)), "clips/s", better="high"),
        row("encode_share", share_of_products(tiny), None, "share"),
    ]


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=400)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        show(measure(Path(temporary), options.clips, options.steps), as_json=options.json)


if __name__ == "__main__":
    main()
