"""What a GPU makes of it: CTC over a whole vocabulary, steps of a 1B-class and an 8B-class LLM, alignment, encoding.

    python -m benchmarks.gpu --json

Random networks, nothing downloaded. Sizes are those of Whisper-large (1,280 features, 50 frames a second), of a Llama
of 1 B parameters (2,048 wide, 16 layers, 128,256 tokens) and of as many layers of one of 8 B (4,096 wide, 32 layers) as
memory holds; LoRA 64; the frozen LLM in bf16, the rest in float32 under autocast, as the trainer does it. Needs a CUDA
device; `--tiny` runs every part that can on any machine to its end, with sizes that say nothing of speed.

Rows (ratio: how many times better ours is):
    linear_ctc_seconds, linear_ctc_mb   one step of the CTC loss, forward and backward, head trained: 16 clips of 375
                 frames, targets of 100 tokens, float32. Peer: log_softmax + torch.nn.functional.ctc_loss.
    linear_ctc_error   relative error of the gradients (the worse of features' and weight's), from the peer's in
                 float64, for 2 of the clips.
    stage1_step, stage2_step   seconds of one step with 8 clips of 4 to 12 s, as in `benchmarks.step`; stage I is CTC
                 alone. Peer: the clips one after another, each padded to 30 s.
    stage1_mb, stage2_mb   what that step adds to the memory that the network takes.
    stage1_audio, stage2_audio   hours of audio that the same clips, 8 times as many in a step, come to in an hour.
    stage2_tokens   positions that the LLM reads in a second of such a step.
    x3, x4       seconds of our step with the shrinking adapter (ours), and with 3 or 4 frames joined into one (peer).
    reproducible seconds of our step as the trainer takes it, the same bits each time (ours), and without that (peer).
    compiled     seconds of our step with each layer of the LLM compiled (ours), and as it is (peer).
    big_...      the same of the 8B-class LLM; big_layers is how many of its 32 layers were held.
    align        64 utterances of 1,500 frames, 200 targets, emissions on the device. Peer: torchaudio's kernel there,
                 which takes one utterance a call.
    encode       seconds of audio a second through the Whisper encoder, windows of 30 s, as `label encode` runs it.
    encode_batched, encode_bf16, encode_compiled   seconds for 8 windows at once, under autocast to bf16, and with
                 compiled layers. Peer: one by one; float32; as it is.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
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
from soundwave.model.batch import Batch
from soundwave.model.speech_llm import SpeechLLM
from soundwave.train.setup import reproducible

MB = 1e6
MORE = 8  # times the clips in a step that measures what a device can do


@dataclass(frozen=True)
class Sizes:
    """What is run: everything in full, or small enough for any machine."""

    llm: Case
    big: Case
    ctc: dict[str, int]
    align: dict[str, int]
    encoder: dict[str, int]
    windows: int


FULL = Sizes(
    llm=Case(features=1280, width=2048, layers=16, vocabulary=128_256, heads=32, lora_rank=64),
    big=Case(features=1280, width=4096, layers=32, vocabulary=128_256, heads=32, lora_rank=64),
    ctc={"clips": 16, "frames": 375, "size": 2048, "vocabulary": 128_257, "tokens": 100},
    align={"items": 64, "frames": 1500, "targets": 200, "vocabulary": 32},
    encoder={"d_model": 1280, "encoder_layers": 32, "encoder_attention_heads": 20, "encoder_ffn_dim": 5120},
    windows=8,
)
TINY = Sizes(
    llm=Case(seconds=(1, 2), features=32, width=32, layers=2, vocabulary=200, window=150, heads=4, lora_rank=4),
    big=Case(seconds=(1, 2), features=32, width=64, layers=2, vocabulary=200, window=150, heads=4, lora_rank=4),
    ctc={"clips": 4, "frames": 40, "size": 16, "vocabulary": 50, "tokens": 8},
    align={"items": 4, "frames": 60, "targets": 8, "vocabulary": 32},
    encoder={"d_model": 32, "encoder_layers": 1, "encoder_attention_heads": 2, "encoder_ffn_dim": 64},
    windows=2,
)


def device() -> torch.device:
    """Where it runs."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def waited(call: Callable[[], object]) -> Callable[[], None]:
    """A call that ends when the device has done its work."""

    def run() -> None:
        call()
        if torch.cuda.is_available():
            torch.cuda.synchronize()

    return run


def memory_row(name: str, ours: Callable[[], object], peer: Callable[[], object]) -> list[Row]:
    """What both calls add to the device memory in use, at its highest; no row without a GPU."""
    if not torch.cuda.is_available():
        return []

    def peak(call: Callable[[], object]) -> float:
        torch.cuda.synchronize()
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        waited(call)()
        return (torch.cuda.max_memory_allocated() - before) / MB

    return [row(name, peak(ours), peak(peer), "MB")]


