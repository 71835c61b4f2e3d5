"""The CTC head over the LLM's vocabulary, and its loss without the frames x vocabulary matrix."""
