"""The benchmark of a GPU: where there is none, it says so."""

from __future__ import annotations

import pytest
import torch

from benchmarks import gpu
from manifests.errors import InputError


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_it_says_so():
    with pytest.raises(InputError, match="needs a CUDA device"):
        gpu.rows(1)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_rows_of_a_gpu():
    assert [line["name"] for line in gpu.rows(1, ("align",))] == ["align"]
