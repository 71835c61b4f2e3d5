"""The benchmark of claims, in small: every row is there, and clips alone claim what is not so."""

import math

from benchmarks.claims import measure_all


def test_every_row_is_there_and_ours_claims_less_where_nothing_differs():
    rows = {row["name"]: row for row in measure_all(0.01)}
    assert list(rows) == [
        "false_claims",
        "power",
        "power_small",
        "wrong_sign",
        "coverage",
        "coverage_size_law",
        "optimum_error",
        "next_regret",
        "next_regret_lattice",
    ]
    assert all(math.isfinite(row["ours"]) for row in rows.values())
    assert rows["false_claims"]["ours"] <= 0.05 < rows["false_claims"]["peer"]
