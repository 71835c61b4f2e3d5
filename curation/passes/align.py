"""Where each word of the transcript is said, in its own spelling."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow.parquet as pq
from pydantic import BaseModel, ConfigDict

from curation.align import aligner_maker, load_aligner
from curation.align.base import AlignedWord, Aligner, AlignsUntranscribed, Transcribes, Untranscribed
from curation.align.fit import fit
from curation.passes.base import CorpusPass, cut_audio, label, supervision
from curation.passes.shards import Row, ShardResult, corpus_rows, finished
from curation.text import READING_VERSION, Word, base_language, normalise
from manifests.errors import Rejected, SettingsError, StaleError, reading
from manifests.files import claim_file, need_file, read_jsonl, write_jsonl
from manifests.reasons import Reason
from manifests.rows import PASS_FILE
from manifests.rows.passes import check_files, read_pass, recorded, shard_part
from manifests.settings.makers import Maker
from manifests.units import SAMPLE_RATE, Seconds

BACKEND = "pocketsphinx"
QUIET = 10 ** (-60 / 20)  # no sample above -60 dBFS: there is nobody to align


@dataclass(frozen=True)
class Align(CorpusPass):
    """Writes `words`, and the labels score, speech_rate, leading_silence, trailing_silence, coverage.

    score is the mean log-likelihood per frame of speech (0 at best); a cut below the least score is rejected, and one
    that is below it with the loud moments that no word covers (`curation.align.fit`). speech_rate is words per second
    from the first word to the end of the last, coverage aligned words / words that have something to say. An aligner
    that can transcribe (`whisperx`) does so where there is no transcript, and writes the label transcript. With a
    wildcard for speech that the transcript lacks, the label untranscribed says how many seconds of it there are, and
    where.
    """

    aligner: Aligner = field(default_factory=partial(load_aligner, BACKEND))
    wildcard: Untranscribed = "none"  # for aligners that have one
    least_score: float | None = None  # None: what the aligner asks for

    name: ClassVar[str] = "align"
    version: ClassVar[str] = "3"
    failure: ClassVar[Reason] = Reason.aligner_failed

    @property
    def settings(self) -> dict[str, Any]:
        """All that changes the labels."""
        return {
            "backend": self.aligner.name,
            "backend_version": self.aligner.version,
            "least_score": self.least,
            "wildcard": self.wildcard,
        }

    @property
    def least(self) -> float:
        """The score that a cut must reach."""
        return self.aligner.least_score if self.least_score is None else self.least_score

    def check(self) -> None:
        """Raise when the aligner cannot run here, or has no wildcard and one is asked for."""
        if self.wildcard != "none" and not isinstance(self.aligner, AlignsUntranscribed):
            raise SettingsError(
                f"The aligner `{self.aligner.name}` has no wildcard for speech that the transcript lacks. Leave the "
                "setting `wildcard` out, or choose an aligner that is a CTC model: hf-ctc, torchaudio or soundwave."
            )
        self.aligner.check()

    def rows(self, corpus_dir: Path) -> Iterator[Row]:
        """The corpus's cuts. Words in other languages than English also depend on the version of the reading rule."""
        for row in corpus_rows(corpus_dir):
            english = base_language(str(supervision(row).get("language") or "en")) == "en"
            yield row if english else row | {"reading": READING_VERSION}

    def label_shard(self, rows: list[Row]) -> ShardResult:
        """Align each row, or reject it."""
        return self.each(rows, self._align)

    def _align(self, row: Row, result: ShardResult) -> None:
        transcriber = self._transcriber(row)
        words: Sequence[Word] = () if transcriber else self._words(row)
        samples = cut_audio(row)
        if len(samples) == 0 or float(np.abs(samples).max()) < QUIET:
            raise Rejected(Reason.no_speech, "no sample above -60 dBFS")
        found: Sequence[AlignedWord]
        untranscribed: Sequence[tuple[Seconds, Seconds]] = ()
        text: str | None = None
        if transcriber:
            transcript = transcriber.transcribe(samples, supervision(row).get("language"))
            words, found, text = transcript.words, transcript.found, transcript.text
        elif self.wildcard != "none" and isinstance(self.aligner, AlignsUntranscribed):
            found, untranscribed = self.aligner.align_untranscribed(samples, words, self.wildcard)
        else:
            found = self.aligner.align(samples, words)
        duration = len(samples) / SAMPLE_RATE
        labels = summarise(words, found, duration, untranscribed)
        if labels["score"] < self.least:
            raise Rejected(Reason.low_score, f"score {labels['score']:.2f}, at least {self.least:g} is accepted")
        if text is None and (fitting := fit(samples, found, untranscribed)) < self.least:
            detail = f"score {labels['score']:.2f}, but {fitting:.2f} with the loud moments that no word covers"
            raise Rejected(Reason.low_score, f"{detail}; at least {self.least:g} is accepted")
        result.words += self._word_rows(row, words, found, duration)
        result.labels += [label(self.name, row, key, value) for key, value in labels.items()]
        if self.wildcard != "none":
            where = " ".join(f"{start:.2f}-{end:.2f}" for start, end in untranscribed)
            total = round(sum(end - start for start, end in untranscribed), 4)
            result.labels.append(label(self.name, row, "untranscribed", total, where))
        if text is not None:
            result.labels.append(label(self.name, row, "transcript", text=text))

    def _transcriber(self, row: Row) -> Transcribes | None:
        """The aligner, if the cut is speech without a transcript and the aligner can write one."""
        speech = (row.get("custom") or {}).get("task") != "sound"
        lacks_text = speech and supervision(row).get("text") is None
        return self.aligner if lacks_text and isinstance(self.aligner, Transcribes) else None

    def _words(self, row: Row) -> list[Word]:
        said = supervision(row)
        facts = row.get("custom") or {}
        if facts.get("task") == "sound":
            raise Rejected(Reason.not_speech, "a sound: its text is a caption")
        language = str(said.get("language") or "en")
        if not self.aligner.speaks(language):
            raise Rejected(Reason.unsupported_language, f"{self.aligner.name} has no model for {language!r}")
        if said.get("text") is None:
            raise Rejected(Reason.text_missing, "no transcript")
        words = normalise(str(said["text"]), language)
        if not any(word.readings or word.flag == "unknown" for word in words):
            raise Rejected(Reason.empty_text, f"nothing to say in {said['text']!r}")
        return words

    def _word_rows(
        self, row: Row, words: Sequence[Word], found: Iterable[AlignedWord], duration: Seconds
    ) -> Iterator[dict[str, Any]]:
        for word in found:
            start = min(word.start, duration)
            yield {
                "cut_id": str(row["id"]),
                "backend": self.aligner.name,
                "position": word.position,
                "symbol": words[word.position].text,
                "start": round(start, 4),
                "duration": round(min(word.end, duration) - start, 4),
                "score": word.score,
                "flag": _flag(word, words[word.position]),
            }


