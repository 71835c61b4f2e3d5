"""Pretrained models by name, in families: modules of a package that each offer one, found as all plugins are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from manifests.plugins import Plugins
from manifests.settings.makers import NOTHING, Needs

Model = TypeVar("Model")


@dataclass(frozen=True)
class ModelFamily(Generic[Model]):
    """What a module of such a package offers."""

    load: Callable[[str], Model]
    """The model of a name."""
    models: str
    """Which names it takes, for people."""
    needs: Needs = NOTHING
    check: Callable[[], object] = lambda: None
    """Raises an InputError when its weights are not here; loads nothing."""


@dataclass(frozen=True)
class ModelFamilies(Generic[Model]):
    """The families of one kind of model."""

    plugins: Plugins[ModelFamily[Model]]
    others: str
    """The family of names that no other family has."""

    def of(self, name: str) -> ModelFamily[Model]:
        """The family of a model: the one whose name it begins with (`moonshine-tiny-en`), else `others`."""
        family = name.partition("-")[0]
        return self.plugins.find(family if family in self.plugins.names() else self.others)

    def described(self) -> list[dict[str, Any]]:
        """One row a family: name, what it does, which models it takes, needed packages and those that are missing."""
        return [
            {"name": name, "does": self.plugins.title(name), "models": family.models} | family.needs.described()
            for name, family in self.plugins.all().items()
        ]
