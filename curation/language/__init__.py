"""Which language a text is written in, and what classifiers of audio call languages."""

from curation.language.labels import code_of
from curation.language.written import Guess, guess_language

__all__ = ["Guess", "code_of", "guess_language"]
