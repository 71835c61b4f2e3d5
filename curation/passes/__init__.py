"""Labelling passes: one kind of label over a corpus each."""