class AlignOptions(BaseModel):
    """Options of the pass; options of the aligner may follow."""

    model_config = ConfigDict(extra="allow", frozen=True, use_attribute_docstrings=True, allow_inf_nan=False)

    backend: str = BACKEND
    """The aligner."""
    wildcard: Untranscribed = "none"
    """Where the aligner may find speech that the transcript lacks: none, ends, or words (between words too)."""
    least_score: float | None = None
    """Cuts whose words score less on average are rejected; without it the aligner's own limit holds."""


def _make(options: AlignOptions) -> Align:
    given = options.model_extra or {}
    own, others = AlignOptions.model_fields, aligner_maker(options.backend).options.model_fields
    if unknown := [name for name in given if name not in others]:
        raise SettingsError(
            f"The pass `align` with the aligner `{options.backend}` has no "
            f"{' and no '.join(f'setting `{name}`' for name in unknown)}. It has: {', '.join([*own, *others])}."
        )
    return Align(load_aligner(options.backend, **given), options.wildcard, options.least_score)


PASS = Maker(AlignOptions, _make)


def _flag(found: AlignedWord, word: Word) -> str | None:
    """What is special about how a word got its time; see the table `words`."""
    return "wildcard" if found.wildcard or word.flag == "unknown" else word.flag or None


