"""Moonshine tiny-en as a recogniser: English, nothing to download."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from curation.encoders.moonshine import WHEEL, MoonshineDecoder, model_files, shared_decoder, shared_encoder
from curation.pretrained.families import ModelFamily
from curation.recognise import MOONSHINE, Heard
from manifests.errors import SettingsError
from manifests.units import SAMPLE_RATE

LONGEST = 64 * SAMPLE_RATE  # samples; attention grows with the square of the length


class MoonshineRecogniser:
    """Its encoder and decoder, one clip at a time."""

    def speaks(self, language: str) -> bool:
        """English alone."""
        return language.partition("-")[0].lower() == "en"

    def hear(self, clips: Sequence[NDArray[np.float32]], texts: Sequence[str], language: str) -> list[Heard]:
        """Greedy transcripts, cased and punctuated, and scores of the texts; see `Recogniser`."""
        decoder = shared_decoder()
        frames = shared_encoder().encode([clip[:LONGEST] for clip in clips])
        return [self._one(decoder, one, text) for one, text in zip(frames, texts, strict=True)]

    def _one(self, decoder: MoonshineDecoder, frames: NDArray[np.float32], text: str) -> Heard:
        tokens = decoder.spell(text)
        return Heard(decoder.decode(frames), decoder.score(frames, tokens) if tokens else None)


def load(name: str) -> MoonshineRecogniser:
    """The recogniser. Raises SettingsError for another Moonshine than the one whose weights the wheel has."""
    if name != MOONSHINE:
        raise SettingsError(f"There is no Moonshine recogniser `{name}`, expected {MOONSHINE}.")
    return MoonshineRecogniser()


RECOGNISER = ModelFamily(load, models=MOONSHINE, needs=WHEEL.needs, check=model_files)
