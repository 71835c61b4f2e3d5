"""Each cut's frames of a frozen encoder, stored once for every run.

The encoder is frozen in every stage, so its output is a label like any other; it is stored as float16. Variants are the
same cut heard differently; today by speed (resampling, which shifts pitch as well: Ko et al., "Audio Augmentation
for Speech Recognition", 2015).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import soxr
from numpy.typing import NDArray
from pydantic import field_validator

from curation.encoders import ENCODERS, MOONSHINE, Encoder, load_encoder
from curation.passes.base import ModelPass, cut_audio, label
from curation.passes.shards import Row, ShardResult
from curation.pretrained.families import ModelFamilies
from manifests.errors import Rejected, SettingsError
from manifests.reasons import Reason
from manifests.settings.makers import Maker
from manifests.units import SAMPLE_RATE, Seconds

PLAIN = "plain"
BATCH_SECONDS = 120.0  # audio handed to the encoder at once


class Encode(ModelPass):
    """Writes the `features` table with its matrices, and the label `frames` (of the plain variant)."""

    encoder: str = MOONSHINE
    """moonshine-tiny-en, or the hub name or folder of a Whisper checkpoint."""
    speeds: tuple[float, ...] = (1.0,)
    """A variant at each of these speeds; the one at 1 is called plain."""
    max_seconds: Seconds = 64.0
    """Longer cuts are rejected: attention grows with the square of the length."""

    name: ClassVar[str] = "encode"
    version: ClassVar[str] = "1"
    field: ClassVar[str] = "encoder"
    families: ClassVar[ModelFamilies[Any]] = ENCODERS
    failure: ClassVar[Reason] = Reason.encoder_failed

    @field_validator("speeds")
    @classmethod
    def _check_speeds(cls, speeds: tuple[float, ...]) -> tuple[float, ...]:
        if not speeds or any(not 0.5 <= speed <= 2.0 for speed in speeds):
            raise SettingsError(f"the setting `speeds` is {list(speeds)}, expected one or more factors from 0.5 to 2.")
        if len(set(speeds)) < len(speeds):
            raise SettingsError(f"the setting `speeds` is {list(speeds)}, expected different ones.")
        return speeds

    def label_shard(self, rows: list[Row]) -> ShardResult:
        """Encode all variants of each row, in batches of like lengths, and store them in row order."""
        encoder = load_encoder(self._place)
        result = ShardResult()
        stored: dict[str, list[NDArray[np.float16]]] = {}
        refused = {}
        for batch in batches(rows):
            for row, reject in self._encode_batch(encoder, batch, stored):
                refused[str(row["id"])] = reject
        parts: list[NDArray[np.float16]] = []
        offset = 0
        for row in rows:
            if reject := refused.get(str(row["id"])):
                result.rejects.append(reject)
                continue
            matrices = stored[str(row["id"])]
            for speed, matrix in zip(self.speeds, matrices, strict=True):
                result.features.append(self._feature(row, variant(speed), offset, matrix, encoder))
                offset += len(matrix)
            parts += matrices
            result.labels.append(label(self.name, row, "frames", float(len(matrices[0]))))
        result.matrix = np.concatenate(parts) if parts else None
        return result

    def _encode_batch(
        self, encoder: Encoder, rows: Sequence[Row], stored: dict[str, list[NDArray[np.float16]]]
    ) -> list[tuple[Row, Any]]:
        """Encode some rows into `stored`; returns the rejects. If the batch fails, each row is tried alone."""
        audio: dict[str, list[NDArray[np.float32]]] = {}

        def read(row: Row) -> None:
            audio[str(row["id"])] = self._variants(row)

        rejects = [(row, self.attempt(row, read)) for row in rows]
        good = [row for row, reject in rejects if reject is None]

        def encode(chosen: Sequence[Row]) -> None:
            clips = [clip for row in chosen for clip in audio[str(row["id"])]]
            frames = iter(encoder.encode(clips))
            for row in chosen:
                stored[str(row["id"])] = [to_float16(next(frames)) for _ in self.speeds]

        try:
            encode(good)
        except Exception:  # one bad clip must not cost its neighbours
            rejects += [(row, self.attempt(row, lambda row: encode([row]))) for row in good]
        return [(row, reject) for row, reject in rejects if reject is not None]

    def _variants(self, row: Row) -> list[NDArray[np.float32]]:
        if float(row["duration"]) > self.max_seconds:
            raise Rejected(Reason.too_long, f"{row['duration']:.1f} s, at most {self.max_seconds:g} s are encoded")
        samples = cut_audio(row)
        return [at_speed(samples, speed) for speed in self.speeds]

    def _feature(
        self, row: Row, name: str, offset: int, matrix: NDArray[np.float16], encoder: Encoder
    ) -> dict[str, Any]:
        return {
            "cut_id": str(row["id"]),
            "encoder": self.encoder,
            "variant": name,
            "offset": offset,
            "frames": len(matrix),
            "dim": encoder.dim,
            "frame_rate": encoder.frame_rate,
        }


PASS = Maker(Encode, lambda job: job)


def variant(speed: float) -> str:
    """The variant's name in the `features` table."""
    return PLAIN if speed == 1.0 else f"speed={speed:g}"


def at_speed(samples: NDArray[np.float32], speed: float) -> NDArray[np.float32]:
    """The clip (N,) played `speed` times as fast: (N / speed,)."""
    if speed == 1.0:
        return samples
    faster: NDArray[np.float32] = soxr.resample(samples, round(SAMPLE_RATE * speed), SAMPLE_RATE)
    return faster


def to_float16(frames: NDArray[np.float32]) -> NDArray[np.float16]:
    """Frames as stored.

    Raises:
        ValueError: a frame is not finite, or too large for float16.
    """
    with np.errstate(over="ignore"):
        small = frames.astype(np.float16)
    if not np.isfinite(small).all():
        raise ValueError(f"the encoder gave {np.abs(frames).max():g}, which float16 cannot hold")
    return small


def batches(rows: Sequence[Row], seconds: Seconds = BATCH_SECONDS) -> list[list[Row]]:
    """Rows sorted by length and cut into runs of at most `seconds` of audio, so that little is padding."""
    ordered = sorted(rows, key=lambda row: float(row.get("duration") or 0.0))
    found: list[list[Row]] = []
    total = 0.0
    for row in ordered:
        length = float(row.get("duration") or 0.0)
        if not found or total + length > seconds:
            found.append([])
            total = 0.0
        found[-1].append(row)
        total += length
    return found
