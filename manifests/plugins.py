"""Plugins: modules of a package that offer one thing each under an agreed name, such as `RECIPE` or `METRIC`.

A plugin is one file. Its name is the file's name, and the first line of its docstring says what it does. Both are read
without importing the file, so that a list of plugins does not load the libraries that they need.
"""

from __future__ import annotations

import ast
import importlib
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from manifests.errors import SettingsError
from manifests.names import nearest

Plugin = TypeVar("Plugin")

_FURTHER: dict[str, list[str]] = {}


def look_in(package: str, further: str) -> None:
    """Look for the plugins of `package` in the package `further` too: a floor above may have some of its own."""
    packages = _FURTHER.setdefault(package, [])
    if further not in packages:
        packages.append(further)


@dataclass(frozen=True)
class Plugins(Generic[Plugin]):
    """The plugins of one kind. Every call looks at the files anew."""

    what: str
    """One plugin, for messages: `recipe`, `metric`."""
    package: str
    """Where their modules are. A folder on the package's `__path__` counts as part of it."""
    attribute: str
    """The module's name for what it offers: `RECIPE`, `METRIC`."""
    kind: type[Plugin]
    """What it must be: a class, or a protocol that `isinstance` can check."""

    def names(self) -> list[str]:
        """Names of all plugins, sorted."""
        return sorted(self._files())

    def title(self, name: str) -> str:
        """What the plugin `name` does, in a line. Raises SettingsError for a name that no plugin has."""
        path, _ = self._file(name)
        text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        return text.partition("\n")[0]

    def sources(self) -> dict[str, Path]:
        """Name -> file, for all plugins."""
        return {name: path for name, (path, _) in sorted(self._files().items())}

    def find(self, name: str) -> Plugin:
        """What the plugin `name` offers.

        Raises:
            SettingsError: no such plugin (the message has the nearest names), or it offers something else.
        """
        return self._offered(*self._file(name))

    def all(self) -> dict[str, Plugin]:
        """Name -> what it offers, for all plugins. Raises as `find`."""
        return {name: self._offered(*place) for name, place in sorted(self._files().items())}

    def _offered(self, path: Path, module: str) -> Plugin:
        found = getattr(importlib.import_module(module), self.attribute)
        if not isinstance(found, self.kind):
            raise SettingsError(
                f"{path}: {self.attribute} is {type(found).__name__}, expected what a {self.what} is: "
                f"{self.kind.__module__}.{self.kind.__qualname__}."
            )
        return found

    def _file(self, name: str) -> tuple[Path, str]:
        files = self._files()
        if name not in files:
            raise unknown(self.what, name, sorted(files))
        return files[name]

    def _files(self) -> dict[str, tuple[Path, str]]:
        """Name -> the file of its module, and the module's full name."""
        says = re.compile(rf"^{self.attribute}\b.*=", re.MULTILINE)
        return {
            path.stem: (path, f"{package}.{path.stem}")
            for package in (self.package, *_FURTHER.get(self.package, ()))
            for folder in _folders(package)
            for path in sorted(Path(folder).glob("[!_]*.py"))
            if says.search(path.read_text(encoding="utf-8"))
        }


def _folders(package: str) -> list[str]:
    """Where a package's modules are. A package that is not imported yet stays so: its name and its parent's say it."""
    parent, _, name = package.rpartition(".")
    if package in sys.modules or not parent:
        return list(importlib.import_module(package).__path__)
    return [str(Path(folder) / name) for folder in _folders(parent)]


def unknown(what: str, name: str, known: Sequence[str]) -> SettingsError:
    """The error for a name that no plugin has."""
    near = nearest(name, known)
    listed = f" The nearest: {', '.join(near)}." if near else ""
    return SettingsError(
        f"No {what} is called `{name}`.{listed} Known {what}{'es' if what.endswith('s') else 's'}: {', '.join(known)}."
    )
