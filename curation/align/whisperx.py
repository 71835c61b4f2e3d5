"""WhisperX: transcribes clips without a transcript, aligns the others.

It is the extra `whisperx`.

Its own voice activity detection (the weights come with its wheel) finds the speech, a Whisper model in CTranslate2's
format says the words, a Wav2Vec2 model says when. Both are hub names or local folders; the second is WhisperX's choice
for the language unless named. A transcript that is given is aligned as given.

WhisperX splits what it aligns into sentences with NLTK's Punkt data, which it would download. Words come here without
final punctuation, so that there is one sentence and nothing to know: where the data is absent, empty tables replace it.
Source: Bain et al., "WhisperX: Time-Accurate Speech Transcription of Long-Form Audio", 2023.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from curation.align.base import AlignedWord, Transcript
from curation.text import Word, normalise
from manifests.errors import InputError, Rejected, require
from manifests.files import cache_dir
from manifests.reasons import Reason
from manifests.settings.makers import Maker, Needs
from manifests.units import SAMPLE_RATE, Seconds

NAME = "whisperx"
INSTALL = 'uv pip install "soundwave-lab[whisperx]" in an environment of its own (it needs torch 2.8; see `make help`)'
DEFAULT = "small"
LEAST_PROBABILITY = 1e-4  # WhisperX rounds probabilities to thousandths: 0 must have a logarithm
PUNKT = ("collocations.tab", "sent_starters.txt", "abbrev_types.txt", "ortho_context.tab")


class WhisperXOptions(BaseModel):
    """Options of this aligner."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    model: str = DEFAULT
    """`WHISPER` or `WHISPER,WAV2VEC2`: hub names or local folders."""


def _make(options: WhisperXOptions) -> WhisperX:
    whisper, _, wav2vec = options.model.partition(",")
    return WhisperX(whisper.strip() or DEFAULT, wav2vec.strip() or None)


ALIGNER = Maker(WhisperXOptions, _make, Needs(("whisperx",), INSTALL))


@dataclass(frozen=True)
class WhisperX:
    """An `Aligner` that `Transcribes`, by the names of its two models: small enough to be sent to another process."""

    whisper: str = DEFAULT
    wav2vec: str | None = None
    name: str = NAME
    # Mean log-probability of a letter. A guess: no trained Wav2Vec2 could be had where this was written.
    least_score: float = -3.0
    base: Path = field(default_factory=Path.cwd, compare=False)  # relative folders are looked for there, by workers too

    @property
    def version(self) -> str:
        """Names the models and the release of WhisperX."""
        try:
            release = version("whisperx")
        except PackageNotFoundError:
            release = "absent"
        return f"1-{release}-{self.whisper}-{self.wav2vec or 'usual'}"

    def check(self) -> None:
        """Load the models that are named.

        Raises:
            MissingPackageError, InputError: they cannot be loaded here; says why.
        """
        whisperx = _whisperx()
        _pipeline(whisperx, self._place(self.whisper))
        if self.wav2vec:
            _wav2vec(whisperx, "en", self._place(self.wav2vec))

    def _place(self, model: str) -> str:
        return str(self.base / model) if (self.base / model).is_dir() else model

    def speaks(self, language: str) -> bool:
        """Of transcripts that are given: English, or whatever language the user names a Wav2Vec2 model of."""
        return self.wav2vec is not None or language.partition("-")[0].lower() == "en"

    def align(self, samples: NDArray[np.float32], words: Sequence[Word], language: str = "en") -> list[AlignedWord]:
        """Times of the words that have something to say, in order; `samples` (N,) is 16 kHz mono. Raises Rejected."""
        found = self._times(samples, words, 0.0, len(samples) / SAMPLE_RATE, language)
        if not found:
            raise Rejected(Reason.aligner_failed, "WhisperX gave no times")
        return found

    def transcribe(self, samples: NDArray[np.float32], language: str | None = None) -> Transcript:
        """Words and times of a clip (N,), 16 kHz mono, of any length. language: None to have it detected.

        Raises:
            Rejected: no speech is found, nothing that can be said is heard, or in a language that has no aligner.
            InputError: a model cannot be loaded.
        """
        pipeline = _pipeline(_whisperx(), self._place(self.whisper))
        if not len(samples):
            raise Rejected(Reason.no_speech, "no audio")
        if language is None and not pipeline.model.model.is_multilingual:
            language = "en"
        heard = pipeline.transcribe(samples, batch_size=1, language=language)
        said = [(" ".join(part["text"].split()), part["start"], part["end"]) for part in heard["segments"]]
        said = [part for part in said if part[0]]
        if not said:
            raise Rejected(Reason.no_speech, "WhisperX heard nothing")
        spoken = str(heard["language"])
        if not self._times_in(spoken):
            raise Rejected(Reason.unsupported_language, f"WhisperX has no Wav2Vec2 model for {spoken!r}")
        text = " ".join(part for part, _, _ in said)
        words: list[Word] = []
        found: list[AlignedWord] = []
        for part, start, end in said:
            here = normalise(part, spoken)
            times = self._times(samples, here, start, end, spoken)
            found += [AlignedWord(len(words) + word.position, word.start, word.end, word.score) for word in times]
            words += here
        if not found:
            raise Rejected(Reason.aligner_failed, f"no times for {text[:80]!r}")
        return Transcript(text, spoken, words, found)

    def _times_in(self, language: str) -> bool:
        """Is there a Wav2Vec2 model: named, or WhisperX's own choice?"""
        from whisperx.alignment import DEFAULT_ALIGN_MODELS_HF, DEFAULT_ALIGN_MODELS_TORCH

        return self.wav2vec is not None or language in {**DEFAULT_ALIGN_MODELS_TORCH, **DEFAULT_ALIGN_MODELS_HF}

    def _times(
        self, samples: NDArray[np.float32], words: Sequence[Word], start: Seconds, end: Seconds, language: str
    ) -> list[AlignedWord]:
        """Times of the sayable words within [start, end) of the clip."""
        positions = [at for at, word in enumerate(words) if word.readings or word.flag == "unknown"]
        if not positions:
            return []
        whisperx = _whisperx()
        _punkt_data()
        model, metadata, device = _wav2vec(whisperx, language, self.wav2vec and self._place(self.wav2vec))
        text = " ".join(words[at].text for at in positions)
        part = {"text": text, "start": start, "end": min(end, len(samples) / SAMPLE_RATE)}
        aligned = whisperx.align([part], model, metadata, samples, device)["word_segments"]
        if len(aligned) != len(positions):  # it gave up on the clip, and returned it as it was
            return []
        return [
            AlignedWord(
                at,
                float(word["start"]),
                max(float(word["start"]), float(word["end"])),
                math.log(max(float(word.get("score", 0.0)), LEAST_PROBABILITY)),
            )
            for at, word in zip(positions, aligned, strict=True)
            if "start" in word and "end" in word
        ]


