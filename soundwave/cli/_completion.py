"""What Tab offers for words that are names: recipes, passes, audits, metrics, mixtures, stages and grids.

Where nothing that is offered fits, the shell completes names of files. A name that cannot be had is not offered, and
Tab says nothing of it: the command does, when it runs.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable

Completer = Callable[[str], list[str]]


def _offering(names: Callable[[], Iterable[str]]) -> Completer:
    def complete(incomplete: str) -> list[str]:
        with contextlib.suppress(Exception):  # a broken plugin must not break the shell's line
            return [name for name in names() if name.startswith(incomplete)]
        return []

    return complete


def _recipes() -> Iterable[str]:
    from recipes import registry

    return [*registry.names(), "all"]


def _passes() -> Iterable[str]:
    from curation.passes import PASSES

    return PASSES.names()


def _audits() -> Iterable[str]:
    from curation.audit import find_audits

    return [audit.name for audit in find_audits([])]


def _metrics() -> Iterable[str]:
    from soundwave.evaluate.registry import METRICS

    return [*METRICS.names(), "all"]


def _mixtures() -> Iterable[str]:
    from curation.plan.mixture import MIXTURES

    return MIXTURES.names()


def _stages() -> Iterable[str]:
    from soundwave.train.settings import STAGES

    return STAGES.names()


def _grids() -> Iterable[str]:
    from soundwave.ablation.grid import GRIDS

    return GRIDS.names()


recipes, passes, audits = _offering(_recipes), _offering(_passes), _offering(_audits)
metrics, mixtures, stages, grids = _offering(_metrics), _offering(_mixtures), _offering(_stages), _offering(_grids)
