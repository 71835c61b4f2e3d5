"""LibriSpeech, from a folder that holds its parts (`dev-clean/`, `train-clean-100/`, ...), thin over Lhotse's recipe.

    LibriSpeech/dev-clean/84/121123/84-121123.trans.txt:   84-121123-0000 GO DO YOU HEAR
    LibriSpeech/dev-clean/84/121123/84-121123-0000.flac

Lhotse parses the utterances (and word times, where `.alignment.txt` files stand beside the transcripts); here
a broken or missing file becomes a reject, which there is a warning or stops the whole corpus. The corpus's own
parts give the splits, whose speakers are disjoint: `train-*`, `dev-*`, `test-*`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from manifests.errors import AudioError, MissingFileError
from manifests.lines import texts
from manifests.rows import Reject, speech_cut
from manifests.rows.splits import as_split
from recipes.common import CorpusRows, Recipe, audio_facts, collapse, in_parallel, need_inside, reject, sort_out

if TYPE_CHECKING:
    from lhotse import MonoCut

CORPUS = "librispeech"
LICENSE = "CC-BY-4.0"
OBTAIN = "Get it from https://www.openslr.org/12 and name the folder that holds dev-clean, train-clean-100, ..."


@dataclass(frozen=True)
class Utterance:
    """One line of a transcript file."""

    part: Path  # folder of the part, e.g. .../dev-clean
    key: str
    text: str
    words: Any  # utterance id -> Lhotse AlignmentItems, of the chapter

    @property
    def audio(self) -> Path:
        """Where the corpus keeps the utterance's audio."""
        return self.part.joinpath(*self.key.split("-")[:-1], f"{self.key}.flac")


def read(source: Path, folder: Path) -> CorpusRows:
    """Cuts of every utterance of the parts that are there; `folder` stays untouched, audio is referenced in place."""
    found = parts(source)
    if not found:
        raise MissingFileError(f"{source} holds no part of LibriSpeech (dev-clean, train-clean-100, ...). {OBTAIN}")
    rows: list[MonoCut | Reject] = []
    for part in found:
        lines, refused = utterances(source / part)
        rows += refused
        rows += in_parallel(_item, lines, title=part)
        unknown = {path.stem for path in (source / part).rglob("*.flac")} - {line.key for line in lines}
        rows += [
            reject(f"{CORPUS}-{key}", CORPUS, "text_missing", f"{part}: {key}.flac has no transcript")
            for key in unknown
        ]
    sorted_out = sort_out(rows)
    sorted_out.splits = {part: as_split(part, setting="the name of a part") for part in found}
    return sorted_out


def parts(source: Path) -> list[str]:
    """Names of LibriSpeech's parts under `source`."""
    from lhotse.recipes.librispeech import LIBRISPEECH, MINI_LIBRISPEECH

    return sorted(name for name in {*LIBRISPEECH, *MINI_LIBRISPEECH} if (source / name).is_dir())


def utterances(part: Path) -> tuple[list[Utterance], list[Reject]]:
    """Every line of every `.trans.txt` under a part, with the chapter's word times where it has any.

    Files that are links out of the corpus are rejects.
    """
    from lhotse.recipes.librispeech import parse_alignments

    found: list[Utterance] = []
    refused = []
    for path in sorted(part.rglob("*.trans.txt")):
        times = path.with_name(f"{path.name.removesuffix('.trans.txt')}.alignment.txt")
        try:
            need_inside(path)
            need_inside(times)
        except AudioError as error:
            refused.append(reject(f"{CORPUS}-{path.stem}", CORPUS, error.reason, str(error)))
            continue
        words = parse_alignments(times) if times.is_file() else {}
        pairs = (line.partition(" ") for line in texts(path) if line.strip())
        found += [Utterance(part, key, collapse(text), words) for key, _, text in pairs]
    return found, refused


def _item(line: Utterance) -> MonoCut | Reject:
    from lhotse.recipes.librispeech import parse_utterance

    cut_id = f"{CORPUS}-{line.key}"
    if not line.text:
        return reject(cut_id, CORPUS, "empty_text", f"{line.part.name}: the line of {line.key} has no words")
    try:
        need_inside(line.audio)
        facts = audio_facts(line.audio)
    except AudioError as error:
        return reject(cut_id, CORPUS, error.reason, str(error))
    _, supervision = parse_utterance(line.part, f"{line.key} {line.text}", line.words)
    cut = speech_cut(
        cut_id=cut_id,
        recording=facts.recording(line.key),
        corpus=CORPUS,
        split=as_split(line.part.name, setting="the name of a part"),
        task="asr",
        license=LICENSE,
        audio_sha256=facts.sha256,
        text=supervision.text,
        language="en",
        speaker=supervision.speaker,
    )
    cut.supervisions[0].alignment = supervision.alignment
    return cut


RECIPE = Recipe(
    corpus=CORPUS,
    title="LibriSpeech, read English audiobooks",
    task="asr",
    license=LICENSE,
    makers="LibriVox readers; Vassil Panayotov and others (corpus)",
    read=read,
    parts=(".",),
    obtain=OBTAIN,
)
