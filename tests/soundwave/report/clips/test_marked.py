"""Marked transcripts against what they must add up to."""

import jiwer
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soundwave.report.clips.marked import marked

SENTENCES = st.lists(st.sampled_from(["a", "b", "c", "d"]), max_size=6).map(" ".join)


@settings(max_examples=60, deadline=None)
@given(reference=SENTENCES, hypothesis=SENTENCES)
def test_marks_hold_both_texts_and_as_many_errors_as_jiwer_counts(reference, hypothesis):
    words = marked(reference, hypothesis)
    assert [word for kind, word in words if kind != "missing"] == hypothesis.split()
    if reference:
        expected = sum(kind != "extra" for kind, _ in words)
        assert expected == len(reference.split())
        wrong = sum(kind != "same" for kind, _ in words)
        assert wrong / expected == pytest.approx(jiwer.wer(reference, hypothesis))
    else:
        assert {kind for kind, _ in words} <= {"extra"}
