"""Fisher English, telephone calls between strangers, as chat: what one side says and what the other answers.

    LDC2004S13/fisher_eng_tr_sp_d1/audio/000/fe_03_00001.sph     two channels: A is the first, B the second
    LDC2004T19/data/trans/000/fe_03_00001.txt:   3.76 5.54 A: and i generally prefer
    LDC2004T19/doc/fe_03_p1_calldata.tbl:   CALL_ID,DATE_TIME,TOPICID,SIG_GRADE,CNV_GRADE,APIN,ASX.ASN,...,BPIN,...

A cut is a turn: what one side says until the other one does, on its own channel. Its `text` is what is said, its
`target_text` the turn that answers it; a call's last turn has none and is a reject. Marks of noise (`[laughter]`) and
of doubt (`((word))`) are left out of the texts. Calls of both parts (2004 and 2005) are read where they are: 11,699
calls, 1,960 h. Nobody publishes parts of it for training and testing, so splits are by hash of the speaker: a speaker
is in one split alone, the two sides of a call may not be. Sphere files that are compressed with shorten must be
unpacked first (`sph2pipe -f wav`, or `-f sph`); names that end in .wav are read too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby, pairwise
from pathlib import Path

from manifests.errors import AudioError
from manifests.lines import Line, lines
from manifests.reasons import Reason
from manifests.rows import Reject
from recipes.common import Item, Recipe, collapse, need_inside
from recipes.speech.sources import SourceTree, files, gender_of

CORPUS = "fisher"
OBTAIN = (
    "Order LDC2004S13, LDC2004T19, LDC2005S13 and LDC2005T19 from the Linguistic Data Consortium and name the folder "
    "that holds theirs."
)
SIDES = "AB"  # by channel
PIN, SEX, WIDTH = (5, 10), (6, 11), 12  # columns of a call's table, of each side
_LINE = re.compile(r"(\d+(?:\.\d+)?) (\d+(?:\.\d+)?) ([AB]): ?(.*)")
_MARKS = re.compile(r"\[[^\]]*\]|\(\(|\)\)")
_CALL = re.compile(r"fe_03_\d+")


@dataclass(frozen=True)
class Utterance:
    """A line of a transcript that says something."""

    line: int
    side: int
    start: float  # seconds in the call
    end: float
    text: str


@dataclass(frozen=True)
class ChatTurn:
    """What a side says in a row."""

    said: list[Utterance]

    @property
    def text(self) -> str:
        """Its words."""
        return " ".join(one.text for one in self.said)


def items(root: Path) -> Iterator[Item | Reject]:
    """Every turn of every call."""
    source = SourceTree(CORPUS, root)
    transcripts = {path.stem: path for path in files(root, ".txt") if _CALL.fullmatch(path.stem)}
    if not transcripts:
        raise source.nothing("transcripts (LDC2004T19/data/trans/000/fe_03_00001.txt, ...)", OBTAIN)
    sounds = {path.stem: path for path in files(root, ".sph", ".wav") if _CALL.fullmatch(path.stem)}
    speakers = _speakers(source)
    for call, path in sorted(transcripts.items()):
        audio = source.audio(sounds.get(call, path.with_suffix(".sph")))
        yield from _call(source, path, audio, speakers.get(str(int(call[-5:])), {}))
    yield from source.unnamed(root, ".sph")


def _call(source: SourceTree, path: Path, audio: Path, speakers: dict[int, tuple[str, str]]) -> Iterator[Item | Reject]:
    said, refused = _utterances(source, path)
    yield from refused
    turns = [ChatTurn(list(group)) for _, group in groupby(said, key=lambda one: one.side)]
    for turn, answer in pairwise(turns):
        first, side = turn.said[0], turn.said[0].side
        speaker, sex = speakers.get(side, ("", ""))
        yield Item(
            key=f"{path.stem}-{first.line}",
            place=source.place(path, first.line),
            recording=path.stem,
            audio=audio,
            start=first.start,
            duration=round(max(one.end for one in turn.said) - first.start, ndigits=8),
            channel=side,
            text=turn.text,
            speaker=speaker or f"{path.stem}-{SIDES[side]}",
            target_text=answer.text,
            target_language="en",
            split="calls",
            extra={"gender": gender_of(sex)},
        )
    if turns:
        place = source.place(path, turns[-1].said[0].line)
        detail = f"{place}: the call's last turn has no answer"
        yield source.reject(f"{path.stem}-{turns[-1].said[0].line}", Reason.target_missing, detail)


def _utterances(source: SourceTree, path: Path) -> tuple[list[Utterance], list[Reject]]:
    """Those of a call by time; lines that cannot be read, and those without words, are rejects."""
    said: list[Utterance] = []
    refused = []
    try:
        need_inside(path)
    except AudioError as error:
        return [], [source.reject(path.stem, Reason(error.reason), str(error))]
    for line in lines(path):
        if line.problem or (line.text.strip() and not line.text.startswith("#")):
            found = _utterance(path.stem, line)
            key, place = f"{path.stem}-{line.number}", source.place(path, line.number)
            if isinstance(found, str):
                refused.append(source.reject(key, Reason.bad_row, f"{place}: {found}"))
            elif not found.text:
                refused.append(source.reject(key, Reason.empty_text, f"{place}: {line.text[:80]}"))
            else:
                said.append(found)
    return sorted(said, key=lambda one: (one.start, one.line)), refused


def _utterance(call: str, line: Line) -> Utterance | str:
    """What a line says, or what is wrong with it."""
    match = _LINE.fullmatch(line.text.strip())
    if match is None:
        return line.problem or f"{line.text[:80]!r}, expected START END A: WORDS"
    start, end = float(match[1]), float(match[2])
    if call == "fe_03_11487" and (start, end) == (31.09, 234.06):
        start = 231.09  # the one start that lost a digit, as Lhotse corrects it
    if not start < end:
        return f"it ends at {end:g} s, before it begins"
    return Utterance(line.number, SIDES.index(match[3]), start, end, collapse(_MARKS.sub(" ", match[4])))


def _speakers(source: SourceTree) -> dict[str, dict[int, tuple[str, str]]]:
    """Call -> side -> speaker and sex, from the tables of calls."""
    found = {}
    for path in files(source.root, "calldata.tbl"):
        for row in source.facts(path, ","):
            if len(row) >= WIDTH and row[0].isdigit():
                found[str(int(row[0]))] = {side: (row[PIN[side]], row[SEX[side]].partition(".")[0]) for side in (0, 1)}
    return found


RECIPE = Recipe(
    corpus=CORPUS,
    title="Fisher English, telephone calls as chat",
    task="chat",
    license="LicenseRef-LDC",
    makers="Christopher Cieri and others, Linguistic Data Consortium",
    items=items,
    obtain=OBTAIN,
    access="paid",
    languages=("en",),
    splits={"calls": "hash"},
    channels="first",  # every cut names its own; it stays as it is
    links=("speaker",),
)
