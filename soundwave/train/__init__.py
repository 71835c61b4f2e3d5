"""The three-stage trainer: settings, data, loop, checkpoints, ledger."""
