"""The chunked CTC loss against `log_softmax` + `torch.nn.functional.ctc_loss`, forward and backward, head trained.

    python -m benchmarks.linear_ctc --json

Large: 4 clips of 750 frames of 512 numbers over 128,257 tokens, targets of 100 tokens. Small: 16 clips of 250 frames
of 288 numbers over 1,000 tokens, targets of 40.

Rows (ratio: how many times better ours is; targets: peak_mb 8 or more, seconds 0.67 or more, the small case 1):
    peak_mb              memory that one step adds to what the inputs take. Each step runs in a process of its own: the
                         kernel's high-water mark of resident memory (VmHWM, reset before the step), less the resident
                         memory at its start. The gradients of features and weight are part of it. Over the rounds:
                         our largest figure, the peer's least.
    seconds              wall time of that step; the best of the rounds, in which the two sides take turns.
    seconds_small_vocab  the same for the small case, both sides in turn in one process; medians.
    loss_error           relative error of the loss, against the peer's formula in float64.
    gradient_error       relative error of the gradients (norm of the difference), the worse of features' and weight's.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.rows import Pair, Row, paired, row, show
from soundwave.model.ctc.linear_ctc import linear_ctc_loss

CASES = {
    "large": {"clips": 4, "frames": 750, "size": 512, "vocabulary": 128_257, "tokens": 100},
    "small": {"clips": 16, "frames": 250, "size": 288, "vocabulary": 1000, "tokens": 40},
    "warm": {"clips": 2, "frames": 20, "size": 16, "vocabulary": 50, "tokens": 4},
}
BLANK = 0


def inputs(name: str) -> tuple[Tensor, Tensor, Tensor]:
    """Random features (N, T, D), weight (V, D) and targets (N, S) of a case."""
    case = CASES[name]
    g = torch.Generator().manual_seed(0)
    features = torch.randn(case["clips"], case["frames"], case["size"], generator=g).requires_grad_()
    weight = torch.randn(case["vocabulary"], case["size"], generator=g).mul_(case["size"] ** -0.5).requires_grad_()
    return features, weight, torch.randint(1, case["vocabulary"], (case["clips"], case["tokens"]), generator=g)


def step(side: str, features: Tensor, weight: Tensor, targets: Tensor) -> tuple[Tensor, ...]:
    """Loss, and the gradients of features and weight."""
    frames, lengths = [features.shape[1]] * len(features), [targets.shape[1]] * len(targets)
    if side == "ours":
        loss = linear_ctc_loss(features, weight, targets, frames, lengths, blank=BLANK, reduction="sum")
    else:
        log_probs = F.linear(features, weight).log_softmax(-1).transpose(0, 1)
        loss = F.ctc_loss(log_probs, targets, frames, lengths, blank=BLANK, reduction="sum", zero_infinity=True)
        del log_probs
    return loss.detach(), *torch.autograd.grad(loss, (features, weight))


def seconds(side: str, data: tuple[Tensor, Tensor, Tensor]) -> float:
    """Wall time of one step."""
    start = time.perf_counter()
    step(side, *data)
    return time.perf_counter() - start


def resident(key: str) -> float:
    """VmRSS (now) or VmHWM (high-water mark) of this process, MB."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(key + ":")) / 1024


def measure(side: str) -> dict[str, float]:
    """Memory and time of one large step; run in a fresh process."""
    step(side, *inputs("warm"))
    data = inputs("large")
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    before = resident("VmRSS")
    spent = seconds(side, data)
    return {"peak_mb": resident("VmHWM") - before, "seconds": spent}


def small() -> Pair:
    """The small case, both sides taking turns."""
    data = inputs("small")
    return paired(lambda: step("ours", *data), lambda: step("peer", *data))


def errors() -> dict[str, dict[str, float]]:
    """Relative errors of both sides against float64, which is summed clip by clip to fit in memory."""
    features, weight, targets = inputs("large")
    wide = weight.detach().double().requires_grad_()
    loss, by_weight, by_features = torch.zeros((), dtype=torch.float64), torch.zeros_like(wide), []
    for x, y in zip(features.detach().double().split(1), targets.split(1), strict=True):
        one, by_x, by_w = step("peer", x.requires_grad_(), wide, y)
        loss += one
        by_weight += by_w
        by_features.append(by_x)
        del by_w
    exact = (loss, torch.cat(by_features), by_weight)
    result: dict[str, dict[str, float]] = {"loss_error": {}, "gradient_error": {}}
    for side in ("ours", "peer"):
        off = [
            float((a - b).norm() / b.norm()) for a, b in zip(step(side, features, weight, targets), exact, strict=True)
        ]
        result["loss_error"][side], result["gradient_error"][side] = off[0], max(off[1:])
    return result


def child(*arguments: str) -> Any:
    """The answer of this module run in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.linear_ctc", "--part", *arguments]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def rows(rounds: int) -> list[Row]:
    """All rows."""
    ours, peer = [], []
    for _ in range(rounds):
        ours.append(child("ours"))
        peer.append(child("peer"))
    few = child("small")
    table = [
        row("peak_mb", max(run["peak_mb"] for run in ours), min(run["peak_mb"] for run in peer), "MB"),
        row("seconds", min(run["seconds"] for run in ours), min(run["seconds"] for run in peer), "s"),
        row("seconds_small_vocab", few["ours"], few["peer"], "s", ratio=few["ratio"]),
    ]
    table.extend(row(what, off["ours"], off["peer"], "relative") for what, off in child("errors").items())
    return table


def main() -> None:
    """Print the rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print the rows as JSON")
    parser.add_argument("--rounds", type=int, default=2, help="how often each side runs the large case (default 2)")
    parser.add_argument("--part", choices=["ours", "peer", "small", "errors"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.part:
        parts = {"small": small, "errors": errors}
        print(json.dumps(parts[options.part]() if options.part in parts else measure(options.part)))
        return
    show(rows(options.rounds), as_json=options.json)


if __name__ == "__main__":
    main()
