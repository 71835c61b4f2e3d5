"""What audits of leakage ask of Python: keys of texts (numbers read out) and speakers, and which sounds are alike."""

from __future__ import annotations

import duckdb

from curation.text.readings import number_readings
from manifests.audio.landmarks import alike
from manifests.languages import language_doubt
from manifests.linked.same import speaker_keys, text_keys


def create_functions(con: duckdb.DuckDBPyConnection) -> None:
    """Add text_keys(text, language), speaker_keys(corpus, speaker), language_doubt(code), alike_sounds(marks, ...)."""
    con.create_function("text_keys", _text_keys, ["VARCHAR", "VARCHAR"], "VARCHAR[]")
    con.create_function("speaker_keys", speaker_keys, ["VARCHAR", "VARCHAR"], "VARCHAR[]")
    con.create_function("language_doubt", _language_doubt, ["VARCHAR"], "VARCHAR")
    con.create_function("alike_sounds", alike, ["VARCHAR", "VARCHAR"], "DOUBLE")


def _text_keys(text: str, language: str) -> list[str]:
    return text_keys(text, language, number_readings)


def _language_doubt(code: str) -> str:
    return language_doubt(code) or ""
