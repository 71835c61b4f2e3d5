"""A conversation with a run: text and audio, several turns through the LLM's own chat template."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from torch import Tensor

from manifests.audio import Channels
from manifests.errors import InputError
from manifests.shown import shown
from manifests.units import Seconds
from soundwave.infer.listener import EncodedAudio, Listener, Question, place_audio
from soundwave.infer.pieces import LONGEST, need_longest
from soundwave.infer.streaming import stream_answer

ANSWER_TOKENS = 256
COMMANDS = {
    "/audio FILE": "add an audio file to the next message",
    "/reset": "forget the conversation",
    "/help": "this list",
    "/quit": "leave (so does the end of input)",
}


class Chat:
    """A conversation so far. A turn that fails does not change it."""

    def __init__(
        self,
        listener: Listener,
        *,
        longest: Seconds = LONGEST,
        max_new_tokens: int = ANSWER_TOKENS,
        channels: Channels = "reject",
    ) -> None:
        self.listener, self.longest, self.max_new_tokens = listener, need_longest(longest), max_new_tokens
        self.channels = channels
        listener.need_conversation()  # not at each message
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self.messages: list[dict[str, str]] = []
        self._frames: tuple[Tensor, ...] = ()
        self._waiting: tuple[Tensor, ...] = ()

    def add_audio(self, path: Path) -> EncodedAudio:
        """Audio that goes before the next message, or where it says `{audio}`.

        Raises:
            AudioError: a file that does not decode.
            InputError: the run's LLM does not listen.
        """
        self.listener.need_answers("Audio in a conversation")
        recording = self.listener.listen([path], longest=self.longest, channels=self.channels)[0]
        self._waiting += recording.pieces
        return recording

    def say(self, text: str, write: Callable[[str], None]) -> str:
        """The LLM's answer to a message, handed to `write` as it comes.

        Raises:
            InputError: `{audio}` without audio or twice; a conversation longer than the LLM reads.
        """
        message = {"role": "user", "content": place_audio(text, len(self._waiting))}
        frames = self._frames + self._waiting
        question = Question(self.listener.prompt([*self.messages, message]), frames)
        answer = stream_answer(self.listener, question, write, max_new_tokens=self.max_new_tokens)
        self.messages += [message, {"role": "assistant", "content": answer}]
        self._frames, self._waiting = frames, ()
        return answer


def converse(chat: Chat, lines: Iterable[str], *, lenient: bool) -> None:
    """Answer line by line: answers on standard output, everything else on standard error.

    lenient: report a bad line and go on (for people); else raise (for scripts: later answers would rest on it).

    Raises:
        InputError: a bad line, unless lenient.
    """
    for line in lines:
        text = line.strip()
        if text == "/quit":
            return
        try:
            _answer(chat, text)
        except InputError as error:
            if not lenient:
                raise
            _note(f"error: {error}")
        except KeyboardInterrupt:
            if not lenient:
                raise
            _note("\nstopped; the conversation is as it was before")


def _answer(chat: Chat, text: str) -> None:
    command, _, rest = text.partition(" ")
    if not text:
        return
    if command == "/audio":
        if not rest.strip():
            raise InputError("/audio needs a file: /audio FILE")
        found = chat.add_audio(Path(rest.strip()).expanduser())
        _note(f"{found.name}: {found.seconds:.1f} s, goes with the next message")
    elif command == "/reset":
        chat.reset()
        _note("forgotten")
    elif command == "/help":
        _note("\n".join(f"{name:<12} {what}" for name, what in COMMANDS.items()))
    elif command.startswith("/"):
        raise InputError(f"No command {command}. Expected one of: {', '.join(COMMANDS)}.")
    else:
        chat.say(text, lambda words: print(shown(words, lines=True), end="", flush=True))
        print(flush=True)


def _note(text: str) -> None:
    print(shown(text, lines=True), file=sys.stderr, flush=True)
