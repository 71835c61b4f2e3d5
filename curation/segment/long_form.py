"""One long recording and its whole text -> pieces of a few seconds at silences, with their words.

    found = segment(AudioFile(path), text, model)
    found.pieces        what to keep: spans of audio, words with times, score; or why not
    found.unsaid        words that the recording lacks
    found.gaps          audio that the text lacks, and long silences

Memory does not grow with the recording: the model hears it in windows, its log-probabilities go to a file, and the path
of the whole text through them is found by `curation.ctc.long`. Between sentences a wildcard may take audio that the
text lacks. Words that the recording lacks find no place of their own; they are taken out and the rest is aligned again.
"""

from __future__ import annotations

import itertools
import re
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from curation.align.base import UNHEARD, AlignedWord, Aligner
from curation.align.ctc_model import CTCModel, KnowsLeastScore
from curation.ctc import WILDCARD, Alignment, AlignmentError, forced_align
from curation.segment.silences import HOP, Gap, PieceLimits, PieceSpan, cut_pieces, is_quiet
from curation.text import Word, normalise
from manifests.audio import Channels, read_audio
from manifests.errors import InputError, Rejected
from manifests.files import temporary_name
from manifests.progress import progress_bar
from manifests.reasons import Reason
from manifests.units import SAMPLE_RATE, Seconds

WINDOW: Seconds = 30.0  # of audio that goes through the model at once
MARGIN: Seconds = 2.0  # heard on both sides of a window and thrown away
# Of a frame that a wildcard takes: less than speech that the text has, more than speech that it has not.
WILDCARD_SCORE = -1.0
WORDS_PER_WILDCARD = 15  # where no sentence ends before
SENTENCE = re.compile(r"[.!?…。！？]|\n")
UNSAID = -4.0  # mean log-probability of a frame: words that score less, together with their neighbours, were not said
AROUND = 5  # neighbours, the word included
ROUNDS = 3  # of taking out what was not said, and of taking back in what was
LEAST_SCORE = -3.0  # of a piece's words, on average, for models that do not say better

SOUNDING = 0.1  # share of a gap that is not quiet, from which on it is no silence


class AudioSource(Protocol):
    """A recording that is read piece by piece."""

    @property
    def duration(self) -> Seconds:
        """Length."""

    def read(self, start: Seconds, duration: Seconds) -> NDArray[np.float32]:
        """Samples (N,), 16 kHz mono."""


@dataclass(frozen=True)
class AudioFile:
    """A file that libsndfile can read from anywhere: WAV, FLAC, Ogg, MP3."""

    path: Path
    duration: Seconds
    channels: Channels = "reject"  # what is heard of several that differ

    def read(self, start: Seconds, duration: Seconds) -> NDArray[np.float32]:
        """Samples (N,), 16 kHz mono. Raises AudioError."""
        return read_audio(self.path, start=start, duration=duration, channels=self.channels)


@dataclass(frozen=True)
class LongPiece:
    """A piece, with times from the start of the recording."""

    span: PieceSpan
    words: tuple[AlignedWord, ...]  # `position` counts the words of the text
    score: float  # mean of its words
    reason: Reason | None = None  # why it is refused
    detail: str = ""


@dataclass(frozen=True)
class LongForm:
    """What became of a recording and its text."""

    words: Sequence[Word]
    pieces: Sequence[LongPiece]
    unsaid: Sequence[int]  # positions of words that the recording lacks
    gaps: Sequence[tuple[Gap, bool]]  # audio outside the pieces; does it sound?

    @property
    def kept(self) -> list[LongPiece]:
        """The pieces that are not refused."""
        return [piece for piece in self.pieces if piece.reason is None]

    @property
    def unrelated(self) -> bool:
        """The text is not this recording's: nothing is kept, and not just because pieces are too short or too long."""
        return not self.kept and (not self.pieces or any(piece.reason in UNHEARD for piece in self.pieces))


