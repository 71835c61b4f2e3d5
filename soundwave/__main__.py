"""`python -m soundwave` is `soundwave`."""

from soundwave.cli import main

# Dask's workers import this module again under another name.
if __name__ == "__main__":
    main()
