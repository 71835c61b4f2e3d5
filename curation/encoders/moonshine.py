"""Moonshine tiny-en in ONNX Runtime: English, nothing to download.

Its own decoder is here too: the ceiling of what its frames can give.

The weights come with the wheel `moonshine-voice`; its files are found without importing the package
(whose import loads a native library). Source: Jeffries et al., "Moonshine: Speech Recognition for Live
Transcription and Voice Commands", 2024. Licence of the weights: MIT.

B batch, N samples at 16 kHz, T frames (one every 384 samples, 41.7 a second).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from curation.encoders import MOONSHINE as NAME
from curation.pretrained.families import ModelFamily
from curation.pretrained.wheels import WeightsWheel, onnx_session
from manifests.errors import SettingsError
from manifests.units import SAMPLE_RATE

WHEEL = WeightsWheel(NAME, "moonshine_voice", "moonshine-voice==0.0.73")
DIM = 288
FRAME_SAMPLES = 384  # strides of the three convolutions: 64 * 3 * 2
MIN_SAMPLES = 895  # the shortest input that gives one frame
TOKENS_PER_SECOND = 6.5  # the authors' cap; without it greedy search can loop on noise
START, END = 1, 2  # token ids


def model_files() -> Path:
    """The folder with encoder, decoder and tokenizer.

    Raises:
        MissingPackageError: the wheel is not installed.
        MissingFileError: a version of the wheel that carries no weights.
    """
    return WHEEL.file("assets", "tiny-en", "encoder_model.ort").parent


def session(name: str) -> Any:
    """An ONNX Runtime session of one model file.

    Raises:
        MissingPackageError, MissingFileError: as `model_files`.
        ManifestError: a damaged file.
    """
    return onnx_session(model_files() / name, WHEEL.install)


class MoonshineEncoder:
    """Raw 16 kHz mono samples in, (T, 288) float32 out.

    Clips are encoded one at a time on purpose: the first convolution is normalised over the whole clip
    (GroupNorm), so zero padding in a batch would change every frame. One at a time runs at about 110 times
    real time on a CPU core.
    """

    name = NAME
    dim = DIM
    one_at_a_time = True  # whoever has many clips and cores encodes them in threads
    frame_rate = SAMPLE_RATE / FRAME_SAMPLES

    def __init__(self) -> None:
        """Load the weights. Raises MissingPackageError, MissingFileError."""
        self._session = session("encoder_model.ort")

    def encode(self, clips: Sequence[NDArray[np.float32]]) -> list[NDArray[np.float32]]:
        """Frames (T, 288) of each clip (N,); the result does not depend on the other clips."""
        return [self._encode_one(clip) for clip in clips]

    def _encode_one(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        if len(samples) < MIN_SAMPLES:
            samples = np.pad(samples, (0, MIN_SAMPLES - len(samples)))
        batch = samples[None].astype(np.float32, copy=False)  # (N,) -> (1, N)
        inputs = {"input_values": batch, "attention_mask": np.ones(batch.shape, np.int64)}
        frames: NDArray[np.float32] = self._session.run(None, inputs)[0][0]  # (1, T, 288) -> (T, 288)
        return frames


class MoonshineDecoder:
    """Greedy search with the key-value cache, one clip at a time."""

    def __init__(self) -> None:
        """Load the weights. Raises MissingPackageError, MissingFileError."""
        self._session = session("decoder_model_merged.ort")
        self._tokens = read_tokens(model_files() / "tokenizer.bin")
        self._ids = {
            piece: number for number, piece in enumerate(self._tokens)
        }  # a letter's own token is after its byte's
        self._cache = [i.name for i in self._session.get_inputs() if i.name.startswith("past_key_values")]
        self._outputs = [self._session.get_outputs()[0].name]  # the logits alone

    def decode(self, frames: NDArray[np.float32]) -> str:
        """The text of one clip's encoder frames (T, 288)."""
        limit = max(1, round(len(frames) * FRAME_SAMPLES / SAMPLE_RATE * TOKENS_PER_SECOND))
        # The decoder takes the mask at the raw samples' length; shorter ones fail beyond about 9 s.
        fixed = {
            "encoder_hidden_states": frames[None],
            "encoder_attention_mask": np.ones((1, FRAME_SAMPLES * len(frames)), np.int64),
        }
        past = {name: np.zeros((1, 8, 0, 36), np.float32) for name in self._cache}
        found: list[int] = []
        token = START
        for step in range(limit):
            inputs = {"input_ids": np.array([[token]]), "use_cache_branch": np.array([step > 0]), **fixed, **past}
            logits, *present = self._session.run(None, inputs)
            token = int(logits[0, -1].argmax())
            if token == END:
                break
            found.append(token)
            for name, value in zip(self._cache, present, strict=True):
                if step == 0 or ".decoder." in name:  # the encoder's keys are made once, in the first step
                    past[name] = value
        return detokenise([self._tokens[number] for number in found])

    def spell(self, text: str) -> list[int]:
        """The text as token ids: letters (or their bytes), then pairs merged while a token stands for them.

        Of all pairs the one whose token comes first is merged first: tokens are numbered in the order of their making.
        """
        ids = self._ids
        pieces = [part for letter in "▁" + text.strip().replace(" ", "▁") for part in self._letter(letter)]
        while True:
            pairs = [ids.get(one + other, len(ids)) for one, other in itertools.pairwise(pieces)]
            if not pairs or (least := min(pairs)) == len(ids):
                return [ids[piece] for piece in pieces]
            at = pairs.index(least)
            pieces[at : at + 2] = [pieces[at] + pieces[at + 1]]

    def score(self, frames: NDArray[np.float32], tokens: Sequence[int]) -> float:
        """Mean log-probability a token, the end included, when the decoder is told to say `tokens`.

        frames: (T, 288) of one clip.
        """
        inputs = {
            "input_ids": np.array([[START, *tokens]]),
            "use_cache_branch": np.array([False]),
            "encoder_hidden_states": frames[None],
            "encoder_attention_mask": np.ones((1, FRAME_SAMPLES * len(frames)), np.int64),
            **{name: np.zeros((1, 8, 0, 36), np.float32) for name in self._cache},
        }
        logits = self._session.run(self._outputs, inputs)[0][0].astype(np.float64)  # (len(tokens) + 1, V)
        top = logits.max(axis=1, keepdims=True)
        norms = top[:, 0] + np.log(np.exp(logits - top).sum(axis=1))
        said = logits[np.arange(len(logits)), [*tokens, END]]
        return float(np.mean(said - norms))

    def _letter(self, letter: str) -> list[bytes]:
        """A letter as it stands in the table, or as tokens of its bytes."""
        whole = letter.encode()
        return [whole] if whole in self._ids else [bytes([byte]) for byte in whole]


