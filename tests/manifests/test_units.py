from manifests.units import clock, hours


def test_clock() -> None:
    assert [clock(s) for s in (0.25, 59.94, 61, 3725.4)] == ["0.2s", "59.9s", "1m01s", "1h02m05s"]
    assert hours(1800) == 0.5
