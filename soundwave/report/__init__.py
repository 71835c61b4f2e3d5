"""The report: one self-contained page and one JSON summary of a workspace.

workspace.py  where files are, and reading what may not be there
data.py       corpora, rejects, mixtures, audits
training.py   training curves and losses by stage
outcome.py    ablation grids with their figures, headline error rates
clips/        alignments with their waveforms, transcripts with their differences
drawing/      charts and how they look
page.py       all of it through templates/report.html.j2
summary.py    the same facts as JSON
"""