def summarise(
    words: Sequence[Word],
    found: Sequence[AlignedWord],
    duration: Seconds,
    untranscribed: Sequence[tuple[Seconds, Seconds]] = (),
) -> dict[str, float]:
    """The labels of one aligned cut of `duration` seconds; `untranscribed`: spans of speech that the words lack."""
    first, last = found[0].start, found[-1].end
    if untranscribed:
        first, last = min(first, untranscribed[0][0]), max(last, untranscribed[-1][1])
    lengths = [word.end - word.start for word in found]
    span = max(found[-1].end - found[0].start, 1e-3)
    sayable = sum(bool(word.readings) or word.flag == "unknown" for word in words)
    return {
        "score": float(np.average([word.score for word in found], weights=lengths)),
        "speech_rate": len(found) / span,
        "leading_silence": first,
        "trailing_silence": max(0.0, duration - last),
        "coverage": len(found) / sayable,
    }


def export_alignments(corpus_dir: Path, labels_dir: Path, output: Path) -> int:
    """Write the corpus's aligned cuts as Lhotse JSONL(.gz), words in `supervision.alignment["word"]`.

    `labels_dir` is the folder of all passes. Cuts that the pass rejected are left out; they are in `rejects`.
    One shard is in memory at a time. Returns the number of cuts written.

    Raises:
        MissingFileError: the pass has not been run on this corpus.
        DamagedError: a file of the pass is not what was written.
        StaleError: the corpus has changed since.
        OccupiedError: `output` is a file of another kind; it was not touched.
    """
    claim_file(output, "a manifest of cuts", ours=lambda path: "id" in next(iter(read_jsonl(path)), {"id": ""}))
    folder = labels_dir / Align.name / corpus_dir.name
    need_file(folder / PASS_FILE, what="alignment", hint="Run `soundwave label align` first.")
    done = read_pass(folder)
    check_files(folder, recorded(folder, done), whole=True)
    return write_jsonl(output, _aligned_cuts(corpus_rows(corpus_dir), folder, done["shards"]))


def _aligned_cuts(rows: Iterator[Row], folder: Path, keys: Sequence[str]) -> Iterator[Row]:
    stale = f"{folder} was made from other cuts than the corpus has now. Run `soundwave label align` again."
    for key in keys:
        counts = finished(folder, key)
        if counts is None:
            raise StaleError(stale)
        shard = list(itertools.islice(rows, counts.cuts))
        words = _read_words(folder, key)
        if not words.keys() <= {str(row["id"]) for row in shard}:
            raise StaleError(stale)
        for row in shard:
            if found := words.get(str(row["id"])):
                yield {**row, "supervisions": [{**supervision(row), "alignment": {"word": found}}]}
    if next(rows, None) is not None:
        raise StaleError(stale)


def _read_words(folder: Path, key: str) -> dict[str, list[list[Any]]]:
    """Cut id -> its words as Lhotse writes AlignmentItems: symbol, start, duration, score."""
    path = shard_part(folder, key, "words")
    found: dict[str, list[list[Any]]] = {}
    with reading(path, "a table of words", go_on="Delete it and run `soundwave label align` again."):
        for word in pq.read_table(path).to_pylist() if path.is_file() else ():
            item = [word["symbol"], word["start"], word["duration"], word["score"]]
            found.setdefault(word["cut_id"], []).append(item)
    return found
