"""The whole pipeline on real recordings with real pretrained models: what `soundwave demo` and `soundwave assets` do.

settings.py   what may be replaced in it
assets.py     what must be there before: corpora and pretrained models
phases.py     its phases, timed and remembered
run.py        the pipeline
"""
