"""How commands print what they answer: JSON for programs, lines and tables for people."""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Collection, Mapping, Sequence
from typing import Any

_HALVES = re.compile("[\ud800-\udfff]")


def print_json(value: Any) -> None:
    """Print indented JSON on standard output; halves of characters, which UTF-8 has no bytes for, as `\\udc80`."""
    sys.stdout.write(json_text(value) + "\n")


def json_text(value: Any) -> str:
    """Indented JSON that any reader takes: a number that is not finite is null, as JSON has no word for it."""
    try:
        text = json.dumps(value, indent=2, ensure_ascii=False, default=str, allow_nan=False)
    except ValueError:  # seldom, so that it may cost a second pass
        text = json.dumps(_finite(value), indent=2, ensure_ascii=False, default=str)
    return _HALVES.sub(lambda half: f"\\u{ord(half[0]):04x}", text)


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(one) for key, one in value.items()}
    return [_finite(one) for one in value] if isinstance(value, list | tuple) else value


def say(text: str, *, error: bool = False, end: str = "\n") -> None:
    """Print lines for people that have data in them, at once; what would steer the terminal is made visible."""
    from manifests.shown import shown

    print(shown(text, lines=True), file=sys.stderr if error else sys.stdout, end=end, flush=True)


def print_rows(
    rows: Sequence[Mapping[str, Any]],
    *,
    title: str | None = None,
    names: Sequence[str] = (),
    right: Collection[str] = (),
) -> None:
    """Print rows as a table, as `manifests.shown.tables.print_rows` does."""
    from manifests.shown.tables import print_rows as printed

    printed(rows, title=title, names=names, right=right)
