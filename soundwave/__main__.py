"""`python -m soundwave` is `soundwave`."""

from soundwave.cli import main

main()
