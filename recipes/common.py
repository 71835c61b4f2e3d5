"""What recipes share: the shape of a recipe, reading audio facts in parallel, split keys, downloads.

A recipe is a module of this package that holds one `RECIPE`; the registry finds it by its file name.
"""

from __future__ import annotations

import io
import os
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypedDict, TypeVar, Unpack

import numpy as np
import soundfile
from numpy.typing import NDArray

from manifests.audio import AudioFacts, Channels, audio_facts, map_in_context
from manifests.audio.probing import threads
from manifests.errors import AudioError, MissingFileError
from manifests.files import atomic_write
from manifests.fingerprint import stable_split
from manifests.items import Item
from manifests.linked.same import same_text
from manifests.progress import progress_bar
from manifests.reasons import Reason
from manifests.rows import Reject, TextRow, speech_cut
from manifests.units import Hours
from recipes.apt import fetch_debian
from recipes.fetching import Download

if TYPE_CHECKING:
    from lhotse import MonoCut, MultiCut

__all__ = [
    "NOT_BY_SPEAKER",
    "AudioFacts",
    "CorpusRows",
    "Download",
    "Expected",
    "Item",
    "Labels",
    "Recipe",
    "audio_facts",
    "collapse",
    "fetch_debian",
    "file_cut",
    "in_parallel",
    "need_inside",
    "need_parts",
    "normalise",
    "reject",
    "slug",
    "sort_out",
    "text_split",
    "write_flac",
]

Work = TypeVar("Work")
Result = TypeVar("Result")

SHOWN = 6  # entries of a folder that a message names
Access = Literal["open", "form", "paid"]
NOT_BY_SPEAKER = ("recording", "text", "audio")  # links of corpora with one voice, or few


@dataclass
class CorpusRows:
    """What a recipe read: cuts, text-only rows, and what it refused."""

    cuts: list[MonoCut | MultiCut] = field(default_factory=list)
    texts: list[TextRow] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    splits: dict[str, str] = field(default_factory=dict)  # the corpus's own name of a split -> ours, where it has any


@dataclass(frozen=True)
class Expected:
    """How much the makers of a corpus say there is of a part of it."""

    items: int
    hours: Hours = 0.0


@dataclass(frozen=True)
class Recipe:
    """How one corpus becomes manifests: by `items`, or by `read` or `speak` where audio must be made first.

    `items(source)` yields what the files say, in the same order each time, and reads no audio: the cuts are made of it,
    many at once. An item's split is the source's own name of a part (`train-clean-100`), as in `expected` and `splits`.
    `read(source, folder)` gets the root that holds `parts` and a folder for audio that must be converted (what is in it
    will be in the corpus's folder); it writes no manifests itself. `speak(source, folder, count)` does so for a corpus
    that is as large as one wants: it makes `count` rows, and a larger corpus begins with the rows of a smaller one.
    """

    corpus: str  # name of the folder and of every row's `corpus`
    title: str
    task: str  # one of manifests.rows.TASKS
    license: str  # SPDX
    makers: str  # who made the recordings
    read: Callable[[Path, Path], CorpusRows] | None = None
    speak: Callable[[Path, Path, int], CorpusRows] | None = None
    items: Callable[[Path], Iterable[Item | TextRow | Reject]] | None = None
    parts: tuple[str, ...] = (".",)  # what it reads, relative to the source root
    packages: tuple[str, ...] = ()  # Debian packages; none: the user names a folder (setting `source`)
    version: int = 1  # raise it when the same source gives other rows
    downloads: tuple[Download, ...] = ()  # what `fetch` gets, where its licence and makers let anybody
    obtain: str = ""  # where to get a corpus that has no package, and which folders to put where
    access: Access = "open"  # how one gets it: at once, after a form, for money
    languages: tuple[str, ...] = ()  # codes (BCP 47); (): sounds, or languages without end
    expected: Mapping[str, Expected] = field(default_factory=dict)  # part -> what its makers count
    splits: Mapping[str, str] = field(default_factory=dict)  # part -> train, dev, test, hash or reject; others by name
    count: int | None = None  # how many rows `speak` makes when nobody says
    optional: bool = False  # left out of `all`
    channels: Channels = "reject"  # what is heard of recordings whose channels differ: mix or first keeps them
    links: tuple[str, ...] = ()  # of `manifests.linked`: what rows in different splits never share; (): official splits
    family: Callable[[str, Mapping[str, Any]], str] | None = None  # id, labels -> what else stays in one split


class Labels(TypedDict, total=False):
    """What a recipe knows of a cut beside its audio; see `manifests.rows.speech_cut`."""

    text: str
    language: str
    speaker: str
    target_text: str
    target_language: str
    sound: list[str]
    sound_original: str
    domain: str


