"""Tables of text, one row a clip: TSV and CSV with a line of column names, Common Voice's among them.

    path	sentence	client_id	locale	age	gender
    common_voice_en_1.mp3	Turn left.	9f3a	en	twenties	female

Columns are understood by the names of fields (audio, text, language, speaker, split, ...) and by Common Voice's (path,
sentence, client_id, locale); others are named in `columns`, e.g. {"text": "transcription"}. `age` and `gender` stand in
`cut.custom`, what is left over in `cut.custom["columns"]`. An empty cell is a value that is not known. A length that
rows state (a column `duration`, `duration_ms`, ...) must be that of the audio.

Audio is looked for in the folder of the setting `audio`; without one beside the table, in its folder `clips`, then in
the working folder. The delimiter is the setting's, or that of the name's end (.tsv, .csv, .psv). CSV is quoted as RFC
4180 says, also over several lines; TSV is not, but for a cell that a writer of CSV has quoted (its own quotes doubled),
or a whole table whose names of columns are quoted. A row that cannot be read is a reject, and the next line is a row.
"""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from curation.interchange.columns import FIELDS, NAMES, claimed, unknown_columns
from curation.interchange.common import content_of, write_items
from curation.interchange.stored import address_of
from manifests.errors import ManifestError, SettingsError
from manifests.files import has_file, need_file, need_folder
from manifests.items import About, Item
from manifests.lines import PACKINGS, Line, lines
from manifests.reasons import Reason
from manifests.rows import CorpusInfo, Reject
from manifests.rows.places import found_audio

COMMON_VOICE = {"audio": "path", "text": "sentence", "speaker": "client_id", "language": "locale"}
KEPT = ("age", "gender")  # of a speaker: they stand in `cut.custom` itself
DELIMITERS = {".tsv": "\t", ".tab": "\t", ".csv": ",", ".psv": "|"}
CLIPS = "clips"  # Common Voice's folder of audio, beside its tables
MOST_LINES = 50  # of a quoted cell
_DOUBLED = re.compile(r'"(?:[^"]|"")*""(?:[^"]|"")*"')  # quoted as CSV is, with a quote inside


@dataclass(frozen=True)
class TableLayout:
    """How a table is read."""

    columns: Mapping[str, str] = field(default_factory=dict)  # field -> column
    without: Collection[str] = ()  # columns to leave out
    audio: Path | None = None  # folder of the audio files
    delimiter: str | None = None  # one character; None: what the table's name says, else what its kind does
    kind: str = ""  # tsv or csv

    def __post_init__(self) -> None:
        given = {"tab": "\t", "\\t": "\t"}.get(self.delimiter or "", self.delimiter)
        object.__setattr__(self, "delimiter", given)
        if given is not None and (len(given) != 1 or given in '"\r\n'):
            raise SettingsError(f"delimiter is {given!r}, expected one character such as ';', or tab.")
        if self.audio is not None:
            need_folder(self.audio, what="folder of audio")


@dataclass(frozen=True)
class TextTable:
    """A table's head: how its rows are read."""

    path: Path
    header: tuple[str, ...]
    fields: dict[str, str]  # field -> column
    delimiter: str
    quoted: bool  # by the rules of CSV

    @property
    def stem(self) -> str:
        """The name without its ends."""
        return _ends(self.path)[0]


@dataclass(frozen=True)
class _Record:
    """One row of a table, or why it cannot be read."""

    number: int  # of its first line
    cells: Sequence[str] = ()
    problem: str = ""


def import_tables(files: Sequence[Path], output: Path, about: About, layout: TableLayout | None = None) -> CorpusInfo:
    """Prepare `output/CORPUS` from tables.

    Raises:
        MissingFileError: no such table or folder of audio, or an empty table.
        ManifestError: a table without a column of audio, or with a column twice.
        SettingsError: a column that is not there, no delimiter, or a name of a split that is not known.
        OccupiedError: the folder holds another corpus, or something else.
    """
    layout = layout or TableLayout()
    tables = [open_table(path, layout) for path in files]
    items = (item for table in tables for item in read_table(table, about, layout))
    source = f"tables: {', '.join(table.path.name for table in tables)}"
    return write_items(items, output, about, source=source, inputs=content_of(files))


def open_table(path: Path, layout: TableLayout) -> TextTable:
    """Read the line of column names.

    Raises:
        As `import_tables`.
    """
    need_file(path, what="table")
    delimiter = layout.delimiter or DELIMITERS.get(_ends(path)[1]) or DELIMITERS.get(f".{layout.kind}")
    if delimiter is None:
        raise SettingsError(
            f"{path}: its name does not say what separates columns ({', '.join(DELIMITERS)} do). Say it with the "
            "setting `delimiter`."
        )
    first = next((line for line in lines(path) if line.text.strip(" \r") or line.problem), Line(1, ""))
    cells = first.text.rstrip("\r").split(delimiter)
    quoted = delimiter != "\t" or all(len(cell) > 1 and cell[0] == cell[-1] == '"' for cell in cells)
    head = _record(first.number, [first.text], delimiter, quoted=quoted)
    header = tuple(cell.strip() for cell in head.cells)
    if problem := first.problem or head.problem or ("" if any(header) else "no names of columns"):
        raise ManifestError(f"{path}:{first.number}: {problem}. Expected a line of names of columns.")
    if twice := [name for name in header if header.count(name) > 1]:
        raise ManifestError(f"{path} has the column {twice[0]!r} twice, expected each name once.")
    return TextTable(path, header, _fields(path, header, layout), delimiter, quoted)


