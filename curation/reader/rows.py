"""What a plan's draws are, for anybody's trainer: catalog rows, decoded audio, or Lhotse cuts, in the plan's order."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from curation.reader import PlanBatch, PlanDraw, PlanReader
from curation.reader.prefetch import look_ahead
from curation.reader.windows import FACTS, CatalogRows, Pairs, Row, windows
from manifests.audio import CutSound, read_cut
from manifests.errors import InputError
from manifests.places import PLACE

if TYPE_CHECKING:
    from lhotse.cut import Cut
    from numpy.typing import NDArray

RUN_OR_FETCHED = ("command", "url")  # types of sources
Texts: TypeAlias = Literal["refuse", "skip"]


def with_rows(
    batches: Iterable[PlanBatch],
    catalog: Path,
    *,
    names: Sequence[str] = FACTS,
    words: bool = False,
    encoder: str | None = None,
) -> Iterator[tuple[PlanBatch, Pairs]]:
    """Each batch with its draws' rows of the catalog, which are read a window at a time.

    Args:
        batches: what a PlanReader gives.
        catalog: the catalog's folder.
        names: columns of `cuts` to read; all but the manifest by default.
        words: adds the list `words`: symbol, start and end of each.
        encoder: adds the list `features`: where this encoder's frames are stored, by variant.

    Raises:
        StaleError: a draw whose cut the catalog does not have.
    """
    with CatalogRows(catalog, names=names, words=words, encoder=encoder) as rows:
        for window in windows(batches, rows):
            for number, batch in enumerate(window.batches):
                yield batch, window.pairs(number)


def decoded_audio(
    reader: PlanReader, *, part: tuple[int, int] = (0, 1), ahead: int = 2, threads: int = 2
) -> Iterator[tuple[PlanBatch, list[tuple[Row, NDArray[np.float32] | None]]]]:
    """Each batch with its draws' catalog rows and samples (16 kHz, mono, float32; None for text-only rows).

    Args:
        reader: which plan, rank and first step.
        part: (worker, workers), for a loader's worker.
        ahead: batches decoded before they are asked for.
        threads: how many clips decode at once.

    Raises:
        AudioError: a clip that does not decode; names the cut.
    """
    yield from look_ahead(with_rows(reader.part(*part), reader.catalog), _decode, ahead=ahead, threads=threads)


def decoded_features(
    reader: PlanReader,
    encoder: str,
    *,
    variant: str = "plain",
    part: tuple[int, int] = (0, 1),
    ahead: int = 2,
    threads: int = 2,
) -> Iterator[tuple[PlanBatch, list[tuple[Row, NDArray[np.float32] | None]]]]:
    """Each batch with its draws' catalog rows and stored encoder frames ((frames, dim) float32; None for text rows).

    Args:
        reader: which plan, rank and first step.
        encoder: whose frames, e.g. moonshine-tiny-en.
        variant: plain, or an augmentation.
        part: (worker, workers), for a loader's worker.
        ahead: batches read before they are asked for.
        threads: how many cuts are read at once.

    Raises:
        InputError: a cut with audio whose frames are not stored.
    """
    pairs = with_rows(reader.part(*part), reader.catalog, encoder=encoder)
    yield from look_ahead(pairs, partial(_frames, variant), ahead=ahead, threads=threads)


class LhotseCuts:
    """A plan as an iterable of Lhotse cuts, made by `lhotse_cuts`; iterating again begins again."""

    def __init__(self, reader: PlanReader, texts: Texts) -> None:
        self.reader = reader
        self.texts = texts

    def __iter__(self) -> Iterator[Cut]:
        """Cuts in training order, padding left out."""
        for _, cuts in self._batched():
            yield from cuts

    def batches(self) -> Iterator[list[Cut]]:
        """The cuts of one step of this rank at a time, an empty list where it has none."""
        return (cuts for _, cuts in self._batched())

    def _batched(self) -> Iterator[tuple[PlanBatch, list[Cut]]]:
        names = ("cut_id", "recording_id", "source_path", "decoding", "manifest")
        for batch, pairs in with_rows(iter(self.reader), self.reader.catalog, names=names):
            found = [] if batch.padding else [self._cut(draw, row) for draw, row in pairs]
            yield batch, [cut for cut in found if cut is not None]

    def _cut(self, draw: PlanDraw, row: Row) -> Cut | None:
        if row["recording_id"] is not None:
            return lhotse_cut(draw, row)
        if self.texts == "refuse":
            raise InputError(
                f"{self.reader.plan_dir}: draw {draw.slot} of step {draw.step} is the text-only row {draw.cut_id!r}, "
                "and Lhotse has no cut without audio. Pass texts='skip', or read such rows with `with_rows`."
            )
        return None


def lhotse_cuts(
    plan_dir: Path,
    *,
    rank: int = 0,
    world: int = 1,
    start: int = 0,
    catalog: Path | None = None,
    check: bool = True,
    texts: Texts = "refuse",
) -> LhotseCuts:
    """A plan as Lhotse cuts in training order, for a trainer of your own: `CutSet(lhotse_cuts(...))` is lazy.

    The n-th use of a cut, n > 0, has the id ID_repeatN, as in Lhotse's `CutSet.repeat`; the custom field `cut.plan`
    holds the draw's step, slot, domain and repeat. Do not shuffle or bucket again: the plan's order holds the shares.

    Args:
        plan_dir: folder with plan.parquet and lock.json.
        rank: which rank's cuts to give.
        world: number of ranks.
        start: the first step to give.
        catalog: where the catalog is now; by default where the lock says it was.
        check: refuse a plan or catalog that changed since it was locked.
        texts: what to do with text-only rows, for which Lhotse has no cut: "refuse" or "skip" them.

    Raises:
        MissingFileError, StaleError, InputError: as PlanReader.
    """
    if texts not in ("refuse", "skip"):
        raise InputError(f"texts={texts!r}: expected 'refuse' or 'skip'.")
    reader = PlanReader(plan_dir, rank=rank, world=world, start=start, catalog=catalog, check=check)
    return LhotseCuts(reader, texts)


def _decode(item: tuple[PlanDraw, Row]) -> tuple[Row, NDArray[np.float32] | None]:
    row = item[1]
    if row["recording_id"] is None:
        return row, None
    return row, read_cut(CutSound.of_catalog(row))


def _frames(variant: str, item: tuple[PlanDraw, Row]) -> tuple[Row, NDArray[np.float32] | None]:
    row = item[1]
    if row["recording_id"] is None:
        return row, None
    stored = next((place for place in row["features"] or () if place["variant"] == variant), None)
    if stored is None:
        raise InputError(
            f"cut {row['cut_id']!r} has no stored frames of this encoder and variant. Run `soundwave label encode` and "
            "`soundwave catalog build` first."
        )
    return row, stored_frames(stored["path"], stored["offset"], stored["frames"])


def stored_frames(path: str, offset: int, frames: int) -> NDArray[np.float32]:
    """Rows [offset, offset + frames) of a .npy matrix (rows, dim), as float32."""
    return stored_rows(path, offset, frames).astype(np.float32)


def stored_rows(path: str, offset: int, frames: int) -> NDArray[Any]:
    """The same as they are stored."""
    file = Path(path).stat()  # a file that was written again is another file
    return np.array(_matrix(path, file.st_ino, file.st_mtime_ns)[offset : offset + frames])


@lru_cache(maxsize=1024)
def _matrix(path: str, *_: int) -> NDArray[Any]:
    """A mapped .npy file: opening it costs more than reading a cut from it."""
    matrix: NDArray[Any] = np.load(path, mmap_mode="r")
    return matrix


def _source_kinds(value: Any) -> Iterator[str]:
    """The `type` of each source of each recording in a row."""
    if isinstance(value, dict):
        for source in value.get("sources") or ():
            yield str(source.get("type"))
        value = list(value.values())
    for part in value if isinstance(value, list) else ():
        yield from _source_kinds(part)


def _retell(facts: dict[str, Any], text: str) -> None:
    """Put a text in place of those of a cut's supervisions; times of words, which are of theirs, go."""
    tracks = [track["cut"] for track in facts.get("tracks") or () if isinstance(track.get("cut"), dict)]
    said = [one for cut in (facts, *tracks) for one in cut.get("supervisions") or ()]
    for number, one in enumerate(sorted(said, key=lambda one: float(one.get("start") or 0.0))):
        one.pop("alignment", None)
        one["text"] = None if number else text


