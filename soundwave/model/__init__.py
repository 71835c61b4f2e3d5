"""The speech LLM, part by part."""
