"""One question to many audio files: in batches, or one after the other with the answer as it comes.

A recording longer than the encoder hears at once is cut where it is quiet. Its transcript is the transcripts of the
pieces, joined. Any other question is asked once, about all pieces in their order. Files are read a few at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manifests.audio import Channels
from manifests.errors import AudioError, InputError
from manifests.runs import final_model
from manifests.units import SAMPLE_RATE, Seconds
from soundwave.infer.listener import EncodedAudio, Listener, Question, place_audio, read_files
from soundwave.infer.pieces import LONGEST, need_longest
from soundwave.infer.streaming import stream_answer
from soundwave.model.generation import SEARCH, TEXT_LIMIT
from soundwave.train.batches.prompts import make_prompt, template_set

TRANSCRIBE = "asr"


Row = dict[str, Any]
AT_ONCE = 8  # files
SECONDS_AT_ONCE: Seconds = 600.0  # of audio that is held at once, or one file


def infer(
    run: Path,
    files: Sequence[Path],
    *,
    prompt: str | None = None,
    longest: Seconds = LONGEST,
    max_new_tokens: int | None = None,
    beams: int | None = None,
    channels: Channels = "reject",
) -> list[Row]:
    """For each file: `file`, `seconds`, `pieces`, `ctc` (greedy CTC text), `answer` (the LLM's; None in stage I) and
    `error` (None).

    Args:
        run: a finished run.
        files: audio in any format that libsndfile or FFmpeg reads; none: `prompt` is asked without any sound, and
            `file` and `ctc` are None.
        prompt: what to ask; `{audio}` says where the sound goes (else it goes first). None: to transcribe.
        longest: recordings longer than this are heard in pieces.
        max_new_tokens: of an answer; None: a few more than what was heard for transcripts, TEXT_LIMIT for others.
        beams: of the search; None: SEARCH's for transcripts, 1 (greedy) for others.
        channels: what is heard of a file whose channels differ: mix, first or reject.

    Raises:
        MissingFileError, StaleError: no finished run.
        AudioError: a file that does not decode.
        SettingsError: `longest` is no length of a piece.
        InputError: neither files nor prompt; a prompt that does not fit; a prompt to a run of stage I.
    """
    asked = AskOptions(prompt, longest, max_new_tokens, beams, channels)
    return list(infer_each(run, files, asked, tolerant=False))


@dataclass(frozen=True)
class AskOptions:
    """What is asked about each file, and how; as of `infer`."""

    prompt: str | None = None
    longest: Seconds = LONGEST
    max_new_tokens: int | None = None
    beams: int | None = None
    channels: Channels = "reject"

    def options(self, *, beams: int | None) -> dict[str, Any]:
        """Of the search. A transcript cannot be much longer than the speech; an answer to another question can."""
        options: dict[str, Any] = dict(SEARCH) if self.prompt is None else {"max_new_tokens": TEXT_LIMIT}
        if self.max_new_tokens is not None:
            options["max_new_tokens"] = self.max_new_tokens
        return options if beams is None else {**options, "num_beams": beams}


def infer_each(run: Path, files: Sequence[Path], asked: AskOptions, *, tolerant: bool) -> Iterator[Row]:
    """The rows of `infer`, as they come; memory does not grow with the number of files.

    tolerant: a file that cannot be heard, or is too long to be asked about, is a row with its `error`; else it ends
    all.

    Raises:
        As `infer`.
    """
    options = asked.options(beams=asked.beams)
    for listener, group in _groups(run, files, asked, tolerant=tolerant, size=AT_ONCE):
        if listener is not None:
            _answer(listener, group, asked, options, tolerant=tolerant)
        yield from (sound.row for sound in group)


def stream(
    run: Path,
    files: Sequence[Path],
    *,
    begin: Callable[[Row], None],
    write: Callable[[str], None],
    prompt: str | None = None,
    longest: Seconds = LONGEST,
    max_new_tokens: int | None = None,
    channels: Channels = "reject",
    tolerant: bool = False,
) -> list[Row]:
    """The same rows as `infer` with one beam, one file after the other, answers handed out as they are generated.

    Args:
        run, files, prompt, longest, max_new_tokens, channels: as of `infer`.
        begin: called with each row when its answer begins (still without it), or with a row with an `error`.
        write: called with the next words of the answer.
        tolerant: as of `infer_each`.

    Raises:
        As `infer`.
    """
    asked = AskOptions(prompt, longest, max_new_tokens, 1, channels)
    options = asked.options(beams=1)
    rows = []
    for listener, group in _groups(run, files, asked, tolerant=tolerant, size=1):
        for sound in group:
            rows.append(sound.row)
            if listener is None:
                begin(sound.row)
                continue
            questions = _checked(listener, sound, asked, options, tolerant=tolerant)
            begin(sound.row)
            said: list[str] = []
            for question in questions:
                said.append(stream_answer(listener, question, _after(said, write), **options))
            sound.row["answer"] = _joined(said) if questions else None
    return rows


@dataclass
class _Sound:
    """A file on its way to an answer."""

    row: Row
    samples: NDArray[np.float32] | None = None
    """(N,) 16 kHz; None: it cannot be heard, or there is no sound."""
    recording: EncodedAudio | None = None


def _groups(
    run: Path, files: Sequence[Path], asked: AskOptions, *, tolerant: bool, size: int
) -> Iterator[tuple[Listener | None, list[_Sound]]]:
    """Files, `size` at once, encoded and transcribed by CTC; the model is None where there is nothing to hear."""
    need_longest(asked.longest)
    final_model(run)
    if asked.prompt is not None:
        place_audio(asked.prompt, int(bool(files)))
    listener: Listener | None = None
    nothing = True
    for group in _read(files, asked.channels, tolerant=tolerant, size=size):
        nothing = False
        if listener is None and any(sound.samples is not None for sound in group):
            listener = Listener.load(run)  # after the first files: a bad one is reported at once
            if asked.prompt is not None:
                listener.need_answers("A question about sound")
        if listener is not None:
            _hear(listener, group, asked.longest)
        yield listener, group
    if nothing:
        if not asked.prompt:
            raise InputError("There is nothing to ask: name audio files, or give a prompt.")
        yield Listener.load(run), [_Sound(_row(None))]


def _read(files: Sequence[Path], channels: Channels, *, tolerant: bool, size: int) -> Iterator[list[_Sound]]:
    group: list[_Sound] = []
    held = 0
    for path in files:
        sound = _Sound(_row(str(path)))
        group.append(sound)
        try:
            [sound.samples] = read_files([path], channels)
            held += len(sound.samples)
        except (AudioError, OSError) as error:
            if not tolerant:
                raise
            sound.row["error"] = str(error)
        if len(group) >= size or held >= SECONDS_AT_ONCE * SAMPLE_RATE:
            yield group
            group, held = [], 0
    if group:
        yield group


def _row(file: str | None) -> Row:
    return {"file": file, "seconds": 0.0, "pieces": 0, "ctc": None, "answer": None, "error": None}


def _hear(listener: Listener, group: Sequence[_Sound], longest: Seconds) -> None:
    """Encode what can be heard, and transcribe it by CTC."""
    heard = [(sound, sound.samples) for sound in group if sound.samples is not None]
    names = [sound.row["file"] for sound, _ in heard]
    recordings = listener.encode([samples for _, samples in heard], names, longest=longest)
    texts = iter(listener.transcribe([piece for recording in recordings for piece in recording.pieces]))
    for (sound, _), recording in zip(heard, recordings, strict=True):
        sound.samples, sound.recording = None, recording
        sound.row["seconds"], sound.row["pieces"] = round(recording.seconds, 2), len(recording.pieces)
        sound.row["ctc"] = _joined([next(texts) for _ in recording.pieces])


def _answer(
    listener: Listener, group: Sequence[_Sound], asked: AskOptions, options: dict[str, Any], *, tolerant: bool
) -> None:
    """Ask about a group's recordings, in batches."""
    questions = [_checked(listener, sound, asked, options, tolerant=tolerant) for sound in group]
    answers = iter(listener.ask([question for each in questions for question in each], **options))
    for sound, each in zip(group, questions, strict=True):
        if each:
            sound.row["answer"] = _joined([next(answers) for _ in each])


def _checked(
    listener: Listener, sound: _Sound, asked: AskOptions, options: dict[str, Any], *, tolerant: bool
) -> list[Question]:
    """The questions about a file that the LLM has room for; none for one that is not heard, or in stage I."""
    unheard = sound.recording is None and sound.row["file"] is not None
    if unheard or (asked.prompt is None and not listener.answers):
        return []
    questions = _questions(listener, sound.recording, asked.prompt)
    try:
        for question in questions:
            listener.check_room(question, int(options.get("max_new_tokens") or 0))
    except InputError as error:
        if not tolerant:
            raise
        sound.row["error"] = str(error)
        return []
    return questions


def _questions(listener: Listener, recording: EncodedAudio | None, prompt: str | None) -> list[Question]:
    """To transcribe: one for each piece; any other: one about all of them."""
    if recording is None:
        return [Question(listener.prompt([{"role": "user", "content": place_audio(str(prompt), 0)}]))]
    if prompt is not None:
        content = place_audio(prompt, len(recording.pieces))
        return [Question(listener.prompt([{"role": "user", "content": content}]), recording.pieces)]
    settings = listener.settings
    template = template_set(settings.templates)[TRANSCRIBE][0]
    ids = make_prompt(listener.model.tokenizer, template, None, settings.system_prompt)
    return [Question(ids, (piece,)) for piece in recording.pieces]


def _joined(texts: Sequence[str]) -> str:
    return " ".join(text for text in texts if text)


def _after(said: Sequence[str], write: Callable[[str], None]) -> Callable[[str], None]:
    """`write`, with a space before the first words of a piece that follows others."""
    waiting = [" "] if _joined(said) else []

    def spaced(text: str) -> None:
        write((waiting.pop() if waiting else "") + text)

    return spaced
