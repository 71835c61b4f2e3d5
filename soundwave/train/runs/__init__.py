"""What a run leaves on disk: its folder, checkpoints, journal and ledger."""
