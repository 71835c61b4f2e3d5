"""What `soundwave ablate` leaves in its output folder: names of files.

OUTPUT/GRID/grid.json         what the grid asked, and what it says
OUTPUT/GRID/results.jsonl     a row per cell and stage
OUTPUT/GRID/results.parquet   the same
OUTPUT/GRID/clips.parquet     a row per clip of each; not in all versions
OUTPUT/plans/KEY/  OUTPUT/runs/STAGE-KEY/  OUTPUT/evaluations/
"""

GRID, RESULTS, TABLE, CLIPS = "grid.json", "results.jsonl", "results.parquet", "clips.parquet"
PLANS, RUNS, EVALUATIONS = "plans", "runs", "evaluations"
