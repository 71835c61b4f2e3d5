"""Corpora of tasks beside transcription: questions, commands, chat."""
