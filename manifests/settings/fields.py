"""What the fields of a settings model take, and what is wrong with values: keys, types in words, text as values."""

from __future__ import annotations

import dataclasses
import reprlib
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias, Union, get_args, get_origin, get_type_hints

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from manifests.errors import SettingsError
from manifests.names import nearest
from manifests.settings.core_yaml import CoreLoader, compose_yaml, yaml_value

STRICT = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
"""Of settings: unknown keys, nan and infinity are refused."""
LARGEST = 2**63 - 1  # of the whole numbers that DuckDB and torch take
Count: TypeAlias = Annotated[int, Field(ge=0, le=LARGEST)]
KeyPath: TypeAlias = tuple[str, ...]
WORDS: dict[Any, str] = {float: "a number", int: "a whole number", bool: "true or false", str: "text", Path: "a path"}

LIMITS = {
    "greater_than": "above {gt}",
    "greater_than_equal": "{ge} or more",
    "less_than": "below {lt}",
    "less_than_equal": "{le} or less",
    "too_short": "at least {min_length}",
    "too_long": "at most {max_length}",
    "string_too_short": "at least {min_length} characters",
    "string_too_long": "at most {max_length} characters",
    "finite_number": "a finite number",
}


def members(kind: Any) -> tuple[Any, ...]:
    """The alternatives of a type: `float | None` has two, `float` one. `Annotated` is taken off."""
    if get_origin(kind) is Annotated:
        return members(get_args(kind)[0])
    if get_origin(kind) in (Union, types.UnionType):
        return tuple(member for part in get_args(kind) for member in members(part))
    return (kind,)


def section(kind: Any) -> dict[str, Any]:
    """Fields of a settings model or dataclass and their types; empty for any other type."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return {name: field.annotation for name, field in kind.model_fields.items()}
    return get_type_hints(kind) if dataclasses.is_dataclass(kind) else {}


def below(kind: Any, part: str) -> Any:
    """The type of what stands under the key (or the place in a list) `part` of a value; None: it can have none."""
    for member in members(kind):
        origin, inner = get_origin(member) or member, get_args(member)
        if member is Any:
            return Any
        if part in (fields := section(member)):
            return fields[part]
        if origin in (dict, Mapping):
            return inner[1] if inner else Any
        if origin in (list, tuple, Sequence) and part.isdigit():
            return _item(inner, int(part))
    return None


def _item(inner: tuple[Any, ...], place: int) -> Any:
    """The type of an item of a list or tuple, `inner` being its type's arguments."""
    fixed = len(inner) > 1 and inner[1] is not Ellipsis
    return inner[min(place, len(inner) - 1) if fixed else 0] if inner else Any


def at(kind: Any, path: Iterable[str]) -> Any:
    """The type at a path of keys; None where there is none."""
    for part in path:
        kind = below(kind, part)
    return kind


def keys(kind: Any, prefix: str = "") -> list[str]:
    """Dotted keys of a section and of the sections in it."""
    found: list[str] = []
    for member in members(kind):
        for name, inner in section(member).items():
            found += [prefix + name, *keys(inner, f"{prefix}{name}.")]
    return found


def expected(kind: Any) -> str:
    """A type in words: `a number`, `text or null`, `a list`."""
    found = [_words(member) for member in members(kind)]
    return " or ".join(dict.fromkeys(found))


def _words(kind: Any) -> str:
    origin = get_origin(kind) or kind
    if origin is Literal:
        return f"one of {', '.join(str(choice) for choice in get_args(kind))}"
    if origin in (list, tuple, Sequence):
        return "a list"
    if origin in (dict, Mapping) or section(kind):
        return "`key: value` lines"
    return "null" if kind is type(None) else WORDS.get(kind, "a value")


