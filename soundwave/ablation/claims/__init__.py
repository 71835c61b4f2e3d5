"""Which differences of a study are real, and which nobody can tell: see docs/claims.md.

measured.py   rows and clips of a study, as arrays
contrasts.py  which comparisons it asks
bands.py      bands over seeds and clips that hold for all of them together
claim.py      a verdict and a sentence for each
power.py      what a study could show, before it runs
"""
