"""The benchmark of a GPU: where there is none, it says so, and its small sizes run to their end."""

from __future__ import annotations

import pytest
import torch

from benchmarks import gpu
from manifests.errors import InputError

HERE = {
    *("linear_ctc_seconds", "linear_ctc_error", "reproducible", "align", "encode", "encode_batched"),
    *(f"{size}{name}" for size in ("", "big_") for name in ("stage1_step", "stage1_audio", "stage2_step", "x3", "x4")),
    *("stage2_audio", "stage2_tokens", "big_stage2_audio", "big_stage2_tokens", "big_layers"),
}


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_it_says_so():
    with pytest.raises(InputError, match="needs a CUDA device"):
        gpu.rows(1)


def test_small_sizes_run_anywhere():
    table = {line["name"]: line for line in gpu.rows(1, tiny=True)}
    assert {*table} >= HERE
    assert all(line["ours"] > 0 for line in table.values())
    assert table["linear_ctc_error"]["ours"] < 1e-4  # float32 against float64


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_rows_of_a_gpu():
    assert [line["name"] for line in gpu.rows(1, ("align",))] == ["align"]
