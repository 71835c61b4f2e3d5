"""Data ablations: a grid of runs (arms x axes x seeds), trained once each, side by side, and what they say.

grid.py      what is asked: the YAML file
axes/        what varies: values, designs, and what they change
outcomes.py  what is measured: figures by name
nodes.py     what must be trained for it: equal trainings are one node
running/     plans without held-out clips, branches, Dask, lines for a scheduler, rows, forecasts
execute.py   any jobs with dependencies, as processes side by side
run.py       the whole of `soundwave ablate`: plans, trainings, evaluations, rows
results.py   one row per cell and stage
fit.py       error against hours: a power law with a band, where the points allow one; a score's error is the
             distance from its best value
next_run.py  which cell to run next, and why
"""
