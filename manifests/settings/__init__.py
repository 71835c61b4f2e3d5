"""Settings: YAML files checked by pydantic, files that extend others, and single keys replaced from outside.

    extends: alignment            # a bundled name, or a file in this file's folder or below it
    seed: 3
    optimiser: {learning_rate: 2.0e-3}

A value comes from the last layer that says it: the defaults, the file at the end of `extends`, the files before it, the
file itself, then the overrides in their order. Mappings are merged key by key; all else, lists too, is replaced. An
unknown key is an error that names the nearest ones. Whatever pydantic finds wrong is said by `explain`, never by a
traceback.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any, Generic, Literal, TypeAlias, TypeVar

import yaml
from pydantic import BaseModel, TypeAdapter, ValidationError

from manifests.digests import read_sealed
from manifests.errors import ManifestError, MissingFileError, SettingsError
from manifests.files import need_file, read_text
from manifests.names import hint
from manifests.settings.beside import file_beside
from manifests.settings.core_yaml import load_yaml
from manifests.settings.fields import KeyPath, below, expected, explain, from_text, unknown_key

Settings = TypeVar("Settings", bound=BaseModel)
Stored = TypeVar("Stored")
YAML_ENDINGS = (".yaml", ".yml")
EXTENDS = "extends"


@dataclass(frozen=True)
class Override:
    """One key that replaces what the files say, with all that stands under it."""

    key: str
    """Dotted: `optimiser.learning_rate`. A number is a place in a list: `arms.full.0.stage`."""
    value: Any
    where: str
    """What messages call it: `--set seed=7`."""
    text: bool = False
    """The value is text, to be read as the field's type says (see `fields.from_text`)."""

    @classmethod
    def parse(cls, text: str, where: str) -> Override:
        """An override from `KEY=VALUE`.

        Raises:
            SettingsError: no `=`, or no key before it.
        """
        key, equals, value = text.partition("=")
        if not equals or not all(key.strip().split(".")):
            raise SettingsError(f"{where}: expected KEY=VALUE, with dots between the parts of the key.")
        return cls(key.strip(), value, where, text=True)


@dataclass(frozen=True)
class Layer:
    """Settings that are merged over what the files say."""

    values: Mapping[str, Any]
    where: str


Overrides: TypeAlias = Sequence[Override | Layer]


@dataclass(frozen=True)
class Origin:
    """Where a value comes from."""

    kind: Literal["default", "file", "extended file", "override"]
    where: str = ""
    """The file's path or bundled name; what an override calls itself."""
    path: Path | None = None
    """The file."""

    def __str__(self) -> str:
        return self.where if self.kind == "override" else f"{self.kind} {self.where}".strip()


DEFAULT = Origin("default")


@dataclass(frozen=True)
class Resolved(Generic[Settings]):
    """Settings, and where each value comes from."""

    settings: Settings
    files: tuple[Path, ...]
    """The file, the one that it extends, and so on."""
    origins: Mapping[KeyPath, Origin]
    """Of every value that a layer says."""

    def origin(self, path: KeyPath) -> Origin:
        """Where the value at `path` comes from."""
        return self.origins.get(path, DEFAULT)


