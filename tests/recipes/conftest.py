"""Small made sources for the recipe tests: tones in files, folders as packages unpack them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from manifests.rows import CorpusInfo
from recipes import registry


class RealCorpora:
    """The bundled corpora, each prepared at most once a session from the cached packages."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.prepared: dict[str, CorpusInfo] = {}

    def __call__(self, name: str) -> tuple[CorpusInfo, Path]:
        """What a recipe says of its corpus, and the corpus's folder."""
        if name not in self.prepared:
            self.prepared[name] = registry.prepare(name, self.folder)
        return self.prepared[name], self.folder / self.prepared[name].name


def _tone(path: Path, seconds: float = 0.5, rate: int = 16_000, channels: int = 1, pitch: float = 220.0) -> Path:
    import soundfile

    path.parent.mkdir(parents=True, exist_ok=True)
    wave = 0.2 * np.sin(2 * np.pi * pitch * np.arange(round(seconds * rate)) / rate)
    soundfile.write(path, np.repeat(wave[:, None], channels, axis=1), rate)
    return path


def _write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def tone() -> Callable[..., Path]:
    """Writes a quiet sine in the format of the path's suffix: `tone(path, seconds=, rate=, channels=, pitch=)`."""
    return _tone


@pytest.fixture
def write() -> Callable[[Path, str], Path]:
    """Writes a UTF-8 text file and the folders above it."""
    return _write


@pytest.fixture(scope="session")
def real_corpus(debian_root: Path, tmp_path_factory: pytest.TempPathFactory) -> RealCorpora:
    """`real_corpus(name)`: info and folder of a corpus prepared from the real packages."""
    return RealCorpora(tmp_path_factory.mktemp("corpora"))
