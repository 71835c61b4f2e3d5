"""Charts as inline SVG in the page's colours.

theme     how they look
charts    of a workspace: hours, shares, training
"""
