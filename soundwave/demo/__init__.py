"""The whole pipeline on real recordings with real pretrained models: what `soundwave demo` and `soundwave assets` do.

settings.py   what a demo is; demos/short.yaml and demos/long.yaml are the two
assets.py     what must be there before: corpora and pretrained models
phases.py     its phases, timed and remembered
run.py        the pipeline
"""
