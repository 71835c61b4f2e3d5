"""All corpora that install here, with all labels."""
