"""What a value of an axis changes in one stage of an arm and in its mixture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from curation.duck import sql_text
from curation.plan.mixture import Mixture, header_settings
from manifests.errors import SettingsError
from manifests.names import hint
from manifests.settings import Layer, Override
from soundwave.ablation.axes.kinds import Axis
from soundwave.ablation.axes.shares import group, set_shares, within
from soundwave.train.settings import StageSettings

Chosen: TypeAlias = tuple[Axis, Any]
"""An axis and one of its values."""


@dataclass(frozen=True)
class BaseStep:
    """One stage of an arm as it is before any axis changes it."""

    stage: str
    """As the arm names it."""
    mixture: str
    """As the arm names it."""
    settings: StageSettings
    drawn: Mixture

    @property
    def names(self) -> set[str]:
        """What an axis may call it."""
        return {self.stage, Path(self.stage).stem, self.settings.stage, self.mixture, Path(self.mixture).stem}


def setting_of(axis: Axis, step: BaseStep) -> str:
    """The setting that an axis `stage.STAGE.SETTING` names in this step; empty: it is about another."""
    names = (name for name in sorted(step.names, key=len, reverse=True) if axis.target.startswith(f"{name}."))
    name = next(names, None)
    return "" if name is None else axis.target.removeprefix(f"{name}.")


def touches(axis: Axis, step: BaseStep) -> bool:
    """Whether an axis changes anything here."""
    if axis.stage is not None and axis.stage not in step.names:
        return False
    shares = step.drawn.shares or {}
    left = [value for value in axis.values if value is not None] if axis.kind == "leave_out" else []
    finds: dict[str, bool] = {
        "stage": bool(setting_of(axis, step)),
        "mixture": bool(setting_of(axis, step)),
        "share": bool(group(shares, axis.target)),
        "shares": bool(shares) and all(group(shares, domain) for domain in axis.simplex),
        "rule": axis.target in rule_settings(step.drawn),
        "leave_out": any(not str(value).startswith("domain:") or _has(step, value) for value in left),
    }
    return finds.get(axis.kind, True)


def rule_settings(mixture: Mixture) -> dict[str, float | str]:
    """What a mixture's rules and its query read."""
    return {**header_settings(mixture.rules_query or ""), **header_settings(mixture.query or "")}


def need_touched(axis: Axis, steps: Sequence[BaseStep]) -> None:
    """Refuse an axis that changes nothing.

    Raises:
        SettingsError: what it names is not there, with the nearest names.
    """
    if any(touches(axis, step) for step in steps):
        return
    names = sorted({name for step in steps for name in step.names})
    here = [step for step in steps if axis.stage is None or axis.stage in step.names]
    if not here:
        raise SettingsError(
            f"The axis {axis.name} is of {axis.stage}, which no arm trains ({hint(str(axis.stage), names)})."
        )
    if axis.kind in {"stage", "mixture"}:
        raise SettingsError(
            f"The axis {axis.name} names a {axis.kind} that no arm trains ({hint(axis.target, names)})."
        )
    if axis.kind == "rule":
        known = sorted({name for step in here for name in rule_settings(step.drawn)})
        raise SettingsError(f"The axis {axis.name}: no rule or query reads {axis.target} ({hint(axis.target, known)}).")
    shares = sorted({name for step in here for name in step.drawn.shares or {}})
    wanted = axis.target or ", ".join(axis.simplex) or ", ".join(str(value) for value in axis.values if value)
    heat = "" if shares else "; mixtures with a temperature have no shares"
    raise SettingsError(f"The axis {axis.name}: no mixture has shares of {wanted} ({hint(wanted, shares)}{heat}).")


def stage_overrides(point: Sequence[Chosen], step: BaseStep) -> list[Override | Layer]:
    """What the axes replace in the stage's settings."""
    return [
        Override(setting_of(axis, step), value, f"the axis {axis.name}")
        for axis, value in point
        if axis.kind == "stage" and touches(axis, step)
    ]


def mixture_overrides(point: Sequence[Chosen], step: BaseStep) -> list[Override | Layer]:
    """What the axes replace in the mixture, but for its shares."""
    found: list[Override | Layer] = []
    for axis, value in point:
        where = f"the axis {axis.name}"
        if not touches(axis, step):
            continue
        if axis.kind == "mixture":
            found.append(Override(setting_of(axis, step), value, where))
        elif axis.kind == "rule":
            found.append(Override(f"rule.{axis.target}", value, where))
        elif axis.kind == "temperature":
            found.append(Layer({"temperature": dict(value) if isinstance(value, Mapping) else {"start": value}}, where))
        elif axis.kind == "leave_out" and str(value).startswith("corpus:"):
            found.append(Layer({"leave_out": [*step.drawn.leave_out, str(value).removeprefix("corpus:")]}, where))
    return found


def with_shares(mixture: Mixture, point: Sequence[Chosen], step: BaseStep) -> Mixture:
    """The mixture with what the axes say of its shares.

    Raises:
        MixtureError: shares that cannot be had.
    """
    here = [(axis, value) for axis, value in point if touches(axis, step)]
    wanted = {axis.target: float(value) for axis, value in here if axis.kind == "share"}
    for axis, value in here:
        if axis.kind == "leave_out" and str(value).startswith("domain:") and _has(step, value):
            domain = str(value).removeprefix("domain:")
            if mixture.shares is None:
                chosen = (mixture.query or "").rstrip().rstrip(";")
                query = f"SELECT * FROM (\n{chosen}\n) WHERE domain <> {sql_text(domain)}"
                mixture = mixture.model_copy(update={"query": query})
            else:
                wanted[domain] = 0.0
        elif axis.kind == "shares" and mixture.shares is not None:
            mixture = mixture.model_copy(update={"shares": within(mixture.shares, value)})
    if wanted and mixture.shares is not None:
        mixture = mixture.model_copy(update={"shares": set_shares(mixture.shares, wanted)})
    return mixture


def _has(step: BaseStep, value: Any) -> bool:
    domain = str(value).removeprefix("domain:")
    return step.drawn.shares is None or bool(group(step.drawn.shares, domain))
