"""How a text is read aloud, by language: one rule for the aligner, CTC targets and scores.

    normalise("Press #1: it's $5.")     text     span      readings
                                        Press    0:5       press
                                        #1       6:8       pound one | hash one | number one
                                        it's     10:14     it's
                                        $5       15:17     five dollars
    spoken_text("Press #1: it's $5.")   press pound one it's five dollars

Nothing is dropped silently: each run of non-blank characters gives at least one word or is part of one; a word with
nothing to say is flagged `punctuation`, one that holds what the rule cannot read is flagged `unknown`. The aligner
gives such a word a wildcard; in targets and scores it stands as it is written.

    forms     the normal form (NFC) and what a letter is     words     a text's words, and the text as it is spoken
    speak     ways to say one word                           numbers   numbers, fractions, times
    measures  units, money, dates                            rules     languages.yaml and number symbols
    scoring   what error rates compare
"""

from curation.text.forms import base_language, is_unspaced, normal_form
from curation.text.rules import Reading
from curation.text.speak import MOST_READINGS
from curation.text.words import Word, normalise, say, spoken_text

READING_VERSION = 2  # of languages other than English: raise it when their texts would be read differently

__all__ = [
    "MOST_READINGS",
    "READING_VERSION",
    "Reading",
    "Word",
    "base_language",
    "is_unspaced",
    "normal_form",
    "normalise",
    "say",
    "spoken_text",
]
