"""Shares of benchmarks.plan beside Lhotse's mux: asked as its users ask it, and with shares of hours as weights."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import plan as benchmark


def test_the_peer_gets_weights_by_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benchmark, "SEEDS", 3)
    benchmark.generate(tmp_path / "catalog", 40_000)
    errors = benchmark.mux_share_errors(tmp_path)
    assert errors["lazy"] == errors["eager"] < 0.01 < 0.05 < errors["hours"]
    found = benchmark.plan(tmp_path, 40_000, threads=1)
    assert found["share_error"] < found["first_share_error"] < errors["eager"]
