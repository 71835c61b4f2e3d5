"""What a plan's draws are: rows of the catalog, their words, and their encoder frames.

Reads plan.parquet, the catalog that lock.json names, and the feature matrices that the catalog names. Nothing else.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from manifests.errors import InputError
from manifests.plans import PLAN
from manifests.units import SAMPLE_RATE, Seconds
from soundwave.train.batches.lazy_frames import LazyFrames

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from curation.encoders import Encoder
    from manifests.plans import Lock

PLAIN = "plain"
FIELDS = (
    "cut_id, corpus, split, task, start, duration, language, target_language, text, target_text, sound, source_path, "
    "speaker"
)
LONGEST: Seconds = 64.0  # encoded in one piece, as the `encode` pass does: attention grows with the square
PIECE: Seconds = 30.0  # of what is longer


@dataclass(frozen=True)
class WordSpan:
    """One aligned word, from the start of its cut."""

    symbol: str
    start: Seconds
    end: Seconds


@dataclass(frozen=True)
class Stored:
    """Where a cut's encoder frames lie: rows [offset, offset + frames) of a matrix."""

    path: str
    offset: int
    frames: int
    dim: int
    frame_rate: float


@dataclass(frozen=True)
class Cut:
    """One row of the catalog, as far as training reads it."""

    cut_id: str
    corpus: str
    split: str
    task: str
    start: Seconds
    duration: Seconds
    language: str | None
    target_language: str | None
    text: str | None
    target_text: str | None
    sound: tuple[str, ...]
    source_path: str | None
    words: tuple[WordSpan, ...] = ()
    features: dict[str, Stored] = field(default_factory=dict)  # by variant
    speaker: str | None = None

    @property
    def has_audio(self) -> bool:
        """False for text-only rows."""
        return self.duration > 0


@dataclass(frozen=True)
class Draw:
    """One use of a cut in a plan."""

    cut: Cut
    domain: str
    repeat: int


class CutStore:
    """Cuts of a catalog by id, with their frames."""

    def __init__(self, catalog: Path, cut_ids: Sequence[str], *, encoder: str) -> None:
        """Read the rows of `cut_ids` at once.

        Raises:
            InputError: ids that the catalog does not have.
        """
        self.encoder = encoder
        self._matrices: dict[str, NDArray[np.float16]] = {}
        self._answers: dict[str, list[str]] = {}
        self.domains: dict[str, set[str]] = {}
        """Cut ids of each of a plan's domains."""
        self.cuts = _read_cuts(catalog, sorted(set(cut_ids)), encoder)
        unknown = [cut_id for cut_id in cut_ids if cut_id not in self.cuts]
        if unknown:
            raise InputError(f"{catalog} has no cut {unknown[0]!r} ({len(set(unknown))} such ids).")

    def frames(self, cut: Cut, variant: str = PLAIN) -> NDArray[np.float32]:
        """Encoder frames (T, F) of a cut: stored ones of the variant or else plain ones, else encoded on the fly.

        Raises:
            AudioError: an audio file that cannot be read.
        """
        stored = cut.features.get(variant) or cut.features.get(PLAIN)
        if stored is None:
            return self._encode(cut, variant)
        if stored.path not in self._matrices:
            self._matrices[stored.path] = np.load(stored.path, mmap_mode="r")
        rows = self._matrices[stored.path][stored.offset : stored.offset + stored.frames]
        return rows.astype(np.float32)

    def clip(self, cut: Cut, variant: str = PLAIN) -> LazyFrames:
        """The same, read when needed; of stored frames the number is known at once."""
        stored = cut.features.get(variant) or cut.features.get(PLAIN)
        return LazyFrames(lambda: self.frames(cut, variant), None if stored is None else stored.frames)

    def answers(self, domain: str) -> list[str]:
        """The different answers of a domain's cuts, sorted; none of a domain that the plan does not have."""
        if domain not in self._answers:
            cuts = (self.cuts[cut_id] for cut_id in self.domains.get(domain, ()))
            self._answers[domain] = sorted({text for cut in cuts if (text := cut.target_text or cut.text)})
        return self._answers[domain]

    @cached_property
    def feature_dim(self) -> int:
        """Width of the encoder's frames."""
        stored = self._any_stored()
        return self._encoder().dim if stored is None else stored.dim

    @cached_property
    def frame_rate(self) -> float:
        """Encoder frames per second."""
        stored = self._any_stored()
        return self._encoder().frame_rate if stored is None else stored.frame_rate

    def _any_stored(self) -> Stored | None:
        return next((stored for cut in self.cuts.values() for stored in cut.features.values()), None)

    def _encoder(self) -> Encoder:
        from curation.encoders import load_encoder

        return load_encoder(self.encoder)

    def _encode(self, cut: Cut, variant: str) -> NDArray[np.float32]:
        from curation.passes.encode import at_speed
        from manifests.audio import read_audio

        samples = read_audio(Path(str(cut.source_path)), start=cut.start, duration=cut.duration)
        speed = 1.0 if variant == PLAIN else float(variant.removeprefix("speed="))
        return encode_pieces(self._encoder(), at_speed(samples, speed))


