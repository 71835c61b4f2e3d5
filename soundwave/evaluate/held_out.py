"""Held-out rows of a catalog by task, as every metric family reads them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from manifests.errors import InputError, SettingsError
from manifests.rows import TASKS

if TYPE_CHECKING:
    from torch import Tensor

    from soundwave.model.speech_llm import SpeechLLM
    from soundwave.train.batches.plan_data import Cut, CutStore
    from soundwave.train.settings import StageSettings

BATCH = 8  # clips of like lengths at once
NEEDS = {
    "asr": "text IS NOT NULL AND duration > 0 AND len(regexp_extract_all(text, '[\\w'']+')) >= ?",
    "st": "target_text IS NOT NULL AND duration > 0 AND ? > 0",
    "sound": "len(sound) > 0 AND duration > 0 AND ? > 0",
    "qa": "text IS NOT NULL AND target_text IS NOT NULL AND duration = 0 AND ? > 0",
}


@dataclass(frozen=True)
class Context:
    """What a metric family measures: one model on one split of a catalog."""

    model: SpeechLLM
    settings: StageSettings
    """Of the run's stage: instructions, system prompt, units of the CTC targets."""
    catalog: Path
    split: str
    corpus: str | None = None
    """None: every corpus that has rows of the task."""
    min_words: int = 3
    """Transcripts with fewer words are left out."""
    limit: int | None = None
    """So many rows of each task (always the same ones); None: all, or the family's own limit."""
    text: Path | None = None
    """Plain text to measure perplexity on; None: see `soundwave.evaluate.metrics.retention`."""

    def first(self, most: int) -> int:
        """`limit`, or `most` when there is none: for families that take long."""
        return most if self.limit is None else self.limit

    def prompt(self, cut: Cut, task: str) -> list[int]:
        """Token ids of the first instruction for a task, as training asks it.

        Raises:
            SettingsError: the run's set of templates has none for the task.
        """
        from soundwave.train.batches.samples import make_prompt, template_set

        lines = template_set(self.settings.templates).get(task)
        if not lines:
            raise SettingsError(f"The templates {self.settings.templates!r} have no instruction for the task {task!r}.")
        return make_prompt(self.model.tokenizer, lines[0], cut, self.settings.system_prompt)

    def answer(self, text: str) -> list[int]:
        """Token ids of an answer, end of turn included."""
        from soundwave.model.batch import end_of_turn

        tokenizer = self.model.tokenizer
        return [*tokenizer.encode(text, add_special_tokens=False), end_of_turn(tokenizer)]


@dataclass(frozen=True)
class Rows:
    """Rows of one task, by id."""

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
        import torch

        from soundwave.model.batch import pad_features

        return pad_features([torch.from_numpy(self.store.frames(cut)) for cut in cuts], self.width)


def held_out(context: Context, task: str, *, limit: int | None = None) -> Rows:
    """The accepted rows of a task, by id; with a limit (None: the context's) a sample that depends on their ids alone.

    Raises:
        InputError: there are none.
    """
    from curation.catalog import connect
    from soundwave.train.batches.plan_data import CutStore

    assert task in TASKS
    where = "" if context.corpus is None else "AND corpus = ?"
    query = f"SELECT cut_id FROM accepted WHERE split = ? AND task = ? AND {NEEDS[task]} {where} ORDER BY md5(cut_id)"
    values = [context.split, task, context.min_words, *([context.corpus] if context.corpus else [])]
    with connect(context.catalog, threads=1) as con:
        ids = [row[0] for row in con.execute(query, values).fetchall()]
    if not ids:
        of = f" of {context.corpus!r}" if context.corpus else ""
        raise InputError(f"{context.catalog} has no rows{of} with the task {task!r} in split {context.split!r}.")
    most = context.limit if limit is None else limit
    store = CutStore(context.catalog, ids[:most], encoder=context.model.encoder)
    cuts = sorted(store.cuts.values(), key=lambda cut: cut.cut_id)
    return Rows(store, cuts, context.model.feature_dim)
