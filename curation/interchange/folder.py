"""Folders of audio files with their texts beside them.

    calls/7/a.wav     the audio, in any format that is read here (manifests/audio/endings.py)
    calls/7/a.txt     what is said in it, of the same stem: .txt or .lab (UTF-8, its lines joined by a space), or
    calls/7/a.TextGrid  words with their times (see textgrid.py); beside a .txt or .lab it gives the times alone

An id is the path without its suffix: `calls/7/a`. What folders mean is said, never guessed: the setting `folders`
names what each level gives, outermost first (`split/speaker`; `-` for nothing). Audio without a text (for speech
recognition) and a text without audio are rejects, as are links that lead out of the folder, unless `follow_links`
says that this is meant. Hidden files are no part of it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from curation.interchange.common import write_items
from curation.interchange.textgrid import TimedText, read_textgrid
from curation.storage import in_store
from manifests.audio.endings import ENDINGS
from manifests.errors import InputError, ManifestError, SettingsError
from manifests.files import need_folder, read_text
from manifests.fingerprint import file_sha256, fingerprint
from manifests.items import About, Item
from manifests.lines import split_lines
from manifests.reasons import Reason
from manifests.rows import CorpusInfo, Reject

LEVELS = ("split", "speaker", "language", "domain", "sound")  # what a folder's name may give
NOTHING = "-"
TEXTS = (".txt", ".lab")
GRID = ".textgrid"
_LABELS = re.compile(r"\s*(\d+)\s+(\d{4,})\s+\S")  # a line of HTK's or TIMIT's labels: start, end, label


@dataclass(frozen=True)
class FolderLayout:
    """How a folder is read."""

    folders: str = ""  # what levels of folders give, e.g. split/speaker
    tier: str | None = None  # of TextGrids; None: the one that holds words
    follow_links: bool = False  # also to what is outside

    def __post_init__(self) -> None:
        given = [name for name in self.levels if name != NOTHING]
        if unknown := [name for name in given if name not in LEVELS]:
            raise SettingsError(
                f"folders name {', '.join(map(repr, unknown))}, expected some of {', '.join(LEVELS)} (or {NOTHING}) "
                "with slashes between, outermost folder first."
            )
        if twice := [name for name in given if given.count(name) > 1]:
            raise SettingsError(f"folders name {twice[0]} twice, expected each once.")

    @property
    def levels(self) -> list[str]:
        """What each level gives, outermost first."""
        return [name.strip() for name in self.folders.strip("/").split("/")] if self.folders else []


@dataclass
class _Stem:
    """Files of one stem."""

    audio: list[Path] = field(default_factory=list)
    texts: list[Path] = field(default_factory=list)
    others: list[Path] = field(default_factory=list)


def import_folder(folder: Path, output: Path, about: About, layout: FolderLayout | None = None) -> CorpusInfo:
    """Prepare `output/CORPUS` from a folder of audio files and texts.

    Raises:
        MissingFileError: no such folder.
        SettingsError: a name of a split that is not known.
        OccupiedError: the corpus's folder holds another corpus, or something else.
    """
    layout = layout or FolderLayout()
    items = list(read_folder(folder, about, layout))
    return write_items(
        items,
        output,
        about,
        source=f"folder: {folder.absolute().name}",
        inputs={str(folder.absolute()): _content(folder, layout)},
    )


def read_folder(folder: Path, about: About, layout: FolderLayout) -> Iterator[Item | Reject]:
    """Items of a folder, in the order of their paths."""
    root = need_folder(folder, what="folder of audio")
    stems: dict[str, _Stem] = {}
    for path in _walk(root):
        inside = _inside(path, root)
        key = str(inside.with_suffix(""))
        problem = _unfit(path, root, layout)
        if problem is not None:
            yield about.reject(_shown(str(inside)), *problem)
            continue
        found, ending = stems.setdefault(key, _Stem()), path.suffix.lower()
        kept = found.audio if ending in ENDINGS else found.texts if ending in (*TEXTS, GRID) else found.others
        kept.append(path)
    split = about.own_split(root.absolute().name)
    for key, found in stems.items():
        for path in found.audio:
            yield _item(path, found, key, about, layout, root=root, split=split)
        if found.texts and not found.audio:
            beside = "" if not found.others else f", but {found.others[0].name}, which is named as no audio file is"
            yield about.reject(
                key, Reason.audio_missing, f"{found.texts[0].name} has no audio file of its stem beside it{beside}"
            )


def _item(
    path: Path, files: _Stem, key: str, about: About, layout: FolderLayout, *, root: Path, split: str | None
) -> Item | Reject:
    folders = _inside(path, root).parts[:-1]
    if len(folders) < len(layout.levels):
        where = "/".join(folders) or "the folder itself"
        detail = f"{path.name} lies in {where}, expected one folder in another for {'/'.join(layout.levels)}"
        return about.reject(key, Reason.bad_row, detail)
    if not files.texts and about.task == "asr":
        expected = ", ".join(f"{path.stem}{ending}" for ending in (*TEXTS, ".TextGrid"))
        return about.reject(key, Reason.text_missing, f"{path.name} has none of {expected} beside it")
    try:
        said = _said(files.texts, layout) if files.texts else None
    except InputError as error:
        return about.reject(key, Reason.bad_row, str(error))
    given = dict(zip(layout.levels, folders, strict=False))
    return Item(
        key=key,
        place=str(path),
        recording=key,
        audio=path,
        text=None if said is None else said.text,
        words=() if said is None else said.words,
        split=given.get("split", split),
        speaker=given.get("speaker"),
        language=given.get("language"),
        domain=given.get("domain"),
        sound=[given["sound"]] if "sound" in given else None,
    )


def _said(paths: list[Path], layout: FolderLayout) -> TimedText:
    """What the files of one stem say.

    Raises:
        InputError: one cannot be read, or two say different things.
    """
    plain = {path: _plain_text(path) for path in paths if path.suffix.lower() in TEXTS}
    grids = [path for path in paths if path.suffix.lower() == GRID]
    if len(set(plain.values())) > 1 or len(grids) > 1:
        names = ", ".join(path.name for path in (plain if len(set(plain.values())) > 1 else grids))
        raise ManifestError(f"{names} say different things, expected one text.")
    timed = read_textgrid(grids[0], layout.tier) if grids else TimedText("", ())
    return TimedText(next(iter(plain.values()), timed.text), timed.words)


def _plain_text(path: Path) -> str:
    if path.stat().st_size == 0:
        return ""
    lines = [line for line in split_lines(read_text(path)) if line.strip()]
    labels = [_LABELS.match(line) for line in lines]
    if lines and all(labels) and labels[0] and int(labels[0][1]) == 0:
        raise ManifestError(f"{path} holds labels with times, expected plain text. Its first line is {lines[0][:80]!r}")
    return " ".join(line.strip() for line in lines)


def _walk(folder: Path) -> Iterator[Path]:
    """Every file below a folder, and links to folders, by name; hidden ones are left out."""
    if in_store(folder):
        paths = sorted(folder.rglob("*"), key=lambda path: _inside(path, folder).parts)
        yield from (path for path in paths if path.is_file() and not _hidden(_inside(path, folder)))
        return
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if entry.name.startswith("."):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(folder / entry.name)
        else:
            yield folder / entry.name


def _inside(path: Path, root: Path) -> Path:
    """A path below the folder, from there on."""
    return Path(str(path).removeprefix(str(root)).lstrip("/")) if in_store(root) else path.relative_to(root)


def _hidden(inside: Path) -> bool:
    return any(part.startswith(".") for part in inside.parts)


def _unfit(path: Path, root: Path, layout: FolderLayout) -> tuple[Reason, str] | None:
    """Why a file cannot be taken at all."""
    if _shown(str(path)) != str(path):
        return Reason.bad_row, f"{_shown(str(path))} is no name in UTF-8. Rename it."
    if not in_store(path) and path.is_symlink():
        real = Path(os.path.realpath(path))
        if real.is_dir():
            return Reason.outside_corpus, f"{path} is a link to a folder ({real}), expected the folder itself"
        if not layout.follow_links and not real.is_relative_to(os.path.realpath(root)):
            hint = "The setting `follow_links` says that this is meant."
            return Reason.outside_corpus, f"{path} is a link to {real}, outside {root}. {hint}"
    return None


def _shown(name: str) -> str:
    """A name with \\x.. in place of bytes that are no UTF-8."""
    return os.fsencode(name).decode(errors="backslashreplace")


def _content(folder: Path, layout: FolderLayout) -> str:
    """Fingerprint of a folder: its texts, and its audio files by name and size; their bytes are in their cuts."""
    files = [path for path in _walk(folder) if _unfit(path, folder, layout) is None and path.is_file()]
    return fingerprint(
        [
            (str(_inside(path, folder)), path.stat().st_size if ending in ENDINGS else file_sha256(path))
            for path in files
            if (ending := path.suffix.lower()) in (*ENDINGS, *TEXTS, GRID)
        ]
    )
