"""From encoder frames to the LLM's width: join adjacent frames, project, one pre-norm Transformer layer, LayerNorm.

Source: the Soundwave paper (arXiv 2502.12900), section 1 of its architecture; `reference` as in its released code,
where the layer reads a clip as T sequences of length one and so mixes no time.

Dimensions: N clips, T encoder frames (padded), F encoder width, S adapter frames, D LLM width, H heads.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from manifests.errors import SettingsError
from soundwave.model.settings import ModelSettings

Activation = Literal["gelu", "relu"]
ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {"gelu": F.gelu, "relu": F.relu}
PLAIN_KEYS = 512  # up to so many, a CPU goes through bfloat16 faster in plain steps (3 to 4 times at 140)


class AlignmentAdapter(nn.Module):
    """(N, T, F) encoder frames -> (N, S, D), S = ceil(T / stack)."""

    feature_mean: Tensor
    feature_scale: Tensor

    def __init__(
        self,
        width_in: int,
        width: int,
        *,
        stack: int = 2,
        heads: int = 16,
        feed_forward: int,
        dropout: float = 0.1,
        activation: Activation = "gelu",
        rotary: bool = False,
        window: int | None = None,
        mixes_time: bool = True,
    ) -> None:
        super().__init__()
        self.stack = stack
        # (F,): subtracted from, and divided into, every frame; 0 and 1 unless `set_scale` is called
        self.register_buffer("feature_mean", torch.zeros(width_in))
        self.register_buffer("feature_scale", torch.ones(width_in))
        self.project = nn.Linear(width_in * stack, width)
        self.layer = TransformerLayer(
            width,
            heads=heads,
            feed_forward=feed_forward,
            dropout=dropout,
            activation=activation,
            rotary=rotary,
            window=window,
            mixes_time=mixes_time,
        )
        self.norm = nn.LayerNorm(width)

    @classmethod
    def of(cls, settings: ModelSettings, width_in: int, width: int) -> AlignmentAdapter:
        """The adapter that a model's settings ask for, between an encoder `width_in` and an LLM `width` wide."""
        return cls(
            width_in,
            width,
            stack=settings.stack,
            heads=settings.heads,
            feed_forward=round(settings.feed_forward * width),
            dropout=settings.dropout,
            activation=settings.activation,
            rotary=settings.positions == "rotary",
            window=settings.window,
            mixes_time=settings.compat == "paper",
        )

    def set_scale(self, mean: Tensor, scale: Tensor) -> None:
        """Mean and standard deviation (F,) of the encoder's frames, to be taken out of them."""
        self.feature_mean.copy_(mean)
        self.feature_scale.copy_(scale)

    def frames_of(self, count: int) -> int:
        """How many adapter frames `count` encoder frames become."""
        return -(-count // self.stack)

    def forward(self, frames: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Adapter frames (N, S, D) and how many of them each clip has (N,). Padding never reaches a valid frame."""
        # (N, T, F) -> (N, S, stack * F); what is joined to a clip's end is zero
        valid = positions_mask(lengths, frames.shape[1])
        # in place where that can be: each pass over the frames of a batch is as slow as the memory
        frames = frames.sub(self.feature_mean).div_(self.feature_scale).masked_fill_(~valid.unsqueeze(-1), 0.0)
        clips, count, _ = frames.shape
        joined = -(-count // self.stack)
        if missing := joined * self.stack - count:
            frames = F.pad(frames, (0, 0, 0, missing))
        frames = frames.reshape(clips, joined, -1)
        lengths = torch.div(lengths + self.stack - 1, self.stack, rounding_mode="floor")
        # (N, S, stack * F) -> (N, S, D)
        hidden = self.layer(self.project(frames), positions_mask(lengths, joined))
        return self.norm(hidden), lengths


class TransformerLayer(nn.Module):
    """One pre-norm Transformer layer: x + attention(norm(x)), then x + feed_forward(norm(x))."""

    def __init__(
        self,
        width: int,
        *,
        heads: int,
        feed_forward: int,
        dropout: float,
        activation: Activation,
        rotary: bool,
        window: int | None,
        mixes_time: bool,
    ) -> None:
        super().__init__()
        check_heads(width, heads)
        self.activation = ACTIVATIONS[activation]
        self.heads, self.rotary, self.mixes_time, self.dropout = heads, rotary, mixes_time, dropout
        self.window = window
        self.norm_attention = nn.LayerNorm(width)
        self.norm_feed_forward = nn.LayerNorm(width)
        self.query_key_value = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.up = nn.Linear(width, feed_forward)
        self.down = nn.Linear(feed_forward, width)

    def forward(self, x: Tensor, valid: Tensor) -> Tensor:
        """(N, S, D), valid (N, S) -> (N, S, D)."""
        x = x + self._drop(self._attend(self.norm_attention(x), valid))
        hidden = self.activation(self.up(self.norm_feed_forward(x)))
        return x + self._drop(self.down(self._drop(hidden)))

    def _attend(self, x: Tensor, valid: Tensor) -> Tensor:
        clips, count, width = x.shape
        # (N, S, 3D) -> 3 x (N, H, S, D/H)
        packed = self.query_key_value(x).view(clips, count, 3, self.heads, width // self.heads)
        query, key, value = packed.permute(2, 0, 3, 1, 4).unbind(0)
        if not self.mixes_time:
            # Sequences of length one attend to themselves with weight one.
            mixed = value
        else:
            if self.rotary:
                query, key = rotate(query), rotate(key)
            seen = valid[:, None, None, :]
            if self.window is not None:
                # (S, S); a frame always sees itself, or padding would have nothing to attend to
                places = torch.arange(count, device=x.device)
                distance = (places.unsqueeze(1) - places).abs()
                seen = (seen & (distance <= self.window)) | (distance == 0)
            mixed = attention(query, key, value, seen)
        # (N, H, S, D/H) -> (N, S, D)
        out: Tensor = self.out(mixed.transpose(1, 2).reshape(clips, count, width))
        return out

    def _drop(self, x: Tensor) -> Tensor:
        return F.dropout(x, self.dropout, self.training)


def attention(query: Tensor, key: Tensor, value: Tensor, seen: Tensor) -> Tensor:
    """Scaled dot-product attention; `seen` broadcasts to (N, H, queries, keys)."""
    if query.device.type == "cpu" and query.dtype == torch.bfloat16 and key.shape[-2] <= PLAIN_KEYS:
        scores = query @ key.transpose(-1, -2) / math.sqrt(query.shape[-1])
        return scores.masked_fill(~seen, -torch.inf).softmax(-1) @ value
    return F.scaled_dot_product_attention(query, key, value, attn_mask=seen)


def positions_mask(lengths: Tensor, count: int) -> Tensor:
    """(N,) lengths -> (N, count) True where a position is a clip's own. An empty clip keeps its first position."""
    places = torch.arange(count, device=lengths.device)
    return places.unsqueeze(0) < lengths.clamp(min=1).unsqueeze(1)


def rotate(x: Tensor) -> Tensor:
    """Rotary positions (Su et al., 2021) on (N, H, S, E): each pair of features turns by place x frequency."""
    count, width = x.shape[-2], x.shape[-1]
    frequency = 10_000.0 ** (-torch.arange(0, width, 2, device=x.device, dtype=torch.float32) / width)
    angle = torch.arange(count, device=x.device, dtype=torch.float32).unsqueeze(1) * frequency
    cos, sin = angle.cos().to(x.dtype), angle.sin().to(x.dtype)
    even, odd = x[..., 0::2], x[..., 1::2]
    return torch.stack([even * cos - odd * sin, even * sin + odd * cos], dim=-1).flatten(-2)


def check_heads(width: int, heads: int) -> None:
    """Refuse a number of heads that does not divide the width into even parts."""
    if width % (2 * heads):
        fitting = [n for n in range(1, 65) if width % (2 * n) == 0]
        raise SettingsError(f"model.heads is {heads}, but the LLM is {width} wide; these fit: {fitting}")
