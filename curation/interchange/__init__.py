"""Corpora of other tools, tables and folders in, what an import would do, and cuts with their audio out."""
