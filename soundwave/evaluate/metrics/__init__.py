"""One file a metric family: what it measures of a trained run."""
