"""Clips to look at and listen to.

marked    a transcript with its differences
"""
