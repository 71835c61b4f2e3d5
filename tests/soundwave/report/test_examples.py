"""Marked transcripts and envelopes against what they must add up to."""

import jiwer
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soundwave.report.clips.marked import TranscriptSet, alignments, envelope, marked, mistakes, transcripts
from soundwave.report.workspace import Workspace

SENTENCES = st.lists(st.sampled_from(["a", "b", "c", "d"]), max_size=6).map(" ".join)


@settings(max_examples=60, deadline=None)
@given(reference=SENTENCES, hypothesis=SENTENCES)
def test_marks_hold_both_texts_and_as_many_errors_as_jiwer_counts(reference, hypothesis):
    words = marked(reference, hypothesis)
    assert [word for kind, word in words if kind != "missing"] == hypothesis.split()
    if reference:
        assert sum(kind != "extra" for kind, _ in words) == len(reference.split())
        assert mistakes(words) == pytest.approx(jiwer.wer(reference, hypothesis))
    else:
        assert {kind for kind, _ in words} <= {"extra"}


def test_an_envelope_is_the_peak_of_every_bin():
    samples = np.zeros(1000, dtype=np.float32)
    samples[250:300] = -0.4
    samples[900] = 0.2
    rows = envelope(samples, bins=10)
    assert [row["amplitude"] for row in rows] == [0, 0, 1, 0, 0, 0, 0, 0, 0, 0.5]
    assert rows[0]["time"] == pytest.approx(50 / 16000, abs=1e-4)
    assert envelope(np.zeros(0, dtype=np.float32))[0]["amplitude"] == 0


def test_alignments_skip_clips_whose_audio_is_gone(workspace, tmp_path):
    found = alignments(Workspace(workspace))
    assert len(found) == 3
    assert all([word["symbol"] for word in row["words"]] == ["press", "one", "to", "listen", "now"] for row in found)
    assert all(row["envelope"] for row in found)
    assert alignments(Workspace(tmp_path)) == []


def test_transcripts_are_compared_in_spoken_form(workspace, tmp_path):
    run = workspace / "ablation" / "runs" / "sft-full" / "examples-test.jsonl"
    sets = [TranscriptSet("LLM", run, "llm"), TranscriptSet("gone", tmp_path / "none.jsonl", "llm")]
    (clip,) = transcripts(sets)
    assert clip["reference"] == "Press 1 to listen now."
    ((heading, words),) = clip["heard"]
    assert heading == "LLM"
    assert [word for kind, word in words if kind == "missing"] == ["now"]
    assert transcripts(sets[1:]) == []
