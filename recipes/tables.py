"""Tables with quotes, as spreadsheets write them: one record a line; JSON files of a corpus."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from manifests.errors import ManifestError
from manifests.files import read_text
from manifests.lines.jsonl import parse_once
from recipes.common import need_inside
from recipes.speech.sources import Found, SourceTree

Row = Mapping[str, str]
LARGEST_JSON = 1 << 28  # bytes; the largest of the corpora that are read so has a tenth


def quoted(
    source: SourceTree,
    path: Path,
    make: Callable[[str, Row], Found | None],
    *,
    need: Sequence[str],
    delimiter: str = ",",
    columns: Sequence[str] = (),
) -> Iterator[Found]:
    """What `make(place, {column: value})` gives for every record of a table whose values may stand in quotes.

    A record that cannot be read is a reject, as is one of which `make` raises ValueError.

    Args:
        source: the corpus's folder.
        path: the table.
        make: an item, a reject, or None for a record that is none.
        need: columns that the headings must have; others may come and go with versions.
        delimiter: what stands between values.
        columns: of a table without a line of headings; (): its first line has them.

    Raises:
        ManifestError: as `manifests.lines.lines`, the file is empty, or a heading is missing.
    """
    need_filled(path)
    names = list(columns)

    def record(place: str, text: str) -> Found | None:
        values = _values(text, delimiter)
        if not names:
            names.extend(value.strip() for value in values)
            if missing := [name for name in need if name not in names]:
                raise ManifestError(
                    f"{path} has no column {', '.join(missing)}. It has {', '.join(names)}. Is it another version?"
                )
            return None
        if len(values) != len(names):
            raise ValueError(f"{len(values)} values, expected {len(names)}: {', '.join(names)}")
        return make(place, dict(zip(names, (value.strip() for value in values), strict=True)))

    yield from source.each(path, record)


def _values(text: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([text], strict=True, delimiter=delimiter))
    except csv.Error as error:
        raise ValueError(f"the record cannot be read ({error})") from error


def need_filled(path: Path) -> None:
    """Refuse a table without anything in it: a download that broke off would look like a part without items.

    Raises:
        ManifestError: it has 0 bytes.
    """
    if path.stat().st_size == 0:
        raise ManifestError(f"{path} is empty (0 bytes). Was its download cut short? Get it again.")


def json_object(path: Path) -> dict[str, Any]:
    """The JSON object in a file of a corpus.

    Raises:
        AudioError: the file is a link out of the corpus.
        ManifestError: it is no JSON object, no UTF-8, or larger than LARGEST_JSON bytes.
    """
    need_inside(path)
    need_filled(path)
    try:
        value = parse_once(read_text(path, most=LARGEST_JSON))
    except ValueError as error:
        raise ManifestError(f"{path} is not valid JSON ({error}). Was its download cut short? Get it again.") from error
    if not isinstance(value, dict):
        raise ManifestError(f"{path} holds no JSON object. Is it another version?")
    return value


def file_name(value: str) -> str:
    """The value of a column that names a file in a known folder.

    Raises:
        ValueError: it names none, or a path.
    """
    if not value or value.startswith(".") or "/" in value or "\\" in value or "\0" in value:
        raise ValueError(f"{value[:80]!r} is no name of a file")
    return value
