"""A study's claims with those on the losses, which every evaluation measures whether or not the grid asks for them.

Losses of the right answers and of CTC targets resolve differences that error rates on small sets cannot. But nobody
stated them in advance, so they are no part of the study's question: they are a family of comparisons of their own,
whose bands hold for all comparisons of losses together. The bands of the outcomes do not know of them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from soundwave.ablation.claims.claim import Claims, claims_of
from soundwave.ablation.results import LOSSES
from soundwave.evaluate.metric import Figure
from soundwave.evaluate.registry import find_figure

HEADING = (
    "Beside the question, losses on held-out rows (secondary outcomes: a family of comparisons of their own, with "
    "bands that hold for all of them together; they are not what the study was to show):"
)


@dataclass(frozen=True)
class StudyClaims:
    """What a study may claim: on the outcomes that its grid names, and on losses."""

    main: Claims
    secondary: Claims | None
    """None: no losses were measured, or they are the outcomes."""

    def sentences(self) -> list[str]:
        """For people: the outcomes first."""
        second = [] if self.secondary is None else [HEADING, *self.secondary.sentences()]
        return [*self.main.sentences(), *second]

    def report(self) -> dict[str, Any]:
        """As written to JSON: the outcomes' claims, and under `secondary` the same of losses."""
        return self.main.report() | {"secondary": None if self.secondary is None else self.secondary.report()}


def study_claims(
    rows: Sequence[Mapping[str, Any]],
    figures: Mapping[str, Figure],
    clips: pa.Table | None = None,
    *,
    each: bool = False,
) -> StudyClaims:
    """The claims of `claims_of`, and beside them those on losses, whole and by domain.

    Args:
        rows: result rows of the study.
        figures: outcome -> what it is.
        clips: the study's clips.
        each: compare in each setting of the other axes.
    """
    whole = [dict(row) | _by_domain(row) for row in rows]
    losses = loss_figures(whole, figures)
    found = claims_of(whole, losses, clips, each=each) if losses else None
    return StudyClaims(
        claims_of(rows, figures, clips, each=each), found if found is not None and found.claims else None
    )


def loss_figures(rows: Sequence[Mapping[str, Any]], figures: Mapping[str, Figure]) -> dict[str, Figure]:
    """The losses that rows have and that are no outcomes: `lm_loss`, and `lm_loss.DOMAIN` where there are two."""
    found: dict[str, Figure] = {}
    for loss in LOSSES:
        figure = find_figure(loss)[1]
        inside = sorted({name for row in rows for name in row if name.startswith(f"{loss}.") and row[name] is not None})
        for name in (loss, *(inside if len(inside) > 1 else ())):
            if any(row.get(name) is not None for row in rows) and not _is_outcome(name, rows, figures):
                domain = name.partition(".")[2]
                found[name] = replace(figure, name=name, title=f"{figure.title}, {domain}" if domain else figure.title)
    return found


def _is_outcome(name: str, rows: Sequence[Mapping[str, Any]], figures: Mapping[str, Figure]) -> bool:
    """Is this loss one of the outcomes, perhaps under another name?"""
    return any(name == one or all(row.get(one) == row.get(name) for row in rows) for one in figures)


def _by_domain(row: Mapping[str, Any]) -> dict[str, float]:
    """Columns `lm_loss.DOMAIN` and `ctc_loss.DOMAIN` of what a row's `losses` say."""
    said = row.get("losses")
    domains = json.loads(said) if isinstance(said, str) else said or {}
    return {
        f"{loss}.{domain}": values[loss]
        for domain, values in domains.items()
        for loss in LOSSES
        if isinstance(values.get(loss), int | float)
    }