@dataclass(frozen=True)
class SettingsFiles(Generic[Settings]):
    """One kind of settings: its fields, and the folder of the files that come with the package."""

    model: type[Settings]
    folder: Path
    what: str
    """`stage`, `mixture`, `grid`: for messages."""
    either_or: tuple[tuple[str, str], ...] = ()
    """Keys of which a file gives one: a layer that says one takes the other away from the layers below it."""

    def names(self) -> list[str]:
        """Names of the bundled files: their paths under the folder, without the ending."""
        return bundled_names(self.folder)

    def find(self, name: str | Path, *, beside: Path | None = None) -> Path:
        """The file that `name` means: a bundled name, or the path of a file (in the folder `beside`, or below it).

        Raises:
            SettingsError: a file outside the folder `beside`.
            MissingFileError: neither; the message lists the nearest bundled names.
        """
        if str(name) in self.names():
            return self.folder / f"{name}.yaml"
        path = Path(name) if beside is None else file_beside(beside, name, where=f"a {self.what}'s file")
        if path.is_file():
            return need_file(path, what=self.what)
        looked = f" (looked for {path})" if beside is not None and path.suffix in YAML_ENDINGS else ""
        raise MissingFileError(
            f"No such {self.what}: {name}{looked}. Give the path of a .yaml file, or a bundled name "
            f"({hint(str(name), self.names())})."
        )

    def load(self, name: str | Path, overrides: Overrides | Mapping[str, Any] = ()) -> Settings:
        """The settings that `name` means, with `overrides` on top; a mapping is merged as a `Layer` is.

        Raises:
            MissingFileError: no such file, or one that is extended is not there.
            SettingsError: unknown key, wrong type or value, a circle of `extends`; the message says all that is wrong.
        """
        return self.resolve(name, overrides).settings

    def resolve(self, name: str | Path, overrides: Overrides | Mapping[str, Any] = ()) -> Resolved[Settings]:
        """As `load`, and where each value comes from."""
        path = self.find(name)
        if isinstance(overrides, Mapping):
            overrides = [Layer(overrides, "the given settings")] if overrides else []
        layers = _Layers(self.model, self.either_or)
        chain = self._chain(path)
        for file, values in reversed(chain):
            layers.merge(values, self._origin(file, "file" if file == path else "extended file"))
        for override in overrides:
            layers.add(override)
        whole = " with ".join(
            [self.label(path), *([", ".join(layer.where for layer in overrides)] if overrides else [])]
        )
        settings = layers.settings(lambda place: self.label(path) if place else whole)
        return Resolved(settings, tuple(file for file, _ in chain), layers.origins)

    def label(self, path: Path) -> str:
        """What messages call a file: its bundled name, or its path."""
        if path.is_relative_to(self.folder):
            return f"{path.relative_to(self.folder).with_suffix('').as_posix()} (bundled {self.what})"
        return str(path)

    def _origin(self, path: Path, kind: Literal["file", "extended file"]) -> Origin:
        return Origin(kind, self.label(path), path)

    def _chain(self, path: Path) -> list[tuple[Path, dict[str, Any]]]:
        """The file and those that it extends, each with its keys."""
        found: list[tuple[Path, dict[str, Any]]] = []
        while True:
            values = read_yaml(path)
            name = values.pop(EXTENDS, None)
            found.append((path, values))
            if name is None:
                return found
            if not isinstance(name, str) or not name:
                raise SettingsError(f"{path}: `{EXTENDS}` is {name!r}, expected one name or path.")
            try:
                path = self.find(name, beside=path.parent)
            except (MissingFileError, SettingsError) as error:
                raise type(error)(f"{path}: `{EXTENDS}`: {error}") from error
            seen = [file.resolve() for file, _ in found]
            if path.resolve() in seen:
                circle = [*(self.label(file) for file, _ in found), self.label(path)]
                raise SettingsError(
                    f"{' extends '.join(circle)}: a circle. Take `{EXTENDS}` out of one of these files."
                )


def bundled_names(folder: Path) -> list[str]:
    """Names of the YAML files under `folder`: their paths without the ending."""
    return sorted(path.relative_to(folder).with_suffix("").as_posix() for path in folder.rglob("*.yaml"))


