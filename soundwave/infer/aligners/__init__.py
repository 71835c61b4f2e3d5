"""Aligners that are made of trained runs; they are found beside those of `curation.align`."""
