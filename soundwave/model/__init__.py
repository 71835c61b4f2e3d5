"""The speech LLM: alignment adapter, CTC head over the LLM's vocabulary, shrinking adapter, any Hugging Face LLM."""