def encode_pieces(encoder: Encoder, samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Frames (T, F) of a clip (N,) of any length, 16 kHz.

    A clip of more than LONGEST is encoded in equal pieces of at most PIECE: each hears nothing of the others.
    """
    if len(samples) <= LONGEST * SAMPLE_RATE:
        return encoder.encode([samples])[0]
    count = math.ceil(len(samples) / (PIECE * SAMPLE_RATE))
    return np.concatenate(encoder.encode(np.array_split(samples, count)))


class PlanData:
    """A plan's steps as lists of draws."""

    def __init__(self, plan: Path, *, encoder: str) -> None:
        """Open the plan in folder `plan`.

        Raises:
            MissingFileError: no plan or catalog there.
            StaleError: the catalog or the plan has changed since it was locked.
        """
        import pyarrow.parquet as pq

        from curation.plan.lock import check_plan
        from manifests.plans import read_lock

        self.catalog = Path(read_lock(plan).catalog)
        self.lock: Lock = check_plan(plan, self.catalog)
        table = pq.read_table(plan / PLAN, columns=["step", "slot", "cut_id", "domain", "repeat"])
        rows: list[dict[str, Any]] = table.to_pylist()
        self.store = CutStore(self.catalog, [row["cut_id"] for row in rows], encoder=encoder)
        steps: dict[int, list[Draw]] = defaultdict(list)
        for row in sorted(rows, key=lambda row: (row["step"], row["slot"])):
            draw = Draw(self.store.cuts[row["cut_id"]], row["domain"], row["repeat"])
            steps[row["step"]].append(draw)
            self.store.domains.setdefault(draw.domain, set()).add(draw.cut.cut_id)
        self._steps = [steps[number] for number in sorted(steps)]

    def __len__(self) -> int:
        """Steps of the plan."""
        return len(self._steps)

    def step(self, number: int) -> list[Draw]:
        """Draws of an optimiser step; beyond the plan's end it begins again."""
        return self._steps[number % len(self._steps)]

    def draws(self) -> list[Draw]:
        """All draws in order."""
        return [draw for step in self._steps for draw in step]


def _read_cuts(catalog: Path, cut_ids: list[str], encoder: str) -> dict[str, Cut]:
    from curation.catalog import connect

    with connect(catalog, threads=1) as con:
        wanted = "WHERE cut_id IN (SELECT unnest(?))"
        rows = con.execute(f"SELECT {FIELDS} FROM cuts {wanted} ORDER BY cut_id", [cut_ids]).fetchall()
        words: dict[str, list[WordSpan]] = defaultdict(list)
        query = (  # of several aligners, one: their words must not be mixed
            f"SELECT cut_id, symbol, start, start + duration FROM words {wanted} "
            "QUALIFY backend = min(backend) OVER (PARTITION BY cut_id) ORDER BY cut_id, position"
        )
        for cut_id, symbol, start, end in con.execute(query, [cut_ids]).fetchall():
            words[cut_id].append(WordSpan(symbol, start, end))
        stored: dict[str, dict[str, Stored]] = defaultdict(dict)
        query = (
            f'SELECT cut_id, variant, path, "offset", frames, dim, frame_rate FROM features {wanted} AND encoder = ?'
        )
        for cut_id, variant, *place in con.execute(query, [cut_ids, encoder]).fetchall():
            stored[cut_id][variant] = Stored(*place)
    names = FIELDS.split(", ")
    cuts = {}
    for row in rows:
        values = dict(zip(names, row, strict=True))
        values["sound"] = tuple(values["sound"] or ())
        cut_id = values["cut_id"]
        cuts[cut_id] = Cut(**values, words=tuple(words[cut_id]), features=dict(stored[cut_id]))
    return cuts