def read_tokens(path: Path) -> list[bytes]:
    """The pieces of tokenizer.bin by id: each a length (one byte, or two from 128 on), then that many bytes."""
    data = path.read_bytes()
    tokens, at = [], 0
    while at < len(data):
        length, at = data[at], at + 1
        if length >= 128:
            length, at = data[at] * 128 + length - 128, at + 1
        tokens.append(data[at : at + length])
        at += length
    return tokens


def detokenise(pieces: Sequence[bytes]) -> str:
    """Text of SentencePiece-like byte pieces, where `▁` starts a word."""
    return b"".join(pieces).decode("utf-8", errors="replace").replace("▁", " ").strip()


@cache
def shared_encoder() -> MoonshineEncoder:
    """This process's encoder: loading it takes about 0.3 s."""
    return MoonshineEncoder()


@cache
def shared_decoder() -> MoonshineDecoder:
    """This process's decoder: loading it takes about 0.6 s."""
    return MoonshineDecoder()


def load(name: str) -> MoonshineEncoder:
    """This process's encoder. Raises SettingsError for another Moonshine than the one whose weights the wheel has."""
    if name != NAME:
        raise SettingsError(f"There is no Moonshine encoder `{name}`, expected {NAME}.")
    return shared_encoder()


def transcribe(clips: Sequence[NDArray[np.float32]]) -> list[str]:
    """Moonshine's own transcript of each clip (N,), 16 kHz mono: greedy, cased and punctuated.

    Raises:
        MissingPackageError: the wheel is not installed.
    """
    encoder, decoder = shared_encoder(), shared_decoder()
    return [decoder.decode(frames) for frames in encoder.encode(clips)]


ENCODER = ModelFamily(load, models=NAME, needs=WHEEL.needs, check=model_files)
