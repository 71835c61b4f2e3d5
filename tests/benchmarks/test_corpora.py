"""What the steps of the corpora's command took is summed over its runs."""

from benchmarks.corpora.__main__ import Took


def test_a_later_run_adds_to_what_was_taken_before(tmp_path):
    Took(tmp_path / "took.json").add("quality", wall=2.0, audio=10.0)
    assert Took(tmp_path / "took.json").add("tag", wall=1.0) == {"wall": 1.0}
    assert Took(tmp_path / "took.json").add("quality", wall=3.0, audio=5.0) == {"wall": 5.0, "audio": 15.0}
