"""Damaged and odd files through the real commands: tracebacks, hangs, and what is read as if nothing were wrong.

    python -m benchmarks.fuzz --seconds 600 --seed 0 --json
    python -m benchmarks.fuzz --only kaldi --case 17 --keep found    one input again, with what it said

A small workspace is made first: corpora, labels, a catalog, plans, runs, and sources of every kind that is imported.
Then one file of it at a time is mutated (`mutate`), and the commands that read it run in this process, as `soundwave`
would run them (`drive`). Which file and how follow from the seed, the kind and the case's number alone.

Rows (of all kinds, and of each: `inputs_kaldi`, ...):
    inputs             files tried
    tracebacks         a command ended in an exception that is not told as an error, or its process died
    wrong_acceptances  a command took the file, but what it made of it is not what the file says (`kinds`, by an oracle)
    hangs              a command took longer than --limit seconds
    unnamed            an error does not name the file (shown, not counted as a fault)
    peak_mb            the most memory of a process during an input, in MiB
    seconds            time that the inputs took, over all processes

Faults are listed on standard error; with --keep DIR their inputs are kept there. Exit 1 if there are any.
"""
