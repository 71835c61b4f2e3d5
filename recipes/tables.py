"""Tables with quotes, as spreadsheets write them: one record a line."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from manifests.errors import ManifestError
from recipes.speech.sources import Found, Source

Row = Mapping[str, str]


def quoted(
    source: Source,
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
        ManifestError: as `manifests.lines.lines`, or a heading is missing.
    """
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


def file_name(value: str) -> str:
    """The value of a column that names a file in a known folder.

    Raises:
        ValueError: it names none, or a path.
    """
    if not value or value.startswith(".") or "/" in value or "\\" in value or "\0" in value:
        raise ValueError(f"{value[:80]!r} is no name of a file")
    return value
