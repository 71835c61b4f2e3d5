"""Speech that nobody spoke: synthesisers read texts out. Never in a test split."""
