"""Labels of sounds: which one the LLM finds likeliest, and how well it ranks them.

Scores. A label is put to the LLM as the answer `Label.` to the run's instruction for sounds; its score is the mean
log-likelihood of the answer's tokens, end of turn included (length-normalised, or long names would always lose). A
softmax over the candidates turns a clip's scores into shares that can be compared between clips. Candidates are all
labels of the clips that are measured.

Kinds. `Dog` of a clip that is labelled `Bark` is right, and says less. `label_accuracy` gives nothing for it, as ever;
`kind_accuracy` stands beside it and counts a label that an own label is a kind of (AudioSet's ontology). What says more
than the clip's labels do (`Bark` of a `Dog`) is wrong in both: nobody has said that it is so.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, label_ranking_average_precision_score

from manifests.ontology import ancestors
from soundwave.evaluate.error_rates import normal
from soundwave.evaluate.held_out import Context, HeldOut, held_out
from soundwave.evaluate.likelihood import Asked, answer_losses
from soundwave.evaluate.metric import Family, Figure
from soundwave.model.generation import TEXT_LIMIT

CANDIDATES = 32  # labels of one clip that go through the LLM together


def measure(context: Context) -> dict[str, Any]:
    """Label accuracy and ranking on held-out sounds, and the share of the LLM's own answers that equal the caption.

    Returns:
        `clips`, `corpora`, `labels` (candidates), what `label_scores` gives, `kind_accuracy` (see above), `chance`
        (accuracy of a blind guess), and `answer_accuracy` (the greedy answer equals the clip's caption or one of its
        labels, both normalised).
    """
    rows = held_out(context, "sound")
    labels = sorted({label for cut in rows.cuts for label in cut.sound})
    truth = np.array([[label in cut.sound for label in labels] for cut in rows.cuts])
    shares = _shares(context, rows, labels)
    kinds = kinds_too(truth, labels)
    found = {**label_scores(shares, truth), "kind_accuracy": accuracy(shares, kinds)}
    answers = _answers(context, rows)
    for name, right in (("label_accuracy", hits(shares, truth)), ("kind_accuracy", hits(shares, kinds)),
                        ("answer_accuracy", answers)):  # fmt: skip
        context.values.add(name, (cut.cut_id for cut in rows.cuts), right, np.ones(len(rows.cuts)))
    facts = {"clips": len(rows.cuts), "corpora": rows.corpora, "labels": len(labels)}
    return {**facts, **found, "chance": float(truth.mean()), "answer_accuracy": float(answers.mean())}


def _shares(context: Context, rows: HeldOut, labels: list[str]) -> NDArray[np.float64]:
    """The softmax over labels of each clip's mean log-likelihoods: (N, L)."""
    answers = [context.answer(f"{label}.") for label in labels]
    scores = []
    for cut in rows.cuts:
        frames, prompt = (torch.from_numpy(rows.store.frames(cut)),), context.prompt(cut, "sound")
        asked = [Asked(prompt, answer, frames) for answer in answers]
        scores.append(-answer_losses(context.model, asked, batch=CANDIDATES))
    values = np.exp(np.array(scores) - np.max(scores, axis=1, keepdims=True))
    shares: NDArray[np.float64] = values / values.sum(axis=1, keepdims=True)
    return shares


def _answers(context: Context, rows: HeldOut) -> NDArray[np.bool_]:
    """Which clips have a right greedy answer (N,)."""
    right: dict[str, bool] = {}
    for cuts, features, lengths in rows.batches():
        prompts = [context.prompt(cut, "sound") for cut in cuts]
        texts = context.model.generate(prompts, features, lengths, max_new_tokens=TEXT_LIMIT)
        for cut, text in zip(cuts, texts, strict=True):
            wanted = {normal(name) for name in (cut.target_text or "", *cut.sound)} - {""}
            right[cut.cut_id] = normal(text) in wanted
    return np.array([right[cut.cut_id] for cut in rows.cuts])


def kinds_too(truth: NDArray[np.bool_], labels: Sequence[str]) -> NDArray[np.bool_]:
    """`truth` (N, L) with the labels, too, that a clip's true ones are kinds of."""
    above = np.array([[name == label or name in ancestors(label) for name in labels] for label in labels])
    found: NDArray[np.bool_] = (truth.astype(int) @ above.astype(int)) > 0
    return found


def accuracy(scores: NDArray[np.float64], truth: NDArray[np.bool_]) -> float:
    """Share of clips whose label of the highest score is a true one; both (N, L)."""
    return float(hits(scores, truth).mean())


def hits(scores: NDArray[np.float64], truth: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which clips (N,) have a true label of the highest score."""
    found: NDArray[np.bool_] = truth[np.arange(len(scores)), scores.argmax(axis=1)]
    return found


def label_scores(scores: NDArray[np.float64], truth: NDArray[np.bool_]) -> dict[str, float]:
    """Ranking measures of `scores` (N, L) against `truth` (N, L), each clip with one true label or more.

    Items that tie share the last of their ranks.

    Returns:
        `label_accuracy`: the highest label of a clip is one of its true ones.
        `map`: mean average precision: the clips are ranked by their score for a label, and the average precisions of
            all labels that some clip has are averaged (AudioSet's measure).
        `label_ranking`: the labels of a clip are ranked, and the average precisions of all clips are averaged; with one
            true label a clip it is the mean reciprocal rank. It compares scores within clips only.
    """
    there = [n for n in range(truth.shape[1]) if truth[:, n].any()]
    return {
        "label_accuracy": accuracy(scores, truth),
        "map": float(np.mean([average_precision_score(truth[:, n], scores[:, n]) for n in there])),
        "label_ranking": float(label_ranking_average_precision_score(truth, scores)),
    }


METRIC = Family(
    rows=("sound",),
    figures=(
        Figure("label_accuracy", "Label accuracy on sounds", "higher", best=1.0),
        Figure("kind_accuracy", "Label accuracy, kinds of sounds counted", "higher", best=1.0),
        Figure("map", "Mean average precision of sound labels", "higher", best=1.0),
        Figure("label_ranking", "Average precision of a sound's labels", "higher", best=1.0),
        Figure("answer_accuracy", "Answers equal to a sound's caption", "higher", best=1.0),
    ),
    measure=measure,
    version=3,
)