@dataclass
class _Layers:
    """Values gathered from the lowest layer up, and for each leaf the layer that says it."""

    model: type[BaseModel]
    either_or: tuple[tuple[str, str], ...] = ()
    values: dict[str, Any] = field(default_factory=dict)
    origins: dict[KeyPath, Origin] = field(default_factory=dict)

    def add(self, override: Override | Layer) -> None:
        """Put an override on top."""
        origin = Origin("override", override.where)
        if isinstance(override, Layer):
            self.merge(override.values, origin)
            return
        path = tuple(override.key.split("."))
        kind = self._kind(path, override.where)
        try:
            value = from_text(kind, override.value) if override.text else override.value
        except SettingsError as error:
            raise SettingsError(f"{override.where}: {error}; expected {expected(kind)}.") from error
        self._drop_others({path[0]: value})
        self._assign(path, value, override.where)
        self._forget(path)
        self._note(path, value, origin)

    def merge(self, values: Mapping[str, Any], origin: Origin) -> None:
        """Lay a file's or a grid's keys over what is there."""
        self._drop_others(values)
        self._merge(self.values, values, (), origin)

    def settings(self, file: Callable[[KeyPath], str]) -> Any:
        """The checked settings; `file` names where a key stands that no layer says."""
        return _checked(self.model, self.values, lambda path: self._where(path) or file(path))

    def _merge(self, under: dict[str, Any], over: Mapping[str, Any], path: KeyPath, origin: Origin) -> None:
        for name, value in over.items():
            here = (*path, str(name))
            old = under.get(name)
            if isinstance(value, Mapping) and isinstance(old, Mapping):
                under[name] = dict(old)
                self.origins.pop(here, None)  # an empty mapping is a leaf
                self._merge(under[name], value, here, origin)
                if not under[name]:
                    self.origins[here] = origin
                continue
            under[name] = value
            self._forget(here)
            self._note(here, value, origin)

    def _kind(self, path: KeyPath, where: str) -> Any:
        """The type of the field at `path`."""
        kind: Any = self.model
        for count, part in enumerate(path):
            inner = below(kind, part)
            if inner is None:
                raise SettingsError(f"{where}: {unknown_key(self.model, path[: count + 1])}.")
            kind = inner
        return kind

    def _assign(self, path: KeyPath, value: Any, where: str) -> None:
        """Set one value; sections on the way to it that are null or not there begin empty."""
        holder: dict[str, Any] | list[Any] = self.values
        for count, part in enumerate(path):
            place: Any = part
            if isinstance(holder, list):
                if not part.isdigit() or int(part) >= len(holder):
                    raise SettingsError(
                        f"{where}: `{'.'.join(path[:count])}` is a list of {len(holder)}, expected a place from 0 to "
                        f"{len(holder) - 1} after it, found {part!r}."
                    )
                place = int(part)
            if count == len(path) - 1:
                holder[place] = value
                return
            old = holder[place] if isinstance(holder, list) else holder.get(place)
            inner = list(old) if isinstance(old, list | tuple) else dict(old) if isinstance(old, Mapping) else {}
            holder[place] = inner
            holder = inner

    def _drop_others(self, values: Mapping[str, Any]) -> None:
        said = {name for name, value in values.items() if value is not None}
        for one, two in (pair for both in self.either_or for pair in (both, both[::-1])):
            if one in said and two not in said:
                self.values.pop(two, None)
                self._forget((two,))

    def _forget(self, path: KeyPath) -> None:
        for other in [other for other in self.origins if other[: len(path)] == path]:
            del self.origins[other]

    def _note(self, path: KeyPath, value: Any, origin: Origin) -> None:
        if isinstance(value, Mapping) and value:
            for name, inner in value.items():
                self._note((*path, str(name)), inner, origin)
        else:
            self.origins[path] = origin

    def _where(self, path: KeyPath) -> str | None:
        """The layer that says the value at `path` or in it; else the last one to say something beside it."""
        for length in range(len(path), 0, -1):
            if path[:length] in self.origins:
                return self.origins[path[:length]].where
            inside = [origin for known, origin in self.origins.items() if known[:length] == path[:length]]
            if inside:
                return inside[-1].where
        return None


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file.

    Raises:
        MissingFileError: no such file.
        SettingsError: not YAML, or not a mapping.
    """
    need_file(path, what="settings file")
    try:
        value = load_yaml(read_text(path))
    except ManifestError as error:
        raise SettingsError(str(error)) from error
    except yaml.YAMLError as error:
        raise SettingsError(f"{path} is not valid YAML: {error}") from error
    if not isinstance(value, dict):
        raise SettingsError(f"{path} holds {type(value).__name__}, expected `key: value` lines.")
    return value


def replace_defaults(model: type[Settings], overrides: Overrides, *, where: str) -> Settings:
    """Settings without a file: the defaults, with `overrides` on top.

    Raises:
        SettingsError: unknown key, wrong type or value.
    """
    layers = _Layers(model)
    for override in overrides:
        layers.add(override)
    found: Settings = layers.settings(lambda _: where)
    return found


def check_settings(model: type[Settings], values: Mapping[str, Any], *, where: str) -> Settings:
    """Build `model` from `values`, or raise one `SettingsError` that says all that is wrong with them."""
    found: Settings = _checked(model, values, lambda _: where)
    return found


def _checked(model: type[BaseModel], values: Mapping[str, Any], where: Callable[[KeyPath], str]) -> Any:
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        raise SettingsError(explain(model, error, where)) from error


# What earlier versions stored


def stored(
    kind: type[Stored],
    values: object,
    *,
    where: str,
    go_on: str,
    renamed: Mapping[str, str | None] | None = None,
) -> Stored:
    """What a file says that this or another version of the project wrote: a settings model or a dataclass.

    Keys that did not exist yet take their defaults. A settings model refuses keys that it does not know, since they may
    decide something; a dataclass describes, and leaves them out.

    Args:
        kind: what it is to become.
        values: the file's content.
        where: names the file.
        go_on: what to do when it cannot be read.
        renamed: key of an earlier version -> today's name in the same section, or None: it has gone. `seed`, or
            `optimiser.rate`.

    Raises:
        ManifestError: keys that are missing, unknown or wrong: all of them, and `go_on`.
    """
    if not isinstance(values, Mapping):
        raise ManifestError(f"{where} holds {type(values).__name__}, expected an object. {go_on}")
    try:
        found = _with_new_names(values, renamed or {})
        whole: Any = kind
        if is_dataclass(kind):  # what we wrote ourselves has the types that we wrote; as JSON, since it is read from it
            made: Stored = _adapter(whole).validate_json(json.dumps(found, default=str), strict=True)
        else:
            made = _adapter(whole).validate_python(found)
    except ValidationError as error:
        said = explain(kind, error, lambda _: where)
        raise ManifestError(f"{said} It was written by another version, or changed by hand. {go_on}") from error
    return made


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def read_stored(
    kind: type[Stored], path: Path, *, go_on: str, renamed: Mapping[str, str | None] | None = None
) -> Stored:
    """`stored`, from a JSON file.

    Raises:
        MissingFileError: no such file, or an empty one.
        DamagedError: no JSON, half a file, or not what was written.
        ManifestError: keys that do not fit.
    """
    values = read_sealed(path, go_on=go_on)
    return stored(kind, values, where=str(path), go_on=go_on, renamed=renamed)


def _with_new_names(values: Mapping[str, Any], renamed: Mapping[str, str | None]) -> dict[str, Any]:
    """The values, with a copy of each section in which a key has another name today, or has gone."""
    found = dict(values)
    for old, new in renamed.items():
        section, _, name = old.rpartition(".")
        holder = found.get(section) if section else found
        if not isinstance(holder, Mapping) or name not in holder:
            continue
        changed = {key: value for key, value in holder.items() if key != name}
        if new is not None:
            changed.setdefault(new.rpartition(".")[2], holder[name])
        found = found | {section: changed} if section else changed
    return found