def _fields(path: Path, header: Sequence[str], layout: TableLayout) -> dict[str, str]:
    unknown_columns(layout.columns, header)
    if absent := sorted(set(layout.without) - set(header)):
        raise SettingsError(f"without names {', '.join(absent)}, which is no column of {path} ({', '.join(header)}).")
    kept = [name for name in header if name not in layout.without]
    own = {name: name for name in NAMES if name in kept}
    known = {name: column for name, column in COMMON_VOICE.items() if column in kept}
    fields = known | own | dict(layout.columns)
    if "audio" not in fields:
        raise ManifestError(
            f"{path} has no column of audio files among {', '.join(map(repr, header))}. Name it with the setting "
            "`columns`: audio=COLUMN. If those are no names of columns, the setting `delimiter` says what separates "
            "them, and the first line must name them."
        )
    return fields


def read_table(table: TextTable, about: About, layout: TableLayout) -> Iterator[Item | Reject]:
    """Items of a table. Ids are TABLE-LINE unless rows have an `id`."""
    split = about.own_split(table.stem)
    records = _records(table)
    next(records, None)  # the names of columns
    for record in records:
        key, place = f"{table.stem}-{record.number:06}", f"{table.path}:{record.number}"
        if record.problem:
            yield about.reject(key, Reason.bad_row, f"{place}: {record.problem}")
        elif len(record.cells) != len(table.header):
            detail = f"{place}: {len(record.cells)} cells, expected {len(table.header)}"
            yield about.reject(key, Reason.bad_row, detail)
        else:
            row = dict(zip(table.header, map(str.strip, record.cells), strict=True))
            yield _item(row, key, table, about, layout, place=place, split=split)


def _item(
    cells: Mapping[str, str],
    key: str,
    table: TextTable,
    about: About,
    layout: TableLayout,
    *,
    place: str,
    split: str | None,
) -> Item | Reject:
    row: dict[str, str] = {name: cell for name, cell in cells.items() if cell and name not in layout.without}
    values = {name: row.get(column) for name, column in table.fields.items()}
    # A transcript that is empty is another defect than none: where there is a column of texts, it says something.
    text = cells[table.fields["text"]] if "text" in table.fields else None
    name, given = values["audio"], values.get("id")
    if name is None or "\0" in name:
        return about.reject(given or key, Reason.audio_missing, f"{place}: {table.fields['audio']} names no file")
    used = {column for name, column in table.fields.items() if name != "duration"} | set(KEPT)
    left = {column: cell for column, cell in row.items() if column not in used}
    said: dict[str, Any] = {name: values.get(name) for name in FIELDS if name not in ("text", "sound")}
    return Item(
        key=given or key,
        place=place,
        recording=str(Path(name).with_suffix("")).lstrip("/") if Path(name).name else name,
        audio=_audio(name, table, layout),
        text=text,
        sound=None if values.get("sound") is None else [str(values["sound"])],
        claimed=claimed(row, table.fields.get("duration")),
        split=values.get("split") or split,
        license=values.get("license"),
        extra={name: row[name] for name in KEPT if name in row} | ({"columns": left} if left else {}),
        **said,
    )


def _audio(name: str, table: TextTable, layout: TableLayout) -> Path:
    if layout.audio is not None:
        return (layout.audio / name).absolute()
    folder = table.path.absolute().parent
    if (place := address_of(name)) is not None:
        return place
    clip = folder / CLIPS / name
    return clip if not has_file(folder / name) and has_file(clip) else found_audio(name, folder)


def _records(table: TextTable) -> Iterator[_Record]:
    """The rows of a table, its names of columns first; a row that cannot be read ends with its first line."""
    waiting: deque[Line] = deque()
    source = lines(table.path)
    while True:
        line = waiting.popleft() if waiting else next(source, None)
        if line is None:
            return
        if line.problem:
            yield _Record(line.number, problem=line.problem)
        elif line.text.strip(" \r"):
            yield _whole(line, waiting, source, table)


def _whole(line: Line, waiting: deque[Line], source: Iterator[Line], table: TextTable) -> _Record:
    """The row that begins with a line; lines that it takes are gone from `waiting`."""
    found = _record(line.number, [line.text], table.delimiter, quoted=table.quoted)
    taken = 0
    while found.problem == _OPEN and taken < MOST_LINES:
        if taken == len(waiting):
            following = next(source, None)
            if following is None:
                break
            waiting.append(following)
        taken += 1
        parts = list(waiting)[:taken]
        if parts[-1].problem:
            break
        joined = [line.text, *(part.text for part in parts)]
        found = _record(line.number, joined, table.delimiter, quoted=True)
    if found.problem:
        return _Record(line.number, problem=_OPEN) if taken else found
    for _ in range(taken):
        waiting.popleft()
    return found


_OPEN = "a quote is not closed"


def _record(number: int, texts: Sequence[str], delimiter: str, *, quoted: bool) -> _Record:
    if not quoted:
        cells = texts[0].split(delimiter)
        return _Record(number, [c[1:-1].replace('""', '"') if _DOUBLED.fullmatch(c) else c for c in cells])
    ended = [f"{text}\n" for text in texts[:-1]] + [texts[-1]]
    try:
        return _Record(number, next(csv.reader(ended, delimiter=delimiter, skipinitialspace=True, strict=True)))
    except csv.Error as error:
        return _Record(number, problem=_OPEN if "unexpected end" in str(error) else f"no CSV: {error}")


def _ends(path: Path) -> tuple[str, str]:
    """A table's name without its ends, and the end that says what it is."""
    name = Path(path.name).with_suffix("") if path.suffix in PACKINGS else Path(path.name)
    return name.name.partition(".")[0], name.suffix.lower()
