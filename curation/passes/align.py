"""The align pass: where each word of the transcript is said, in the transcript's own words."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from curation.align import load_aligner
from curation.align.base import AlignedWord, Aligner
from curation.align.ctc_aligner import BESIDE, Beside, CTCAligner
from curation.passes.base import CorpusPass, cut_audio, label, supervision
from curation.passes.shards import Row, ShardResult, finished, part_path
from curation.text import Word, normalise
from manifests.errors import Rejected, SettingsError, StaleError
from manifests.files import need_file, read_json, write_jsonl
from manifests.reasons import Reason
from manifests.rows import cut_rows
from manifests.units import SAMPLE_RATE, Seconds

if TYPE_CHECKING:
    from curation.align.whisperx import WhisperX

QUIET = 10 ** (-60 / 20)  # no sample above -60 dBFS: there is nobody to align


@dataclass(frozen=True)
class Align(CorpusPass):
    """Writes `words`, and the labels score, speech_rate, leading_silence, trailing_silence, coverage.

    score is the mean log-likelihood per frame of speech (0 at best), speech_rate words per second from the
    first word to the end of the last, coverage aligned words / words that have something to say. An aligner that can
    transcribe (`whisperx`) does so where there is no transcript, and writes the label transcript. With a wildcard for
    speech that the transcript lacks, the label untranscribed says how many seconds of it there are, and where.
    """

    backend: str = "pocketsphinx"
    least_score: float | None = None  # None: what the aligner asks for
    aligner: Aligner | None = None  # None: the one called `backend`, with its usual model
    wildcard: Beside = "none"  # where it may take speech that the transcript lacks; CTC aligners only
    name: str = "align"
    version: str = "2"
    failure: Reason = Reason.aligner_failed

    @property
    def settings(self) -> dict[str, Any]:
        """All that changes the labels."""
        return {
            "backend": self.backend,
            "backend_version": self.engine.version,
            "least_score": self.least,
            "wildcard": self.wildcard,
        }

    @property
    def engine(self) -> Aligner:
        """The aligner."""
        return self.aligner or load_aligner(self.backend)

    @property
    def least(self) -> float:
        """The score that a cut must reach."""
        return self.engine.least_score if self.least_score is None else self.least_score

    def check(self) -> None:
        """Raise when the backend is unknown or not installed, or has no such wildcard."""
        if self.wildcard not in BESIDE:
            raise SettingsError(f"--wildcard is {self.wildcard!r}, expected one of: {', '.join(BESIDE)}.")
        if self.wildcard != "none" and not isinstance(self.engine, CTCAligner):
            raise SettingsError(
                f"The aligner `{self.backend}` has no wildcard for speech that the transcript lacks. Leave --wildcard "
                "out, or use a CTC aligner: hf-ctc, torchaudio or soundwave."
            )
        self.engine.check()

    def label_shard(self, rows: list[Row]) -> ShardResult:
        """Align each row, or reject it."""
        result = ShardResult()
        for row in rows:
            reject = self.attempt(row, lambda row: self._align(row, result))
            if reject:
                result.rejects.append(reject)
        return result

    def _align(self, row: Row, result: ShardResult) -> None:
        transcriber = self._transcriber(row)
        words: Sequence[Word] = () if transcriber else self._words(row)
        samples = cut_audio(row)
        if len(samples) == 0 or float(np.abs(samples).max()) < QUIET:
            raise Rejected(Reason.no_speech, "no sample above -60 dBFS")
        found: Sequence[AlignedWord]
        beside: Sequence[tuple[Seconds, Seconds]] = ()
        text: str | None = None
        if transcriber:
            heard = transcriber.transcribe(samples, supervision(row).get("language"))
            words, found, text = heard.words, heard.found, heard.text
        elif isinstance(self.engine, CTCAligner):
            found, beside = self.engine.align_beside(samples, words, self.wildcard)
        else:
            found = self.engine.align(samples, words)
        duration = len(samples) / SAMPLE_RATE
        labels = summarise(words, found, duration, beside)
        if labels["score"] < self.least:
            raise Rejected(Reason.low_score, f"score {labels['score']:.2f}, at least {self.least:g} is accepted")
        result.words += self._word_rows(row, words, found, duration)
        result.labels += [label(self.name, row, key, value) for key, value in labels.items()]
        if self.wildcard != "none":
            where = " ".join(f"{start:.2f}-{end:.2f}" for start, end in beside)
            total = round(sum(end - start for start, end in beside), 4)
            result.labels.append(label(self.name, row, "untranscribed", total, where))
        if text is not None:
            result.labels.append(label(self.name, row, "transcript", text=text))

    def _transcriber(self, row: Row) -> WhisperX | None:
        """The aligner, if the cut is speech without a transcript and the aligner can write one."""
        from curation.align.whisperx import WhisperX

        speech = (row.get("custom") or {}).get("task") != "sound"
        engine = self.engine
        return engine if speech and supervision(row).get("text") is None and isinstance(engine, WhisperX) else None

    def _words(self, row: Row) -> list[Word]:
        said = supervision(row)
        facts = row.get("custom") or {}
        if facts.get("task") == "sound":
            raise Rejected(Reason.not_speech, "a sound: its text is a caption")
        language = str(said.get("language") or "en")
        if not self.engine.speaks(language):
            raise Rejected(Reason.unsupported_language, f"{self.backend} has no model for {language!r}")
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
                "backend": self.backend,
                "position": word.position,
                "symbol": words[word.position].text,
                "start": round(start, 4),
                "duration": round(min(word.end, duration) - start, 4),
                "score": word.score,
                "flag": _flag(word, words[word.position]),
            }


def _flag(found: AlignedWord, word: Word) -> str | None:
    """What is special about how a word got its time; see the table `words`."""
    return "wildcard" if found.wildcard or word.flag == "unknown" else word.flag or None


def summarise(
    words: Sequence[Word],
    found: Sequence[AlignedWord],
    duration: Seconds,
    beside: Sequence[tuple[Seconds, Seconds]] = (),
) -> dict[str, float]:
    """The labels of one aligned cut of `duration` seconds; `beside`: speech that the words lack, no silence either."""
    first, last = found[0].start, found[-1].end
    if beside:
        first, last = min(first, beside[0][0]), max(last, beside[-1][1])
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
        StaleError: the corpus has changed since.
    """
    folder = labels_dir / Align.name / corpus_dir.name
    need_file(folder / "pass.json", what="alignment", hint="Run `soundwave label align` first.")
    done = read_json(folder / "pass.json")
    return write_jsonl(output, _aligned_cuts(cut_rows(corpus_dir), folder, done["shards"]))


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
    import pyarrow.parquet as pq

    path = part_path(folder, key, "words")
    found: dict[str, list[list[Any]]] = {}
    for word in pq.read_table(path).to_pylist() if path.is_file() else ():
        item = [word["symbol"], word["start"], word["duration"], word["score"]]
        found.setdefault(word["cut_id"], []).append(item)
    return found
