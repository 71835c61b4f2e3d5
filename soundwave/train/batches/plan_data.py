"""What a plan's draws are: rows of the catalog, their words, and their encoder frames.

Reads plan.parquet and the catalog that lock.json names, both through `curation.reader`, and the feature matrices that
the catalog names. Nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import torch

from curation import encoders
from curation.duck import first, open_memory, quoted
from curation.passes.shards import check_matrices
from curation.plan import check_verdicts
from curation.reader import PlanReader
from curation.reader.kept import IN_MEMORY, CutRows, KeptRows, keep, kept_key, open_kept
from curation.reader.row_files import RowFile, Texts
from curation.reader.rows import stored_rows
from curation.reader.windows import CatalogRows, Row
from manifests.audio import CutSound, read_cut
from manifests.errors import BadCutError, InputError
from manifests.fingerprint import fingerprint
from manifests.plans import PLAN
from manifests.reasons import Reason
from manifests.units import Seconds
from soundwave.train.batches.clips import HeardClip
from soundwave.train.batches.lazy_frames import LazyFrames

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from curation.encoders import Encoder
    from soundwave.train.batches.frame_cache import CachedFrames, FrameCache

PLAIN = "plain"
FIELDS = (
    "cut_id", "corpus", "split", "task", "start", "duration", "language", "target_language", "text", "target_text",
    "sound", "source_path", "speaker", "decoding",
)  # fmt: skip

ANSWER_COLUMNS = ("text", "target_text")
ANSWERS = """
SELECT CASE WHEN target_text <> '' THEN target_text ELSE text END AS answer
FROM cuts
WHERE answer <> ''
ORDER BY answer
"""


@dataclass(frozen=True)
class WordSpan:
    """One aligned word, from the start of its cut."""

    symbol: str
    start: Seconds
    end: Seconds


@dataclass(frozen=True)
class Stored:
    """Where a cut's encoder frames are: rows [offset, offset + frames) of a matrix."""

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
    audio_sha256: str | None = None  # asked for where frames are kept in a cache
    decoding: str | None = None  # how it is heard, where that takes more than source_path, start and duration

    def samples(self) -> NDArray[np.float32]:
        """Its sound (N,), 16 kHz mono.

        Raises:
            AudioError: as `manifests.audio.read_cut`.
        """
        return read_cut(CutSound.of_catalog(vars(self)))

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


class FrameStore:
    """Encoder frames of cuts: stored ones, or encoded when they are asked for."""

    def __init__(self, encoder: str, example: Stored | None) -> None:
        """encoder: by name; example: any stored frames of it, which tell width and rate; None: nothing is stored."""
        self.encoder = encoder
        self._example = example
        self.cache: FrameCache | None = None
        """Where encoded frames are kept."""

    def frames(self, cut: Cut, variant: str = PLAIN) -> NDArray[np.float32]:
        """Encoder frames (T, F) of a cut: stored ones of the variant or else plain ones, else encoded on the fly.

        Raises:
            BadCutError: audio or a matrix that cannot be read, or sound that the encoder fails on.
        """
        stored = cut.features.get(variant) or cut.features.get(PLAIN)
        return _stored(cut, stored) if stored is not None else np.asarray(self.lazy_frames(cut, variant))

    def lazy_frames(self, cut: Cut, variant: str = PLAIN) -> LazyFrames:
        """The same, read when needed; of stored frames the number is known at once."""
        stored = cut.features.get(variant) or cut.features.get(PLAIN)
        if stored is not None:
            return LazyFrames(lambda: self.frames(cut, variant), stored.frames)
        kept = None if self.cache is None else self.cache.of_cut(vars(cut), speed_of(variant))
        place = (cut.source_path or "", cut.start)
        return self.lazy_clip(cut.cut_id, cut.samples, variant, seconds=cut.duration, kept=kept, place=place)

    def lazy_clip(
        self,
        cut_id: str,
        hear: Callable[[], NDArray[np.float32]],
        variant: str,
        *,
        seconds: Seconds,
        kept: CachedFrames | None = None,
        place: tuple[str, Seconds] = ("", 0.0),
    ) -> LazyFrames:
        """Frames of any clip, encoded when needed: what `hear` gives (N,), 16 kHz, as the variant is played.

        Args:
            cut_id: whose clip it is, or the first that is heard in it.
            hear: called once.
            variant: how fast it is played.
            seconds: about how long it is.
            kept: where its frames may be, and are kept; None: nowhere.
            place: its recording, and when it begins there: such clips are read in that order.
        """
        clip = HeardClip(cut_id, hear, self.load_encoder, speed=speed_of(variant), kept=kept, place=place)
        return LazyFrames(clip.frames, about=seconds / speed_of(variant) * self.frame_rate, clips=[clip])

    @cached_property
    def feature_dim(self) -> int:
        """Width of the encoder's frames."""
        return self.load_encoder().dim if self._example is None else self._example.dim

    @cached_property
    def frame_rate(self) -> float:
        """Encoder frames per second."""
        return self.load_encoder().frame_rate if self._example is None else self._example.frame_rate

    def load_encoder(self) -> Encoder:
        """The encoder itself, loaded once in a process."""
        return encoders.load_encoder(self.encoder)


