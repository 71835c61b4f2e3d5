"""A corpus of two tones, for notebooks: `make_corpus(Path("corpora"))`."""

from pathlib import Path

import numpy as np
import soundfile
from lhotse import Recording

from manifests import CorpusInfo, file_sha256, speech_cut, write_corpus

CORPUS = "tones"
TEXT = "<script>alert(1)</script> a long tone"


def make_corpus(corpora: Path) -> None:
    """Two tones of 1.5 s, one with a text that a page must not run."""
    corpora.mkdir(parents=True, exist_ok=True)
    info = CorpusInfo(CORPUS, "Tones", license="CC0-1.0", makers="nobody", cuts=0, texts=0, rejects=0, hours=0.0)
    cuts = [_cut(corpora / f"{name}.wav", f"{CORPUS}-{name}", pitch, text) for name, pitch, text in ROWS]
    write_corpus(corpora / CORPUS, info, cuts, texts=[], rejects=[])


ROWS = (("one", 220, TEXT), ("two", 330, "a higher tone"))


def _cut(sound: Path, cut_id: str, pitch: int, text: str):
    samples = 0.1 * np.sin(2 * np.pi * pitch * np.arange(24_000) / 16_000)
    soundfile.write(sound, samples, 16_000)
    return speech_cut(
        cut_id=cut_id,
        recording=Recording.from_file(sound),
        corpus=CORPUS,
        split="train",
        task="asr",
        license="CC0-1.0",
        audio_sha256=file_sha256(sound),
        text=text,
        language="en",
    )
