"""What a GPU makes of it: the CTC loss over a whole vocabulary, a training step of a 1B-class LLM, alignment, encoding.

    python -m benchmarks.gpu --json

Random networks, nothing downloaded. Sizes are those of Whisper-large (1,280 features, 50 frames a second) and of a
Llama of 1 B parameters (2,048 wide, 16 layers, 128,256 tokens), LoRA 64; the frozen LLM in bf16, the rest in float32
under autocast, as the trainer does it. Needs a CUDA device.

Rows (ratio: how many times better ours is):
    linear_ctc_seconds, linear_ctc_mb   one step of the CTC loss, forward and backward, head trained: 16 clips of 375
                 frames, targets of 100 tokens, float32. Peer: log_softmax + torch.nn.functional.ctc_loss.
    linear_ctc_error   relative error of the gradients (the worse of features' and weight's), from the peer's in
                 float64, for 2 of the clips.
    stage2_step, stage2_mb   one step of stage II with 8 clips of 4 to 12 s, as in `benchmarks.step`, and what it adds
                 to the memory that the network takes. Peer: the clips one after another, each padded to 30 s.
    reproducible seconds of our step as the trainer takes it, the same bits each time (ours), and without that (peer).
    x3, x4       seconds of our step with the shrinking adapter (ours), and with 3 or 4 frames joined into one (peer).
    align        64 utterances of 1,500 frames, 200 targets, emissions on the device. Peer: torchaudio's kernel there.
    encode       seconds of audio a second through the Whisper encoder, windows of 30 s, as `label encode` runs it.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from benchmarks import ctc_align, linear_ctc
from benchmarks.rows import Row, paired, row, show
from benchmarks.step import Case, inputs, network, our_step, released_step
from curation.ctc.batched import forced_align_torch
from curation.encoders.whisper import WhisperEncoder
from manifests.errors import InputError
from manifests.units import SAMPLE_RATE
from soundwave.train.setup import reproducible

LARGE = Case(features=1280, width=2048, layers=16, vocabulary=128_256, heads=32, lora_rank=64)
CTC = {"clips": 16, "frames": 375, "size": 2048, "vocabulary": 128_257, "tokens": 100}
ALIGN = {"items": 64, "frames": 1500, "targets": 200, "vocabulary": 32}
MB = 1e6


def peak_mb(call: Callable[[], object]) -> float:
    """What a call adds to the device memory in use, at its highest."""
    torch.cuda.synchronize()
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    call()
    torch.cuda.synchronize()
    return (torch.cuda.max_memory_allocated() - before) / MB


def compared(name: str, ours: Callable[[], object], peer: Callable[[], object], pairs: int) -> Row:
    """Seconds of both, in turns, with the device's work done."""

    def waited(call: Callable[[], object]) -> Callable[[], None]:
        def run() -> None:
            call()
            torch.cuda.synchronize()

        return run

    found = paired(waited(ours), waited(peer), pairs=pairs)
    return row(name, found["ours"], found["peer"], "s", ratio=found["ratio"])


def ctc_rows(pairs: int) -> list[Row]:
    """The CTC loss over the whole vocabulary."""
    linear_ctc.CASES["gpu"] = CTC
    data = [value.detach().cuda().requires_grad_(value.is_floating_point()) for value in linear_ctc.inputs("gpu")]
    ours, peer = (lambda side=side: linear_ctc.step(side, *data) for side in ("ours", "peer"))
    table = [compared("linear_ctc_seconds", ours, peer, pairs)]
    table.append(row("linear_ctc_mb", peak_mb(ours), peak_mb(peer), "MB"))
    few = [data[0][:2].detach().requires_grad_(), data[1], data[2][:2]]
    wide = [value.detach().double().requires_grad_() if value.is_floating_point() else value for value in few]
    exact = linear_ctc.step("peer", *wide)[1:]
    mine, theirs = (
        max(float((a - b).norm() / b.norm()) for a, b in zip(linear_ctc.step(side, *few)[1:], exact, strict=True))
        for side in ("ours", "peer")
    )
    return [*table, row("linear_ctc_error", mine, theirs, "relative")]


