"""Passes that put a score on a cut and decide nothing: what is good enough is a rule's to say.

They refuse only what they cannot hear or read. Each is a pass like any other (`curation.passes`).
"""
