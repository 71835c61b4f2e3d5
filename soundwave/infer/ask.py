"""One question to many audio files: in batches, or one after the other with the answer as it comes.

A recording longer than the encoder hears at once is cut where it is quiet. Its transcript is the transcripts of the
pieces, joined. Any other question is asked once, about all pieces in their order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from manifests.audio import Channels
from manifests.errors import InputError
from manifests.runs import final_model
from manifests.units import Seconds
from soundwave.infer.listener import EncodedAudio, Listener, Question, place_audio, read_files
from soundwave.infer.pieces import LONGEST
from soundwave.infer.streaming import stream_answer
from soundwave.model.generation import SEARCH, TEXT_LIMIT
from soundwave.train.batches.prompts import make_prompt, template_set

TRANSCRIBE = "asr"


def infer(
    run: Path,
    files: Sequence[Path],
    *,
    prompt: str | None = None,
    longest: Seconds = LONGEST,
    max_new_tokens: int | None = None,
    beams: int | None = None,
    channels: Channels = "reject",
) -> list[dict[str, Any]]:
    """For each file: `file`, `seconds`, `pieces`, `ctc` (greedy CTC text) and `answer` (the LLM's; None in stage I).

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
        InputError: neither files nor prompt; a prompt that does not fit; a prompt to a run of stage I.
    """
    listener, recordings = _begin(run, files, prompt, longest, channels)
    rows = _rows(listener, recordings)
    if prompt is None and not listener.answers:
        return rows
    groups = [_questions(listener, recording, prompt) for recording in _or_none(recordings)]
    options = _options(prompt, max_new_tokens, beams)
    answers = iter(listener.ask([question for group in groups for question in group], **options))
    for row, group in zip(rows, groups, strict=True):
        row["answer"] = _joined([next(answers) for _ in group])
    return rows


def stream(
    run: Path,
    files: Sequence[Path],
    *,
    begin: Callable[[dict[str, Any]], None],
    write: Callable[[str], None],
    prompt: str | None = None,
    longest: Seconds = LONGEST,
    max_new_tokens: int | None = None,
    channels: Channels = "reject",
) -> list[dict[str, Any]]:
    """The same rows as `infer` with one beam, one file after the other, answers handed out as they are generated.

    Args:
        run, files, prompt, longest, max_new_tokens, channels: as of `infer`.
        begin: called with each row when its answer begins (still without it).
        write: called with the next words of the answer.

    Raises:
        As `infer`.
    """
    listener, recordings = _begin(run, files, prompt, longest, channels)
    rows = _rows(listener, recordings)
    options = _options(prompt, max_new_tokens, beams=1)
    for row, recording in zip(rows, _or_none(recordings), strict=True):
        begin(row)
        if prompt is None and not listener.answers:
            continue
        said: list[str] = []
        for question in _questions(listener, recording, prompt):
            said.append(stream_answer(listener, question, _after(said, write), **options))
        row["answer"] = _joined(said)
    return rows


def _begin(
    run: Path, files: Sequence[Path], prompt: str | None, longest: Seconds, channels: Channels
) -> tuple[Listener, list[EncodedAudio]]:
    if not files and not prompt:
        raise InputError("There is nothing to ask: name audio files, or give a prompt.")
    if prompt is not None:
        place_audio(prompt, len(files))
    final_model(run)
    audio = read_files(files, channels)  # before the model: a bad file is reported at once
    listener = Listener.load(run)
    if files and prompt is not None:
        listener.need_answers("A question about sound")
    return listener, listener.encode(audio, [str(path) for path in files], longest=longest) if files else []


def _or_none(recordings: Sequence[EncodedAudio]) -> Sequence[EncodedAudio | None]:
    """The recordings, or one None for a question without sound."""
    return recordings or [None]


def _rows(listener: Listener, recordings: Sequence[EncodedAudio]) -> list[dict[str, Any]]:
    """Everything but the answers; without recordings, the row of a question without sound."""
    if not recordings:
        return [{"file": None, "seconds": 0.0, "pieces": 0, "ctc": None, "answer": None}]
    texts = iter(listener.transcribe([piece for recording in recordings for piece in recording.pieces]))
    return [
        {
            "file": recording.name,
            "seconds": round(recording.seconds, 2),
            "pieces": len(recording.pieces),
            "ctc": _joined([next(texts) for _ in recording.pieces]),
            "answer": None,
        }
        for recording in recordings
    ]


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


def _options(prompt: str | None, max_new_tokens: int | None, beams: int | None) -> dict[str, Any]:
    """Options of the search. A transcript cannot be much longer than the speech; an answer to another question can."""
    options: dict[str, Any] = dict(SEARCH) if prompt is None else {"max_new_tokens": TEXT_LIMIT}
    if max_new_tokens is not None:
        options["max_new_tokens"] = max_new_tokens
    return options if beams is None else {**options, "num_beams": beams}


def _joined(texts: Sequence[str]) -> str:
    return " ".join(text for text in texts if text)


def _after(said: Sequence[str], write: Callable[[str], None]) -> Callable[[str], None]:
    """`write`, with a space before the first words of a piece that follows others."""
    waiting = [" "] if _joined(said) else []

    def spaced(text: str) -> None:
        write((waiting.pop() if waiting else "") + text)

    return spaced
