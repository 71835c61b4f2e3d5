"""Folds of a corpus: each cut is held out once, and cuts that share a recording, speaker or text are never apart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

import duckdb
import pyarrow as pa
from pydantic import BaseModel, Field, field_validator, model_validator

from curation.catalog import catalog_fingerprint, connect
from curation.storage import resolve
from curation.text.readings import number_readings
from manifests.errors import InputError
from manifests.linked.folds import fold_rows
from manifests.linked.groups import TRAIN, Linked
from manifests.linked.same import speaker_keys, text_keys
from manifests.names import hint
from manifests.settings.fields import LARGEST, STRICT

Link: TypeAlias = Literal["recording", "speaker", "text"]
LINKS: tuple[Link, ...] = ("recording", "speaker", "text")
MOST = 1000  # folds
TEST = "test"
BLOCK = 10_000  # rows at once
_COLUMNS = "cut_id, corpus, recording_id, source_path, audio_sha256, speaker, text, language, split"
_CUTS = f"""
SELECT {_COLUMNS}, duration FROM accepted
WHERE duration > 0 AND ($corpus IS NULL OR corpus = $corpus) ORDER BY cut_id
"""


class Folds(BaseModel):
    """Folds of a corpus, one of which is held out: trainings draw the others, whatever split the catalog puts them in.

    Cuts of other corpora that share something with the held-out fold are not drawn either.
    """

    model_config = STRICT

    corpus: str = Field(min_length=1)
    """Whose cuts."""
    number: int = Field(ge=2, le=MOST)
    """How many folds, as equal in hours as whole groups allow."""
    links: tuple[Link, ...] = Field(default=LINKS, min_length=1)
    """What keeps cuts together."""
    seed: Annotated[int, Field(ge=0, le=LARGEST)] = 0
    """Of the folds: another one gives others, where groups are alike."""
    fold: int | None = Field(default=None, ge=0)
    """Which one is held out, from 0; null: that of the seed of the training, its remainder by `number`."""

    @field_validator("links")
    @classmethod
    def _in_order(cls, value: tuple[Link, ...]) -> tuple[Link, ...]:
        return tuple(link for link in LINKS if link in value)  # the same links are the same folds

    @model_validator(mode="after")
    def _is_one_of_them(self) -> Folds:
        if self.fold is not None and self.fold >= self.number:
            raise ValueError(f"fold is {self.fold}, expected one of the {self.number} folds, 0 to {self.number - 1}")
        return self

    def of_seed(self, seed: int) -> Folds:
        """With the fold that a training with this seed holds out."""
        return self if self.fold is not None else self.model_copy(update={"fold": seed % self.number})

    @property
    def said(self) -> str:
        """For people."""
        return f"fold {self.fold} of {self.number} of {self.corpus}"


def corpus_folds(
    catalog: Path, folds: int, *, corpus: str | None = None, links: Sequence[str] = LINKS, seed: int = 0
) -> pa.Table:
    """The fold (from 0) of every accepted cut with audio, whatever its split: columns cut_id and fold, by cut_id.

    Folds are as equal in hours as whole groups allow, and the same on every machine.

    Args:
        catalog: the catalog's folder.
        folds: how many, 2 or more.
        corpus: whose cuts; None: of all corpora.
        links: what keeps cuts together: of recording, speaker, text.
        seed: other folds.

    Raises:
        InputError: no such cuts, unknown links, or fewer groups than folds.
    """
    if odd := sorted(set(links) - set(LINKS)):
        raise InputError(f"links hold {odd[0]!r}, expected some of {', '.join(LINKS)}.")
    with connect(catalog, threads=1) as con:
        found = _homes(con, catalog, folds, corpus, links, seed=seed)
    return pa.table({"cut_id": list(found), "fold": pa.array(found.values(), pa.int32())})


def _homes(
    con: duckdb.DuckDBPyConnection, catalog: Path, folds: int, corpus: str | None, links: Sequence[str], *, seed: int
) -> dict[str, int]:
    found = con.execute(_CUTS, {"corpus": corpus}).fetchall()
    if not found:
        known = [row[0] for row in con.execute("SELECT DISTINCT corpus FROM cuts ORDER BY ALL").fetchall()]
        of = f" of {corpus!r} ({hint(corpus, known)})" if corpus else ""
        raise InputError(f"{catalog} has no accepted cuts with audio{of}: no folds.")
    rows = [Linked(row[0], "", _links(row, links)) for row in found]
    homes = fold_rows(rows, folds, [float(row[-1]) for row in found], seed=seed)
    return {row.id: home for row, home in zip(rows, homes, strict=True)}


def _links(row: Sequence[Any], links: Sequence[str]) -> dict[str, list[str]]:
    """Link -> what a row of _COLUMNS shares with others."""
    _, corpus, recording, source, digest, speaker, text, language = row[:8]
    found: dict[str, list[str]] = {}
    if "recording" in links:
        own = [f"{corpus}/{recording}"] if recording else []
        found["recording"] = [*own, *filter(None, (source, digest))]
    if "speaker" in links:
        found["speaker"] = speaker_keys(corpus, speaker)
    if "text" in links:
        found["text"] = text_keys(text, language, number_readings)
    return found


@dataclass(frozen=True)
class FoldSplits:
    """What splits are where one fold is held out."""

    splits: Mapping[str, str | None]
    """Cut -> its split, of cuts that folds say something of: `test` in the held-out fold, `train` in the others. None:
    neither is it trained on, as what shares something with the held-out fold, nor is anything measured on it, as
    held-out cuts of other corpora that share something with a fold that is trained on."""
    held: int
    """Cuts of the fold."""
    linked: int
    """Other cuts that would be trained on, did they not share something with it."""

    def table(self, held: str = TEST) -> pa.Table:
        """The columns cut_id and split, for `connect`; held: what the split of the held-out fold is called."""
        splits = [held if split == TEST else split for split in self.splits.values()]
        return pa.table({"cut_id": pa.array(self.splits, pa.string()), "split": pa.array(splits, pa.string())})


def fold_splits(catalog: Path, folds: Folds) -> FoldSplits:
    """What splits are in a catalog where `folds.fold`, which is given, is held out.

    Raises:
        MissingFileError: no catalog there.
        InputError: as `corpus_folds`.
    """
    return _fold_splits(catalog, catalog_fingerprint(catalog), folds)


@lru_cache(maxsize=16)
def _fold_splits(catalog: Path, _: str, folds: Folds) -> FoldSplits:
    with connect(resolve(catalog), threads=1) as con:
        homes = _homes(con, catalog, folds.number, folds.corpus, folds.links, seed=folds.seed)
        return _splits(con, folds, homes)


def _splits(con: duckdb.DuckDBPyConnection, folds: Folds, homes: Mapping[str, int]) -> FoldSplits:
    """homes: fold of each cut that has one."""
    inside: set[tuple[str, str]] = set()  # what the held-out fold's cuts have, by link
    outside: set[tuple[str, str]] = set()  # what cuts of the others have
    for row in _rows(con):
        if row[0] in homes:
            (inside if homes[row[0]] == folds.fold else outside).update(_marks(row, folds.links))
    splits: dict[str, str | None] = {cut: TEST if home == folds.fold else TRAIN for cut, home in homes.items()}
    linked = 0
    for row in _rows(con):
        if row[0] in homes:
            continue
        trained = row[8] == TRAIN
        if not (inside if trained else outside).isdisjoint(_marks(row, folds.links)):
            splits[row[0]] = None
            linked += trained
    return FoldSplits(splits, sum(split == TEST for split in splits.values()), linked)


def _rows(con: duckdb.DuckDBPyConnection) -> Iterator[tuple[Any, ...]]:
    """All cuts of a catalog, refused ones and texts among them: a mixture may draw them, too."""
    answer = con.execute(f"SELECT {_COLUMNS} FROM cuts ORDER BY cut_id")
    while block := answer.fetchmany(BLOCK):
        yield from block


def _marks(row: Sequence[Any], links: Sequence[str]) -> set[tuple[str, str]]:
    return {(link, value) for link, values in _links(row, links).items() for value in values}
