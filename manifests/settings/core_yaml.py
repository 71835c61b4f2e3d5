"""YAML as its version 1.2 reads it: `no` is a text, `1e-3` a number, 1:30 a text, 012 twelve, a date a text.

PyYAML reads version 1.1, in which the language `no` is False, 1:30 is 90 and 012 is ten. All YAML of the project comes
through here. A key that stands twice in a mapping is an error, and so is a text that its aliases blow up.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

MOST_VALUES = 100_000  # of a text with its aliases written out; the largest file of the project has 2,000
TAG = "tag:yaml.org,2002:"
# The core schema (yaml.org/spec/1.2.2, 10.3.2): kind, how it is written, how it may begin. `<<` is version 1.1's, and
# of use.
CORE = (
    ("null", r"~|null|Null|NULL|", ("~", "n", "N", "")),
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
     "-+.0123456789"),
    ("merge", r"<<", "<"),
)  # fmt: skip


class CoreLoader(yaml.SafeLoader):
    """PyYAML's safe loader with the types of YAML 1.2."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - PyYAML's own, which has version 1.1's

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        """A mapping, in which no key stands twice."""
        node: yaml.MappingNode = super().compose_mapping_node(anchor)
        first: dict[tuple[str, str], int] = {}
        for key in [key for key, _ in node.value if isinstance(key, yaml.ScalarNode) and key.tag != f"{TAG}merge"]:
            line = first.get((key.tag, key.value))
            if line is not None:
                said = f"the key `{key.value}` stands twice, first in line {line}"
                raise yaml.constructor.ConstructorError(None, None, said, key.start_mark)
            first[key.tag, key.value] = key.start_mark.line + 1
        return node


def _whole_number(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> int:
    text = str(loader.construct_scalar(node))
    return int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))


def _text(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> str:
    text = str(loader.construct_scalar(node))
    text.encode()  # half a surrogate pair, written as an escape, is no text
    return text


CoreLoader.add_constructor(f"{TAG}int", _whole_number)
CoreLoader.add_constructor(f"{TAG}str", _text)
for _kind, _written, _begin in CORE:
    CoreLoader.add_implicit_resolver(f"{TAG}{_kind}", re.compile(f"(?:{_written})\\Z"), [*_begin])


class CoreDumper(yaml.SafeDumper):
    """PyYAML's safe dumper; texts that are something else to version 1.1 or to 1.2 are quoted."""


for _kind, _written, _begin in CORE[2:4]:
    CoreDumper.add_implicit_resolver(f"{TAG}{_kind}", re.compile(f"(?:{_written})\\Z"), [*_begin])


def load_yaml(text: str) -> Any:
    """The value of a YAML text.

    Raises:
        yaml.YAMLError: as `compose_yaml`, or a value that is not what its tag says.
    """
    return yaml_value(compose_yaml(text))


def compose_yaml(text: str) -> yaml.Node | None:
    """The nodes of a YAML text; None: it is empty.

    Raises:
        yaml.YAMLError: no YAML, two documents, a key that stands twice, too deep, or too large with its aliases.
    """
    loader = CoreLoader(text)
    try:
        node: yaml.Node | None = loader.get_single_node()
        if node is not None and _size(node, {}) > MOST_VALUES:
            raise yaml.YAMLError(f"its aliases (*) stand for more than {MOST_VALUES:,} values. Write fewer of them.")
    except RecursionError as error:
        raise yaml.YAMLError("it is nested too deeply") from error
    finally:
        loader.dispose()
    return node


def yaml_value(node: yaml.Node | None) -> Any:
    """What a node stands for; None for no node.

    Raises:
        yaml.YAMLError: a value that is not what its tag says, such as `!!int x`.
    """
    if node is None:
        return None
    try:
        return CoreLoader("").construct_document(node)
    except (ValueError, KeyError, AttributeError, TypeError, OverflowError) as error:
        raise yaml.YAMLError(f"a value is not what its tag (!!) says ({error})") from error


def _size(node: yaml.Node, known: dict[int, int]) -> int:
    """Values in a node with its aliases written out."""
    if id(node) in known:
        if not known[id(node)]:
            raise yaml.YAMLError("an alias (*) stands inside what it names. Write the value out.")
        return known[id(node)]
    known[id(node)] = 0  # it is not closed yet
    parts = node.value if isinstance(node, yaml.CollectionNode) else []
    inner = (part for pair in parts for part in (pair if isinstance(pair, tuple) else (pair,)))
    known[id(node)] = 1 + sum(_size(part, known) for part in inner)
    return known[id(node)]


def yaml_line(value: Any) -> str:
    """A value on one line of YAML."""
    text = yaml.dump(value, Dumper=CoreDumper, default_flow_style=True, allow_unicode=True, width=float("inf"))
    return str(text).removesuffix("...\n").strip()


def yaml_text(value: Any) -> str:
    """A value as a YAML file, keys in their order."""
    return str(yaml.dump(value, Dumper=CoreDumper, sort_keys=False, allow_unicode=True))
