"""From a plan to batches: draws, samples, prompts, frames."""
