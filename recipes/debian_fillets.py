"""Fish Fillets' acted Czech dialogue with English text for every line: speech translation, Czech to English.

A level's `dialogs_cs.lua` gives each line its id, its speaker (by font) and both texts:

    dialogId("let-m-divna", "font_small", "What kind of strange ship is that?")
    dialogStr("Co je to za divnou loď?")

and `sound/LEVEL/cs/let-m-divna.ogg` is the recording. Strings are read as Lua reads them: escapes, long
brackets, `..` between literals, calls over several lines, comments.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from manifests.lines import lines
from manifests.reasons import Reason
from manifests.rows import Reject
from recipes.common import (
    NOT_BY_SPEAKER,
    CorpusRows,
    Recipe,
    collapse,
    file_cut,
    in_parallel,
    reject,
    slug,
    sort_out,
    text_split,
)

if TYPE_CHECKING:
    from lhotse import MonoCut

CORPUS = "fillets"
LICENSE = "GPL-2.0-only"
SCRIPTS = "usr/share/games/fillets-ng/script"
SOUNDS = "usr/share/games/fillets-ng/sound"
CHARACTERS = {"font_small": "small-fish", "font_big": "big-fish"}  # the two leads

# Long brackets and comments first: a `--` inside a string must not start a comment.
_TOKEN = re.compile(
    r"""
      (?P<comment>--\[(?P<ceq>=*)\[.*?\](?P=ceq)\]|--[^\n]*)
    | (?P<long>\[(?P<eq>=*)\[\n?(?P<body>.*?)\](?P=eq)\])
    | (?P<string>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')
    | (?P<name>[A-Za-z_]\w*)
    | (?P<concat>\.\.)
    | (?P<other>\S)
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(\d{1,3}|x[0-9A-Fa-f]{2}|z\s*|.)", re.DOTALL)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}


@dataclass(frozen=True)
class SpokenLine:
    """One line of dialogue."""

    level: str
    id: str
    font: str
    english: str
    czech: str


def read(source: Path, folder: Path) -> CorpusRows:
    """Cuts of every recorded line with both texts; `folder` stays untouched, audio is referenced in place."""
    lines = {(line.level, line.id): line for line in dialogue(source / SCRIPTS)}
    sounds = {(path.parts[-3], path.stem): path for path in sorted((source / SOUNDS).glob("*/cs/*.ogg"))}
    keys = sorted(lines.keys() | sounds.keys())
    return sort_out(in_parallel(lambda key: _item(key, lines.get(key), sounds.get(key)), keys, title=CORPUS))


def dialogue(scripts: Path) -> Iterator[SpokenLine]:
    """Every line of every level, the level's demo included."""
    for path in sorted(scripts.glob("*/*dialogs_cs.lua")):
        yield from parse_dialogue("\n".join(line.text for line in lines(path)), path.parent.name)


def parse_dialogue(code: str, level: str) -> Iterator[SpokenLine]:
    """Lines of one script: each `dialogId` with the `dialogStr` that follows it (none: empty Czech)."""
    pending: SpokenLine | None = None
    for name, arguments in lua_calls(code):
        if name == "dialogId":
            if pending:
                yield pending
            key, font, english = [*arguments, "", "", ""][:3]
            pending = SpokenLine(level, key, font, english, czech="")
        elif name == "dialogStr" and pending:
            yield replace(pending, czech=arguments[0] if arguments else "")
            pending = None
    if pending:
        yield pending


def lua_calls(code: str) -> Iterator[tuple[str, list[str]]]:
    """Calls `name(...)` whose arguments are string literals, joined with `..` or not; others are left out."""
    tokens = [match for match in _TOKEN.finditer(code) if not match["comment"]]
    for index, token in enumerate(tokens[:-1]):
        if token["name"] and tokens[index + 1]["other"] == "(":
            arguments = _arguments(tokens, index + 2)
            if arguments is not None:
                yield token["name"], arguments


def _arguments(tokens: list[re.Match[str]], start: int) -> list[str] | None:
    """String arguments from `start` up to the closing bracket; None when one is not a literal."""
    arguments: list[str] = []
    piece: str | None = None
    for token in tokens[start:]:
        if token["string"] or token["long"]:
            piece = (piece or "") + _literal(token)
        elif token["other"] in (",", ")"):
            if piece is not None:
                arguments.append(piece)
            if token["other"] == ")":
                return arguments
            piece = None
        elif not token["concat"]:
            return None
    return None


def _literal(token: re.Match[str]) -> str:
    """The value of a Lua string token."""
    return str(token["body"]) if token["long"] else _ESCAPE.sub(_unescape, token["string"][1:-1])


def _unescape(match: re.Match[str]) -> str:
    code = match[1]
    if code.isdigit():
        return chr(int(code))
    if code[0] == "x" and len(code) == 3:
        return chr(int(code[1:], 16))
    return "" if code[0] == "z" else _ESCAPED.get(code, code)


def _item(key: tuple[str, str], line: SpokenLine | None, sound: Path | None) -> MonoCut | Reject:
    cut_id = f"{CORPUS}-{slug('-'.join(key))}"
    if line is None or sound is None:
        reason = Reason.text_missing if line is None else Reason.audio_missing
        lacks = "a recording and no line" if line is None else f"a line and no recording: {line.czech or line.english}"
        return reject(cut_id, CORPUS, reason, f"{'/'.join(key)} has {lacks}")
    czech, english = collapse(line.czech), collapse(line.english)
    if fault := _fault(czech, english):
        return reject(cut_id, CORPUS, fault, f"{'/'.join(key)}: the texts are {czech!r} and {english!r}")
    return file_cut(
        sound,
        cut_id=cut_id,
        corpus=CORPUS,
        split=text_split(czech),
        task="st",
        license=LICENSE,
        text=czech,
        language="cs",
        speaker=speaker(line),
        target_text=english,
        target_language="en",
    )


def _fault(czech: str, english: str) -> Reason | None:
    """Why the two texts cannot be used; None when they can."""
    if not any(char.isalnum() for char in czech):
        return Reason.empty_text
    if not any(char.isalnum() for char in english):
        return Reason.target_missing
    # The game fills `%1` in: what the voice says there is not in the text.
    return Reason.text_missing if "%1" in czech + english else None


def speaker(line: SpokenLine) -> str:
    """Who speaks: the two leads over all levels, other characters by font, level by level where a font is shared."""
    if line.font in CHARACTERS:
        return CHARACTERS[line.font]
    name = line.font.removeprefix("font_")
    return f"{name or 'unnamed'}-{line.level}"


RECIPE = Recipe(
    corpus=CORPUS,
    title="Fish Fillets NG dialogue, Czech speech with English text",
    task="st",
    license=LICENSE,
    makers="ALTAR interactive, Ivo Danihelka, Pavel Danihelka and the Fish Fillets NG contributors",
    read=read,
    channels="mix",
    parts=(SCRIPTS, SOUNDS),
    packages=("fillets-ng-data", "fillets-ng-data-cs"),
    links=NOT_BY_SPEAKER,
    version=2,
)
