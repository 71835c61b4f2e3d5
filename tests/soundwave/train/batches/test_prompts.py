"""Instructions: what a set asks, and the language that a translation is asked for."""

from dataclasses import replace

from soundwave.train.batches.plan_data import PlanData
from soundwave.train.batches.prompts import language_name, template_set


def test_the_first_line_of_a_set_asks_for_the_transcript_alone():
    assert template_set("short")["asr"] == ["Transcribe in correct spelling: {audio}"]
    assert template_set("paper")["asr"][0] == "{audio}\nTranscribe the speech."
    for name in ("short", "paper"):
        lines = [line for found in template_set(name).values() for line in found]
        assert not any("{options}" in line for line in lines)


def test_the_language_of_an_answer_is_named_in_english(workspace):
    cut = PlanData(workspace / "mixtures" / "mixed", encoder="moonshine-tiny-en").step(0)[0].cut
    assert [language_name(replace(cut, target_language=code)) for code in ("de", None, "tlh")] == [
        "German",
        "English",
        "tlh",
    ]
    assert language_name(None) == "English"
