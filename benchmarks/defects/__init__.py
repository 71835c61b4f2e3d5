"""Defects of real corpora: found by SQL over the labels, against what is really there."""
