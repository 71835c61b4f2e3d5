"""Held-out rows of a catalog by kind, as every metric reads them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

import pyarrow as pa
import torch
from torch import Tensor

from curation.catalog import connect
from curation.catalog.folds import TEST, Folds, fold_splits
from manifests.errors import InputError, SettingsError
from manifests.fingerprint import file_sha256
from manifests.linked.groups import TRAIN
from soundwave.evaluate.clip_values import ClipValues
from soundwave.model.batch import answer_ids, pad_features
from soundwave.model.speech_llm import SpeechLLM
from soundwave.train.batches.plan_data import Cut, CutStore
from soundwave.train.batches.prompts import make_prompt, template_set
from soundwave.train.settings import StageSettings

Decode = Literal["ctc", "llm", "joint"]
DECODES: tuple[Decode, ...] = ("ctc", "llm")  # what is scored when nothing is said
BATCH = 8  # clips of like lengths at once

_SPOKEN = "text IS NOT NULL AND duration > 0 AND spoken_words(text, language) >= $words"
KINDS = {
    "transcribed": _SPOKEN,  # speech with a transcript, whatever its task
    "asr": f"task = 'asr' AND {_SPOKEN}",
    "st": "task = 'st' AND target_text IS NOT NULL AND duration > 0",
    "sound": "task = 'sound' AND len(sound) > 0 AND duration > 0",
    "qa": "task = 'qa' AND text IS NOT NULL AND target_text IS NOT NULL AND duration = 0",
}


@dataclass(frozen=True, kw_only=True)
class EvalOptions:
    """Which rows are measured, and how."""

    split: str
    """train, dev or test."""
    corpus: str | None = None
    """Whose rows; None: of every corpus that has such rows."""
    min_words: int = 3
    """Transcripts with fewer words are left out."""
    limit: int | None = None
    """So many rows of each kind (always the same ones); None: all, or the metric's own limit."""
    text: Path | None = None
    """Plain text to measure perplexity on; None: see `soundwave.evaluate.metrics.retention`."""
    decode: tuple[Decode, ...] = DECODES
    """How transcripts are read off: `ctc` (greedy), `llm` (its own answers), `joint` (`soundwave.evaluate.joint`)."""
    folds: Folds | None = None
    """A corpus whose held-out rows are those of `folds.fold`, whatever their split; its others are `train`."""
    own_fold: bool = False
    """The fold that the run's training held out."""

    def __post_init__(self) -> None:
        """Refuse decodings that there are not.

        Raises:
            InputError: an unknown decoding, or none; folds of which it is not said which one is held out.
        """
        if self.folds is not None and self.folds.fold is None:
            raise InputError(f"folds.fold is not given, expected one of 0 to {self.folds.number - 1}.")
        if not self.decode or not {*self.decode} <= {*get_args(Decode)}:
            raise InputError(f"decode is {list(self.decode)}, expected one or more of {list(get_args(Decode))}.")

    def rows(self) -> list[Any]:
        """What chooses rows and text, as JSON values."""
        text = file_sha256(self.text) if self.text else None
        return [self.split, self.corpus, self.min_words, self.limit, text, *self.fold_basis()]

    def fold_basis(self) -> list[Any]:
        """The folds, as JSON values; nothing where there are none."""
        return [] if self.folds is None else [self.folds.model_dump(mode="json")]

    def splits(self, catalog: Path) -> pa.Table | None:
        """Cuts that are in another split than the catalog says, for `connect`; None: there are none."""
        if self.folds is None:
            return None
        return fold_splits(catalog, self.folds).table(TEST if self.split == TRAIN else self.split)


