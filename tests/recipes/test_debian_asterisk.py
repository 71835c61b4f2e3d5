"""The asterisk recipe on a few made prompts, and what the real packages hold."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

from manifests.audio import decode, read_audio
from manifests.files import read_jsonl
from manifests.reasons import Reason
from manifests.rows import CorpusInfo
from recipes import registry
from recipes.debian_asterisk import SOUNDS, TRANSCRIPTS, read, read_transcripts, spoken, to_flac

LINES = """; Core Sounds

agent-loginok: Agent  logged in.
letters/at: at [@]
beep: [a beep tone]
confbridge-join: <beep ascending>
silence/3: (3 seconds of silence)
has-left: ...has left.
gone: Nobody recorded this.
broken: This file is empty.
nothing:
"""


def g722(path: Path, count: int = 800) -> None:
    """`count` bytes of G.722 (two samples each at 16 kHz); any bytes decode."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes((i * 37 + 11) % 256 for i in range(count)))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    for key in ("agent-loginok", "letters/at", "beep", "confbridge-join", "silence/3", "has-left", "nothing", "extra"):
        g722(root / SOUNDS / f"{key}.g722")
    (root / SOUNDS / "broken.g722").touch()
    transcripts = root / TRANSCRIPTS
    transcripts.parent.mkdir(parents=True)
    transcripts.write_bytes(gzip.compress(LINES.encode()))
    return root


def test_speech_becomes_cuts_and_everything_else_a_reject_with_its_reason(source: Path, tmp_path: Path) -> None:
    found = read(source, tmp_path / "asterisk")
    texts = {cut.id: cut.supervisions[0].text for cut in found.cuts}
    assert texts == {
        "asterisk-agent-loginok": "Agent logged in.",
        "asterisk-letters-at": "at",
        "asterisk-has-left": "has left.",
    }
    assert {row.cut_id: row.reason for row in found.rejects} == {
        "asterisk-beep": Reason.not_speech,
        "asterisk-confbridge-join": Reason.not_speech,
        "asterisk-silence-3": Reason.not_speech,
        "asterisk-gone": Reason.audio_missing,
        "asterisk-extra": Reason.text_missing,
        "asterisk-broken": Reason.audio_unreadable,
        "asterisk-nothing": Reason.empty_text,
    }


def test_a_cut_says_who_speaks_what_and_under_which_licence(source: Path, tmp_path: Path) -> None:
    cut = next(cut for cut in read(source, tmp_path).cuts if cut.id == "asterisk-agent-loginok")
    assert (cut.recording.sampling_rate, cut.recording.num_samples) == (16_000, 1600)
    assert cut.supervisions[0].speaker == "allison" and cut.supervisions[0].language == "en"
    assert cut.custom["license"] == "CC-BY-SA-3.0" and cut.custom["task"] == "asr"
    assert len(cut.custom["audio_sha256"]) == 64


def test_the_flac_holds_the_decoded_samples_exactly(tmp_path: Path) -> None:
    g722(tmp_path / "a.g722")
    target = to_flac(tmp_path / "a.g722", tmp_path / "out" / "a.flac")
    assert (decode(target)[0] == decode(tmp_path / "a.g722")[0]).all()


@pytest.mark.parametrize(
    ("transcript", "said"),
    [
        ("dash [-]", "dash"),
        ("To exit...", "To exit"),
        ("... for ...", "for"),
        ('IAX (note: does not say "2")', "IAX"),
        ("[tones]", ""),
        ("...", ""),
        ("3 items.", "3 items."),
    ],
)
def test_notes_and_joining_dots_are_not_spoken(transcript: str, said: str) -> None:
    assert spoken(transcript) == said


@pytest.mark.assets
def test_the_real_package_has_551_prompts_17_tones_or_silences_and_one_lost_recording(
    debian_root: Path, real_corpus: Callable[[str], tuple[CorpusInfo, Path]]
) -> None:
    transcripts = read_transcripts(debian_root / TRANSCRIPTS)
    assert (len(transcripts), sum(1 for text in transcripts.values() if not spoken(text))) == (569, 17)
    info, folder = real_corpus("debian_asterisk")
    assert (info.cuts, info.rejects) == (551, 18)
    assert info.hours * 60 == pytest.approx(24.26, abs=0.01)
    assert registry.rejects_by_reason(folder) == {"not_speech": 17, "audio_missing": 1}
    row = next(iter(read_jsonl(folder / "cuts.jsonl.gz")))
    assert len(read_audio(Path(row["recording"]["sources"][0]["source"]))) == row["recording"]["num_samples"]
