"""What a study's rows say as curves: error against hours, and more.

size.py   error against hours: a power law with a band
"""
