"""What audits of leakage ask of Python: keys of texts (numbers read out) and speakers, and which sounds are alike."""

from __future__ import annotations

import duckdb

from curation.audit.voices import create_voice_functions
from curation.text.readings import number_readings, short_words
from manifests.audio.landmarks import alike
from manifests.linked.same import speaker_keys, text_keys
from manifests.rows.languages import language_doubt


def create_functions(con: duckdb.DuckDBPyConnection) -> None:
    """Add text_keys(text, language), speaker_keys(corpus, speaker), language_doubt(code), alike_sounds(marks, marks)
    and the functions of `curation.audit.voices`.

    And sure_head(text), in SQL since that is a hundred times as fast as reading: a text's first words, two to five,
    which stand as they are in every one of its `text_keys`. NULL: it does not begin with such words.
    """
    con.create_function("text_keys", _text_keys, ["VARCHAR", "VARCHAR"], "VARCHAR[]")
    con.create_function("speaker_keys", speaker_keys, ["VARCHAR", "VARCHAR"], "VARCHAR[]")
    con.create_function("language_doubt", _language_doubt, ["VARCHAR"], "VARCHAR")
    con.create_function("alike_sounds", alike, ["VARCHAR", "VARCHAR"], "DOUBLE")
    create_voice_functions(con)
    con.execute(_SURE_HEAD)


# Words of ASCII with a vowel, which is no Turkish I; the last one before anything else is left out, since scripts
# without spaces join it; none may be an abbreviation in any language.
_WORD = "[B-DF-HJ-NP-TV-Zb-df-hj-np-tv-z]*[AEOUaeiou][A-HJ-Za-z]*"
_SHORT = f"(?:^| )(?:{'|'.join(sorted(word for word in short_words() if word.isascii()))})(?: |$)"
_SURE_HEAD = f"""
CREATE OR REPLACE TEMP MACRO sure_head(words) AS (
  list_transform(
    [lower(regexp_extract(regexp_extract(words, '^(?:{_WORD} ){{2,5}}{_WORD} '), '^(.*) [^ ]+ $', 1))],
    lambda head: CASE WHEN contains(head, ' ') AND NOT regexp_matches(head, '{_SHORT}') THEN head END
  )[1]
)"""


def _text_keys(text: str, language: str) -> list[str]:
    return text_keys(text, language, number_readings)


def _language_doubt(code: str) -> str:
    return language_doubt(code) or ""
