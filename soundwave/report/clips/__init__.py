"""Clips to look at and listen to.

marked    a transcript with its differences
chosen    which clips tell most, by what each gave
compared  the arms of a grid clip by clip: scores and transcripts
sounds    waves, words with times, and sounds within what the page has room for
shown     all of it as the page shows it
"""