def segment(
    source: AudioSource,
    text: str,
    model: CTCModel,
    *,
    language: str = "en",
    limits: PieceLimits | None = None,
    refine: Aligner | None = None,
    least_score: float | None = None,
    scratch: Path | None = None,
) -> LongForm:
    """Align `text` with the recording and cut both into pieces.

    Any text finds some place to score well, so where more words are refused for their scores than are kept, the text is
    not this recording's, and no piece is kept.

    least_score: of a piece's words on average; None: the model's own, or LEAST_SCORE.
    refine: aligns each piece again, for better edges and readings of numbers; its own least score then holds.
    scratch: folder of the temporary file of log-probabilities, 4 * (2 + distinct tokens) bytes a frame.

    Raises:
        InputError: the model does not speak the language, or the text has nothing to say.
        AudioError: the recording cannot be read.
    """
    if least_score is None:
        least_score = model.least_score if isinstance(model, KnowsLeastScore) else LEAST_SCORE
    if not model.speaks(language):
        raise InputError(f"The model does not speak {language!r}: change the setting `backend` or the setting `model`.")
    words = normalise(text, language)
    spelled = {position: spelling for position, word in enumerate(words) if (spelling := _spell(model, word))}
    if not spelled:
        raise InputError("The text has nothing to say; expected the words of the recording.")
    breaks = _breaks(text, words)
    with tempfile.TemporaryDirectory(dir=scratch, prefix=temporary_name(Path("emissions")).name) as folder:
        known = {token for spelling in spelled.values() for token in spelling if token != WILDCARD}
        between = set() if model.separator is None else {model.separator}
        tokens = np.array(sorted(known | between), dtype=np.int64)
        emissions, energy = emit(source, model, tokens, Path(folder) / "emissions.f32")
        columns = {WILDCARD: WILDCARD, **{int(token): column for column, token in enumerate(tokens, 1)}}
        found, unsaid = _align_said(emissions, model, spelled, columns, breaks)
    starts, ends = [word.start for word in found], [word.end for word in found]
    spans, gaps = cut_pieces(starts, ends, energy, source.duration, limits)
    pieces = [_judge(span, found[span.first : span.last], limits or PieceLimits(), least_score) for span in spans]
    pieces = _without_unrelated(pieces)
    if refine is not None:
        pieces = _without_unrelated([_refined(piece, words, source, refine) for piece in pieces])
    quiet = is_quiet(energy)
    return LongForm(words, pieces, unsaid, [(gap, _sounds(quiet, gap)) for gap in gaps])


