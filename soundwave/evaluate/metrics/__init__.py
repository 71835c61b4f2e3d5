"""One file a metric: what it measures of a trained run. Every file here is one; see `soundwave.evaluate.metric`."""
