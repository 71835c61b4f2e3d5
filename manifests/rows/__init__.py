"""Rows of a corpus on disk, as every recipe writes them and every later step reads them.

A prepared corpus is a folder:

    CORPUS/cuts.jsonl.gz     Lhotse MonoCuts (MultiCuts where channels are mixed), one supervision each
    CORPUS/texts.jsonl.gz    text-only rows (TextRow), for corpora that have any
    CORPUS/rejects.jsonl.gz  what the recipe refused, with reason codes
    CORPUS/corpus.json       name, licence, makers, counts, provenance, the files' checksums; written last: it marks the
                             folder complete

What Lhotse has no field for stands in `cut.custom` (corpus, split, task, license, audio_sha256, ...) and
`supervision.custom` (target_text, target_language, sound, sound_original).
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

from pydantic import Field

from manifests.digests import write_sealed
from manifests.digests import written as written_now
from manifests.errors import ManifestError, MissingFileError, OccupiedError
from manifests.files import claim_folder, need_file, read_json, write_lines
from manifests.lines.jsonl import rows as json_rows
from manifests.lines.values import as_text
from manifests.reasons import Reason
from manifests.rows.passes import PASS_FILE as PASS_FILE
from manifests.rows.places import with_found_audio
from manifests.rows.repeats import refused_repeats
from manifests.rows.speech import as_cut, speech_row
from manifests.rows.validate import REPEATED, in_own_letters, row_problems
from manifests.rows.written import CORPUS as CORPUS
from manifests.rows.written import CUTS as CUTS
from manifests.rows.written import FILES, check_corpus
from manifests.rows.written import REJECTS as REJECTS
from manifests.rows.written import TEXTS as TEXTS
from manifests.rows.written import row_files as row_files
from manifests.schema import allowed
from manifests.settings import stored
from manifests.settings.differences import compare
from manifests.settings.fields import Count
from manifests.switch import Switch, settle, settle_inside, switched
from manifests.units import Seconds

if TYPE_CHECKING:
    from lhotse import MonoCut, MultiCut, Recording

TASKS, SPLITS = allowed("cuts", "task"), allowed("cuts", "split")
AUDIO = "audio"  # folder of audio files that were made for the corpus


@dataclass(frozen=True)
class Reject:
    """One refused item."""

    cut_id: str
    corpus: str
    step: str  # prepare, or the labelling pass; the `pass` column of the catalog
    reason: Reason
    detail: str = ""

    def row(self) -> dict[str, str]:
        """As written to disk and catalog."""
        return {
            "cut_id": self.cut_id,
            "corpus": self.corpus,
            "pass": self.step,
            "reason": str(self.reason),
            "detail": self.detail,
        }


@dataclass(frozen=True)
class TextRow:
    """One text-only item: a question and its answer, no audio."""

    id: str
    corpus: str
    split: str
    text: str
    target_text: str
    license: str
    task: str = "qa"
    domain: str = ""  # empty: the task
    language: str = "en"
    type: str = "Text"  # tells the row from Lhotse's kinds of cut


@dataclass(frozen=True)
class CorpusInfo:
    """What a prepared corpus says about itself (corpus.json)."""

    name: str
    title: str
    license: str  # SPDX
    makers: str  # who made the recordings
    cuts: Count = 0  # this and what follows up to hours: counted by write_corpus
    texts: Count = 0
    rejects: Count = 0
    hours: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    provenance: dict[str, Any] = field(default_factory=dict)
    splits: dict[str, str] = field(default_factory=dict)  # a split's name in the source -> ours; "": rows without one
    parts: dict[str, dict[str, float]] = field(default_factory=dict)  # the same name -> cuts, rejects, texts, hours


def speech_cut(
    *,
    cut_id: str,
    recording: Recording,
    corpus: str,
    split: str,
    task: str,
    license: str,
    audio_sha256: str,
    text: str | None = None,
    language: str | None = None,
    speaker: str | None = None,
    target_text: str | None = None,
    target_language: str | None = None,
    sound: list[str] | None = None,
    sound_original: str | None = None,
    domain: str | None = None,
    channel: int = 0,
    start: Seconds = 0.0,
    duration: Seconds | None = None,
) -> MonoCut:
    """A MonoCut that follows the contract: one supervision over the whole cut, our fields in `custom`."""
    labels = {name: value for name, value in locals().items() if name != "recording"}
    return as_cut(speech_row(recording=recording.to_dict(), **labels))


def write_corpus(
    folder: Path,
    info: CorpusInfo,
    cuts: Iterable[MonoCut | MultiCut],
    texts: Iterable[TextRow],
    rejects: Iterable[Reject],
    *,
    switch: Switch | None = None,
) -> CorpusInfo:
    """Write a corpus folder, sorted by id. Returns `info` with the real counts and hours.

    switch: of the folder, where there are other files that change with these; paths in its `made` become those that
        they will be. None: the rows alone change, all together.
    """
    if switch is None:
        folder.mkdir(parents=True, exist_ok=True)
        with switched(folder) as own:
            return write_corpus(folder, info, cuts, texts, rejects, switch=own)
    cut_rows = sorted((cut.to_dict() for cut in cuts), key=lambda row: str(row["id"]))
    text_rows = sorted((asdict(text) for text in texts), key=lambda row: str(row["id"]))
    reject_rows = sorted((reject.row() for reject in rejects), key=lambda row: row["cut_id"])
    lines = [map(row_line, rows) for rows in (cut_rows, text_rows, reject_rows)]
    return write_corpus_lines(switch, info, *lines, seconds=lambda: sum(float(row["duration"]) for row in cut_rows))


def row_line(row: Mapping[str, Any]) -> str:
    """A row as it stands in a corpus's file."""
    return json.dumps(row, ensure_ascii=False)