def _whisperx() -> Any:
    return require("whisperx", used_for=f"The aligner `{NAME}`", install=INSTALL)


def _device() -> str:
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


@lru_cache(maxsize=1)
def _pipeline(whisperx: Any, name: str) -> Any:
    """Speech detection and Whisper, loaded once per process."""
    from curation.pretrained.hub import hub_or_cache

    try:
        with hub_or_cache(name):
            return whisperx.load_model(name, _device(), threads=1)
    except Exception as error:  # of five libraries, each with its own errors
        raise InputError(
            f"No Whisper model loads from {name!r} ({_first_line(error)}). Expected a size such as {DEFAULT!r}, a hub "
            "name, or a folder with a model in CTranslate2's format."
        ) from error


@lru_cache(maxsize=4)
def _wav2vec(whisperx: Any, language: str, name: str | None) -> tuple[Any, Any, str]:
    from curation.pretrained.hub import hub_or_cache

    device = _device()
    try:
        with hub_or_cache(name or language):
            model, metadata = whisperx.load_align_model(language, device, model_name=name)
    except Exception as error:
        wanted = repr(name) if name else f"WhisperX's choice for {language!r}"
        raise InputError(
            f"No Wav2Vec2 model loads from {wanted} ({_first_line(error)}). Name a hub model or a folder: `model` is "
            "WHISPER,WAV2VEC2."
        ) from error
    return model, metadata, device


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]


@lru_cache(maxsize=1)
def _punkt_data() -> None:
    """Empty Punkt tables on NLTK's path, behind the real ones if there are any; they stay in the cache."""
    import nltk
    from whisperx.utils import PUNKT_LANGUAGES

    root = cache_dir() / "empty-punkt"
    for language in {"english", *PUNKT_LANGUAGES.values()}:
        folder = root / "tokenizers" / "punkt_tab" / language
        folder.mkdir(parents=True, exist_ok=True)
        for name in PUNKT:
            (folder / name).touch()
    nltk.data.path.append(str(root))
