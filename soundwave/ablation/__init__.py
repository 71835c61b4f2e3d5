"""Data ablations: a grid of runs (arms x sizes x seeds), trained once each, side by side, and what they say.

grid.py      what is asked: the YAML file
nodes.py     what must be trained for it: equal trainings are one node
execute.py   any jobs with dependencies, as processes side by side
run.py       the whole of `soundwave ablate`: plans, trainings, evaluations, rows
results.py   one row per cell and stage
fit.py       error against hours: a power law with a band, where the points allow one; a score's error is the
next_run.py  which cell to run next, and why
"""
