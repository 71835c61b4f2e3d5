"""Plugins that make something from options: which options they have, and what must be installed for them."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from manifests.errors import require
from manifests.settings import check_settings
from manifests.settings.fields import below, from_text

Made = TypeVar("Made")


class Text(str):
    """The value of an option as text, to be read as the option's type says: `[0.9, 1.0]` for a list."""


@dataclass(frozen=True)
class Needs:
    """Python packages that a plugin imports when it is used."""

    packages: tuple[str, ...] = ()
    install: str = ""
    """The command that installs them."""

    def missing(self) -> list[str]:
        """The packages that are not installed; none is imported."""
        return [name for name in self.packages if importlib.util.find_spec(name) is None]

    def check(self, used_for: str) -> None:
        """Import them. Raises MissingPackageError, which says what needs the package and how to install it."""
        for name in self.packages:
            require(name, used_for=used_for, install=self.install)

    def described(self) -> dict[str, Any]:
        """As JSON values, for lists."""
        return {"needs": list(self.packages), "missing": self.missing(), "install": self.install}


NOTHING = Needs()


@dataclass(frozen=True)
class Maker(Generic[Made]):
    """How to make one thing, such as an aligner, from its options."""

    options: type[BaseModel]
    """The options, each with its type, default and a line of text. Unknown ones are refused."""
    make: Callable[[Any], Made]
    """Takes checked `options`."""
    needs: Needs = NOTHING

    def __call__(self, values: Mapping[str, Any], *, where: str) -> Made:
        """Make it. `where` names it in messages. Raises SettingsError for an unknown option or a wrong value."""
        typed = {name: self._typed(name, value) for name, value in values.items()}
        return self.make(check_settings(self.options, typed, where=where))

    def _typed(self, name: str, value: Any) -> Any:
        kind = below(self.options, name)
        return from_text(kind, value) if isinstance(value, Text) and kind is not None else value

    def described(self) -> dict[str, Any]:
        """Options and needs, as JSON values, for lists."""
        fields = self.options.model_fields.items()
        return {"options": {name: field.description or "" for name, field in fields}} | self.needs.described()