def from_text(kind: Any, text: str) -> Any:
    """What `text` means for a field of type `kind`: text for text, even if it looks like a number; else YAML.

    The same holds inside lists and mappings: `[no, 1]` are two texts for a field that takes texts.

    Raises:
        SettingsError: no YAML.
    """
    if _takes_text(kind):
        return _text(kind, text)
    try:
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, Loader=CoreLoader)):
            raise SettingsError(f"{text!r} names an alias (*), which a single value cannot have")
        return _built(kind, compose_yaml(text))
    except yaml.YAMLError as error:
        why = getattr(error, "problem", None) or " ".join(str(error).split()) or "it cannot be read"
        raise SettingsError(f"{text!r} is not valid YAML: {why}") from error


def _built(kind: Any, node: yaml.Node | None) -> Any:
    if node is None:
        return None
    if isinstance(node, yaml.SequenceNode):
        return [_built(below(kind, str(place)), item) for place, item in enumerate(node.value)]
    if isinstance(node, yaml.MappingNode):
        if odd := [key for key, _ in node.value if not isinstance(key, yaml.ScalarNode)]:
            raise SettingsError(f"a key is a {odd[0].id}, expected text")
        return {key.value: _built(below(kind, str(key.value)), item) for key, item in node.value}
    if _takes_text(kind):
        quoted = isinstance(node, yaml.ScalarNode) and node.style
        return node.value if quoted else _text(kind, node.value)
    return yaml_value(node)


def _takes_text(kind: Any) -> bool:
    """Does it take text, and nothing else but null?"""
    return all(
        member in (str, Path, type(None))
        or (get_origin(member) is Literal and all(isinstance(choice, str) for choice in get_args(member)))
        for member in members(kind)
    )


def _text(kind: Any, text: str) -> str | None:
    return None if text == "null" and type(None) in members(kind) else text


# What is wrong with values


def explain(model: Any, error: ValidationError, where: Callable[[KeyPath], str]) -> str:
    """All that pydantic finds wrong, in one message: key, found, expected; `where` names the place of a key."""
    said: dict[str, list[str]] = {}  # place -> sentences
    for problem in error.errors():
        path = tuple(str(part) for part in problem["loc"])
        said.setdefault(where(path), []).append(_sentence(model, path, problem))
    return "\n".join(f"{place}: {'; '.join(lines)}." for place, lines in said.items())


def unknown_key(model: Any, path: KeyPath) -> str:
    """`unknown key ...`, with the nearest keys that there are."""
    kind, prefix = at(model, path[:-1]), "".join(f"{part}." for part in path[:-1])
    inside, name = keys(kind, prefix), ".".join(path)
    if not inside and prefix:
        return f"unknown key `{name}`; `{prefix[:-1]}` is {expected(kind)}"
    near = nearest(name, dict.fromkeys([*inside, *keys(model)]))
    if near:
        return f"unknown key `{name}` (nearest: {', '.join(near)})"
    known = [key.removeprefix(prefix) for key in inside if "." not in key.removeprefix(prefix)]
    return f"unknown key `{name}` (known: {', '.join(known)})"


def _sentence(model: Any, path: KeyPath, problem: Mapping[str, Any]) -> str:
    """One of pydantic's problems in words."""
    name, kind, found = ".".join(path), problem["type"], problem.get("input")
    if kind == "extra_forbidden":
        return unknown_key(model, path)
    if kind == "missing":
        return f"`{name}` is missing, expected {expected(at(model, path))}"
    if kind == "value_error":
        text = problem["msg"].removeprefix("Value error, ")
        return f"`{name}`: {text}" if name else text
    if kind in LIMITS:
        wanted = LIMITS[kind].format(**problem.get("ctx", {}))
    elif (field_type := at(model, path)) is not None:
        wanted = expected(field_type)
    else:
        wanted = problem["msg"]
    quote = " (in quotes)" if kind == "string_type" and isinstance(found, bool | int | float) else ""
    return f"`{name or 'the whole'}`: found {reprlib.repr(found)}, expected {wanted}{quote}"