def write_corpus_lines(
    switch: Switch,
    info: CorpusInfo,
    cuts: Iterable[str],
    texts: Iterable[str],
    rejects: Iterable[str],
    *,
    seconds: Callable[[], Seconds],
) -> CorpusInfo:
    """As `write_corpus`, of rows as JSON, sorted by id. seconds: length of all cuts, asked when they are through."""
    made = f"{switch.made.name}{os.sep}"  # paths through the folder `made` become those that they will be
    counts = [
        write_lines(switch.path(name), (line.replace(made, "") for line in lines))
        for lines, name in ((cuts, CUTS), (texts, TEXTS), (rejects, REJECTS))
    ]
    counted = replace(info, cuts=counts[0], texts=counts[1], rejects=counts[2], hours=seconds() / 3600.0)
    files = {name: written_now(switch.path(name)).row() for name in (CUTS, TEXTS, REJECTS)}
    facts = asdict(counted)
    if not counted.parts:  # as corpora without parts always were
        del facts["parts"]
    write_sealed(switch.path(CORPUS), facts | {FILES: files})
    return counted


def claim_corpus(folder: Path, made_by: Mapping[str, Any], *, title: str | None = None) -> None:
    """Take a folder for a corpus (see `claim_folder`): a new one, or one with a corpus that was made the same way.

    Args:
        folder: the corpus's folder.
        made_by: settings in the corpus's provenance that must be the same, as {"recipe": "asterisk"}.
        title: the corpus's title, where that must be the same too.

    Raises:
        OccupiedError: a file, other files, or a corpus that was made another way. Nothing is touched.
    """
    kind = "a corpus"
    known = _known_corpus(folder)
    if known is not None:
        asked = {**made_by, **({} if title is None else {"title": title})}
        facts = {**known.provenance.get("settings", {}), "title": known.title}
        found = [str(row) for row in compare({name: facts.get(name) for name in asked}, asked)]
        if found:
            raise OccupiedError(
                f"{folder} holds another corpus ({'; '.join(found)}). Nothing was touched. Name another folder."
            )
    claim_folder(folder, kind, known=() if known is None else (CORPUS,))


def _known_corpus(folder: Path) -> CorpusInfo | None:
    try:
        return read_corpus(folder)
    except (MissingFileError, ManifestError):
        return None


def read_corpus(folder: Path) -> CorpusInfo:
    """The `corpus.json` of a prepared corpus.

    Raises:
        MissingFileError: the folder is not a complete corpus.
        ManifestError: its corpus.json has other fields than it should.
    """
    settle(folder)
    path = need_file(folder / CORPUS, what="prepared corpus", hint="Run `soundwave prepare` first.")
    again = "Prepare the corpus again: `soundwave prepare` with the setting `force`."
    return stored(CorpusInfo, read_json(path), where=str(path), go_on=again)


def cut_rows(folder: Path) -> Iterator[dict[str, Any]]:
    """The JSON rows of a corpus's cuts that keep the contract (none when it is text-only), with absolute audio paths.

    Raises:
        MissingFileError, ManifestError: as `checked_rows`.
    """
    return (with_found_audio(row, folder) for row in checked_rows(folder) if not isinstance(row, Reject))


def checked_rows(folder: Path) -> Iterator[dict[str, Any] | Reject]:
    """The rows of a corpus's files of cuts, as `catalog build` takes them: those that it refuses are rejects.

    Relative audio paths are as the row has them: `with_found_audio` finds them. Words of closed vocabularies (split,
    task) come in their own letters, however the row writes them.

    Raises:
        MissingFileError: a file of 0 bytes.
        DamagedError: a file that is no longer what corpus.json says, and not by hand (see manifests/rows/written.py).
        ManifestError: a file that cannot be read to its end, or is UTF-16.
    """
    check_corpus(folder)
    repeats = refused_repeats([need_file(path) for path in row_files(folder)])
    for path in row_files(folder, CUTS):
        for number, row in json_rows(need_file(path)):
            place = f"{path.name}:{number}"
            if place in repeats:
                yield Reject(repeats[place][0], folder.name, "catalog", Reason.duplicate_id, repeats[place][1])
                continue
            problem = row if isinstance(row, str) else next(row_problems(row), None)
            if problem is None:
                yield in_own_letters(cast(dict[str, Any], row))
                continue
            own = None if isinstance(row, str) or problem == REPEATED else as_text(row.get("id"))
            detail = f"{problem} ({place})" if own else problem
            yield Reject(own or place, folder.name, "catalog", Reason.bad_row, detail)


def corpus_folders(root: Path) -> list[Path]:
    """The complete corpora under `root`, sorted by name."""
    settle_inside(root)
    return sorted(path.parent for path in root.glob(f"*/{CORPUS}"))
