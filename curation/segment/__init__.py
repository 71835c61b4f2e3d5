"""Long recordings: cut them at silences and align their whole text."""
