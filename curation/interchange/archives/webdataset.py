"""WebDataset in: tar files in which the members of a sample follow each other and share a key.

    talk/0007.flac    the sound: one member whose end is one of sound
    talk/0007.json    facts: one object, its keys are columns
    talk/0007.txt     the text; .cls a label; any other small text is a column of the name of its end

A key is a member's name up to the first dot of its last part, as WebDataset reads it. Columns are understood by the
names of fields (text, language, speaker, split, ...); others are named in `columns`, e.g. {"text": "caption"}. The text
is the column `text`, or else `txt`, `transcript` or `lab`; `label` and `cls` are the sound's label where the task is
`sound`. An id is `id` or `cut_id`, or else SHARD/KEY. The name of a shard (dev-000001.tar) or of its folder tells the
split, where it is one of a split. Sound is written to CORPUS/audio, byte for byte, or stays where it is.

What `soundwave catalog export --format webdataset` wrote comes back: ids, splits, texts, labels, rows without sound.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

from curation.interchange.archives import TAR, Member, expand, found_in, is_audio, members
from curation.interchange.columns import NAMES, item_of, text_row
from curation.interchange.common import content_of, write_items
from curation.interchange.loading import split_name
from curation.interchange.stored import in_place, member_audio, need_readable
from curation.storage import source_place
from manifests.errors import ManifestError, SettingsError
from manifests.files import has_file, need_file
from manifests.items import About, Item
from manifests.items.corpus import names_of
from manifests.lines.jsonl import Repeated, parse_row
from manifests.reasons import Reason
from manifests.rows import AUDIO, CorpusInfo, Reject, TextRow

TEXTS = ("text", "txt", "transcript", "lab")
LABELS = ("label", "cls")
MADE = (
    "cut_id",
    "corpus",
    "duration",
    "sampling_rate",
    "channels",
    "audio_sha256",
)  # by an export; imports say it anew
SMALL = 1 << 20  # bytes of a text or of facts
JSON = "json"


@dataclass(frozen=True)
class WebLayout:
    """How samples are read."""

    columns: Mapping[str, str] = field(default_factory=dict)  # field -> column
    without: Collection[str] = ()  # columns to leave out

    def __post_init__(self) -> None:
        if unknown := [name for name in self.columns if name not in NAMES or name == "audio"]:
            fields = ", ".join(name for name in NAMES if name != "audio")
            raise SettingsError(f"columns name {', '.join(unknown)}, expected FIELD=COLUMN with a field of {fields}.")


@dataclass(frozen=True)
class Shard:
    """A tar file of samples."""

    path: Path
    name: str  # what stands before its keys
    split: str | None  # that its own name, or its folder's, says


@dataclass
class _Sample:
    key: str
    place: str
    parts: dict[str, Member] = field(default_factory=dict)  # end of the name -> member
    problems: list[str] = field(default_factory=list)


def import_webdataset(
    sources: Sequence[Path], output: Path, about: About, layout: WebLayout | None = None
) -> CorpusInfo:
    """Prepare `output/CORPUS` from tar files, folders of them, or patterns (`train-{000..127}.tar`).

    Raises:
        MissingFileError: no such file or folder, or an empty file.
        ManifestError: a folder without tar files.
        SettingsError: a name of a split that is not known, a column that no sample has.
        OccupiedError: the folder holds another corpus, or something else.
    """
    layout = layout or WebLayout()
    shards = open_shards(sources, about)
    need_readable(shard.path for shard in shards)
    seen: set[str] = set()
    names, _ = names_of(read_webdataset(shards, about, layout, None, seen=seen))
    if absent := sorted({*layout.columns.values(), *layout.without} - seen):
        raise SettingsError(f"{', '.join(absent)} is no column of a sample. There are {', '.join(sorted(seen))}.")
    return write_items(
        read_webdataset(shards, about, layout, output / about.corpus / AUDIO),
        output,
        about,
        source=f"WebDataset: {', '.join(path.name for path in sources)}",
        inputs=content_of(shard.path for shard in shards),
        names=names,
    )


def open_shards(sources: Sequence[Path], about: About) -> list[Shard]:
    """The tar files of sources, by name.

    Raises:
        As `import_webdataset`.
    """
    found = [(path, inside) for source in sources for path, inside in _tars(source)]
    stems = [_stem(path) for path, _ in found]
    shards = []
    for (path, inside), stem in zip(found, stems, strict=True):
        name = stem if stems.count(stem) == 1 else str(inside.with_name(stem))
        shards.append(Shard(path, name, about.own_split(split_name(inside, stem))))
    return shards


def _tars(source: Path) -> Iterator[tuple[Path, PurePosixPath]]:
    """Each tar of a source, and what its name says: from the folder that was named on."""
    if source.is_dir():
        found = found_in(source, lambda name: TAR.fullmatch(name) is not None)
        if not found:
            raise ManifestError(f"{source} holds no tar file, expected .tar, .tgz or .tar.gz.")
        for path, inside in found:
            yield need_file(path, what="tar file"), PurePosixPath(source.absolute().name, inside)
        return
    for name in expand(str(source)) if not has_file(source) else [source]:
        yield need_file(source_place(name), what="tar file"), PurePosixPath(PurePosixPath(str(name)).name)


def _stem(path: Path) -> str:
    named = TAR.fullmatch(path.name)
    return named["stem"] if named else path.stem


def read_webdataset(
    shards: Sequence[Shard], about: About, layout: WebLayout, folder: Path | None, *, seen: set[str] | None = None
) -> Iterator[Item | TextRow | Reject]:
    """The samples of all shards.

    Args:
        shards: from `open_shards`.
        about: of the corpus.
        layout: which columns are which fields.
        folder: where sound is written; None: it is neither read nor written, and items name no file.
        seen: gets the names of all columns.
    """
    for shard in shards:
        for sample in _samples(shard, sound=folder is not None and not in_place()):
            yield _item(sample, shard, about, layout, folder=folder, seen=seen)


def _samples(shard: Shard, *, sound: bool) -> Iterator[_Sample]:
    sample: _Sample | None = None
    for member in members(shard.path, lambda name, size: sound if is_audio(name) else size <= SMALL):
        key, end = _key(member.name)
        if sample is None or sample.key != key:
            if sample is not None:
                yield sample
            sample = _Sample(key, f"{shard.path}:{key}" if key else str(shard.path))
        if member.problem:
            sample.problems.append(member.problem)
        elif end in sample.parts:
            sample.problems.append(f"{member.name} stands twice in the archive")
        else:
            sample.parts[end] = member
    if sample is not None:
        yield sample


def _key(name: str) -> tuple[str, str]:
    """The key of a member and the end that tells it from others of the sample."""
    path = PurePosixPath(name)
    stem, _, end = path.name.partition(".")
    return str(path.with_name(stem)) if stem else name, end.lower()


def _item(
    sample: _Sample, shard: Shard, about: About, layout: WebLayout, *, folder: Path | None, seen: set[str] | None
) -> Item | TextRow | Reject:
    key = f"{shard.name}/{sample.key}" if sample.key else shard.name
    try:
        if sample.problems:
            raise ManifestError("; ".join(sample.problems))
        row = _row(sample, layout)
        if seen is not None:
            seen.update(row)
        fields = _fields(row, about, layout)
        sounds = [member for member in sample.parts.values() if is_audio(member.name)]
        if len(sounds) > 1:
            raise ManifestError(f"{', '.join(member.name for member in sounds)} are several sounds, expected one")
    except ManifestError as error:
        return about.reject(key, Reason.bad_row, f"{sample.place}: {error}")
    key = _own_id(row, fields, about) or key
    if not sounds:
        return text_row(row, key, about) or about.reject(key, Reason.audio_missing, f"{sample.place} has no sound")
    if "cut_id" in row:
        row = {column: value for column, value in row.items() if column not in MADE}
    item = item_of(row, fields, about, key=key, place=sample.place, audio=Path(), split=shard.split)
    if folder is None or isinstance(item, Reject) or about.leaves_out(item.split or ""):
        return item
    return replace(item, audio=member_audio(shard.path, sounds[0], folder))


def _row(sample: _Sample, layout: WebLayout) -> dict[str, Any]:
    """Column -> value: the keys of the JSON, and the texts by the ends of their names.

    Raises:
        ManifestError: no JSON object, or what is no text.
    """
    row: dict[str, Any] = {}
    if JSON in sample.parts:
        row = _facts(sample.parts[JSON])
    for end, member in sample.parts.items():
        if end == JSON or is_audio(member.name) or end in layout.without:
            continue
        text = _plain(member)
        if text is not None:
            row.setdefault(end, text)
    return {column: value for column, value in row.items() if column not in layout.without}


def _facts(member: Member) -> dict[str, Any]:
    if member.size > SMALL:
        raise ManifestError(f"{member.name} has {member.size:,} bytes, expected at most {SMALL:,}")
    try:
        row = parse_row(member.data.decode().removeprefix("\ufeff"))
    except ValueError as error:  # no UTF-8 either
        raise ManifestError(f"{member.name}: {error}") from error
    if isinstance(row, Repeated):
        raise ManifestError(f"{member.name}: the key `{row.key}` occurs twice")
    return row


def _plain(member: Member) -> str | None:
    """The text of a member; None of pictures and other data that are none.

    Raises:
        ManifestError: a text by its name that is none.
    """
    end = _key(member.name)[1]
    try:
        if member.size > SMALL or b"\0" in member.data:
            raise ValueError(f"{member.size:,} bytes")
        return member.data.decode().removeprefix("\ufeff").strip()
    except ValueError as error:
        if end in (*TEXTS, *LABELS):
            raise ManifestError(f"{member.name} is not UTF-8, or no text ({error})") from error
        return None


def _fields(row: Mapping[str, Any], about: About, layout: WebLayout) -> dict[str, str]:
    """Field -> column, of one sample.

    Raises:
        ManifestError: two texts that differ.
    """
    fields = {name: name for name in NAMES if name in row and name != "audio"}
    if "cut_id" in row:
        fields.setdefault("id", "cut_id")
    said = [column for column in TEXTS if column in row]
    if "text" not in layout.columns and len({str(row[column]).strip() for column in said if row[column]}) > 1:
        raise ManifestError(f"{' and '.join(said)} say different things, expected one text, or the setting `columns`")
    if said:
        fields.setdefault("text", said[0])
    labels = [column for column in LABELS if column in row]
    if labels and str(row.get("task") or about.task) == "sound":
        fields.setdefault("sound", labels[0])
    return fields | {name: column for name, column in layout.columns.items() if column in row}


def _own_id(row: Mapping[str, Any], fields: Mapping[str, str], about: About) -> str:
    """The id that a sample has; without the corpus's name before it, where it is of this corpus."""
    value = row.get(fields.get("id", ""))
    if value in (None, "") or isinstance(value, list | dict | bool):
        return ""
    own = row.get("corpus") == about.corpus and fields["id"] == "cut_id"
    return str(value).removeprefix(f"{about.corpus}-") if own else str(value)
