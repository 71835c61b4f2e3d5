"""Text while it is being generated."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from transformers import TextStreamer

from soundwave.infer.listener import Listener, Question

Write = Callable[[str], None]


class WordStreamer(TextStreamer):
    """transformers' streamer for a batch of one: whole words as soon as they are complete, for `write`.

    The space around the whole answer is left out, as `SpeechLLM.generate` does, so space waits for the next word.
    """

    def __init__(self, tokenizer: Any, write: Write) -> None:
        # A tokenizer that cleans up spaces would take back one that was written already.
        super().__init__(tokenizer, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        self._write, self._begun, self._space = write, False, ""

    def on_finalized_text(self, text: str, stream_end: bool = False) -> None:
        """Hand over the next words (called by `put` and `end`)."""
        text = self._space + text if self._begun else text.lstrip()
        words = text.rstrip()
        self._space = text[len(words) :]
        if words:
            self._begun = True
            self._write(words)


def stream_answer(listener: Listener, question: Question, write: Write, **options: Any) -> str:
    """The LLM's greedy answer, written word by word; the same text as without streaming.

    Raises:
        InputError: as `Listener.ask`.
    """
    return listener.ask([question], streamer=WordStreamer(listener.model.tokenizer, write), **options)[0]
