"""What the LLM still knows and writes after training: questions and prose, against LoRA switched off.

`before` is the LLM as it came, `after` with the run's LoRA. Nothing else of a run touches text, so that equal weights
give equal figures to the last digit.

Questions. Held-out text-only rows (`qa`), asked through the run's own instruction: the mean loss of the right answer,
the share of rows where the right answer is likelier than three others (mean log-likelihood per token), and the share
where the greedy answer equals it after normalisation. The three others are right answers to the most similar questions.

Prose. Perplexity on plain text in windows of WINDOW tokens: a file of your own, or by default the reference of the
Python language that CPython carries (`pydoc_data`), which no speech corpus resembles.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from pydoc_data.topics import topics
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manifests.errors import InputError
from manifests.files import need_file
from manifests.fingerprint import fingerprint
from soundwave.evaluate.error_rates import bootstrap_band, normal
from soundwave.evaluate.held_out import Context, HeldOut, held_out
from soundwave.evaluate.likelihood import BATCH, Asked, answer_losses, without_lora
from soundwave.evaluate.metric import Family, Figure
from soundwave.model.batch import pad_features
from soundwave.model.plain_text import text_ids

QUESTIONS = 200  # unless the caller sets a limit
OTHERS = 3
ANSWER_TOKENS = 16  # of a greedy answer
WINDOW, WINDOWS = 256, 16
STATES = ("before", "after")


def measure(context: Context) -> dict[str, Any]:
    """Questions and prose, before and after.

    Returns:
        `qa` (None where the catalog has no such rows): `rows`, `corpora`, `chance`, and by state `loss`, `accuracy`,
        `exact`, and their `change` (after - before) with 95 % bands over rows.
        `prose`: `source`, `sha256`, `tokens`, and by state `loss` (per token) and `perplexity`, and their `change`.
    """
    try:
        questions: dict[str, Any] | None = _questions(context)
    except InputError:
        questions = None
    return {"qa": questions, "prose": _prose(context)}


def _in_both_states(context: Context, work: Callable[[], Any]) -> dict[str, Any]:
    """What `work()` gives for the LLM as it came, and with LoRA."""
    after = work()
    with without_lora(context.model):
        return {"before": work(), "after": after}


# Questions


def _questions(context: Context) -> dict[str, Any]:
    rows = held_out(context, "qa", limit=context.first(QUESTIONS))
    answers = [str(cut.target_text) for cut in rows.cuts]
    wrong = other_answers([str(cut.text) for cut in rows.cuts], answers)
    choices = [[right, *others] for right, others in zip(answers, wrong, strict=True)]
    each = _in_both_states(context, lambda: _answered(context, rows, choices))
    means = {state: {name: float(values.mean()) for name, values in each[state].items()} for state in STATES}
    change: dict[str, Any] = {name: means["after"][name] - means["before"][name] for name in means["before"]}
    for name in list(change):
        changes = each["after"][name] - each["before"][name]
        change[f"{name}_band"] = mean_band(changes)
        context.values.add(f"qa_{name}_change", (cut.cut_id for cut in rows.cuts), changes, np.ones(len(changes)))
    facts = {"rows": len(rows.cuts), "corpora": rows.corpora, "chance": 1 / (1 + OTHERS)}
    return {**facts, **means, "change": change}


def _answered(context: Context, rows: HeldOut, choices: Sequence[Sequence[str]]) -> dict[str, NDArray[np.float64]]:
    """Loss of the right answer, is it the likeliest, is the greedy answer right: (N,) each."""
    prompts = [context.prompt(cut, "qa") for cut in rows.cuts]
    # A row's answers together: the question that they share goes through the LLM once.
    grouped = [
        answer_losses(context.model, [Asked(prompt, context.answer(text)) for text in texts])
        for prompt, texts in zip(prompts, choices, strict=True)
    ]
    return {
        "loss": np.array([group[0] for group in grouped]),
        "accuracy": np.array([float(group[0] < min(group[1:], default=math.inf)) for group in grouped]),
        "exact": _exact(context, prompts, [str(cut.target_text) for cut in rows.cuts]),
    }


def _exact(context: Context, prompts: Sequence[list[int]], answers: Sequence[str]) -> NDArray[np.float64]:
    """Is the greedy answer the right one? (N,)"""
    model = context.model
    found: dict[int, str] = {}
    order = sorted(range(len(prompts)), key=lambda n: (len(prompts[n]), n))
    for first in range(0, len(order), BATCH):
        places = order[first : first + BATCH]
        nothing = pad_features([], model.feature_dim)
        texts = model.generate([prompts[place] for place in places], *nothing, max_new_tokens=ANSWER_TOKENS)
        found |= dict(zip(places, texts, strict=True))
    return np.array([float(normal(found[n]) == normal(answer)) for n, answer in enumerate(answers)])


def other_answers(questions: Sequence[str], answers: Sequence[str]) -> list[list[str]]:
    """For each question up to OTHERS wrong answers: those of the most alike questions (longest common beginning)."""
    spoken = [normal(answer) for answer in answers]
    chosen = []
    for question, right in zip(questions, spoken, strict=True):
        common = [len(os.path.commonprefix([question, other])) for other in questions]  # noqa: RUF071 (by character)
        wrong: dict[str, str] = {}
        for place in sorted(range(len(questions)), key=lambda n: (-common[n], n)):
            if spoken[place] != right and len(wrong) < OTHERS:
                wrong.setdefault(spoken[place], answers[place])
        chosen.append(list(wrong.values()))
    return chosen


def mean_band(values: NDArray[np.float64]) -> list[float]:
    """The 95 % band of the mean of `values` (N,) when they are drawn again with replacement."""
    return list(bootstrap_band(values, np.ones(len(values))))


# Prose


def _prose(context: Context) -> dict[str, Any]:
    source, text = _text(context)
    ids = text_ids(context.model.tokenizer, text)[: WINDOW * WINDOWS]
    if len(ids) < 2:
        raise InputError(f"{source} has {len(ids)} tokens, expected some text to measure perplexity on.")
    losses = _in_both_states(context, lambda: window_loss(context, ids))
    states = {state: {"loss": losses[state], "perplexity": math.exp(losses[state])} for state in STATES}
    change = {name: states["after"][name] - states["before"][name] for name in ("loss", "perplexity")}
    facts = {"source": source, "fingerprint": fingerprint(text), "tokens": len(ids)}
    return {**facts, **states, "change": change}


def window_loss(context: Context, ids: Sequence[int]) -> float:
    """Mean loss of a text's tokens, read in windows of WINDOW; the first token of a window is not predicted."""
    windows = [ids[first : first + WINDOW] for first in range(0, len(ids), WINDOW)]
    windows = [window for window in windows if len(window) > 1]
    losses = answer_losses(context.model, [Asked(window[:1], window[1:]) for window in windows], batch=4)
    sizes = np.array([len(window) - 1 for window in windows])
    return float((losses * sizes).sum() / sizes.sum())


def _text(context: Context) -> tuple[str, str]:
    """Where the prose comes from, and the prose."""
    if context.text is not None:
        path = need_file(context.text, what="text")
        return str(path), path.read_text(encoding="utf-8", errors="replace")
    return "pydoc_data.topics", "\n\n".join(topics[name] for name in sorted(topics))


METRIC = Family(
    rows=("qa",),
    figures=(
        Figure("qa_accuracy_change", "Change of the accuracy on questions", "higher", path="qa.change.accuracy"),
        Figure("qa_loss_change", "Change of the right answer's loss", "lower", path="qa.change.loss"),
        Figure("perplexity", "Perplexity on prose", "lower", frozenset({"llm", "text"}), 1.0, "prose.after.perplexity"),
    ),
    measure=measure,
    version=2,
)
