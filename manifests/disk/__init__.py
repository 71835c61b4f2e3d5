"""The disk under our files: names, several files that change together, one process at a time, what goes wrong."""
