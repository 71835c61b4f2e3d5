"""Recipes: one file per corpus, each turning real files into Lhotse manifests."""
