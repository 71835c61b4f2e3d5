"""The Fish Fillets recipe: Lua as it is written in the game, and more."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests.reasons import Reason
from manifests.rows import CorpusInfo
from recipes import registry
from recipes.debian_fillets import SCRIPTS, SOUNDS, lua_calls, parse_dialogue, read

LUA = r"""
-- Intro dialogs: dialogId("not-me", "font_big", "A comment.")
dialogId("m-divna", "font_small", "What kind of \"ship\" -- is that?")
dialogStr("Co je to za divnou loď?")

dialogId("v-vice", "font_big",
         "Two " .. 'pieces, ' ..
         "one text.")
dialogStr(
    "Dva kusy,\
jeden text.")
--[[ dialogId("nor-me", "font_big", "A long comment.") ]]
dialogId("x-long", "", [[
No \n escapes here.]])
dialogStr([==[Ani ]] tady.]==])
dialogId("m-bez", "font_small", "Nobody translated this.")
dialogId("m-prazdny", "font_small", "")
dialogStr("Bez angličtiny.")
dialogId("v-misto", "font_big", "Exactly %1 hours!")
dialogStr("Konkrétně %1 hodin!")
dialogId("v-ticho", "font_big", "No recording.")
dialogStr("Bez nahrávky.")
dialogId("v-vadny", "font_big", "Broken recording.")
dialogStr("Vadná nahrávka.")
dialogId(computed(), "font_big", "Not a literal.")
"""


@pytest.fixture
def source(tmp_path: Path, tone: Callable[..., Path], write: Callable[..., Path]) -> Path:
    root = tmp_path / "root"
    write(root / SCRIPTS / "ship" / "dialogs_cs.lua", LUA)
    write(root / SCRIPTS / "ship" / "dialogs_en.lua", 'dialogId("other", "font_big", "English only.")')
    for key in ("m-divna", "v-vice", "x-long", "m-bez", "m-prazdny", "v-misto", "extra"):
        tone(root / SOUNDS / "ship" / "cs" / f"{key}.ogg", rate=22_050)
    (root / SOUNDS / "ship" / "cs" / "v-vadny.ogg").touch()
    tone(root / SOUNDS / "ship" / "en" / "m-divna.ogg")
    return root


def test_lines_are_read_as_lua_reads_them() -> None:
    lines = {line.id: line for line in parse_dialogue(LUA, "ship")}
    assert list(lines) == ["m-divna", "v-vice", "x-long", "m-bez", "m-prazdny", "v-misto", "v-ticho", "v-vadny"]
    assert lines["m-divna"].english == 'What kind of "ship" -- is that?'
    assert lines["v-vice"].english == "Two pieces, one text."
    assert lines["v-vice"].czech == "Dva kusy,\njeden text."
    assert (lines["x-long"].english, lines["x-long"].czech) == (r"No \n escapes here.", "Ani ]] tady.")
    assert lines["m-bez"].czech == ""


def test_recorded_lines_become_translation_cuts_and_the_rest_rejects(source: Path, tmp_path: Path) -> None:
    found = read(source, tmp_path / "fillets")
    cuts = {cut.id: cut for cut in found.cuts}
    assert set(cuts) == {"fillets-ship-m-divna", "fillets-ship-v-vice", "fillets-ship-x-long"}
    supervision = cuts["fillets-ship-v-vice"].supervisions[0]
    assert (supervision.text, supervision.language) == ("Dva kusy, jeden text.", "cs")
    assert supervision.custom == {"target_text": "Two pieces, one text.", "target_language": "en"}
    assert cuts["fillets-ship-v-vice"].recording.sampling_rate == 22_050
    assert {row.cut_id: row.reason for row in found.rejects} == {
        "fillets-ship-m-bez": Reason.empty_text,
        "fillets-ship-m-prazdny": Reason.target_missing,
        "fillets-ship-v-misto": Reason.text_missing,
        "fillets-ship-v-ticho": Reason.audio_missing,
        "fillets-ship-v-vadny": Reason.audio_unreadable,
        "fillets-ship-extra": Reason.text_missing,
    }


def test_the_two_leads_are_one_speaker_each_over_all_levels_others_by_level(source: Path, tmp_path: Path) -> None:
    speakers = {cut.id: cut.supervisions[0].speaker for cut in read(source, tmp_path).cuts}
    assert speakers == {
        "fillets-ship-m-divna": "small-fish",
        "fillets-ship-v-vice": "big-fish",
        "fillets-ship-x-long": "unnamed-ship",
    }


def quoted(value: str, quote: str) -> str:
    escapes = {"\\": "\\\\", "\n": "\\n", "\r": "\\013", quote: f"\\{quote}"}
    return quote + "".join(escapes.get(char, char) for char in value) + quote


@given(st.lists(st.text(max_size=12), min_size=1, max_size=4), st.sampled_from("\"'"))
def test_any_string_written_as_lua_is_read_back(pieces: list[str], quote: str) -> None:
    literals = " .. ".join(quoted(piece, quote) for piece in pieces)
    assert list(lua_calls(f"dialogStr({literals})")) == [("dialogStr", ["".join(pieces)])]


@given(st.text(alphabet="ab\"'[]=-.,()\\n \n", max_size=40))
def test_broken_code_gives_fewer_calls_and_no_crash(code: str) -> None:
    list(lua_calls(f"dialogId({code}"))


@pytest.mark.assets
def test_the_real_packages_hold_1704_usable_clips(real_corpus: Callable[[str], tuple[CorpusInfo, Path]]) -> None:
    info, folder = real_corpus("debian_fillets")
    assert (info.cuts, info.rejects) == (1704, 356)
    assert info.hours * 60 == pytest.approx(99.0, abs=0.1)
    assert registry.rejects_by_reason(folder) == {
        "audio_missing": 278,
        "empty_text": 54,
        "text_missing": 24,
    }
