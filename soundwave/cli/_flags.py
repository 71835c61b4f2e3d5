"""Flags that stand for settings: what was given, and how messages call it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from manifests.errors import SettingsError


def given(**settings: Any) -> dict[str, Any]:
    """The settings whose flags were given: neither None nor an empty list."""
    return {name: value for name, value in settings.items() if value is not None and value != []}


@contextmanager
def as_flags(flags: Mapping[str, str]) -> Iterator[None]:
    """Libraries name a setting in backticks; inside this block their errors name the flag as well.

    flags: setting -> flag, such as {"speeds": "--speed"}.
    """
    try:
        yield
    except SettingsError as error:
        names = "|".join(map(re.escape, flags))
        raise SettingsError(re.sub(f"`({names})`", lambda found: f"`{flags[found[1]]}`", str(error))) from error
