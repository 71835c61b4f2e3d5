"""Encoder frames: NumPy arrays, or tensors where the encoder leaves them on its device."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Frames: TypeAlias = NDArray[np.float32] | Tensor
"""(T, F)."""


def concatenated(parts: Sequence[Frames]) -> Frames:
    """Frames one after another, on the device where some of them are."""
    device = next((part.device for part in parts if isinstance(part, Tensor)), None)
    if device is None:
        return np.concatenate(parts)
    return torch.cat([torch.as_tensor(part, device=device) for part in parts])


def as_array(values: Frames) -> NDArray[np.float32]:
    """Frames or samples as a NumPy array."""
    return values.float().cpu().numpy() if isinstance(values, Tensor) else values
