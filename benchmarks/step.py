"""A training step of stage II, forward and backward: against clips one at a time, and the paper's adapters compared.

    python -m benchmarks.step --json

One random network, nothing downloaded: encoder frames 384 wide, 50 a second; both adapters; CTC over all 12,288 tokens;
a Llama of 6 layers, 192 wide, with LoRA. One batch: 8 clips of 4 to 12 s, three tokens a second, the frames of a token
alike (so that CTC finds about as many runs as there are tokens, as in a trained network), a prompt of 28 tokens around.

Rows (ratio: how many times better ours is; target: stage2_step 3 or more):
    stage2_step  seconds of a step, next-token + 0.3 x CTC. Ours: the batch at once, padded to its longest clip. Peer:
                 the same network and losses as the released code trains it: each clip padded to 30 s, silence that CTC
                 must call blank, the frames x vocabulary matrix held; here one clip after another, gradients summed.
                 (Its encoder, left out on both sides, would run over the padding too.)
    x3, x4       seconds of our step with the shrinking adapter (ours), and with 3 or 4 frames joined into one (peer);
                 all else the same. The paper's table has 25.8 s against 86.7 and 72.4, with an LLM of 8 B parameters:
                 there the positions that the LLM reads cost nearly all; here the CTC head over the vocabulary does,
                 and the shrinking adapter must ask it which frames to keep.

Medians of paired runs. Kept positions of each adapter go to stderr.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.rows import Row, paired, row, show
from soundwave.model.batch import AUDIO, AdapterOutput, Batch, pad_features
from soundwave.model.config import SpeechConfig
from soundwave.model.sequences import embed_sequences, hidden_states
from soundwave.model.settings import ModelSettings
from soundwave.model.shrinking_adapter import find_runs
from soundwave.model.speech_llm import SpeechLLM

FRAME_RATE, WINDOW = 50, 1500  # frames a second, and of the 30 s that the released code pads to
CTC_WEIGHT = 0.3


@dataclass(frozen=True)
class Case:
    """Sizes of the network and lengths of the clips."""

    seconds: tuple[int, ...] = (4, 5, 6, 7, 8, 9, 10, 12)
    features: int = 384
    width: int = 192
    layers: int = 6
    vocabulary: int = 12_288
    window: int = WINDOW
    tokens_per_second: int = 3
    heads: int = 8
    lora_rank: int = 16


def network(case: Case, shrinking: str = "ctc", dtype: torch.dtype = torch.float32) -> SpeechLLM:
    """The random network, in training mode; LLM frozen but for LoRA, its weights as `dtype`."""
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    attention = "sdpa" if torch.cuda.is_available() else "eager"  # as `soundwave.model.llm`
    sizes = {"hidden_size": case.width, "intermediate_size": 4 * case.width, "num_hidden_layers": case.layers}
    llm = LlamaForCausalLM._from_config(
        LlamaConfig(vocab_size=case.vocabulary, num_attention_heads=case.heads, attn_implementation=attention, **sizes),
        dtype=dtype,
    )
    settings = ModelSettings(llm="random", heads=8, lora_rank=case.lora_rank, dropout=0.0, shrinking=shrinking)
    config = SpeechConfig(settings.model_dump(), encoder="random", feature_dim=case.features)
    return SpeechLLM(config, llm=llm).train()


def inputs(case: Case) -> Batch:
    """The batch."""
    g = torch.Generator().manual_seed(1)

    def ids(count: int) -> list[int]:
        return torch.randint(0, case.vocabulary, (count,), generator=g).tolist()

    clips, texts = [], []
    for seconds in case.seconds:
        texts.append(ids(case.tokens_per_second * seconds))
        sounds = torch.randn(len(texts[-1]), case.features, generator=g)
        clips.append(sounds.repeat_interleave(FRAME_RATE // case.tokens_per_second, dim=0))
    features, lengths = pad_features(clips, case.features)
    before, after = ids(20), ids(8)
    return Batch([[*before, AUDIO, *after]] * len(clips), texts, features, lengths, texts)


def our_step(model: SpeechLLM, batch: Batch, lm_weight: float = 1.0) -> Tensor:
    """The batch at once; the loss. `lm_weight` 0: stage I, in which the LLM is not run."""
    model.zero_grad(set_to_none=True)
    loss = model(batch, lm_weight=lm_weight, ctc_weight=CTC_WEIGHT).loss
    loss.backward()
    return loss.detach()


def released_step(model: SpeechLLM, batch: Batch, window: int, lm_weight: float = 1.0) -> Tensor:
    """Clip after clip, each padded to `window` frames; the sum of the losses."""
    model.zero_grad(set_to_none=True)
    device = batch.features.device
    total = torch.zeros((), device=device)
    for number, target in enumerate(batch.targets):
        length = int(batch.lengths[number])
        features = F.pad(batch.features[number : number + 1, :length], (0, 0, 0, window - length))
        frames, counts = model.align(features, torch.tensor([window], device=device))
        scores = F.linear(frames, model.ctc_head.weight, model.ctc_head.bias).log_softmax(-1)
        ctc = F.ctc_loss(
            scores.transpose(0, 1).float(), torch.tensor([target], device=device), counts, torch.tensor([len(target)]),
            blank=model.ctc_head.blank, zero_infinity=True,
        )  # fmt: skip
        loss = CTC_WEIGHT * ctc
        if lm_weight:
            loss = loss + lm_weight * _released_answer(model, batch, number, (frames, counts, scores))
        loss.backward()
        total += loss.detach()
    return total


def _released_answer(model: SpeechLLM, batch: Batch, number: int, heard: tuple[Tensor, Tensor, Tensor]) -> Tensor:
    """The next-token loss of one clip: its frames, their count and their log-probabilities over the vocabulary."""
    frames, counts, scores = heard
    best = scores.detach().max(-1)
    runs = find_runs(best.indices, best.values, counts, blank=model.ctc_head.blank)
    output = AdapterOutput(frames, counts, model.shrinking(frames, counts, runs), runs)
    prompt, answer = batch.prompts[number], batch.answers[number]
    rows, places = embed_sequences(model.llm, [prompt], [answer], output)
    logits = model.llm.lm_head(hidden_states(model.llm, rows, 0))
    return F.cross_entropy(logits[0, places[0] :], torch.tensor(answer, device=frames.device))


def rows(case: Case, pairs: int) -> list[Row]:
    """All rows."""
    batch = inputs(case)
    models: dict[str, Any] = {name: network(case, name) for name in ("ctc", "x3", "x4")}
    mine = models["ctc"]
    for name, model in models.items():
        with torch.no_grad():
            heard = model.hear(batch.features, batch.lengths)
        share = float(heard.runs.counts.sum() / heard.lengths.sum())
        print(f"{name}: {share:.1%} of {int(heard.lengths.sum())} adapter frames kept", file=sys.stderr)
    peers = {"stage2_step": lambda: released_step(mine, batch, case.window)}
    peers |= {name: lambda name=name: our_step(models[name], batch) for name in ("x3", "x4")}
    table = []
    for name, peer in peers.items():
        found = paired(lambda: our_step(mine, batch), peer, pairs=pairs)
        table.append(row(name, found["ours"], found["peer"], "s", ratio=found["ratio"]))
    return table


def main() -> None:
    """Print the rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print the rows as JSON")
    parser.add_argument("--pairs", type=int, default=7, help="how often each pair is timed (default 7)")
    options = parser.parse_args()
    show(rows(Case(), options.pairs), as_json=options.json)


if __name__ == "__main__":
    main()
