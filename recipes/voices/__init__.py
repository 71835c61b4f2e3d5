"""Corpora that say who speaks and how: speakers, emotions, age, genuine or made."""