def compared(name: str, ours: Callable[[], object], peer: Callable[[], object], pairs: int) -> Row:
    """Seconds of both, in turns, with the device's work done."""
    found = paired(waited(ours), waited(peer), pairs=pairs)
    return row(name, found["ours"], found["peer"], "s", ratio=found["ratio"])


def ctc_rows(sizes: Sizes, pairs: int) -> list[Row]:
    """The CTC loss over the whole vocabulary."""
    linear_ctc.CASES["gpu"] = sizes.ctc
    made = linear_ctc.inputs("gpu")
    data = [value.detach().to(device()).requires_grad_(value.is_floating_point()) for value in made]
    ours, peer = (lambda side=side: linear_ctc.step(side, *data) for side in ("ours", "peer"))
    table = [compared("linear_ctc_seconds", ours, peer, pairs), *memory_row("linear_ctc_mb", ours, peer)]
    few = [data[0][:2].detach().requires_grad_(), data[1], data[2][:2]]
    wide = [value.detach().double().requires_grad_() if value.is_floating_point() else value for value in few]
    exact = linear_ctc.step("peer", *wide)[1:]
    mine, theirs = (
        max(float((a - b).norm() / b.norm()) for a, b in zip(linear_ctc.step(side, *few)[1:], exact, strict=True))
        for side in ("ours", "peer")
    )
    return [*table, row("linear_ctc_error", mine, theirs, "relative")]


def made_on_device(case: Case, shrinking: str = "ctc") -> SpeechLLM:
    """The network as the trainer has it: frozen weights of the LLM in bf16, all that learns in float32."""
    with device():
        return network(case, shrinking, torch.bfloat16)


def cast(step: Callable[..., object], *arguments: Any) -> Callable[[], object]:
    """A step under autocast to bf16."""

    def run() -> object:
        with torch.autocast(device().type, torch.bfloat16):
            return step(*arguments)

    return run


def step_rows(case: Case, pairs: int) -> list[Row]:
    """Training steps of both stages, against the released code's way, and the ways to shorten the LLM's input."""
    batch, model = inputs(case).to(device()), made_on_device(case)
    table: list[Row] = []
    for stage, weight in (("stage1", 0.0), ("stage2", 1.0)):
        ours = cast(our_step, model, batch, weight)
        peer = cast(released_step, model, batch, case.window, weight)
        table += [compared(f"{stage}_step", ours, peer, pairs), *memory_row(f"{stage}_mb", ours, peer)]
        table += rate_rows(stage, case, model, weight)
    ours = cast(our_step, model, batch)
    for shrinking in ("x3", "x4"):
        other = made_on_device(case, shrinking)
        table.append(compared(shrinking, ours, cast(our_step, other, batch), pairs))
        del other
    return table


def rate_rows(stage: str, case: Case, model: SpeechLLM, weight: float) -> list[Row]:
    """What a step of many clips comes to: hours of audio in an hour, and positions of the LLM in a second."""
    many = replace(case, seconds=case.seconds * MORE)
    batch = inputs(many).to(device())
    spent = paired(waited(cast(our_step, model, batch, weight)), lambda: None, pairs=3)["ours"]
    table = [row(f"{stage}_audio", sum(many.seconds) / spent, None, "h of audio an hour", better="high")]
    if weight:
        table.append(row(f"{stage}_tokens", positions(model, batch) / spent, None, "positions a second", better="high"))
    return table


def positions(model: SpeechLLM, batch: Batch) -> int:
    """What the LLM reads: prompts, kept frames in the place of each audio, answers."""
    with torch.no_grad(), torch.autocast(device().type, torch.bfloat16):
        kept = int(model(batch).kept_frames.sum())
    return kept + sum(len(row) for row in (*batch.prompts, *batch.answers)) - len(batch.lengths)


def exact_rows(sizes: Sizes, pairs: int) -> list[Row]:
    """What the same bits each time cost."""
    ours = cast(our_step, made_on_device(sizes.llm), inputs(sizes.llm).to(device()))

    def exactly() -> None:
        with reproducible(device()):
            ours()

    return [compared("reproducible", exactly, ours, pairs)]


def compiled_rows(sizes: Sizes, pairs: int) -> list[Row]:
    """What compiling each layer of the LLM brings; nothing without a GPU."""
    if not torch.cuda.is_available():
        return left_out("compiled")
    batch = inputs(sizes.llm).to(device())
    plain, compiled = made_on_device(sizes.llm), made_on_device(sizes.llm)
    for layer in compiled.llm.model.layers:
        layer.compile(dynamic=True)
    return [compared("compiled", cast(our_step, compiled, batch), cast(our_step, plain, batch), pairs)]


