"""The data of a chain: the catalog that a plan drew from, the labels and corpora that it was built of."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from curation.catalog import catalog_fingerprint, catalog_parts
from curation.catalog.parts import Part
from curation.catalog.verified import catalog_problems, source_problems
from curation.duck import open_memory
from curation.passes import make_pass
from curation.passes.base import CorpusPass
from curation.passes.shards import Row, ShardOnDisk, ShardResult, corpus_rows, shard_key, shard_on_disk
from curation.storage import answering, is_remote, open_place, resolve, sibling
from manifests.digests import problem, read_sealed
from manifests.plans import Lock
from manifests.rows import CORPUS, PASS_FILE
from manifests.rows.passes import FILES, read_pass, recorded
from manifests.rows.written import check_corpus
from soundwave.provenance.links import Link

PREPARE = "prepare"
PLAIN = ("agree", "encode", "fingerprint", "hallucination", "language", "mos", "speaker", "speech", "tag")
"""Passes whose rows are the corpus's, as they are."""


@dataclass(frozen=True)
class DataPlaces:
    """Where data lies; None: where the run or the catalog says."""

    catalog: Path | None = None
    labels: Path | None = None
    corpora: Path | None = None
    plans: Path | None = None


def data_links(catalog: Path | None, why_not: str, lock: Lock | None, places: DataPlaces) -> Iterator[Link]:
    """The catalog, then each pass over each corpus, then each corpus; why_not: where a catalog was looked for."""
    link = Link("catalog", "?" if catalog is None else catalog.name, catalog)
    if catalog is None:
        link.missing.append(why_not)
        yield link
        return
    parts: list[Part] = []
    with open_memory() as con:
        open_place(con, catalog)
        with link.checking(), answering(catalog):
            parts = catalog_parts(catalog)
            found = catalog_fingerprint(catalog)
            link.facts = {"fingerprint": found, "parts": len(parts)}
            link.problems += catalog_problems(con, resolve(catalog), parts)
            if lock is not None:
                link.same("the rows that the plan was drawn from", found, lock.catalog_fingerprint)
        yield link
        yield from _sources(con, catalog, parts if not is_remote(catalog) else [], places)


def _sources(con: duckdb.DuckDBPyConnection, catalog: Path, parts: list[Part], places: DataPlaces) -> Iterator[Link]:
    groups: dict[tuple[bool, str, str], list[Part]] = {}
    for part in parts:
        labels = part.name not in (PREPARE, "cuts")
        groups.setdefault((not labels, part.name if labels else PREPARE, part.corpus), []).append(part)
    roots = {
        "labels": places.labels or sibling(catalog, "labels"),
        "corpora": places.corpora or sibling(catalog, "corpora"),
    }
    for (prepared, name, corpus), found in sorted(groups.items()):
        if prepared:
            yield _corpus(con, roots["corpora"], corpus, found)
        else:
            yield _labels(con, roots["labels"], (name, corpus), found, roots["corpora"])


def _labels(
    con: duckdb.DuckDBPyConnection, root: Path | None, of: tuple[str, str], parts: list[Part], corpora: Path | None
) -> Link:
    name, corpus = of
    folder = None if root is None else root / name / corpus
    link = Link("labels", f"{name}/{corpus}", folder, {"digests": {part.table: part.digest for part in parts}})
    if folder is None or not (folder / PASS_FILE).is_file():
        link.missing.append(f"{folder or f'{name}/{corpus}'} is not there. Name the folder of labels as `labels`.")
        return link
    with link.checking():
        facts = read_pass(folder)
        link.facts |= {key: facts.get(key) for key in ("version", "settings")} | {"shards": len(facts["shards"])}
        for file, record in recorded(folder, facts).items():
            if (said := problem(folder / file, record)) is not None:
                link.problems.append(f"{file} {said}")
        link.problems += source_problems(con, folder, parts, labels=True)
        if corpora is not None and (corpora / corpus / CORPUS).is_file():
            _check_keys(link, folder, facts, corpora / corpus)
    return link


def _corpus(con: duckdb.DuckDBPyConnection, root: Path | None, corpus: str, parts: list[Part]) -> Link:
    folder = None if root is None else root / corpus
    link = Link("corpus", corpus, folder, {"digests": {part.table: part.digest for part in parts}})
    if folder is None or not (folder / CORPUS).is_file():
        link.missing.append(f"{folder or corpus} is not there. Name the folder of corpora as `corpora`.")
        return link
    with link.checking():
        facts = read_sealed(folder / CORPUS, go_on="")
        link.facts |= {key: facts.get(key) for key in ("license", "cuts", "texts", "provenance") if key in facts}
        if "files" not in facts:
            link.unknown.append("prepared before corpora wrote down checksums of their files")
        link.problems += check_corpus(folder)
        link.problems += source_problems(con, folder, parts, labels=False)
    return link


@dataclass(frozen=True)
class _AsTold(CorpusPass):
    """A pass as its pass.json tells it: enough for the keys of its shards."""

    name: str  # type: ignore[misc]
    version: str
    settings: Mapping[str, Any]

    def label_shard(self, rows: list[Row]) -> ShardResult:
        raise NotImplementedError


def _check_keys(link: Link, folder: Path, facts: Mapping[str, Any], corpus: Path) -> None:
    """Make the keys of a pass's shards again: of pass, settings and rows as they are now."""
    name, shards = str(facts.get("pass", "")), facts["shards"]
    found = [shard_on_disk(folder, key) for key in shards]
    counts = [shard.counts.cuts for shard in found if isinstance(shard, ShardOnDisk)]
    if name not in (*PLAIN, "quality") or FILES not in facts or len(counts) < len(shards):
        link.unknown.append(
            "the keys of its shards cannot be made again: an earlier version, or a pass of its own kind"
        )
        return
    job = _AsTold(name, str(facts.get("version")), facts["settings"])
    rows, other = _rows(name, corpus), 0
    for key, count in zip(shards, counts, strict=True):
        shard = list(itertools.islice(rows, count))
        if any(not (row.get("custom") or {}).get("audio_sha256") for row in shard):
            link.unknown.append("the keys of its shards hold times of audio files, which copies do not keep")
            return
        other += not shard or shard_key(job, shard, corpus) != key
    more = sum(1 for _ in rows)
    if other or more:
        said = f", and {more:,} more rows are there" if more else ""
        link.problems.append(
            f"{other} of its {len(shards)} shards have keys of other settings, or of other rows than {corpus} has "
            f"now{said}"
        )
    else:
        link.facts["keys"] = f"{len(shards)} shards, made again"


def _rows(name: str, corpus: Path) -> Iterator[Row]:
    """The rows that a pass labels."""
    return make_pass(name).rows(corpus) if name == "quality" else corpus_rows(corpus)
