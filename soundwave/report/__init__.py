"""The report: one self-contained page and one JSON summary of a workspace.

workspace.py    where files are, and reading what may not be there
data.py         corpora, rejects, mixtures, audits
training.py     training curves, losses by stage and domain, realised shares
outcome.py      ablation grids with their figures, headline error rates
sources.py      where figures come from: chains and commands
clips/          which clips are shown, what was heard of them, and their sounds
drawing/        charts and how they look
views.py        mixtures and stages as the page shows them; study_views.py: grids
page.py         all of it through templates/report.html.j2
summary.py      the same facts as JSON
verify.py       every file of a workspace read to its end
"""
