"""A long recording becomes a prepared corpus: real clips joined, and what the files say."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from curation.align import load_aligner
from curation.align.asr_as_ctc import RecogniserModel, _stretches
from curation.segment.corpus import CorpusOrigin, piece_text, segment_file
from curation.segment.silences import PieceLimits
from curation.text import normalise
from manifests.audio import read_audio
from manifests.errors import AudioError, InputError, MissingFileError
from manifests.files import read_jsonl
from manifests.rows import read_corpus
from manifests.rows.validate import row_problems
from tests.curation.spoken import Reader, Spoken, say
from tests.manifests.audio import written_audio as made

PROMPTS = {  # id: text, as published with the recordings
    "agent-incorrect": "Login incorrect.  Please enter your agent number followed by the pound key.",
    "agent-loginok": "Agent logged in.",
    "conf-getchannel": "Please enter the channel number followed by the pound key.",
    "conf-lockednow": "The conference is now locked",
    "conf-muted": "You are now muted",
    "demo-nogo": (
        "I am afraid I was unable to create a connection to the Digium demonstration Asterisk server.  "
        "You may find some helpful debugging information on the Asterisk console."
    ),
    "demo-abouttotry": (
        "I am about to attempt an Inter-Asterisk Exchange connection to a demonstration server located at Digium.  "
        "In order for this to work you must already be connected to the Internet.  "
        "Please wait a moment while I attempt to make the connection."
    ),
}
LEFT_OUT = "conf-getchannel"  # its text is not given


@pytest.fixture
def spoken(tmp_path):
    """A recording that a `Reader` can read, as a file, and its text."""
    said, duration = say(["able", "brown", "candle"] * 8)
    source = Spoken(said, duration)
    audio, text = tmp_path / "made.wav", tmp_path / "made.txt"
    soundfile.write(audio, source.read(0, duration), 16000, subtype="FLOAT")
    text.write_text("Able, brown candle!\n" * 8)
    return audio, text, said


def test_the_folder_is_a_prepared_corpus(tmp_path, spoken):
    audio, text, said = spoken
    origin = CorpusOrigin("book", "CC0-1.0", "tests", speaker="one")
    found = segment_file(audio, text, tmp_path / "book", Reader(), origin, limits=PieceLimits(2, 5))
    assert (found.words, found.words_kept, found.words_unsaid) == (24, 24, 0)
    info = read_corpus(tmp_path / "book")
    assert (info.name, info.license, info.cuts) == ("book", "CC0-1.0", found.pieces)
    rows = list(read_jsonl(tmp_path / "book/cuts.jsonl.gz"))
    assert not [problem for row in rows for problem in row_problems(row)]
    assert len({row["custom"]["audio_sha256"] for row in rows}) == len(rows)
    items = [
        (item[0], row["start"] + item[1], item[2])
        for row in rows
        for item in row["supervisions"][0]["alignment"]["word"]
    ]
    assert [symbol.lower() for symbol, _, _ in items] == [word for word, _, _ in said]
    assert [start for _, start, _ in items] == pytest.approx([start for _, start, _ in said], abs=0.05)
    assert " ".join(row["supervisions"][0]["text"] for row in rows) == " ".join(["Able, brown candle!"] * 8)
    assert not list((tmp_path / "book").glob("tmp*"))


def test_a_recording_whose_channels_differ_is_heard_as_asked(tmp_path, spoken):
    audio, text, _ = spoken
    voice, rate = soundfile.read(audio, dtype="float32")
    apart = np.where(np.arange(len(voice)) % 2, 0.25, -0.25).astype(np.float32)
    stereo = tmp_path / "stereo.wav"
    soundfile.write(stereo, np.stack([voice + apart, voice - apart], axis=1), rate, subtype="FLOAT")
    with pytest.raises(AudioError, match="channels that differ"):
        segment_file(stereo, text, tmp_path / "refused", Reader(), CorpusOrigin("book"))
    found = segment_file(stereo, text, tmp_path / "mixed", Reader(), CorpusOrigin("book"), channels="mix")
    assert found.words_kept == 24
    rows = list(read_jsonl(tmp_path / "mixed/cuts.jsonl.gz"))
    assert {(row["type"], *row["channel"], row["custom"]["channel_mode"]) for row in rows} == {
        ("MultiCut", 0, 1, "mix")
    }
    assert all(row["supervisions"][0]["alignment"]["word"] for row in rows)
    assert read_corpus(tmp_path / "mixed").provenance["settings"]["channels"] == "mix"


def test_the_same_input_gives_the_same_bytes(tmp_path, spoken):
    audio, text, _ = spoken
    files = []
    for folder in ("a", "b"):
        segment_file(audio, text, tmp_path / folder, Reader(), CorpusOrigin("book"))
        files.append([(tmp_path / folder / name).read_bytes() for name in ("cuts.jsonl.gz", "rejects.jsonl.gz")])
    assert files[0] == files[1]


def test_formats_without_random_access_are_converted(tmp_path):
    import av

    path = tmp_path / "noise.g722"
    noise = (np.random.default_rng(0).standard_normal(32000) * 3000).astype(np.int16)
    with av.open(str(path), "w", format="g722") as container:
        stream = container.add_stream("g722", rate=16000)
        stream.layout = "mono"
        for first in range(0, len(noise), 320):
            frame = av.AudioFrame.from_ndarray(noise[None, first : first + 320], format="s16", layout="mono")
            frame.rate = 16000
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    (tmp_path / "a.txt").write_text("able")
    found = segment_file(path, tmp_path / "a.txt", tmp_path / "out", Silent(), CorpusOrigin("noise"))
    assert found.unrelated and (found.pieces, found.words, found.words_unsaid) == (0, 1, 1)
    assert read_corpus(tmp_path / "out").cuts == 0
    reasons = {row["reason"]: row["detail"] for row in read_jsonl(tmp_path / "out/rejects.jsonl.gz")}
    assert reasons == {"not_said": "1 words: 'able'", "text_missing": "2.00 s of audio: sounds, without text"}
    converted = tmp_path / "out/audio/noise.flac"
    assert soundfile.info(converted).duration == pytest.approx(2.0, abs=0.01)
    assert np.corrcoef(read_audio(converted)[:31000], read_audio(path)[:31000])[0, 1] > 0.99


class Silent(Reader):
    """Hears nothing."""

    def emit(self, samples, tokens):
        return super().emit(np.zeros_like(samples), tokens)


def test_bad_files_are_one_sentence(tmp_path, spoken):
    audio, text, _ = spoken
    with pytest.raises(MissingFileError, match="No such recording"):
        segment_file(tmp_path / "no.wav", text, tmp_path / "out", Reader(), CorpusOrigin("x"))
    with pytest.raises(MissingFileError, match="No such text"):
        segment_file(audio, tmp_path / "no.txt", tmp_path / "out", Reader(), CorpusOrigin("x"))
    with pytest.raises(AudioError, match="does not decode"):
        segment_file(text, text, tmp_path / "out", Reader(), CorpusOrigin("x"))
    for data, said in (
        (b"\xff\xfe\x00", "UTF-16 or UTF-32, expected UTF-8"),
        (b"one\ncaf\xe9", ":2: not UTF-8: byte 0xe9"),
    ):
        text.write_bytes(data)
        with pytest.raises(InputError, match=said):
            segment_file(audio, text, tmp_path / "out", Reader(), CorpusOrigin("x"))


def test_the_text_of_a_piece_is_as_it_was_written():
    text = 'He said: "Wait - no,\n  (never) again."  Then 3 went.'
    words = normalise(text)
    said = [at for at, word in enumerate(words) if word.readings]
    assert piece_text(text, words, said) == 'He said: "Wait - no, (never) again." Then 3 went.'
    without = [at for at in said if words[at].text != "never"]
    assert piece_text(text, words, without) == 'He said: "Wait - no, again." Then 3 went.'


def test_stretches_cover_the_samples_and_end_where_it_is_quiet():
    samples = np.ones(40 * 16000, np.float32)
    samples[8 * 16000 : 8 * 16000 + 1600] = 0
    spans = _stretches(samples)
    assert [first for first, _ in spans] == [0, *(last for _, last in spans[:-1])]
    assert spans[-1][1] == len(samples)
    assert spans[0][1] == pytest.approx(8.05 * 16000, abs=800)
    assert max(last - first for first, last in spans) <= 10 * 16000


@pytest.fixture
def joined(tmp_path, asterisk_sounds):
    """Real prompts in one file; where each is, and a text that lacks one of them and has a sentence too many."""
    parts, spans, at = [], {}, 0
    rng = np.random.default_rng(0)
    for name in PROMPTS:
        samples = read_audio(asterisk_sounds / f"{name}.g722")
        pause = (rng.standard_normal(8000) * 1e-4).astype(np.float32)
        spans[name] = (at / 16000, (at + len(samples)) / 16000)
        parts += [samples, pause]
        at += len(samples) + len(pause)
    audio, text = tmp_path / "prompts.flac", tmp_path / "prompts.txt"
    soundfile.write(audio, np.concatenate(parts), 16000)
    lines = [said for name, said in PROMPTS.items() if name != LEFT_OUT]
    lines.insert(4, "The weather in the mountains was remarkably pleasant throughout September.")
    text.write_text("\n".join(lines))
    return audio, text, spans


@pytest.mark.assets
def test_real_prompts_joined_are_found_again(tmp_path, joined):
    audio, text, spans = joined
    found = segment_file(
        audio,
        text,
        tmp_path / "out",
        RecogniserModel.embedded(),
        CorpusOrigin("prompts", "CC-BY-SA-3.0"),
        limits=PieceLimits(2, 10),
        refine=load_aligner("pocketsphinx"),
    )
    assert found.words_unsaid == 10
    [audio_only, text_only] = read_jsonl(tmp_path / "out/rejects.jsonl.gz")
    assert text_only["reason"] == "not_said"
    assert "The weather in the mountains was remarkably pleasant throughout September" in text_only["detail"]
    assert audio_only["reason"] == "text_missing"
    left_out = [int(part) / 100 for part in audio_only["cut_id"].split("-")[-2:]]
    assert left_out == pytest.approx(spans[LEFT_OUT], abs=0.5)
    clips = {"".join(said.replace(".", "").split()[:3]): spans[name] for name, said in PROMPTS.items()}
    rows = list(read_jsonl(tmp_path / "out/cuts.jsonl.gz"))
    assert rows
    checked = 0
    for row in rows:
        words = row["supervisions"][0]["alignment"]["word"]
        texts = [word[0] for word in words]
        for at in range(len(texts) - 2):
            opening = "".join(texts[at : at + 3])
            if opening in clips:  # the first words of a prompt
                start, _ = clips[opening]
                assert row["start"] + words[at][1] == pytest.approx(start, abs=0.4)
                checked += 1
    assert checked >= 5


@pytest.mark.parametrize(
    ("name", "data", "converted"),
    [
        ("an-m4a.wav", made.libav("ipod", "aac"), True),
        ("an-m4a.m4a", made.libav("ipod", "aac"), True),
        ("a-wav.m4a", made.wav(), False),
        ("an-mp3.wma", made.mp3(), False),
    ],
)
def test_what_a_recording_holds_decides_whether_it_is_converted(tmp_path, name, data, converted):
    (tmp_path / name).write_bytes(data)
    (tmp_path / "a.txt").write_text("able")
    segment_file(tmp_path / name, tmp_path / "a.txt", tmp_path / "out", Silent(), CorpusOrigin("noise"))
    assert (tmp_path / "out" / "audio").is_dir() is converted


def test_a_playlist_is_no_recording_whatever_its_name(tmp_path):
    (tmp_path / "list.m4a").write_text("#EXTM3U\n#EXTINF:3,\nother.wav\n#EXT-X-ENDLIST\n")
    (tmp_path / "a.txt").write_text("able")
    with pytest.raises(AudioError, match="does not decode"):
        segment_file(tmp_path / "list.m4a", tmp_path / "a.txt", tmp_path / "out", Silent(), CorpusOrigin("noise"))
