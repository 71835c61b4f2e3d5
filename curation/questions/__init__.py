"""Questions about the audio of corpora that are there: when a word is said, which language it is, who speaks, and how.

builders   a task's answer, from what a manifest says of a cut
corpus     all cuts of a corpus, asked one thing, as a corpus of its own beside it
"""
