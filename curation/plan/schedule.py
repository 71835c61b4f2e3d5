"""From shares to amounts: what each domain gives in each epoch, and whether the catalog can give it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from curation.plan.mixture import Mixture, temperature_shares
from manifests.errors import MixtureError


@dataclass(frozen=True)
class ConstantShares:
    """A stretch of a plan with constant shares: the whole plan, or one epoch of a temperature schedule."""

    start: float  # virtual time, in units of the whole plan
    length: float
    shares: dict[str, float]


@dataclass(frozen=True)
class DomainPool:
    """What the candidates of one domain amount to, each used once."""

    candidates: int
    units: float
    limited: tuple[tuple[int, float], ...] = ()  # (uses here, units) of its cuts, where some stand in other domains too

    def most(self, passes: int) -> float:
        """What so many passes give: a cut whose uses here are fewer is left out of the later ones."""
        if not self.limited:
            return passes * self.units
        return math.fsum(min(uses, passes) * units for uses, units in self.limited)


@dataclass(frozen=True)
class Schedule:
    """Phases, and what they come to."""

    phases: tuple[ConstantShares, ...]
    budget: float
    planned: dict[str, float]  # domain -> units over the plan
    passes: dict[str, int]  # domain -> passes over its candidates; the last one may be partial
    notes: tuple[str, ...]


def make_schedule(mixture: Mixture, pools: Mapping[str, DomainPool]) -> Schedule:
    """Amounts for every domain.

    Raises:
        MixtureError: a domain without a share or candidates, or too many repeats; with the nearest that can be had.
    """
    budget, phases = planned_phases(mixture, pools)
    wanted = {name: pools[name] for name in phases[0].shares}
    planned = planned_units(phases)
    passes = {name: _passes(planned[name], pool, mixture.max_repeats) for name, pool in wanted.items()}
    if any(count > mixture.max_repeats for count in passes.values()):
        raise MixtureError(_infeasible(mixture, wanted, planned, passes, budget))
    return Schedule(tuple(phases), budget, planned, passes, tuple(_notes(mixture)))


def planned_phases(mixture: Mixture, pools: Mapping[str, DomainPool]) -> tuple[float, list[ConstantShares]]:
    """The budget, and its stretches of constant shares; domains without a share are left out.

    Raises:
        MixtureError: a domain without a share or candidates.
    """
    _refuse_unknown(mixture, pools)
    wanted = {name: pool for name, pool in pools.items() if mixture.shares is None or mixture.shares[name] > 0}
    epoch = sum(pool.units for pool in wanted.values())
    budget = mixture.budget if mixture.budget is not None else (mixture.epochs or 1.0) * epoch
    if mixture.changes_repeats:
        # `epoch` is that of the fraction: `free` epochs are those of all candidates.
        budget = budget * mixture.fraction if mixture.budget is not None else budget / mixture.fraction
    return budget, _phases(mixture, wanted, budget, epoch)


def planned_units(phases: Sequence[ConstantShares]) -> dict[str, float]:
    """Domain -> units over all phases."""
    return {name: math.fsum(phase.shares[name] * phase.length for phase in phases) for name in phases[0].shares}


def _phases(mixture: Mixture, pools: Mapping[str, DomainPool], budget: float, epoch: float) -> list[ConstantShares]:
    if mixture.shares is not None:
        total = math.fsum(mixture.shares.values())
        return [ConstantShares(0.0, budget, {name: mixture.shares[name] / total for name in pools})]
    assert mixture.temperature is not None  # the settings hold one of the two
    phases: list[ConstantShares] = []
    sizes = {name: pool.units for name, pool in pools.items()}
    while (start := len(phases) * epoch) < budget * (1 - 1e-12):
        heat = mixture.temperature.start + mixture.temperature.add_per_epoch * len(phases)
        phases.append(ConstantShares(start, min(epoch, budget - start), temperature_shares(sizes, heat)))
    return phases


def _passes(planned: float, pool: DomainPool, limit: int) -> int:
    """How many passes over a pool give `planned`; rounding in the last digits asks for no extra pass.

    More than `limit` where it cannot: of a pool with limited cuts the next number.
    """
    if not pool.limited:
        return max(1, math.ceil(planned / pool.units - 1e-9))
    enough = (count for count in range(1, limit + 1) if planned <= pool.most(count) + 1e-9 * pool.units)
    return next(enough, limit + 1)


def _refuse_unknown(mixture: Mixture, pools: Mapping[str, DomainPool]) -> None:
    if not pools:
        raise MixtureError(
            f"The query of {mixture.name} returned no rows, expected candidates. Is the catalog complete?"
        )
    if mixture.shares is None:
        return
    found = ", ".join(f"{name} ({pool.candidates:,} cuts)" for name, pool in sorted(pools.items()))
    empty = sorted(name for name, share in mixture.shares.items() if share > 0 and name not in pools)
    if empty:
        raise MixtureError(
            f"{mixture.name}: shares are asked of {', '.join(empty)}, but the query returned no such domain; it "
            f"returned {found}. Take the share out, or prepare and label a corpus that has it."
        )
    unasked = sorted(set(pools) - set(mixture.shares))
    if unasked:
        raise MixtureError(
            f"{mixture.name}: the query returned the domain {', '.join(unasked)} without a share; it returned {found}. "
            "Give it a share (0 leaves it out), or leave it out of the query."
        )


def _notes(mixture: Mixture) -> list[str]:
    if mixture.shares is None:
        return []
    notes = []
    total = math.fsum(mixture.shares.values())
    if abs(total - 1.0) > 1e-9:
        notes.append(f"the shares sum to {total:g}; they were divided by that")
    zero = sorted(name for name, share in mixture.shares.items() if share == 0)
    if zero:
        notes.append(f"left out (share 0): {', '.join(zero)}")
    return notes


def _infeasible(
    mixture: Mixture,
    pools: Mapping[str, DomainPool],
    planned: Mapping[str, float],
    passes: Mapping[str, int],
    budget: float,
) -> str:
    """What cannot be had, in numbers, and the nearest three asks that can."""
    unit, limit = mixture.unit, mixture.max_repeats
    short = [name for name in sorted(pools) if passes[name] > limit]
    lines = [
        f"{name}: {planned[name]:,.6g} {unit} asked ({planned[name] / budget:.2%} of {budget:,.6g}), but its "
        f"{pools[name].candidates:,} cuts hold {pools[name].units:,.6g}, used at most {limit} times "
        f"{pools[name].most(limit):,.6g}" + (", for some are used in other domains too" if pools[name].limited else "")
        for name in short
    ]
    shared = any(pool.limited for pool in pools.values())  # what each domain gets of them would change with the ask
    options = [] if shared else [f"max_repeats: {max(passes.values())}"]
    most = min(pools[name].most(limit) * budget / planned[name] for name in short)
    if mixture.temperature is None and most > 0:
        asked = "epochs" if mixture.budget is None else "budget"
        options.append(f"{asked}: {_round_down((getattr(mixture, asked) or 1.0) * most / budget)}")
    if shared:
        options.append("a higher max_repeats, which counts a cut's uses in all its domains")
        options.append("a query that returns each cut in one domain")
    other = None if shared else nearest_shares(pools, planned, limit, budget)
    if other:
        options.append("shares: {" + ", ".join(f"{name}: {share:.4f}" for name, share in other.items()) + "}")
    return (
        f"{mixture.name} cannot be had from this catalog. "
        + "; ".join(lines)
        + (". These help: " if shared else ". Any of these can: ")
        + "; or ".join(options)
        + "."
    )


def nearest_shares(
    pools: Mapping[str, DomainPool], planned: Mapping[str, float], limit: int, budget: float
) -> dict[str, float] | None:
    """Shares that can be had: short domains give all they can, the others take up the rest in proportion.

    None when all domains together hold too little.
    """
    most = {name: limit * pool.units for name, pool in pools.items()}
    if sum(most.values()) < budget:
        return None
    capped: set[str] = set()
    while True:
        rest = budget - sum(most[name] for name in capped)
        asked = sum(planned[name] for name in pools if name not in capped)
        gives = {name: most[name] if name in capped else planned[name] * rest / asked for name in pools}
        over = {name for name in pools if name not in capped and gives[name] > most[name]}
        if not over:
            return {
                name: math.floor(gives[name] / budget * 1e4) / 1e4 if name in capped else gives[name] / budget
                for name in gives
            }
        capped |= over


def _round_down(value: float) -> str:
    """Four digits, never more than `value`."""
    scale = 10 ** (3 - math.floor(math.log10(value)))
    return f"{math.floor(value * scale) / scale:g}"
