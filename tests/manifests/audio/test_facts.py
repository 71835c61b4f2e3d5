"""The length in the catalog is the decoded one, or the file is refused: files whose headers lie, built from bytes."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from manifests.audio import audio_facts, decode, probing
from manifests.errors import AudioError
from tests.manifests.audio import written_audio as made

BYTES = 2 * made.SAMPLES
OPUS, VORBIS = ("OGG", "OPUS"), ("OGG", "VORBIS")
LIST = b"LIST\x04\x00\x00\x00abcd"

# Name -> bytes, samples that decode. A comment tells what libsndfile believes where that is another length.
RIGHT: dict[str, tuple[bytes, int]] = {
    "plain.wav": (made.wav(), made.SAMPLES),
    "pipe-ffmpeg.wav": (made.wav(0xFFFFFFFF, 0xFFFFFFFF), made.SAMPLES),
    "pipe-ffmpeg-list.wav": (made.wav(0xFFFFFFFF, 0xFFFFFFFF, tail=LIST), made.SAMPLES + len(LIST) // 2),
    "pipe-sox.wav": (made.wav(0x7FFFF024, 0x7FFFF000), made.SAMPLES),
    "pipe-arecord.wav": (made.wav(0x80000024, 0x80000000), made.SAMPLES),
    "pipe-zero.wav": (made.wav(0, 0), made.SAMPLES),  # libsndfile: 0 samples
    "data-zero.wav": (made.wav(None, 0), made.SAMPLES),  # libsndfile: 0 samples
    "odd-less.wav": (made.wav(None, BYTES - 1), made.SAMPLES - 1),
    "odd-more.wav": (made.wav(None, BYTES + 1), made.SAMPLES),
    "riff-small.wav": (made.wav(100), made.SAMPLES),
    "list-after.wav": (made.wav(tail=LIST), made.SAMPLES),
    "fact-float.wav": (made.fact(5, "FLOAT"), made.SAMPLES),
    "fact-adpcm.wav": (made.fact(5, "IMA_ADPCM"), 48 * 1017),  # 48 blocks
    "gsm.wav": (made.sndfile("WAV", "GSM610", rate=8000), 24_000),  # libsndfile cannot seek in it
    "a.rf64": (made.sndfile("RF64"), made.SAMPLES),
    "a.w64": (made.sndfile("W64"), made.SAMPLES),
    "a.caf": (made.sndfile("CAF"), made.SAMPLES),
    "a.sph": (made.sndfile("NIST"), made.SAMPLES),
    "frames-less.aiff": (made.aiff(frames=made.SAMPLES // 2), made.SAMPLES),
    "frames-zero.aiff": (made.aiff(frames=0), made.SAMPLES),
    "size-zero.aiff": (made.aiff(size=0), made.SAMPLES),
    "unknown.au": (made.au(0xFFFFFFFF), made.SAMPLES),
    "streamed.flac": (made.flac(0), made.SAMPLES),  # libsndfile: 2 ** 63 - 1 samples
    "vbr.mp3": (made.mp3(), made.SAMPLES),
    "vbr-no-index.mp3": (made.mp3(index=False), 49_536),  # libsndfile: about half; 86 frames of 576
    "cbr-no-index.mp3": (made.mp3(index=False, constant=True), 49_536),
    "index-less.mp3": (made.xing(0.5), made.SAMPLES),  # libsndfile: half
    "glued-no-index.mp3": (made.mp3(index=False) * 2, 2 * 49_536),  # libsndfile: a quarter
    "tag-before.mp3": (made.id3() + made.mp3(index=False), 49_536),  # libsndfile: counts the tag
    "rest-after.mp3": (made.mp3(index=False) + bytes(3), 49_536),
    "page-noise.mp3": (made.noised(made.mp3(index=False)), 49_536),  # of frames that are all there
    "tags-between.mp3": (made.mp3(index=False) + made.id3() + made.ape() + made.mp3(index=False), 98_496),
    "lyrics-after.mp3": (made.mp3(index=False) + made.lyrics() + b"TAG" + bytes(125), 49_536),
    "tag-after.mp3": (made.mp3() + b"TAG" + bytes(125), made.SAMPLES),
    "vorbis.ogg": (made.sndfile(*VORBIS), made.SAMPLES),
    "opus.opus": (made.sndfile(*OPUS), made.SAMPLES),
    "opus.webm": (made.libav("webm", "libopus", rate=48_000), 144_000),
    "live.webm": (made.libav("webm", "libopus", rate=48_000, live="1"), 144_000),
    "glued.aac": (made.libav("adts", "aac") * 2, 2 * 48 * 1024),
    "edited.m4a": (made.edited(1.0), 16 * 1024),
    "an-mp3.wav": (made.mp3(index=False), 49_536),
    "a-flac.mp3": (made.sndfile("FLAC"), made.SAMPLES),
    "a-wav.m4a": (made.wav(), made.SAMPLES),
    "a-wav.g722": (made.wav(), made.SAMPLES),
    "an-m4a.wav": (made.libav("ipod", "aac"), 48 * 1024),
    "a-webm.ogg": (made.libav("webm", "libopus", rate=48_000), 144_000),
    "an-aac.mp3": (made.libav("adts", "aac"), 48 * 1024),
}

# Name -> bytes, what the refusal says.
REFUSED: dict[str, tuple[bytes, str]] = {
    "half.wav": (made.half(made.wav()), r"truncated: its header declares 96,000 bytes"),
    "half-odd.wav": (made.half(made.wav(), odd=1), "truncated"),
    "half-adpcm.wav": (made.half(made.wav(subtype="IMA_ADPCM")), "truncated"),
    "half-gsm.wav": (made.half(made.sndfile("WAV", "GSM610", rate=8000)), "truncated|does not decode"),
    "large.wav": (made.wav(None, 3 * BYTES), "truncated: its header declares 288,000 bytes"),
    "small.wav": (made.wav(None, BYTES // 2), "48,000 bytes follow that are no part of it"),
    "small-both.wav": (made.wav(36 + BYTES // 2, BYTES // 2), "48,000 bytes follow"),
    "nothing.wav": (made.sndfile("WAV", seconds=0.0), "0 declared"),
    "half.rf64": (made.half(made.sndfile("RF64")), "truncated"),
    "half.w64": (made.half(made.sndfile("W64")), "truncated"),
    "half.caf": (made.half(made.sndfile("CAF")), "does not decode"),
    "half.sph": (made.half(made.sndfile("NIST")), "truncated"),
    "half.aiff": (made.half(made.aiff()), "truncated"),
    "half.au": (made.half(made.sndfile("AU")), "truncated"),
    "large.au": (made.au(2 * BYTES), "truncated"),
    "small.au": (made.au(BYTES // 2), "48,000 bytes follow"),
    "less.flac": (made.flac(made.SAMPLES // 2), r"3\.00 s decoded, 1\.50 s declared"),
    "more.flac": (made.flac(made.SAMPLES * 2), r"3\.00 s decoded, 6\.00 s declared"),
    "bit-more.flac": (made.flac(made.SAMPLES + 400), "declared in its header"),
    "rate-more.flac": (
        made.flac(made.SAMPLES, bit=3),
        "its header says 81,536 Hz and 1 channels, its frames 16,000 Hz",
    ),
    "rate-less.flac": (made.flac(made.SAMPLES, bit=6), "its header says 7,808 Hz"),
    "rate-odd.flac": (made.flac(made.SAMPLES, bit=19), "its header says 16,001 Hz"),
    "two-channels.flac": (made.flac(made.SAMPLES, bit=22), "and 2 channels, its frames 16,000 Hz and 1"),
    "glued.flac": (made.sndfile("FLAC") * 2, r"6\.00 s decoded, 3\.00 s declared"),
    "half.flac": (made.half(made.sndfile("FLAC")), "does not decode"),
    "half-streamed.flac": (made.half(made.flac(0)), "does not decode"),
    "half.mp3": (made.half(made.mp3()), "truncated"),
    "zero-page.mp3": (made.zeroed(made.mp3(index=False), 0.5), r"damaged: the 4,\d\d\d bytes .*after \d\.\d\d s"),
    "zero-page-index.mp3": (made.zeroed(made.mp3(), 0.5), "damaged: the 4,"),
    "zero-page-first.mp3": (made.zeroed(made.mp3(index=False), 0.0), "from byte 0 on"),
    "zero-page-last.mp3": (made.zeroed(made.mp3(index=False, constant=True), 1.0), "damaged: the 4,"),
    "zeros-after.mp3": (made.mp3(index=False) + bytes(4096), "damaged: the 4,"),
    "zeros-before.mp3": (bytes(4096) + made.mp3(index=False), "the 4,096 bytes from byte 0 on"),
    "cut-out.mp3": (made.cut_out(made.mp3(index=False)), "no frame of MPEG audio"),
    "junk-between.mp3": (made.mp3() + b"junk" * 25 + made.mp3(), "no frame of MPEG audio"),
    "junk-after.mp3": (made.mp3(index=False) + b"junk" * 250, "damaged: the 1,"),
    "index-more.mp3": (made.xing(2.0), "truncated"),
    "gap.ogg": (made.lost_page(made.sndfile(*VORBIS)), "lacks Ogg pages"),
    "gap.opus": (made.lost_page(made.sndfile(*OPUS)), "lacks Ogg pages"),
    "half.ogg": (made.half(made.sndfile(*VORBIS)), "ends inside Ogg page"),
    "zero-page.ogg": (made.zeroed(made.sndfile(*VORBIS), 0.5), r"Ogg page \d is damaged"),
    "bit.ogg": (made.noised(made.sndfile(*VORBIS), 1), r"Ogg page \d is damaged \(its checksum differs\)"),
    "bit.opus": (made.noised(made.sndfile(*OPUS), 1), r"Ogg page \d is damaged \(its checksum differs\)"),
    "chain.ogg": (made.sndfile(*VORBIS) + made.sndfile(*VORBIS, seconds=2.0), "chain of streams"),
    "chain.opus": (made.sndfile(*OPUS) * 2, "chain of streams"),
    "half.m4a": (made.half(made.libav("ipod", "aac")), "does not decode"),
    "half.webm": (made.half(made.libav("webm", "libopus", rate=48_000)), "truncated"),
    "half.aac": (made.half(made.libav("adts", "aac")), "does not decode"),
    "playlist.wav": (b"#EXTM3U\n#EXTINF:3,\nplain.wav\n#EXT-X-ENDLIST\n", "does not decode"),
}


def written(folder: Path, name: str, data: bytes) -> Path:
    (folder / name).write_bytes(data)
    return folder / name


@pytest.mark.parametrize("whole", [False, True], ids=["header", "decode"])
@pytest.mark.parametrize("name", RIGHT)
def test_the_length_is_the_decoded_one(tmp_path: Path, name: str, whole: bool) -> None:
    data, expected = RIGHT[name]
    path = written(tmp_path, name, data)
    with probing(decode=whole):
        facts = audio_facts(path)
    samples, rate = decode(path)
    assert (facts.samples, facts.sampling_rate) == (len(samples), rate)
    assert facts.samples == expected


@pytest.mark.parametrize("whole", [False, True], ids=["header", "decode"])
@pytest.mark.parametrize("name", REFUSED)
def test_what_contradicts_itself_is_refused(tmp_path: Path, name: str, whole: bool) -> None:
    data, said = REFUSED[name]
    with probing(decode=whole), pytest.raises(AudioError, match=said) as error:
        audio_facts(written(tmp_path, name, data))
    assert error.value.reason == "audio_unreadable"


def test_an_mp3_glued_to_another_is_as_long_as_both(tmp_path: Path) -> None:
    facts = audio_facts(written(tmp_path, "a.mp3", made.mp3() * 2))
    assert facts.duration == pytest.approx(2 * made.SECONDS, abs=0.15)  # the second keeps the padding of its encoder
    assert facts.samples == len(decode(facts.path)[0])


@pytest.mark.parametrize(
    "name",
    [
        "vbr-no-index.mp3",
        "an-mp3.wav",
        "streamed.flac",
        "pipe-zero.wav",
        "opus.webm",
        "glued-no-index.mp3",
        "an-m4a.wav",
    ],
)
def test_a_span_is_the_same_as_in_the_whole(tmp_path: Path, name: str) -> None:
    """Also where the file is entered in the middle, in whatever order."""
    path = written(tmp_path, name, RIGHT[name][0])
    whole, rate = decode(path)
    for start in (2.25, 0.0, 1.0, 2.85, len(whole) / rate - 0.25):
        span, _ = decode(path, start=start, duration=0.1)
        np.testing.assert_allclose(span, whole[round(start * rate) :][: rate // 10], atol=1e-6)


def test_a_span_past_the_index_of_an_mp3_is_at_its_time(tmp_path: Path) -> None:
    path = written(tmp_path, "a.mp3", made.mp3() * 2)
    whole, rate = decode(path)
    for start in (1.5, 3.5, 5.0):
        span, _ = decode(path, start=start, duration=0.5)
        np.testing.assert_allclose(span, whole[round(start * rate) :][: rate // 2], atol=1e-6)


def test_what_was_decoded_is_told(tmp_path: Path) -> None:
    files = [written(tmp_path, name, RIGHT[name][0]) for name in ("plain.wav", "a.w64", "vbr.mp3", "streamed.flac")]
    with probing() as few:
        for path in files:
            audio_facts(path)
    with probing(decode=True) as all_:
        for path in files:
            audio_facts(path)
    assert (few.files, few.decoded, all_.files, all_.decoded) == (4, 2, 4, 4)
    assert few.row()["text"].startswith("2 of 4 files decoded whole")
    assert few.seconds > 0


def test_memory_does_not_grow_with_the_recording(tmp_path: Path) -> None:
    """Ten minutes are counted within the memory of a few blocks."""
    import tracemalloc

    import soundfile

    path = tmp_path / "long.flac"
    with soundfile.SoundFile(path, "w", 8000, 1) as stream:
        for _ in range(10):
            stream.write(np.zeros(60 * 8000, dtype=np.int16))
    ogg = tmp_path / "long.wav"
    ogg.write_bytes(path.read_bytes())
    soundfile.write(ogg, np.zeros(600 * 8000, dtype=np.int16), 8000, subtype="IMA_ADPCM")
    for long in (path, ogg):
        tracemalloc.start()
        with probing(decode=True):
            assert audio_facts(long).duration == pytest.approx(600, abs=0.1)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert most < 4_000_000  # the samples as float32 are 19 MB


def test_names_of_artists_may_be_in_any_encoding(tmp_path: Path) -> None:
    path = tmp_path / "a.m4a"
    with av.open(str(path), "w", format="ipod") as container:
        container.metadata["artist"] = "zzzz zzzz"
        stream = container.add_stream("aac", rate=16000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 16000
        container.mux([*stream.encode(frame), *stream.encode(None)])
    samples = audio_facts(path).samples
    data = path.read_bytes()
    assert b"zzzz zzzz" in data
    path.write_bytes(data.replace(b"zzzz zzzz", b"zz\xc9z zzz\xff"))
    assert audio_facts(path).samples == samples > 0


@pytest.mark.parametrize("coding", ["pcm", "ulaw"])
def test_a_sphere_file_compressed_with_shorten_says_how_to_unpack_it(tmp_path: Path, coding: str) -> None:
    said = f"{coding},embedded-shorten-v2.00"
    head = f"NIST_1A\n   1024\nchannel_count -i 1\nsample_rate -i 8000\nsample_coding -s{len(said)} {said}\nend_head\n"
    path = written(tmp_path, "a.sph", head.encode().ljust(1024) + b"ajkg\x02" + bytes(2000))
    for read in (audio_facts, decode):
        with pytest.raises(AudioError, match=r"compressed with shorten.*sph2pipe") as error:
            read(path)
        assert error.value.reason == "unsupported_audio"