def _stored(cut: Cut, stored: Stored) -> NDArray[np.float32]:
    try:
        found = _widened(stored_rows(stored.path, stored.offset, stored.frames))
    except (OSError, ValueError) as error:
        raise BadCutError(
            f"cut {cut.cut_id!r}: its stored frames in {stored.path} cannot be read ({error}).",
            Reason.audio_unreadable,
            cut.cut_id,
        ) from error
    if len(found) != stored.frames:
        raise BadCutError(
            f"cut {cut.cut_id!r}: {stored.path} has {len(found)} of its {stored.frames} stored frames.",
            Reason.audio_unreadable,
            cut.cut_id,
        )
    return found


def _widened(rows: NDArray[Any]) -> NDArray[np.float32]:
    """Stored frames in float32; torch does so eight times as fast as NumPy."""
    if rows.dtype != np.float16:
        return rows.astype(np.float32)
    return torch.from_numpy(rows).float().numpy()


class CutStore(FrameStore):
    """Some cuts of a catalog by id, all in memory, with their frames."""

    def __init__(self, catalog: Path, cut_ids: Sequence[str], *, encoder: str) -> None:
        """Read the rows of `cut_ids` at once.

        Raises:
            DamagedError: a matrix of stored frames is not what the pass wrote.
            InputError: ids that the catalog does not have.
        """
        with CatalogRows(catalog, names=FIELDS, words=True, encoder=encoder) as rows:
            found = (_cut(row) for row in rows.table(cut_ids).to_pylist())
            self.cuts = {cut.cut_id: cut for cut in sorted(found, key=lambda cut: cut.cut_id)}
        unknown = [cut_id for cut_id in cut_ids if cut_id not in self.cuts]
        if unknown:
            raise InputError(f"{catalog} has no cut {unknown[0]!r} ({len(set(unknown))} such ids).")
        stored = [stored for cut in self.cuts.values() for stored in cut.features.values()]
        check_matrices(row.path for row in stored)
        super().__init__(encoder, next(iter(stored), None))


def speed_of(variant: str) -> float:
    """How many times as fast a variant is played."""
    return 1.0 if variant == PLAIN else float(variant.removeprefix("speed="))


