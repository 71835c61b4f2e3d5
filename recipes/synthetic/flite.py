"""Synthetic English: sentences of `fortunes` in four voices of flite, a synthesiser of the unit-selection age.

The sentences are taken from the other end than those of `heart`. Debian's program runs from where its package was
unpacked.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import soundfile

from manifests.errors import AudioError, MissingFileError
from manifests.rows import Reject
from recipes.common import CorpusRows, Recipe, in_parallel, sort_out
from recipes.synthetic._fortunes import BOOKS, LICENSE, PACKAGES, Sentence, read_out, sentences

if TYPE_CHECKING:
    from lhotse import MonoCut

CORPUS = "flite"
PROGRAM = "usr/bin/flite"
VOICES = ("awb", "kal16", "rms", "slt")
COUNT = 1400  # sentences, of about 3 s: 1.17 h
STRETCHES = (0.9, 1.0, 1.1)  # of durations: as many speeds in each voice


def read(source: Path, folder: Path, count: int = COUNT) -> CorpusRows:
    """Cuts of the last `count` sentences, each in one of the voices, their audio made in `folder`.

    Raises:
        MissingFileError: the program does not run on this machine.
    """
    flite = Flite(source)
    flite.need()

    def spoken(numbered: tuple[int, Sentence]) -> MonoCut | Reject:
        number, sentence = numbered
        voice, stretch = VOICES[number % len(VOICES)], STRETCHES[number // len(VOICES) % len(STRETCHES)]
        made_by = f"flite {voice}, stretch {stretch}"
        return read_out(
            sentence,
            lambda text: flite.speak(text, voice, stretch),
            folder,
            corpus=CORPUS,
            speaker=f"flite-{voice}",
            made_by=made_by,
        )

    chosen = sentences(source)[: -count - 1 : -1]
    return sort_out(in_parallel(spoken, list(enumerate(chosen)), title=CORPUS))


class Flite:
    """The program of an unpacked package.

    Args:
        source: root that holds usr/bin/flite and the libraries it needs.
    """

    def __init__(self, source: Path) -> None:
        self._program = source / PROGRAM
        places = sorted({str(path.parent) for path in (source / "usr/lib").rglob("libflite*.so*")})
        known = [place for place in (os.environ.get("LD_LIBRARY_PATH"),) if place]
        self._environment = {**os.environ, "LD_LIBRARY_PATH": os.pathsep.join([*places, *known])}

    def need(self) -> None:
        """Check that it runs. Raises MissingFileError."""
        try:
            self.speak("Yes.", VOICES[0], 1.0)
        except AudioError as error:
            raise MissingFileError(
                f"{self._program} does not run here ({error}). Expected the packages of this machine's kind: fetch "
                "them here, or leave the corpus out."
            ) from error

    def speak(self, text: str, voice: str, stretch: float) -> tuple[np.ndarray, int]:
        """Samples `[n]` of a text in a voice, and their rate in Hz.

        stretch: factor of all durations.

        Raises:
            AudioError: the program failed.
        """
        with tempfile.TemporaryDirectory() as scratch:
            path = Path(scratch) / "said.wav"
            words = ["-voice", voice, "--setf", f"duration_stretch={stretch}", "-t", text, "-o", str(path)]
            try:
                done = subprocess.run(
                    [str(self._program), *words], env=self._environment, capture_output=True, text=True, check=False
                )
                samples, rate = soundfile.read(path, dtype="float32")
            except (OSError, soundfile.LibsndfileError) as error:
                raise AudioError(f"flite made nothing that can be read: {error}") from error
            if done.returncode != 0:
                raise AudioError(f"flite ended with {done.returncode}: {done.stderr.strip()[:200]}")
        return samples, rate


RECIPE = Recipe(
    corpus=CORPUS,
    title="Synthetic English, four flite voices",
    task="asr",
    license=LICENSE,
    makers="Carnegie Mellon University, voices of the CMU ARCTIC speakers; collectors of the fortune program (texts)",
    speak=read,
    count=COUNT,
    parts=(BOOKS, PROGRAM),
    packages=(*PACKAGES, "flite", "libflite1"),
    optional=True,
    languages=("en",),
)
