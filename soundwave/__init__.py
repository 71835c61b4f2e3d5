"""Model, three-stage training, evaluation, ablations, report, and the one command line `soundwave`."""
