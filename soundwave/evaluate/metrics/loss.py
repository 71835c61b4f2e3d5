"""Loss of the right answers (next token) and of CTC targets on held-out rows, by domain.

Error rates of a few clips move in steps of a word; losses of the same clips do not, so they tell smaller differences
apart. Rows are read as training reads them, without augmentation, each with the first plain instruction of its task.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch

from curation.catalog import connect
from manifests.errors import InputError
from soundwave.evaluate.error_rates import bootstrap_band
from soundwave.evaluate.held_out import BATCH, Context, HeldOut
from soundwave.evaluate.likelihood import Asked, answer_losses
from soundwave.evaluate.metric import Family, Figure
from soundwave.model.batch import Batch, pad_features
from soundwave.model.tokens import written_unit
from soundwave.train.batches.plan_data import Cut, CutStore
from soundwave.train.batches.prompts import template_set
from soundwave.train.batches.samples import answer_text, target_text

ROWS = 200  # of each domain, unless the caller sets a limit
PARTS = ("lm_loss", "ctc_loss")


def measure(context: Context) -> dict[str, Any]:
    """Losses per token on held-out rows of every task that the run's instructions know, the first ROWS of each domain.

    Only what the stage trains is measured: no next-token loss without lm_weight, no CTC loss without ctc_weight.

    Returns:
        `rows`, `corpora`; `lm_loss` (nats per token of the answers) and `ctc_loss` (per target token), each with its
        95 % band over rows, or None; `domains`: the same of each domain, with the `tokens`.

    Raises:
        InputError: no held-out rows.
    """
    domains, rows = _rows(context)
    found: dict[str, dict[str, tuple[float, int]]] = {part: {} for part in PARTS}
    if context.settings.lm_weight > 0:
        found["lm_loss"] = _answers(context, rows)
    if context.settings.ctc_weight > 0:
        found["ctc_loss"] = dict(_targets(context, rows))
    return {"rows": len(rows.cuts), "corpora": rows.corpora, **_figures(context, domains, found)}


def _rows(context: Context) -> tuple[dict[str, str], HeldOut]:
    """Cut -> domain, and the rows."""
    tasks = [task for task, lines in template_set(context.settings.templates).items() if lines and task != "grounding"]
    known = "split = $split" + (" AND corpus = $corpus" if context.corpus else "")
    query = (
        f"SELECT cut_id, domain FROM accepted WHERE {known} AND list_contains($tasks, task) "
        "AND (duration > 0 OR task = 'qa') AND coalesce(nullif(target_text, ''), text) IS NOT NULL "
        "QUALIFY row_number() OVER (PARTITION BY domain ORDER BY md5(cut_id)) <= $most"
    )
    values = {"split": context.split, "tasks": tasks, "most": context.first(ROWS)}
    with connect(context.catalog, threads=1, splits=context.splits(context.catalog), bare=True) as con:
        domains = dict(con.execute(query, values | ({"corpus": context.corpus} if context.corpus else {})).fetchall())
    if not domains:
        of = f" of {context.corpus!r}" if context.corpus else ""
        raise InputError(f"{context.catalog} has no rows{of} in split {context.split!r} with something to answer.")
    store = CutStore(context.catalog, sorted(domains), encoder=context.model.encoder)
    cuts = sorted(store.cuts.values(), key=lambda cut: cut.cut_id)
    return domains, HeldOut(store, cuts, context.model.feature_dim)


def _answers(context: Context, rows: HeldOut) -> dict[str, tuple[float, int]]:
    """Cut -> summed loss of its answer's tokens, and how many there are."""
    found: dict[str, tuple[float, int]] = {}
    ordered = sorted(rows.cuts, key=lambda cut: (cut.duration, cut.cut_id))
    for first in range(0, len(ordered), BATCH):
        cuts = ordered[first : first + BATCH]
        asked = [_asked(context, rows, cut) for cut in cuts]
        losses = answer_losses(context.model, asked, batch=BATCH)
        for cut, item, loss in zip(cuts, asked, losses, strict=True):
            found[cut.cut_id] = float(loss) * len(item.answer), len(item.answer)
    return found


def _asked(context: Context, rows: HeldOut, cut: Cut) -> Asked:
    frames = (torch.from_numpy(rows.store.frames(cut)),) if cut.has_audio else ()
    answer = context.answer(answer_text(cut, context.settings.answer))
    return Asked(context.prompt(cut, cut.task), answer, frames)


def _targets(context: Context, rows: HeldOut) -> Iterator[tuple[str, tuple[float, int]]]:
    """Cut, and the summed loss of its CTC target's tokens with their number; cuts without a target are left out."""
    unit = written_unit(context.model.settings.ctc_vocabulary, context.settings.ctc_units)
    table = context.model.table
    targets: dict[str, list[int]] = {}
    for cut in rows.cuts:
        text = target_text(cut, context.settings.ctc_languages) if cut.has_audio else None
        if text and (classes := table.target(text, unit)):
            targets[cut.cut_id] = classes
    spoken = sorted((cut for cut in rows.cuts if targets.get(cut.cut_id)), key=lambda cut: (cut.duration, cut.cut_id))
    for first in range(0, len(spoken), BATCH):
        cuts = spoken[first : first + BATCH]
        features, lengths = pad_features([torch.from_numpy(rows.store.frames(cut)) for cut in cuts], rows.width)
        nothing: list[list[int]] = [[] for _ in cuts]
        batch = Batch(nothing, nothing, features, lengths, [targets[cut.cut_id] for cut in cuts])
        with torch.no_grad():
            losses = context.model(batch, lm_weight=0.0, ctc_weight=1.0).ctc_loss.double().cpu().numpy()
        for cut, loss in zip(cuts, losses, strict=True):
            count = len(targets[cut.cut_id])
            if np.isfinite(loss):  # NaN: more tokens than its frames can carry
                yield cut.cut_id, (float(loss) * count, count)


def _figures(
    context: Context, domains: dict[str, str], found: dict[str, dict[str, tuple[float, int]]]
) -> dict[str, Any]:
    result: dict[str, Any] = {}
    by_domain: dict[str, dict[str, Any]] = defaultdict(dict)
    for part in PARTS:
        ids = sorted(found[part])
        result |= _loss(context, part, ids, found[part])
        for domain in sorted(set(domains.values())):
            inside = [cut_id for cut_id in ids if domains[cut_id] == domain]
            if inside:
                facts = _loss(context, f"{part}.{domain}", inside, found[part])
                tokens = sum(found[part][one][1] for one in inside)
                by_domain[domain] |= {part: facts[f"{part}.{domain}"], f"{part}_tokens": tokens}
    return result | {"domains": dict(by_domain)}


def _loss(context: Context, name: str, ids: Sequence[str], found: dict[str, tuple[float, int]]) -> dict[str, Any]:
    """The loss per token of some cuts, and its band; what each gave is taken down."""
    if not ids:
        return {name: None}
    sums, tokens = (np.array(column, dtype=np.float64) for column in zip(*(found[one] for one in ids), strict=True))
    context.values.add(name, ids, sums, tokens)
    return {name: float(sums.sum() / tokens.sum()), f"{name}_band": list(bootstrap_band(sums, tokens))}


METRIC = Family(
    rows=("transcribed", "st", "sound", "qa"),
    figures=(
        Figure("lm_loss", "Loss of the right answer's tokens", "lower"),
        Figure("ctc_loss", "CTC loss per target token", "lower", frozenset({"ctc"})),
    ),
    measure=measure,
)
