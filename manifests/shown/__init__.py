r"""Data on a terminal: what would steer it, or change what is read there, is shown as text.

A file's name, an id or a transcript may hold escape sequences, characters that turn the direction of writing, or halves
of characters that cannot be printed. `shown` writes them as Python does (`\x1b[31m`, `\u202e`). Files that a program
reads (JSON, CSV, Parquet) get values as they are.
"""

from __future__ import annotations

import re
from typing import Any

from rich.console import Console
from rich.highlighter import Highlighter
from rich.text import Text

_HIDDEN = re.compile(
    "["
    "\x00-\x1f\x7f-\x9f"  # C0 and C1: escape sequences, backspace, carriage return
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # direction of writing
    "\u200b\u2028\u2029\u2060-\u2064\u206a-\u206f\ufeff\ufff9-\ufffb"  # no width, ends of lines, annotations
    "\U000e0000-\U000e007f"  # tags
    "\ud800-\udfff"  # halves of characters
    "]"
)
_SHORT = {"\t": r"\t", "\n": r"\n", "\r": r"\r"}


def shown(value: object, *, lines: bool = False) -> str:
    r"""`value` as text that any terminal can show; with `lines`, line feeds stay.

    Joiners (U+200C, U+200D) stay: scripts and emoji need them.
    """
    return _HIDDEN.sub(lambda match: match[0] if lines and match[0] == "\n" else _visible(match[0]), str(value))


def _visible(char: str) -> str:
    code = ord(char)
    return _SHORT.get(char) or (
        f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
    )


class DataConsole(Console):
    """A rich console for data: no markup ([red], [/x], :cow:) in any string of it, also in tables."""

    def render_str(self, text: str, **options: Any) -> Text:
        """A string as it is, with what would steer the terminal made visible."""
        return super().render_str(shown(text, lines=True), **{**options, "markup": False, "emoji": False})


class AsText(Highlighter):
    """For columns of a progress display, which make their texts themselves."""

    def highlight(self, text: Text) -> None:
        """Make what would steer the terminal visible."""
        text.plain = shown(text.plain)