@dataclass(frozen=True, kw_only=True)
class Context(EvalOptions):
    """What a metric measures: one model on one split of a catalog."""

    model: SpeechLLM
    settings: StageSettings
    """Of the run's stage: instructions, system prompt, units of the CTC targets."""
    catalog: Path
    output: Path | None = None
    """A folder where a metric may leave examples; None: nowhere."""
    values: ClipValues = field(default_factory=ClipValues)
    """Where a metric leaves what each clip gave."""

    def first(self, most: int) -> int:
        """`limit`, or `most` when there is none: for metrics that take long."""
        return most if self.limit is None else self.limit

    def prompt(self, cut: Cut, task: str) -> list[int]:
        """Token ids of the first instruction for a task, as training asks it.

        Raises:
            SettingsError: the run's set of templates has none for the task.
        """
        lines = template_set(self.settings.templates).get(task)
        if not lines:
            raise SettingsError(f"The templates {self.settings.templates!r} have no instruction for the task {task!r}.")
        return make_prompt(self.model.tokenizer, lines[0], cut, self.settings.system_prompt)

    def answer(self, text: str) -> list[int]:
        """Token ids of an answer, end of turn included."""
        return answer_ids(self.model.tokenizer, text)


@dataclass(frozen=True)
class HeldOut:
    """Rows of one kind, by id."""

    store: CutStore
    cuts: Sequence[Cut]
    width: int
    """Of the encoder's frames."""

    @property
    def corpora(self) -> dict[str, int]:
        """Rows of each corpus."""
        return dict(sorted(Counter(cut.corpus for cut in self.cuts).items()))

    def batches(self, size: int = BATCH) -> Iterator[tuple[list[Cut], Tensor, Tensor]]:
        """Cuts of like lengths with their encoder frames (A, T, F) and lengths (A,)."""
        ordered = sorted(self.cuts, key=lambda cut: (cut.duration, cut.cut_id))
        for first in range(0, len(ordered), size):
            chosen = ordered[first : first + size]
            yield (chosen, *self.features(chosen))

    def features(self, cuts: Sequence[Cut]) -> tuple[Tensor, Tensor]:
        """Encoder frames (A, T, F) and lengths (A,)."""
        return pad_features([torch.from_numpy(self.store.frames(cut)) for cut in cuts], self.width)


def held_out(context: Context, kind: str, *, limit: int | None = None) -> HeldOut:
    """The accepted rows of a kind, by id; `limit`: so many (None: the context's limit), see `select_ids`.

    Raises:
        InputError: there are none.
    """
    ids = select_ids(context.catalog, kind, context)
    most = context.limit if limit is None else limit
    store = CutStore(context.catalog, ids[:most], encoder=context.model.encoder)
    cuts = sorted(store.cuts.values(), key=lambda cut: cut.cut_id)
    return HeldOut(store, cuts, context.model.feature_dim)


def select_ids(catalog: Path, kind: str, options: EvalOptions) -> list[str]:
    """Ids of all accepted rows of a kind. Their order depends on the ids alone, and the first N are a sample.

    Transcribed speech comes in the order of its ids, as it always did.

    Args:
        catalog: the catalog's folder.
        kind: of KINDS.
        options: `split`, `corpus` and `min_words` count here; `limit` does not.

    Raises:
        InputError: there are none.
    """
    where = ["split = $split", KINDS[kind], *(["corpus = $corpus"] if options.corpus else [])]
    order = "cut_id" if kind == "transcribed" else "md5(cut_id)"
    query = f"SELECT cut_id FROM accepted WHERE {' AND '.join(where)} ORDER BY {order}"
    values = {"split": options.split, "corpus": options.corpus, "words": options.min_words}
    with connect(catalog, threads=1, splits=options.splits(catalog), bare=True) as con:
        ids = [row[0] for row in con.execute(query, {k: v for k, v in values.items() if f"${k}" in query}).fetchall()]
        known = [row[0] for row in con.execute("SELECT DISTINCT corpus FROM cuts ORDER BY ALL").fetchall()]
    if not ids:
        raise InputError(
            f"{catalog} has no {_what(kind, options)}. Corpora: {', '.join(known)}; splits: train, dev, test."
        )
    return ids


def _what(kind: str, options: EvalOptions) -> str:
    """The rows that were looked for, for people."""
    words = f" with {options.min_words} words or more" if "$words" in KINDS[kind] else ""
    of = f" of {options.corpus!r}" if options.corpus else ""
    of += f" ({options.folds.said})" if options.folds else ""
    if kind == "transcribed":
        return f"transcribed clips{of} in split {options.split!r}{words}"
    return f"rows{of} with the task {kind!r} in split {options.split!r}{words}"
