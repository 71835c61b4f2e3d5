"""Scores of trained runs on held-out rows.

metrics/        one file a metric: error rates, translations, sounds, ...
metric.py       what a metric is, and the figures that it gives
registry.py     metrics and figures by name
held_out.py     the rows that metrics read
families.py     metrics of a run: measured once, kept in its folder
table.py        scores as rows, for people and for programs
error_rates.py  word and character error rates of texts, with a bootstrap band
likelihood.py   how likely the LLM finds an answer
joint.py        transcripts that the LLM and CTC choose together
air_bench.py    AIR-Bench's questions in, responses and accuracies out
"""
