"""What a study's rows say as curves: error against hours, and more.

size.py   error against hours: a power law with a band
shape.py  a fit as points of a curve or tiles of a surface, for those who draw it
"""
