"""A size ladder from one run: smaller sizes branch off the largest one's where their learning rate begins to fall.

A bigger budget only appends to a plan, and a fraction keeps the first part of each domain's queue. So while no clip is
passed over twice, the first part of the whole plan has the very clips of the fraction, and the run of the fraction is
the whole run's beginning and a decay of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from manifests.errors import SettingsError
from manifests.fingerprint import fingerprint
from manifests.plans import Lock
from soundwave.ablation.nodes import Node
from soundwave.train.schedule import rate
from soundwave.train.settings import StageSettings, identity


@dataclass(frozen=True)
class Branch:
    """Where a training goes on from another one."""

    trunk: str
    """Key of the node whose run it branches off."""
    step: int
    """After how many steps."""


def whole_settings(
    nodes: Mapping[str, Node], locks: Mapping[str, Lock]
) -> tuple[dict[str, StageSettings], dict[str, Branch]]:
    """The settings of every node, with the steps of those that train a part of their plan; and the branches.

    Args:
        nodes: by key.
        locks: of their plans, by the plan's key.

    Raises:
        SettingsError: a ladder of branches that cannot be one.
    """
    settings = {key: _cut_short(node, locks[node.plan.key]) for key, node in nodes.items()}
    branches: dict[str, Branch] = {}
    for group in _ladders(nodes).values():
        longest = max(group, key=lambda node: node.part)
        stays = set()
        for node in group:
            if node.part < longest.part:
                step = _fork(node, settings[node.key], settings[longest.key], locks[node.plan.key])
                branches[node.key] = Branch(longest.key, step)
                stays.add(step)
        if stays:
            kept = tuple(sorted({*settings[longest.key].keep_checkpoints, *stays}))
            settings[longest.key] = settings[longest.key].model_copy(update={"keep_checkpoints": kept})
    return settings, branches


def _ladders(nodes: Mapping[str, Node]) -> dict[str, list[Node]]:
    """Nodes that differ in their part alone, where there are parts."""
    groups: dict[str, list[Node]] = {}
    for node in nodes.values():
        groups.setdefault(fingerprint(identity(node.settings), node.plan.key, node.parent), []).append(node)
    return {key: group for key, group in groups.items() if any(node.part < 1 for node in group)}


def _cut_short(node: Node, lock: Lock) -> StageSettings:
    if node.part == 1.0:
        return node.settings
    whole = node.settings.steps or lock.steps
    twice = sorted(name for name, domain in lock.domains.items() if domain.max_repeat > 1)
    if twice or whole > lock.steps:
        raise SettingsError(
            f"ladder branches: the plan of {node.title} passes more than once over the cuts of "
            f"{', '.join(twice) or 'all domains'}, so its first part has all of them and not a part. Use a mixture of "
            "`epochs: 1` or a smaller budget, or ladder independent."
        )
    return node.settings.model_copy(update={"steps": max(1, round(node.part * whole))})


def _fork(node: Node, ours: StageSettings, theirs: StageSettings, lock: Lock) -> int:
    """The last step up to which both have the same learning rates."""
    steps, longest = ours.steps or lock.steps, theirs.steps or lock.steps
    step = 0
    while step < steps - 1 and rate(ours.optimiser, step, steps) == rate(theirs.optimiser, step, longest):
        step += 1
    if step == 0 or ours.ctc_units == "letters_then_tokens":
        why = (
            "its learning rate differs from the first step on"
            if step == 0
            else "its CTC targets change at another step"
        )
        raise SettingsError(
            f"ladder branches: {node.title} cannot branch off a longer run, {why}. Use schedule: wsd with "
            "warmup_steps, and ctc_units letters or tokens; or ladder independent."
        )
    return step
