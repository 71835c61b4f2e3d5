"""What recipes read a corpus with: lines and tables, each with its place; files side by side; audio that none names."""

from __future__ import annotations

import math
import os
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path

import numpy as np
from xxhash import xxh3_64_intdigest

from manifests.errors import AudioError, ManifestError, MissingFileError
from manifests.items import Item
from manifests.lines import Line, lines
from manifests.reasons import Reason
from manifests.rows import Reject
from recipes.common import SOURCE, need_inside, reject

Found = Item | Reject
_SHOWN = 8  # names of a wrong folder's content in a message
_GENDERS = {
    "f": "female",
    "female": "female",
    "female_feminine": "female",
    "m": "male",
    "male": "male",
    "male_masculine": "male",
}
_UNSAID = ("", "n/a", "na", "none", "u", "unknown", "unk")


@dataclass(frozen=True)
class SourceTree:
    """A corpus's folder while a recipe reads it."""

    corpus: str
    root: Path
    named: array[int] = field(default_factory=lambda: array("Q"))  # hashes of the audio that lines name, 8 bytes each

    def reject(self, key: str, reason: Reason, detail: str) -> Reject:
        """A reject of the item `key`."""
        return reject(f"{self.corpus}-{key}", self.corpus, reason, detail)

    def place(self, path: Path, number: int) -> str:
        """A line's place: the file within the corpus, and the number of the line from 1."""
        return f"{path.relative_to(self.root).as_posix()}:{number}"

    def audio(self, path: Path) -> Path:
        """The path of an item's audio, which `unnamed` counts as named.

        Raises:
            ValueError: a row names a file elsewhere, or one that cannot be.
        """
        if not path.is_relative_to(self.root) or "\0" in str(path):
            raise ValueError(f"{str(path)[:80]!r} is no file in the corpus's folder")
        self.named.append(_digest(path))
        return path

    def facts(self, path: Path, delimiter: str) -> Iterator[list[str]]:
        """The values of each line of a table that says more of items, such as who speaks; none where there is no table.

        Raises:
            ManifestError: as `manifests.lines.lines`, or it is a link out of the corpus.
        """
        if not path.is_file():
            return
        try:
            need_inside(path)
        except AudioError as error:
            raise ManifestError(str(error)) from error
        for line in lines(path):
            yield [value.strip() for value in line.text.split(delimiter)]

    def each(self, path: Path, make: Callable[[str, str], Found | None]) -> Iterator[Found]:
        """What `make` gives for the place and the text of every line that is not empty.

        A line that cannot be read is a reject, as is one of which `make` raises ValueError: it says what is wrong.

        Raises:
            ManifestError: as `manifests.lines.lines`.
        """
        yield from self.beside([path], make, empty=False)

    def beside(
        self, paths: Sequence[Path], make: Callable[..., Found | None], *, empty: bool = True
    ) -> Iterator[Found]:
        """The same of files whose lines belong together by their number: `make(place, text, text, ...)`.

        empty: whether lines that are empty in all files count.

        Raises:
            ManifestError: as `manifests.lines.lines`, or the files have different numbers of lines.
        """
        for path in paths:
            try:
                need_inside(path)
            except AudioError as error:
                yield self.reject(path.relative_to(self.root).as_posix(), Reason(error.reason), str(error))
                return
        for row in zip_longest(*(lines(path) for path in paths)):
            if None in row:
                raise self._uneven(paths, row)
            place = self.place(paths[0], row[0].number)
            if problem := next((line.problem for line in row if line.problem), ""):
                yield self.reject(place, Reason.bad_row, f"{place}: {problem}")
            elif empty or any(line.text.strip() for line in row):
                found = self._made(place, make, [line.text for line in row])
                if found is not None:
                    yield found

    def table(
        self,
        path: Path,
        make: Callable[[str, Mapping[str, str]], Found | None],
        *,
        columns: Sequence[str] = (),
        need: Sequence[str] = (),
        delimiter: str = "\t",
    ) -> Iterator[Found]:
        """The same of a table without quotes: `make(place, {column: value})`.

        Args:
            path: the file.
            make: as in `each`.
            columns: of a table that has no line of headings; (): its first line has them.
            need: columns that the headings must have.
            delimiter: what stands between values.

        Raises:
            ManifestError: as `manifests.lines.lines`, or a heading is missing, or all of them.
        """
        names = list(columns)

        def row(place: str, text: str) -> Found | None:
            values = text.split(delimiter)  # what a csv reader without quotes gives, without its limits
            if not names:
                if missing := [name for name in need if name not in values]:
                    raise ManifestError(
                        f"{path} has no column {', '.join(missing)}. It has {', '.join(values)}. Is it another version?"
                    )
                names.extend(values)
                return None
            if len(values) != len(names):
                raise ValueError(f"{len(values)} values, expected {len(names)}: {', '.join(names)}")
            return make(place, dict(zip(names, (value.strip() for value in values), strict=True)))

        yield from self.each(path, row)
        if not names:
            raise ManifestError(
                f"{path} has no line of headings ({', '.join(need)}): it was cut short. Fetch it again."
            )

    def unnamed(self, folder: Path, *ends: str) -> Iterator[Reject]:
        """A reject for each audio file of a folder that no line named, by the ends of names; hidden ones aside."""
        known = np.unique(np.frombuffer(self.named, dtype=np.uint64)) if self.named else np.empty(0, np.uint64)
        for path in files(folder, *ends):
            digest = np.uint64(_digest(path))
            at = int(np.searchsorted(known, digest))
            if at == len(known) or known[at] != digest:
                where = path.relative_to(self.root).as_posix()
                yield self.reject(path.stem, Reason.text_missing, f"{where}: no line of the corpus names it")

    def nothing(self, expected: str, obtain: str) -> MissingFileError:
        """The error of a folder that is not the corpus's: what was looked for, and what is there."""
        held = sorted(self.root.iterdir())
        more = f" and {len(held) - _SHOWN} more" if len(held) > _SHOWN else ""
        there = f"{', '.join(path.name for path in held[:_SHOWN])}{more}" if held else "nothing"
        links = SOURCE.get() is not None and any(path.is_symlink() for path in held)
        hint = " Links to folders are followed where the setting `follow_links` says so." if links else ""
        return MissingFileError(f"{self.root} holds no {expected}. It holds {there}.{hint} {obtain}")

    def _made(self, place: str, make: Callable[..., Found | None], texts: list[str]) -> Found | None:
        try:
            return make(place, *texts)
        except ValueError as error:
            return self.reject(place, Reason.bad_row, f"{place}: {error}")

    def _uneven(self, paths: Sequence[Path], row: Sequence[Line | None]) -> ManifestError:
        short = next(path for path, line in zip(paths, row, strict=True) if line is None)
        longer, line = next((path, line) for path, line in zip(paths, row, strict=True) if line is not None)
        return ManifestError(
            f"{short} has {line.number - 1:,} lines and {longer.name} beside it has more: line by line they belong "
            "together, so one of them is cut short. Copy or unpack it again."
        )


def files(folder: Path, *ends: str) -> Iterator[Path]:
    """The files under a folder whose names end so, hidden ones aside, in a fixed order.

    Links to folders are followed where links out of the corpus are.
    """
    for place, folders, names in os.walk(folder, followlinks=SOURCE.get() is None):
        folders.sort()
        yield from (Path(place, name) for name in sorted(names) if name.endswith(ends) and not name.startswith("."))


def gender_of(value: str) -> str | None:
    """`female` or `male` for the words that corpora have for them; other words as they are; None where none is said."""
    plain = value.strip().casefold()
    return None if plain in _UNSAID else _GENDERS.get(plain, plain)


def span(start: str, end: str) -> tuple[float, float]:
    """Start and length in seconds of a span whose ends are written so. Raises ValueError: no finite numbers."""
    first, last = float(start), float(end)
    if not (math.isfinite(first) and math.isfinite(last)):
        raise ValueError(f"it spans {start} to {end}, expected seconds")
    return first, round(last - first, ndigits=8)


def _digest(path: Path) -> int:
    return xxh3_64_intdigest(os.fsencode(path))