def big_rows(sizes: Sizes, pairs: int) -> list[Row]:
    """The steps again, with as many layers of the big LLM as two networks side by side may have."""
    case = sizes.big
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
        free, ends = torch.cuda.mem_get_info()[0], 2 * 2 * case.vocabulary * case.width  # bytes in bf16
        layer = 2 * (4 + 12) * case.width**2
        case = replace(case, layers=max(1, min(case.layers, int((0.35 * free - ends) / layer))))
    table = [row("layers", case.layers, None, "layers", better="high"), *step_rows(case, pairs)]
    for line in table:
        line["name"] = f"big_{line['name']}"
    return table


def align_rows(sizes: Sizes, pairs: int) -> list[Row]:
    """Alignment of a batch."""
    from torchaudio.functional import forced_align as peer

    size, rng = sizes.align, np.random.default_rng(0)
    scores = [ctc_align.log_probs(rng, size["frames"], size["vocabulary"]) for _ in range(size["items"])]
    targets = [rng.integers(1, size["vocabulary"], size["targets"]) for _ in scores]
    batch, labels = (torch.from_numpy(np.stack(rows)).to(device()) for rows in (scores, targets))
    short = labels.int()

    def each() -> None:
        for number in range(len(batch)):
            peer(batch[number : number + 1], short[number : number + 1], blank=0)

    return [compared("align", lambda: forced_align_torch(batch, labels), each, pairs)]


def encode_rows(sizes: Sizes, pairs: int) -> list[Row]:
    """The encoder, on windows of noise."""
    plain = random_encoder(sizes)
    rng = np.random.default_rng(0)
    clips = [rng.standard_normal(30 * SAMPLE_RATE, dtype=np.float32) for _ in range(sizes.windows)]

    def at_once() -> object:
        return plain.encode(clips)

    def one_by_one() -> object:
        return [plain.encode([clip]) for clip in clips]

    batched = compared("encode_batched", at_once, one_by_one, pairs)
    heard = row("encode", len(clips) * 30 / batched["ours"], None, "s of audio a second", better="high")
    if not torch.cuda.is_available():
        return [heard, batched, *left_out("encode_bf16"), *left_out("encode_compiled")]
    half, fused = cast(plain.encode, clips), cast(random_encoder(sizes, compiled=True).encode, clips)
    table = [compared("encode_bf16", half, at_once, pairs), compared("encode_compiled", fused, half, pairs)]
    return [heard, batched, *table]


def random_encoder(sizes: Sizes, *, compiled: bool = False) -> WhisperEncoder:
    """A Whisper encoder of these sizes."""
    from transformers import WhisperConfig, WhisperFeatureExtractor
    from transformers.models.whisper.modeling_whisper import WhisperEncoder as Network

    torch.manual_seed(0)
    model = Network(WhisperConfig(num_mel_bins=128, **sizes.encoder))
    for layer in model.layers if compiled else ():
        layer.compile()
    return WhisperEncoder("random", model, WhisperFeatureExtractor(feature_size=128), batch=sizes.windows)


def left_out(name: str) -> list[Row]:
    """No row, and a line that says so."""
    print(f"{name}: left out, it needs a GPU", file=sys.stderr)
    return []


PARTS: dict[str, Callable[[Sizes, int], list[Row]]] = {
    "ctc": ctc_rows,
    "step": lambda sizes, pairs: step_rows(sizes.llm, pairs),
    "exact": exact_rows,
    "compiled": compiled_rows,
    "big": big_rows,
    "align": align_rows,
    "encode": encode_rows,
}


def rows(pairs: int, parts: Sequence[str] = tuple(PARTS), *, tiny: bool = False) -> list[Row]:
    """All rows.

    Raises:
        InputError: no CUDA device here, and not `tiny`.
    """
    if not tiny and not torch.cuda.is_available():
        raise InputError("benchmarks.gpu needs a CUDA device, and torch sees none here. --tiny runs anywhere.")
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # as in training
    name = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU: figures of a processor"
    print(f"{name}, torch {torch.__version__}", file=sys.stderr)
    return [line for part in parts for line in PARTS[part](TINY if tiny else FULL, pairs)]


def main() -> None:
    """Print the rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print the rows as JSON")
    parser.add_argument("--tiny", action="store_true", help="sizes for any machine: that it runs, not how fast")
    parser.add_argument("--pairs", type=int, default=7, help="how often each pair is timed (default 7)")
    parser.add_argument("--part", choices=[*PARTS], action="append", help="only these rows")
    options = parser.parse_args()
    try:
        table = rows(options.pairs, options.part or tuple(PARTS), tiny=options.tiny)
    except InputError as error:
        parser.error(str(error))
    show(table, as_json=options.json)


if __name__ == "__main__":
    main()
