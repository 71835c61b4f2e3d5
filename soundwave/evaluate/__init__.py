"""Error rates and other measures of a trained run."""
