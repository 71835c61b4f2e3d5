"""Data ablations: a grid of runs (arms x axes x seeds), trained once each, side by side, and what they say.

grid.py      what is asked: the YAML file
axes/        what varies: values, designs, and what they change
outcomes.py  what is measured: figures by name
nodes.py     what must be trained for it: equal trainings are one node
running/     plans without held-out clips, branches, Dask, lines for a scheduler, rows, forecasts
execute.py   any jobs with dependencies, as processes side by side
run.py       the whole of `soundwave ablate`: plans, trainings, evaluations, rows
results.py   one row per cell and stage
fits/        what rows say as curves: error against hours and more, where they end, and which cell would tell most
claims/      which differences of a study are real, and which nobody can tell
next_run.py  which cell to run next, and why
"""