def emit(
    source: AudioSource, model: CTCModel, tokens: NDArray[np.int64], path: Path
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Log-probabilities (T, 2 + C) of the recording, in a file at `path`, and its power (E,) every HOP seconds."""
    stride = round(model.frame * SAMPLE_RATE)
    count = -(-round(source.duration * SAMPLE_RATE) // stride)
    size, margin = (int(seconds * SAMPLE_RATE) // stride for seconds in (WINDOW, MARGIN))
    stored = np.memmap(path, np.float32, "w+", shape=(max(count, 1), 2 + len(tokens)))
    power: list[NDArray[np.float32]] = []
    rest = np.zeros(0, np.float32)
    done = 0
    with progress_bar() as bar:
        task = bar.add_task("listen (s)", total=round(source.duration), note="")
        for first in range(0, count, size):
            start, stop = max(0, first - margin), first + size + margin
            last = stop >= count
            begin = start * stride / SAMPLE_RATE
            samples = source.read(begin, (source.duration if last else stop * stride / SAMPLE_RATE) - begin)
            frames = model.emit(samples, tokens)[first - start :]
            frames = frames[: count - first] if last else frames[:size]
            stored[first : first + len(frames)] = frames
            done = first + len(frames)
            own = samples[(first - start) * stride :]
            rest, more = _power(np.concatenate([rest, own if last else own[: size * stride]]))
            power.append(more)
            bar.update(task, completed=min(done * model.frame, source.duration))
            if last:
                break
    return stored[:done], np.concatenate(power)


def _power(samples: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """What is left of the samples, and the mean square of each HOP."""
    hop = round(HOP * SAMPLE_RATE)
    whole = len(samples) // hop * hop
    return samples[whole:], np.square(samples[:whole].reshape(-1, hop)).mean(axis=1)


def _spell(model: CTCModel, word: Word) -> list[int]:
    """Tokens of the likeliest reading; a wildcard for what nobody can say, nothing for punctuation."""
    if word.flag == "unknown":
        return [WILDCARD]
    tokens: list[int] = []
    for spoken in word.spoken:
        tokens += [model.separator] if tokens and model.separator is not None else []
        tokens += model.spell(spoken)
    return tokens


def _breaks(text: str, words: Sequence[Word]) -> set[int]:
    """Words before which audio may stand that the text lacks."""
    found = {0}
    latest = 0
    for position in range(1, len(words)):
        between = text[words[position - 1].end : words[position].start]
        if SENTENCE.search(between) or position - latest >= WORDS_PER_WILDCARD:
            found.add(position)
            latest = position
    return found


def _align_said(
    emissions: NDArray[np.float32],
    model: CTCModel,
    spelled: dict[int, list[int]],
    columns: dict[int, int],
    breaks: set[int],
) -> tuple[list[AlignedWord], list[int]]:
    """The words that were said, with their times, and those that were not: all, if the text is not this recording's."""

    def align(kept: Sequence[int]) -> list[AlignedWord]:
        targets, places = _targets(kept, spelled, columns, model.separator, breaks)
        return list(_times(forced_align(emissions, targets, wildcard=WILDCARD_SCORE), kept, places, model.frame))

    sayable = sorted(spelled)
    try:
        found = align(sayable)
    except AlignmentError:  # more of it than the recording could hold
        return [], sayable
    for _ in range(ROUNDS):
        unsaid = _unsaid(found, sayable)
        if len(unsaid) == len(found):
            return [], sayable
        if not unsaid:
            break
        found = align([word.position for word in found if word.position not in unsaid])
    for _ in range(ROUNDS):
        # Words beside a stretch that was not said had been pushed aside by it: they are heard once more.
        kept = {word.position for word in found}
        runs = _runs([position for position in sayable if position not in kept], sayable)
        again = {position for run in runs for position in (*run[:AROUND], *run[-AROUND:])}
        scores = {word.position: word.score for word in align(sorted(kept | again))} if again else {}
        back = {position for run in runs for position in _heard_again(run, scores)}
        if not back:
            break
        found = align(sorted(kept | back))
    return found, sorted(spelled.keys() - {word.position for word in found})


def _runs(positions: Sequence[int], sayable: Sequence[int]) -> list[list[int]]:
    """Positions that follow each other in the text, punctuation aside."""
    order = {position: number for number, position in enumerate(sayable)}
    starts = [at for at in range(len(positions)) if at == 0 or order[positions[at]] != order[positions[at - 1]] + 1]
    return [list(positions[first:last]) for first, last in itertools.pairwise([*starts, len(positions)])]


def _heard_again(run: Sequence[int], scores: dict[int, float]) -> set[int]:
    """The words of an unsaid run that are heard after all: from its ends inwards, as far as they score well."""
    found: set[int] = set()
    for side in (run[:AROUND], run[-AROUND:][::-1]):
        found.update(itertools.takewhile(lambda position: scores[position] >= LEAST_SCORE, side))
    return found


def _targets(
    kept: Sequence[int],
    spelled: dict[int, list[int]],
    columns: dict[int, int],
    separator: int | None,
    breaks: set[int],
) -> tuple[NDArray[np.int64], list[tuple[int, int]]]:
    """Targets (L,) with wildcards at the breaks, and where each word's stand among them."""
    targets: list[int] = []
    places = []
    before = -1
    for position in kept:
        if targets and separator is not None:
            targets.append(columns[separator])
        # Two wildcards in a row would need a blank between them.
        free = not targets or targets[-1] != WILDCARD
        skipped = any(at in breaks for at in range(before + 1, position + 1)) or position > before + 1
        if free and skipped and spelled[position][0] != WILDCARD:
            targets.append(WILDCARD)
        places.append((len(targets), len(targets) + len(spelled[position])))
        targets += [columns[token] for token in spelled[position]]
        before = position
    if targets[-1] != WILDCARD:
        targets.append(WILDCARD)
    return np.array(targets, np.int64), places


def _times(
    path: Alignment, kept: Sequence[int], places: Sequence[tuple[int, int]], frame: Seconds
) -> Iterator[AlignedWord]:
    for position, (first, last) in zip(kept, places, strict=True):
        starts, ends = path.starts[first:last], path.ends[first:last]
        weights = np.maximum(ends - starts, 1)
        score = float(np.average(path.token_scores[first:last].astype(np.float64), weights=weights))
        yield AlignedWord(position, float(starts[0]) * frame, float(ends[-1]) * frame, score)


def _unsaid(found: Sequence[AlignedWord], sayable: Sequence[int]) -> set[int]:
    """Positions of the words that fit nowhere: low scores on average with their neighbours, or beside such words."""
    scores = np.array([word.score for word in found])
    kernel = np.ones(min(AROUND, len(scores)))
    around = np.convolve(scores, kernel, "same") / np.convolve(np.ones(len(scores)), kernel, "same")
    order = {position: number for number, position in enumerate(sayable)}
    present = np.zeros(len(sayable) + 2, np.bool_)  # by order, and one beyond each end that counts as said
    present[[0, -1]] = True
    places = np.array([order[word.position] + 1 for word in found])
    present[places[around >= UNSAID]] = True
    poor = places[scores < LEAST_SCORE]
    while len(lonely := poor[present[poor] & ~(present[poor - 1] & present[poor + 1])]):
        present[lonely] = False
    return {word.position for word, place in zip(found, places, strict=True) if not present[place]}


def _judge(span: PieceSpan, words: Sequence[AlignedWord], limits: PieceLimits, least_score: float) -> LongPiece:
    score = float(np.mean([word.score for word in words]))
    reason, detail = None, ""
    if span.duration < limits.shortest:
        reason, detail = Reason.too_short, f"{span.duration:.2f} s between long pauses"
    elif span.duration > limits.longest + 1e-6:
        reason, detail = Reason.too_long, f"a word of {span.duration:.2f} s"
    elif score < least_score:
        reason, detail = Reason.low_score, f"score {score:.2f}, at least {least_score:g} is accepted"
    return LongPiece(span, tuple(words), score, reason, detail)


def _without_unrelated(pieces: Sequence[LongPiece]) -> list[LongPiece]:
    """The pieces; none of them kept where more words are refused for their scores than are kept."""
    kept = sum(len(piece.words) for piece in pieces if piece.reason is None)
    unheard = sum(len(piece.words) for piece in pieces if piece.reason in UNHEARD)
    if unheard <= kept:
        return list(pieces)
    detail = f"{unheard} of the text's words are not heard, {kept} are: it is not this recording's"
    return [
        replace(piece, reason=Reason.low_score, detail=f"score {piece.score:.2f}, but {detail}") if piece.reason is None
        else piece
        for piece in pieces
    ]  # fmt: skip


def _refined(piece: LongPiece, words: Sequence[Word], source: AudioSource, aligner: Aligner) -> LongPiece:
    """The piece with another aligner's times; refused where that aligner refuses it."""
    if piece.reason is not None:
        return piece
    start = piece.span.start
    try:
        found = aligner.align(source.read(start, piece.span.duration), [words[word.position] for word in piece.words])
    except Rejected as rejected:
        return LongPiece(piece.span, piece.words, piece.score, rejected.reason, rejected.detail)
    moved = tuple(
        AlignedWord(piece.words[word.position].position, start + word.start, start + word.end, word.score)
        for word in found
    )
    score = float(np.mean([word.score for word in moved]))
    if score < aligner.least_score:
        detail = f"score {score:.2f} ({aligner.name}), at least {aligner.least_score:g} is accepted"
        return LongPiece(piece.span, moved, score, Reason.low_score, detail)
    return LongPiece(piece.span, moved, score)


def _sounds(quiet: NDArray[np.bool_], gap: Gap) -> bool:
    inside = quiet[round(gap.start / HOP) : round(gap.end / HOP)]
    return len(inside) > 0 and float(np.mean(~inside)) > SOUNDING