def lhotse_cut(draw: PlanDraw, row: Row) -> Cut:
    """The cut of a draw, with what the plan says of it in its custom field `plan`.

    Raises:
        InputError: a cut whose sound Lhotse would fetch, or get by running a command.
    """
    from lhotse.serialization import deserialize_item

    facts = json.loads(row["decoding"] or row["manifest"])
    if draw.trained_text is not None:
        _retell(facts, draw.trained_text)
    if PLACE in _source_kinds(facts):
        raise InputError(
            f"cut {draw.cut_id!r} has its sound inside a tar or a store, where Lhotse does not read it. Read it "
            "with `decoded_audio`, or import the corpus without the setting `in_place`."
        )
    if any(kind in RUN_OR_FETCHED for kind in _source_kinds(facts)):
        raise InputError(
            f"cut {draw.cut_id!r} has its sound from a command or an address, which Lhotse would run or fetch when it "
            "is heard. Expected a file: leave the cut out of the mixture, or store its sound in a file."
        )
    if not row["decoding"] and "recording" in facts:  # one file, which the row may name by a relative path
        source = facts["recording"]["sources"][0]
        source["source"] = source["source"] if Path(source["source"]).is_absolute() else row["source_path"]
    cut = deserialize_item(facts)
    if draw.repeat:
        cut = cut.with_id(f"{draw.cut_id}_repeat{draw.repeat}")
    # Lhotse keeps it in `custom`; of a mixed cut, in that of its first track.
    cut.plan = {"step": draw.step, "slot": draw.slot, "domain": draw.domain, "repeat": draw.repeat}
    return cut
