"""YAML by its letter: what PyYAML lets pass and then takes for another thing, or takes for ever, is refused."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import yaml

MOST = 100_000  # values of a file, those that aliases repeat included


class OnceLoader(yaml.SafeLoader):
    """PyYAML's safe loader, for which a key occurs once in a mapping."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """The mapping, unless it has a key twice."""
        if isinstance(node, yaml.MappingNode):
            seen: set[str] = set()
            for key, _ in node.value:
                name = key.value if isinstance(key, yaml.ScalarNode) else None
                if name in seen:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"the key `{name}` stands twice", key.start_mark
                    )
                seen |= set() if name is None or key.tag == MERGE else {name}
        return super().construct_mapping(node, deep)


MERGE = "tag:yaml.org,2002:merge"


def load_yaml(text: str) -> Any:
    """The value of a YAML document.

    Raises:
        ValueError: it is none, a mapping has a key twice, it is nested too deep, or its aliases make too much of it;
            in words.
    """
    try:
        value = yaml.load(text, OnceLoader)
        count = _count(value, (), MOST)
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error
    except (yaml.YAMLError, ValueError, OverflowError, KeyError, AttributeError, TypeError) as error:
        # PyYAML itself lets out ValueError for 2026-99-99, KeyError and AttributeError for odd tags.
        raise ValueError(str(error) or type(error).__name__) from error
    if count <= 0:
        raise ValueError(f"it has more than {MOST:,} values, those that aliases (*) repeat included")
    return value


def _count(value: Any, holders: tuple[int, ...], left: int) -> int:
    """What is left of `left` values without those in here; 0 or less: too many.

    Raises:
        ValueError: a mapping or list is inside itself; half a surrogate pair.
    """
    if isinstance(value, str):
        value.encode()
    if id(value) in holders:
        raise ValueError("an alias (*) stands inside what it names. Write the value out.")
    inner = (*value, *value.values()) if isinstance(value, dict) else value if isinstance(value, list) else ()
    for item in inner:
        left = _count(item, (*holders, id(value)), left - 1) if left > 0 else 0
    return left
