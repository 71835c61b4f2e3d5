"""The shares of a mixture with some of them set: the others keep their ratio."""

from __future__ import annotations

import math
from collections.abc import Mapping

from manifests.errors import MixtureError

SLACK = 1e-6  # shares are written with six digits


def group(shares: Mapping[str, float], domain: str) -> list[str]:
    """The leaf domains that a name stands for: itself, or those that are nested in it."""
    return [name for name in shares if name == domain or name.startswith(f"{domain}/")]


def set_shares(shares: Mapping[str, float], wanted: Mapping[str, float]) -> dict[str, float]:
    """Shares in which each wanted domain has what is asked, and the others share the rest in their ratio.

    Args:
        shares: leaf domain -> share, of any sum.
        wanted: domain, or one that others are nested in -> its share of the whole, 0 to 1.

    Raises:
        MixtureError: they cannot be had: they sum to more than 1, or nothing is there to take the rest.
    """
    leaves = {domain: group(shares, domain) for domain in wanted}
    inside = [name for names in leaves.values() for name in names]
    if len(set(inside)) < len(inside):
        raise MixtureError(f"The shares of {', '.join(wanted)} are asked for, and one of them is in another.")
    asked, rest = math.fsum(wanted.values()), 1 - math.fsum(wanted.values())
    others = {name: share for name, share in shares.items() if name not in inside}
    whole = math.fsum(others.values())
    if rest < -SLACK or (rest > SLACK and not whole > 0):
        left = "and no other domain has a share to keep" if rest > 0 else "expected at most 1"
        raise MixtureError(f"The shares of {', '.join(wanted)} sum to {asked:g}, {left}.")
    rest = max(0.0, rest)
    found = {name: share * rest / whole if whole > 0 else 0.0 for name, share in others.items()}
    for domain, names in leaves.items():
        inner = math.fsum(shares[name] for name in names)
        if not inner > 0 and len(names) > 1 and wanted[domain] > 0:
            raise MixtureError(
                f"The domains in {domain} have no shares, so nothing says how to divide {wanted[domain]:g}."
            )
        for name in names:
            found[name] = wanted[domain] * (shares[name] / inner if inner > 0 else 1.0)
    return {name: found[name] for name in shares}


def within(shares: Mapping[str, float], point: Mapping[str, float]) -> dict[str, float]:
    """Shares in which some domains divide what they have together as `point` (summing to 1) says."""
    total = math.fsum(shares.values())
    both = math.fsum(shares[name] for domain in point for name in group(shares, domain)) / total
    return set_shares(shares, {domain: both * share for domain, share in point.items()})
