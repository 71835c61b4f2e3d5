"""What a grid varies beside its arms and seeds.

kinds.py    an axis as the grid's file says it, with its values
design.py   which combinations of values are cells: all, pairs, or a Sobol design
changes.py  what a value of an axis changes in an arm's stages and mixtures
shares.py   the shares of a mixture with some of them set, the others in their ratio
"""
