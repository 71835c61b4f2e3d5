"""Curation: labels in parallel, quality, catalog, audits, mixtures -> plan + lock."""