SOURCE: ContextVar[Path | None] = ContextVar("source", default=None)  # root that links must not leave; None: they may


def need_inside(path: Path) -> None:
    """Refuse a file of the corpus's source that is a link to what is outside it, unless links are to be followed.

    Raises:
        AudioError: it is (reason `outside_corpus`); says where it leads, and which setting says that this is meant.
    """
    root = SOURCE.get()
    if root is None or not path.is_relative_to(root):
        return
    real, within = Path(os.path.realpath(path)), Path(os.path.realpath(root))
    if not real.is_relative_to(within):
        raise AudioError(
            f"{path} is a link to {real}, outside {within}. The setting `follow_links` says that this is meant.",
            Reason.outside_corpus,
        )


def file_cut(
    path: Path,
    *,
    cut_id: str,
    corpus: str,
    split: str,
    task: str,
    license: str,
    convert: Callable[[Path], Path] | None = None,
    **labels: Unpack[Labels],
) -> MonoCut | Reject:
    """A whole audio file as one cut, or the reject that says what is wrong with the file.

    convert: makes a file that every audio library reads and returns its path; may raise AudioError.
    """
    try:
        need_inside(path)
        facts = audio_facts(convert(path) if convert else path)
    except AudioError as error:
        return reject(cut_id, corpus, error.reason, str(error))
    return speech_cut(
        cut_id=cut_id,
        recording=facts.recording(cut_id),
        corpus=corpus,
        split=split,
        task=task,
        license=license,
        audio_sha256=facts.sha256,
        **labels,
    )


def in_parallel(
    work: Callable[[Work], Result], items: Sequence[Work], *, title: str, workers: int | None = None
) -> list[Result]:
    """`work` on every item in threads (decoding and hashing release the interpreter lock), results in item order."""
    with progress_bar() as bar, ThreadPoolExecutor(workers or threads()) as pool:
        task = bar.add_task(title, total=len(items), note="")
        results = []
        for result in map_in_context(pool, work, items):
            results.append(result)
            bar.advance(task)
    return results


def sort_out(results: Iterable[MonoCut | MultiCut | TextRow | Reject]) -> CorpusRows:
    """Cuts, text rows and rejects, each to its own list."""
    found = CorpusRows()
    for result in results:
        if isinstance(result, Reject):
            found.rejects.append(result)
        elif isinstance(result, TextRow):
            found.texts.append(result)
        else:
            found.cuts.append(result)
    return found


def reject(cut_id: str, corpus: str, reason: Reason | str, detail: str) -> Reject:
    """A reject of the step `prepare`."""
    return Reject(cut_id=cut_id, corpus=corpus, step="prepare", reason=Reason(reason), detail=detail)


def collapse(text: str) -> str:
    """One space between words, none at the ends."""
    return " ".join(text.split())


def normalise(text: str) -> str:
    """What counts as the same text when splitting: `same_text`, or the text where that leaves nothing."""
    return same_text(text) or collapse(text)


def text_split(text: str) -> str:
    """`train`, `dev` or `test` such that equal texts (see `normalise`) are never in different splits."""
    return stable_split(normalise(text))


def listing(folder: Path) -> str:
    """What is in a folder, its first entries."""
    with os.scandir(folder) as found:
        names = sorted(entry.name + ("/" if entry.is_dir() else "") for entry in found if entry.name[0] != ".")
    if not names:
        return "it is empty"
    more = f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
    return f"there: {', '.join(names[:SHOWN])}{more}"


def how_to_get(recipe: Recipe) -> str:
    """What to put where."""
    if recipe.packages:
        return f"Expected the unpacked Debian packages {', '.join(recipe.packages)} (a folder that holds usr/)."
    return recipe.obtain


def need_parts(root: Path, recipe: Recipe) -> None:
    """Check that a source root holds what the recipe reads.

    Raises:
        MissingFileError: a part is missing; says which, what is there, and how to get it.
    """
    missing = [part for part in recipe.parts if not (root / part).exists()]
    if missing:
        raise MissingFileError(
            f"{root} lacks {', '.join(missing)}, which the corpus `{recipe.corpus}` needs ({listing(root)}). "
            f"{how_to_get(recipe)}".strip()
        )


def slug(path: str) -> str:
    """A path or title as part of an id: ASCII letters, digits, `_`, `.` and `-` only."""
    plain = unicodedata.normalize("NFKD", path).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9_.]+", "-", plain).strip("-")


def write_flac(path: Path, samples: NDArray[np.generic], rate: int) -> None:
    """A 16-bit FLAC file of samples (N,) or (N, C), whole or not at all: libsndfile does not tell of a full disk."""
    packed = io.BytesIO()
    soundfile.write(packed, samples, rate, format="FLAC", subtype="PCM_16")
    with atomic_write(path) as temporary:
        temporary.write_bytes(packed.getvalue())
