"""Ablations: grids of runs, fitted curves, what to run next."""
