"""Samples a second of `soundwave train`, beside transformers' Trainer and a loop with Lhotse's sampler.

    python -m benchmarks.training_speed --json

Clips of noise of 2 to 12 s with texts, one plan; a random LLM of two layers. `soundwave train` runs as a process of its
own. The peers train the same network with the same losses on the same clips, in this process: `transformers.Trainer`
with padded batches of as many random clips as our steps have on average, and a plain loop over the batches of Lhotse's
DynamicBucketingSampler, with as much audio as our steps. Where frames are not stored, all encode with Moonshine, the
peers in their collate function, as their users do. Each side's first steps count for nothing.

Rows (ratio: how many times better ours is):
    stored_against_trainer   samples a second, stored frames; peer: transformers' Trainer. Target 1.5.
    audio_against_trainer    the same with encoding while training. Target 1.5.
    stored_against_lhotse    samples a second, stored frames; peer: the loop with Lhotse's sampler. Target 1.5.
    wait_share       share of the time of our steps that they waited for their frames, stored frames. Target 0.05.
    audio_cost       time of a step that encodes / (time of a step with stored frames + of encoding its clips, one core
                     each) x the cores there are, at most 2. Target 1.15.
    encode_batched   clips a second through a random Whisper of tiny's size, in batches of like lengths; peer: one by
                     one. Target 2.
    encode_threads   the same through Moonshine, whose clips go through threads.
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
from concurrent.futures import ThreadPoolExecutor
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

from benchmarks.catalog import tell
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
from soundwave.train.batches.clips import HeardClip, encode_clips
from soundwave.train.batches.plan_data import Draw, PlanData
from soundwave.train.batches.samples import collate
from soundwave.train.loop import Trainer
from soundwave.train.settings import load_stage

STEP_SECONDS, WARM, ENCODER = 60.0, 5, "moonshine-tiny-en"


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
    model = {"llm": str(make_tiny_llm(folder / "llm")), "heads": 4, "lora_rank": 4, "stack": 2, "dropout": 0.0}
    stage = {"extends": "paper/shrinking", "model": model, "encoder": ENCODER, "micro_batch": None, "precision": "fp32"}
    stage |= {"steps": steps, "tensorboard": False, "spec_augment": None, "templates": "short"}
    (folder / "stage.yaml").write_text(yaml.safe_dump(stage))


def ours(folder: Path, name: str) -> dict[str, float]:
    """Train; samples and seconds a step after the first ones, and the share of them that was waiting."""
    words = [
        sys.executable,
        "-m",
        "soundwave",
        "train",
        str(folder / "stage.yaml"),
        "--output",
        str(folder / name / "run"),
    ]
    subprocess.run([*words, "--plan", str(folder / name / "plan")], check=True, stdout=sys.stderr)
    rows = [json.loads(line) for line in (folder / name / "run" / METRICS).read_text().splitlines()]
    seconds = rows[-1]["seconds"] - rows[WARM - 1]["seconds"]
    late = rows[WARM:]
    return {
        "samples": sum(line["draws"] for line in late) / seconds,
        "wait": sum(line["wait_seconds"] for line in late) / seconds,
        "step": seconds / len(late),
        "clips": sum(line["draws"] for line in late) / len(late),
    }


class Peer:
    """The same network, and the plan's draws, for somebody else's loop."""

    def __init__(self, folder: Path, name: str, steps: int) -> None:
        settings = load_stage(folder / "stage.yaml")
        self.data = PlanData(folder / name / "plan", encoder=ENCODER)
        self.trainer = Trainer.make(settings, self.data, None, folder / name / "peer")
        self.trainer.model.train()
        self.draws = list(self.data.draws())
        self.steps = steps

    def loss(self, draws: Sequence[Draw]) -> torch.Tensor:
        """The step's loss."""
        settings = self.trainer.settings
        samples = self.trainer.maker.samples(draws, 0)
        batch = collate(samples, self.data.store.feature_dim)
        loss: torch.Tensor = self.trainer.model(
            batch, lm_weight=settings.lm_weight, ctc_weight=settings.ctc_weight
        ).loss
        return loss

    def by_trainer(self) -> float:
        """Samples a second of transformers' Trainer."""
        from transformers import Trainer as Theirs
        from transformers import TrainerCallback, TrainingArguments

        peer, times = self, list[float]()
        size = max(1, round(len(self.draws) / len(self.data)))

        class Model(torch.nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.inner = peer.trainer.model

            def forward(self, draws: Sequence[Draw]) -> dict[str, torch.Tensor]:
                return {"loss": peer.loss(draws)}

        class Clock(TrainerCallback):
            def on_step_end(self, *_: Any, **__: Any) -> None:
                times.append(time.perf_counter())

        with tempfile.TemporaryDirectory() as folder:
            chosen = {"per_device_train_batch_size": size, "max_steps": self.steps, "save_strategy": "no"}
            chosen |= {"report_to": [], "use_cpu": not torch.cuda.is_available(), "remove_unused_columns": False}
            arguments = TrainingArguments(folder, logging_strategy="no", disable_tqdm=True, **chosen)
            Theirs(Model(), arguments, train_dataset=self.draws, data_collator=_as_one, callbacks=[Clock()]).train()
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
            self.loss([self.draws[int(cut.id)] for cut in batch]).backward()
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
    """Clips a second in batches, and one by one; medians of three."""
    rng = np.random.default_rng(0)
    sounds = [rng.standard_normal(int(SAMPLE_RATE * rng.uniform(2, 12))).astype(np.float32) for _ in range(count)]
    encoder.encode(sounds[:1])

    def batched() -> None:
        clips = [HeardClip(str(n), partial(np.copy, sound), lambda: encoder) for n, sound in enumerate(sounds)]
        encode_clips(encoder, clips, pool)

    def single() -> None:
        for sound in sounds:
            encoder.encode([sound])

    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        found = [_seconds(call) for _ in range(3) for call in (batched, single)]
    return count / median(found[::2]), count / median(found[1::2])


def _seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def measure(folder: Path, clips: int, steps: int) -> list[Row]:
    """All rows of the benchmark."""
    tell(f"{clips} clips, and a plan of {steps} steps")
    prepare(folder, clips, steps)
    found, theirs = {}, {}
    for name in ("stored", "audio"):
        tell(f"{name}: ours, then transformers' Trainer")
        found[name] = ours(folder, name)
        theirs[name] = Peer(folder, name, steps).by_trainer()
        tell(f"{found[name]['samples']:.1f} samples/s, {theirs[name]:.1f}; waited {found[name]['wait']:.1%}")
    tell("stored: a loop with Lhotse's sampler; then the encoders")
    lhotse = Peer(folder, "stored", steps).by_lhotse()
    moonshine, alone = encoding(load_encoder(ENCODER))
    batched, single = encoding(whisper())
    cores = min(2, os.cpu_count() or 1)
    parts = found["stored"]["step"] + found["audio"]["clips"] / alone
    rate = "samples/s"
    return [
        row("stored_against_trainer", found["stored"]["samples"], theirs["stored"], rate, better="high"),
        row("audio_against_trainer", found["audio"]["samples"], theirs["audio"], rate, better="high"),
        row("stored_against_lhotse", found["stored"]["samples"], lhotse, rate, better="high"),
        row("wait_share", found["stored"]["wait"], None, "share"),
        row("audio_cost", found["audio"]["step"] / parts * cores, None, "times"),
        row("encode_batched", batched, single, "clips/s", better="high"),
        row("encode_threads", moonshine, alone, "clips/s", better="high"),
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