class PlanData:
    """A plan's steps as lists of draws, read some steps at a time; what is asked of the whole plan is SQL.

    What is read of the plan's cuts is copied once (see `curation.reader.kept`): for a small plan into memory, for a
    large one into the folder that `keep` names. So a training goes on undisturbed when the catalog is built again.

    Every process reads whole steps, not its own slots alone: what is spliced or joined, and every random number of a
    step, follows from all of its draws.
    """

    def __init__(self, plan: Path, *, encoder: str, words: bool = True, hashes: bool = False) -> None:
        """Open the plan in folder `plan`.

        Args:
            plan: folder with plan.parquet and lock.json.
            encoder: by name: whose stored frames are read.
            words: whether cuts get their aligned words.
            hashes: whether they get the fingerprints of their audio.

        Raises:
            MissingFileError: no plan or catalog there.
            StaleError: the catalog or the plan has changed since it was locked.
            MixtureError: a draw is a cut that a labelling pass refused.
        """
        self._plan, self._encoder, self._words = plan, encoder, words
        self._names = (*FIELDS, "audio_sha256") if hashes else FIELDS
        self._reader = PlanReader(plan)
        self.lock, self.catalog = self._reader.lock, self._reader.catalog
        check_verdicts(plan, self.catalog)
        self._place: Path | None = None
        self._tables: Iterator[tuple[int, pa.Table]] = iter(())
        self._block: PlanSteps | None = None
        self._answers: dict[str, Texts] = {}

    def keep(self, place: Path) -> None:
        """Copy what is read of the plan's cuts into this folder, unless a copy is there or the plan is small.

        Raises:
            StaleError: the plan draws a cut that the catalog does not have.
            DamagedError: a matrix of stored frames is not what the pass wrote.
            DiskError: there is no room.
        """
        if self.lock.draws > IN_MEMORY:
            self._place = place
        assert self.kept is not None

    @cached_property
    def kept(self) -> KeptRows:
        """The copy."""
        names, encoder = self._names, self._encoder
        with CatalogRows(self.catalog, names=names, words=self._words, encoder=encoder) as rows:
            found = None if self._place is None else open_kept(self._place, kept_key(self.lock, self.catalog, rows))
            if found is None:
                found = keep(rows, self.lock, self._plan, self._place)
        check_matrices(self._features(found).distinct("path"))
        return found

    @cached_property
    def store(self) -> FrameStore:
        """Frames of the plan's cuts."""
        features = self._features(self.kept)
        example = features.take(np.arange(min(1, len(features)))).to_pylist()
        return FrameStore(self._encoder, _stored_at(example[0])[1] if example else None)

    @staticmethod
    def _features(kept: KeptRows) -> RowFile:
        return kept.children["features"][0]

    @cached_property
    def tasks(self) -> list[str]:
        """Tasks of the plan's cuts, sorted."""
        return self.kept.cuts.distinct("task")

    @cached_property
    def unstored(self) -> int:
        """How many cuts with audio have no stored frames, so that they are encoded whenever they are drawn."""
        return self.kept.without("features")

    def __len__(self) -> int:
        """Steps of the plan."""
        return self.lock.steps

    def step(self, number: int) -> list[Draw]:
        """Draws of an optimiser step; beyond the plan's end it begins again. Fastest in order."""
        number %= len(self)
        block = self._block
        if block is None or not block.first <= number <= block.last:
            if block is None or number != block.last + 1:
                self._tables = self._reader.tables(number)
            row, table = next(self._tables)
            block = self._block = PlanSteps(table, self.kept.of_draws(row, len(table)))
        return block.draws(number)

    def drawn(self, row: int) -> tuple[int, str, int]:
        """Step, cut and number of that cut in `kept` of a row of the plan."""
        with open_memory() as con:
            plan = f"read_parquet({quoted(self._plan / PLAN)}, file_row_number = true)"
            found = first(con, f"SELECT step, cut_id FROM {plan} WHERE file_row_number = ?", [row])
        assert found is not None  # the caller counted the plan's rows
        return int(found[0]), str(found[1]), self.kept.cut_of(row)

    def draws(self) -> Iterator[Draw]:
        """All draws in order."""
        for number in range(len(self)):
            yield from self.step(number)

    def first_cuts(self, most: int) -> list[Cut]:
        """The first `most` different cuts with audio, in the order of their first draws."""
        found: dict[str, Cut] = {}
        for draw in self.draws():
            if len(found) == most:
                break
            if draw.cut.has_audio:
                found.setdefault(draw.cut.cut_id, draw.cut)
        return list(found.values())

    def spoken_cuts(self) -> Iterator[Cut]:
        """The plan's different cuts with audio, in any order, without words and features."""
        for batch in self.kept.all_cuts():
            yield from (cut for cut in map(_cut, batch.to_pylist()) if cut.has_audio)

    def answers(self, domain: str) -> Sequence[str]:
        """The different answers of a domain's cuts, sorted; none of a domain that the plan does not have."""
        if domain not in self._answers:
            place = None if self._place is None else self._place / f"answers-{fingerprint(domain)[:16]}.arrow"
            self._answers[domain] = self.kept.texts(ANSWERS, ANSWER_COLUMNS, self._reader.rows_of(domain), place)
        return self._answers[domain]


@dataclass(frozen=True)
class PlanSteps:
    """Some steps of a plan, one after another, and the rows of their cuts."""

    table: pa.Table
    """Rows of the plan."""
    cuts: CutRows
    """A row for each."""

    @cached_property
    def steps(self) -> NDArray[np.int32]:
        """The step of each row."""
        return np.asarray(self.table["step"].to_numpy())

    @property
    def first(self) -> int:
        """The first step."""
        return int(self.steps[0])

    @property
    def last(self) -> int:
        """The last step."""
        return int(self.steps[-1])

    def draws(self, step: int) -> list[Draw]:
        """The draws of one of the steps."""
        begin, end = map(int, np.searchsorted(self.steps, [step, step + 1]))
        part = self.table.slice(begin, end - begin)
        cuts = map(_cut, self.cuts.rows(begin, end))
        return list(map(Draw, cuts, part["domain"].to_pylist(), part["repeat"].to_pylist()))


def _cut(row: Row) -> Cut:
    words = tuple(WordSpan(**word) for word in row.pop("words", None) or ())
    features = dict(map(_stored_at, row.pop("features", None) or ()))
    return Cut(**row | {"sound": tuple(row["sound"] or ())}, words=words, features=features)


def _stored_at(row: Row) -> tuple[str, Stored]:
    """The variant, and where its frames are."""
    return row["variant"], Stored(**{name: value for name, value in row.items() if name != "variant"})
