"""How a grid's trainings are run, and what is read of them.

held_out.py   no plan draws what is measured
branches.py   a size ladder from one run
known.py      cells that were finished elsewhere
processes.py  commands as processes on a Dask cluster's workers; cluster.py: an ablation's jobs on them
listing.py    the jobs as lines for a shell or a scheduler
measured.py   what evaluations said; rows.py: the rows of the results
forecast.py   what a grid would cost, before anything trains
"""
