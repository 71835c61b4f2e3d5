"""Corpora of speech with its words: transcripts, and translations."""