def step_rows(case: Case, pairs: int) -> list[Row]:
    """Training steps."""
    batch = inputs(case).to(torch.device("cuda"))
    models = {name: on_device(network(case, name)) for name in ("ctc", "x3", "x4")}

    def cast(step: Callable[..., object], *arguments: Any) -> Callable[[], object]:
        def run() -> object:
            with torch.autocast("cuda", torch.bfloat16):
                return step(*arguments)

        return run

    ours = cast(our_step, models["ctc"], batch)
    peers = {"stage2_step": cast(released_step, models["ctc"], batch, case.window)}
    peers |= {name: cast(our_step, models[name], batch) for name in ("x3", "x4")}
    table = [compared(name, ours, peer, pairs) for name, peer in peers.items()]

    def exactly() -> None:
        with reproducible(torch.device("cuda")):
            ours()

    table.append(compared("reproducible", exactly, ours, pairs))
    return [*table, row("stage2_mb", peak_mb(ours), peak_mb(peers["stage2_step"]), "MB")]


def on_device(model: Any) -> Any:
    """The network as the trainer has it: frozen weights of the LLM in bf16, all that learns in float32."""
    for name, value in model.llm.named_parameters():
        if "lora_" not in name:
            value.requires_grad_(False)
            value.data = value.data.bfloat16()
    return model.cuda()


def align_rows(pairs: int) -> list[Row]:
    """Alignment of a batch."""
    from torchaudio.functional import forced_align as peer

    rng = np.random.default_rng(0)
    scores = [ctc_align.log_probs(rng, ALIGN["frames"], ALIGN["vocabulary"]) for _ in range(ALIGN["items"])]
    targets = [rng.integers(1, ALIGN["vocabulary"], ALIGN["targets"]) for _ in scores]
    batch, labels = torch.from_numpy(np.stack(scores)).cuda(), torch.from_numpy(np.stack(targets)).cuda()
    short = labels.int()

    def each() -> None:
        for number in range(len(batch)):
            peer(batch[number : number + 1], short[number : number + 1], blank=0)

    def device() -> object:
        return forced_align_torch(batch, labels)

    return [compared("align", device, each, pairs)]


def encode_row() -> Row:
    """The encoder, on four minutes of noise."""
    from transformers import WhisperConfig, WhisperFeatureExtractor
    from transformers.models.whisper.modeling_whisper import WhisperEncoder as Network

    sizes = {"d_model": 1280, "encoder_layers": 32, "encoder_attention_heads": 20, "encoder_ffn_dim": 5120}
    torch.manual_seed(0)
    model = Network(WhisperConfig(num_mel_bins=128, **sizes))
    encoder = WhisperEncoder("random", model, WhisperFeatureExtractor(feature_size=128))
    clips = [np.random.default_rng(0).standard_normal(30 * SAMPLE_RATE, dtype=np.float32)] * 8
    encoder.encode(clips)
    found = paired(lambda: encoder.encode(clips), lambda: None, pairs=3)
    return row("encode", len(clips) * 30 / found["ours"], None, "s of audio a second", better="high")


PARTS: dict[str, Callable[[int], list[Row]]] = {
    "ctc": ctc_rows,
    "step": lambda pairs: step_rows(LARGE, pairs),
    "align": align_rows,
    "encode": lambda _: [encode_row()],
}


def rows(pairs: int, parts: Sequence[str] = tuple(PARTS)) -> list[Row]:
    """All rows.

    Raises:
        InputError: no CUDA device here.
    """
    if not torch.cuda.is_available():
        raise InputError("benchmarks.gpu needs a CUDA device, and torch sees none here.")
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # as in training
    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}", file=sys.stderr)
    return [line for part in parts for line in PARTS[part](pairs)]


def main() -> None:
    """Print the rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print the rows as JSON")
    parser.add_argument("--pairs", type=int, default=7, help="how often each pair is timed (default 7)")
    parser.add_argument("--part", choices=[*PARTS], action="append", help="only these rows")
    options = parser.parse_args()
    try:
        table = rows(options.pairs, options.part or tuple(PARTS))
    except InputError as error:
        parser.error(str(error))
    show(table, as_json=options.json)


if __name__ == "__main__":
    main()
