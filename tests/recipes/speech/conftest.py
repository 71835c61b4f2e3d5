"""Tiny corpora of speech: audio in the formats that they come in, and what `prepare` makes of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from manifests.files import read_jsonl
from manifests.rows import REJECTS, CorpusInfo, cut_rows
from recipes import registry
from tests.manifests.audio import written_audio


@dataclass(frozen=True)
class Prepared:
    """A prepared corpus: ids without the corpus's name."""

    info: CorpusInfo
    cuts: dict[str, dict[str, Any]]
    rejects: dict[str, dict[str, Any]]

    @property
    def reasons(self) -> dict[str, str]:
        """Id -> reason code of each reject."""
        return {key: row["reason"] for key, row in self.rejects.items()}

    @property
    def splits(self) -> dict[str, str]:
        """Id -> split of each cut."""
        return {key: row["custom"]["split"] for key, row in self.cuts.items()}

    @property
    def texts(self) -> dict[str, str]:
        """Id -> what is said."""
        return {key: row["supervisions"][0]["text"] for key, row in self.cuts.items()}

    def said(self, key: str) -> tuple[str | None, str | None, str | None]:
        """Speaker, language and gender of a cut."""
        one, custom = self.cuts[key]["supervisions"][0], self.cuts[key]["custom"]
        return one.get("speaker"), one.get("language"), custom.get("gender")

    def target(self, key: str) -> tuple[str, str]:
        """The translation or answer of a cut, and its language."""
        custom = self.cuts[key]["supervisions"][0]["custom"]
        return custom["target_text"], custom["target_language"]

    def span(self, key: str) -> tuple[float, float]:
        """Start in the recording, and length, to the microsecond."""
        return round(self.cuts[key]["start"], 6), round(self.cuts[key]["duration"], 6)


@pytest.fixture
def prepared(tmp_path: Path) -> Callable[..., Prepared]:
    """`prepared(recipe, source, **settings)`: runs the recipe, each time into a folder of its own."""

    def run(name: str, source: Path, **settings: Any) -> Prepared:
        output = tmp_path / f"corpora-{len(list(tmp_path.glob('corpora-*')))}"
        info = registry.prepare(name, output, source=source, **settings)
        prefix = f"{info.name}-"
        return Prepared(
            info,
            {row["id"].removeprefix(prefix): row for row in cut_rows(output / info.name)},
            {row["cut_id"].removeprefix(prefix): row for row in read_jsonl(output / info.name / REJECTS)},
        )

    return run


@pytest.fixture
def sphere() -> Callable[..., Path]:
    """Writes a NIST Sphere file: `sphere(path, seconds=, rate=, channels=, subtype=)`; each channel has its pitch."""

    def write(path: Path, seconds: float = 0.5, rate: int = 16_000, channels: int = 1, subtype: str = "PCM_16") -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        time = np.arange(round(seconds * rate)) / rate
        wave = np.stack([0.2 * np.sin(2 * np.pi * 220 * (1 + side) * time) for side in range(channels)], axis=1)
        soundfile.write(path, wave, rate, format="NIST", subtype=subtype)
        return path

    return write


@pytest.fixture
def m4a() -> Callable[[Path], Path]:
    """Writes three seconds of AAC in MPEG-4."""

    def write(path: Path) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(written_audio.libav("ipod", "aac"))
        return path

    return write
