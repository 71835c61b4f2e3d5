"""All cuts of a corpus, asked one thing: a corpus of questions beside it, over the same recordings and splits."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import duckdb

from curation.catalog import catalog_fingerprint, connect
from curation.questions.builders import BUILDERS, AskedCut, Builder, Said
from manifests.errors import InputError, Rejected
from manifests.fingerprint import provenance
from manifests.names import hint
from manifests.rows import CorpusInfo, Reject, claim_corpus, row_line, write_corpus_lines
from manifests.switch import switched
from manifests.units import Seconds

STEP = "questions"  # the `pass` column of its rejects
BATCH = 1024  # rows of the catalog in hand at a time
SUPERVISED = ("target_text", "target_language")

# Each span of a recording once: corpora have rows of several tasks, or several translations, of the same sound.
ROWS = """
WITH aligned AS (
  SELECT
    cut_id,
    list({'symbol': symbol, 'start': start, 'end': start + duration, 'sure': flag IS DISTINCT FROM 'wildcard'}
      ORDER BY position) AS words
  FROM words
  WHERE cut_id IN (SELECT cut_id FROM cuts WHERE corpus = $corpus)
  GROUP BY cut_id, backend
  QUALIFY row_number() OVER (PARTITION BY cut_id ORDER BY backend) = 1
)
SELECT cut_id, language, speaker, duration, source_path, decoding, manifest, words
FROM cuts LEFT JOIN aligned USING (cut_id)
WHERE corpus = $corpus AND recording_id IS NOT NULL
QUALIFY row_number() OVER (
  PARTITION BY recording_id, start, duration, channel ORDER BY words IS NULL, cut_id
) = 1
ORDER BY cut_id
"""


def make_questions(catalog: Path, task: str, corpus: str, corpora: Path) -> CorpusInfo:
    """Write the corpus `corpora`/CORPUS_TASK; cuts that do not say what is asked are its rejects.

    Args:
        catalog: with the corpus, and its words where the task needs them.
        task: of BUILDERS.
        corpus: whose cuts are asked.
        corpora: the folder of prepared corpora.

    Raises:
        InputError: no builder of that task, no such corpus, one that has such rows already, or none of its cuts says
            what is asked. Nothing is written then.
        MissingFileError: no catalog.
        OccupiedError: the folder holds something else.
    """
    builder = BUILDERS.get(task)
    if builder is None:
        raise InputError(
            f"No builder makes questions of the task {task!r} ({hint(task, list(BUILDERS))}). Rows of others come from "
            "their corpora's recipes."
        )
    name = f"{corpus}_{task}"
    with connect(catalog) as con:
        licences = _check(con, builder, corpus)
        made = Questions(con, builder, corpus, name)
        lines = made.cuts()
        first = next(lines, None)
        if first is None:
            reason = next(made.rejects(), None)
            why = f" The first one: {reason.cut_id}: {reason.detail}." if reason else ""
            raise InputError(f"No cut of {corpus} has {builder.needs}, which questions of {task} need.{why}")
        settings = {"step": STEP, "task": task, "corpus": corpus}
        claim_corpus(corpora / name, settings)
        info = CorpusInfo(
            name,
            f"Questions about {corpus}: {task}",
            " AND ".join(licences),
            f"as of {corpus}",
            provenance=provenance(settings, {"catalog": catalog_fingerprint(catalog)}),
        )
        with switched(corpora / name) as switch:
            rejects = (row_line(reject.row()) for reject in made.rejects())
            return write_corpus_lines(switch, info, chain([first], lines), (), rejects, seconds=lambda: made.seconds)


def _check(con: duckdb.DuckDBPyConnection, builder: Builder, corpus: str) -> list[str]:
    """The licences of the corpus's cuts."""
    found = con.execute(
        "SELECT count(*), count(*) FILTER (task = ?), list(DISTINCT license ORDER BY license) FROM cuts "
        "WHERE corpus = ? AND recording_id IS NOT NULL",
        [builder.task, corpus],
    ).fetchall()[0]
    if not found[0]:
        known = [row[0] for row in con.execute("SELECT DISTINCT corpus FROM cuts ORDER BY 1").fetchall()]
        raise InputError(f"The catalog has no audio of a corpus {corpus!r} ({hint(corpus, known)}).")
    if found[1]:
        raise InputError(f"{corpus} has {found[1]:,} rows of the task {builder.task} already. Draw those.")
    return [str(licence) for licence in found[2] or () if licence] or ["NOASSERTION"]


class Questions:
    """The rows of one corpus of questions, read from the catalog each time they are asked for."""

    def __init__(self, con: duckdb.DuckDBPyConnection, builder: Builder, corpus: str, name: str) -> None:
        self._con, self._builder, self._corpus, self._name = con, builder, corpus, name
        self.seconds: Seconds = 0.0
        """Of the cuts that were read so far."""

    def cuts(self) -> Iterator[str]:
        """Manifest lines, sorted by id."""
        for row, answer in self._answered():
            if isinstance(answer, str):
                self.seconds += float(row["duration"])
                yield row_line(self._question(row, answer))

    def rejects(self) -> Iterator[Reject]:
        """Cuts that do not say what is asked."""
        for row, answer in self._answered():
            if isinstance(answer, Rejected):
                yield Reject(self._id(row["cut_id"]), self._name, STEP, answer.reason, answer.detail)

    def _answered(self) -> Iterator[tuple[dict[str, Any], str | Rejected]]:
        for row in self._rows():
            row["manifest"] = whole = _with_audio(row)
            facts = dict(whole.get("custom") or {})
            for supervision in whole.get("supervisions") or ():
                facts |= supervision.get("custom") or {}
            words = [Said(**word) for word in row["words"] or ()]
            try:
                yield row, self._builder.answer(AskedCut(row["cut_id"], row["language"], row["speaker"], facts, words))
            except Rejected as refused:
                yield row, refused

    def _rows(self) -> Iterator[dict[str, Any]]:
        result = self._con.cursor().execute(ROWS, {"corpus": self._corpus})
        names = [column[0] for column in result.description or []]
        while some := result.fetchmany(BATCH):
            yield from (dict(zip(names, row, strict=True)) for row in some)

    def _question(self, row: dict[str, Any], answer: str) -> dict[str, Any]:
        """The row asked: the same sound and words, with another id, corpus and task, and the answer."""
        whole = row["manifest"]
        task = self._builder.task
        facts = {"corpus": self._name, "task": task, "domain": task, "asked_of": row["cut_id"]}
        first, *others = ({**one, "custom": _plain(one)} for one in whole.get("supervisions") or [{}])
        first["custom"] |= {"target_text": answer, "target_language": "en"}
        return {
            **whole,
            "id": self._id(row["cut_id"]),
            "custom": {**(whole.get("custom") or {}), **facts},
            "supervisions": [first, *others],
        }

    def _id(self, cut_id: str) -> str:
        return f"{self._name}-{cut_id.removeprefix(f'{self._corpus}-')}"


def _plain(supervision: dict[str, Any]) -> dict[str, Any]:
    """What a supervision says beside the answer to another question."""
    return {name: value for name, value in (supervision.get("custom") or {}).items() if name not in SUPERVISED}


def _with_audio(row: dict[str, Any]) -> dict[str, Any]:
    """The manifest's row with absolute paths of its audio."""
    if row["decoding"]:
        found: dict[str, Any] = json.loads(row["decoding"])
        return found
    whole: dict[str, Any] = json.loads(row["manifest"])
    recording = whole["recording"]
    sources = [{**source, "source": row["source_path"]} for source in recording["sources"]]
    return {**whole, "recording": {**recording, "sources": sources}}
