"""Charts as inline SVG in the page's colours.

theme     how they look
charts    of a workspace: hours, shares, training, arms, sizes
studies   of a grid's fits: curves and surfaces along its axes, trade-offs
"""
