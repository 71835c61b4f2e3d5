"""A segmented long recording as a prepared corpus: one cut a piece, word alignments inside, rejects for the rest."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import av
import regex
import soundfile
from lhotse import MonoCut, MultiCut, Recording
from lhotse.supervision import AlignmentItem

from curation.align.base import Aligner
from curation.align.ctc_model import CTCModel
from curation.segment.long_form import AudioFile, LongForm, LongPiece, segment
from curation.segment.silences import Gap, PieceLimits
from curation.text import Word
from manifests.audio import Channels, audio_facts
from manifests.audio.settle import settle_channels
from manifests.audio.streams import libav_frames, quick_to_enter
from manifests.files import atomic_write, need_file
from manifests.fingerprint import file_sha256, fingerprint, provenance
from manifests.lines import texts
from manifests.reasons import Reason
from manifests.rows import AUDIO, CorpusInfo, Reject, claim_corpus, speech_cut, write_corpus
from manifests.switch import switched
from manifests.units import SAMPLE_RATE, Seconds

STEP = "segment"  # the `pass` column of its rejects
MOST_WORDS = 12  # that a reject quotes
_SAID = regex.compile(r"[\s\p{L}\p{M}\p{N}]")  # what punctuation around a word ends at


@dataclass(frozen=True)
class CorpusOrigin:
    """What the rows say about where the recording is from."""

    name: str  # of the corpus and the recording
    license: str = "NOASSERTION"  # SPDX
    makers: str = "unknown"
    language: str = "en"
    speaker: str | None = None
    split: str = "train"
    digest: str = ""  # SHA-256 of the audio file; filled in


@dataclass(frozen=True)
class Segmented:
    """What came out, for people and programs."""

    folder: str
    pieces: int
    rejected: int
    hours: float  # in the pieces kept
    audio_hours: float
    words: int  # that have something to say
    words_kept: int
    words_unsaid: int
    cuts_in_speech: int  # pieces that begin where there is no silence
    unrelated: bool  # the text is not this recording's: nothing is kept

    def row(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


def segment_file(
    audio: Path,
    text: Path,
    output: Path,
    model: CTCModel,
    origin: CorpusOrigin,
    *,
    limits: PieceLimits | None = None,
    refine: Aligner | None = None,
    least_score: float | None = None,
    channels: Channels = "reject",
) -> Segmented:
    """Segment `audio` by the words of the text file and write the corpus folder `output`.

    A text that is not this recording's gives a corpus without cuts, whose rejects say why.

    Formats that cannot be read from anywhere (M4A, G.722, ...) are converted to FLAC in `output`/audio first. The
    setting `channels` says what is heard of several that differ.

    Raises:
        MissingFileError, InputError: no such file, a text that is not UTF-8 or has nothing to say (with the line).
        AudioError: the recording cannot be read.
        OccupiedError: `output` holds something else; nothing in it was touched.
    """
    whole = "\n".join(texts(need_file(text, what="text")))
    title = f"Pieces of {need_file(audio, what='recording').name}"
    claim_corpus(output, {"step": STEP}, title=title)
    with switched(output) as switch:  # until the new corpus is whole, the old one stays
        source = _seekable(audio.resolve(), switch.made.resolve())
        facts = audio_facts(source)
        recording = facts.recording(origin.name)
        found = segment(
            AudioFile(source, recording.duration, channels),
            whole,
            model,
            language=origin.language,
            limits=limits,
            refine=refine,
            least_score=least_score,
            scratch=output,
        )
        info = CorpusInfo(
            origin.name,
            title,
            origin.license,
            origin.makers,
            provenance=provenance(
                {**_settings(origin, refine, channels), "least_score": least_score},
                {"audio": facts.sha256, "text": file_sha256(text)},
            ),
        )
        cuts = _heard(_cuts(found, whole, recording, replace(origin, digest=facts.sha256)), channels)
        written = write_corpus(output, info, cuts, [], _rejects(found, origin.name), switch=switch)
    return _summary(found, written, output, recording.duration)


def _settings(origin: CorpusOrigin, refine: Aligner | None, channels: Channels) -> dict[str, Any]:
    names = {"language": origin.language, "refine": refine.name if refine else None, "channels": channels}
    return {"step": STEP, **names}


def _heard(cuts: Iterator[MonoCut], channels: Channels) -> list[MonoCut | MultiCut]:
    """The pieces with the channels that were read: a recording whose channels differ got here only as asked."""
    settled = settle_channels(list(cuts), "mix" if channels == "mix" else "first")
    return [cut for cut in settled if not isinstance(cut, Reject)]


def _summary(found: LongForm, written: CorpusInfo, output: Path, duration: Seconds) -> Segmented:
    kept = sum(len(piece.words) for piece in found.kept)
    return Segmented(
        folder=str(output),
        pieces=written.cuts,
        rejected=written.rejects,
        hours=round(written.hours, 4),
        audio_hours=round(duration / 3600, 4),
        words=sum(len(piece.words) for piece in found.pieces) + len(found.unsaid),
        words_kept=kept,
        words_unsaid=len(found.unsaid),
        cuts_in_speech=sum(piece.span.in_speech for piece in found.kept),
        unrelated=found.unrelated,
    )


def _seekable(audio: Path, folder: Path) -> Path:
    """The recording in a format that can be read from anywhere."""
    if quick_to_enter(audio):
        return audio
    target = folder / AUDIO / f"{audio.stem}.flac"
    frames = (frame for frame, _ in libav_frames(audio))
    first = next(frames)
    count = len(first.layout.channels)
    resampler = av.AudioResampler(format="s16", layout=first.layout, rate=SAMPLE_RATE)
    with (
        atomic_write(target) as temporary,
        soundfile.SoundFile(temporary, "w", SAMPLE_RATE, count, subtype="PCM_16", format="FLAC") as stream,
    ):
        for frame in itertools.chain([first], frames, [None]):  # None: what the resampler still holds
            for part in resampler.resample(frame):
                stream.write(part.to_ndarray().reshape(-1, count))
        stream.close()
        _need_end(temporary)
    return target


def _need_end(path: Path) -> None:
    """Read the last sample of a file that was written: libsndfile does not say when the last bytes find no space.

    Raises:
        OSError: it is not there.
    """
    with soundfile.SoundFile(path) as stream:
        stream.seek(max(0, len(stream) - 1))
        if len(stream) and not len(stream.read(1)):
            raise OSError(f"the end of {path.name} was not written")


def _cuts(found: LongForm, text: str, recording: Recording, origin: CorpusOrigin) -> Iterator[MonoCut]:
    for piece in found.kept:
        positions = [word.position for word in piece.words]
        symbols = [found.words[position].text for position in positions]
        yield _cut(piece, piece_text(text, found.words, positions), symbols, recording, origin)


def _cut(piece: LongPiece, said: str, symbols: Sequence[str], recording: Recording, origin: CorpusOrigin) -> MonoCut:
    start, duration = round(piece.span.start, 4), round(piece.span.duration, 4)
    cut = speech_cut(
        cut_id=_piece_id(origin.name, piece.span.start, piece.span.end),
        recording=recording,
        corpus=origin.name,
        split=origin.split,
        task="asr",
        license=origin.license,
        # Of the piece, not of the file: pieces of one recording are not copies of each other.
        audio_sha256=fingerprint(origin.digest, start, duration),
        text=said,
        language=origin.language,
        speaker=origin.speaker,
        start=start,
        duration=min(duration, recording.duration - start),
    )
    items = [
        AlignmentItem(
            symbol=symbol,
            start=round(max(word.start - start, 0.0), 4),
            duration=round(min(word.end, start + duration) - max(word.start, start), 4),
            score=round(word.score, 4),
        )
        for word, symbol in zip(piece.words, symbols, strict=True)
    ]
    cut.supervisions[0].alignment = {"word": items}
    return cut


def piece_text(text: str, words: Sequence[Word], positions: Sequence[int]) -> str:
    """The text of some words as it was written, punctuation included; what lies between runs of them is left out."""
    silent = {at for at, word in enumerate(words) if not word.readings and word.flag != "unknown"}
    runs: list[list[int]] = []
    for position in positions:
        joined = runs and all(at in silent for at in range(runs[-1][1] + 1, position))
        if joined:
            runs[-1][1] = position
        else:
            runs.append([position, position])
    return " ".join(_written(text, words[first], words[last]) for first, last in runs)


def _written(text: str, first: Word, last: Word) -> str:
    """From one word to another, with the punctuation that touches them, on one line."""
    start, end = first.start, last.end
    while start > 0 and not _SAID.match(text[start - 1]):
        start -= 1
    while end < len(text) and not _SAID.match(text[end]):
        end += 1
    return " ".join(text[start:end].split())


def _rejects(found: LongForm, name: str) -> Iterator[Reject]:
    """Refused pieces, audio without text, and text without audio: nothing is dropped silently."""
    for piece in found.pieces:
        if piece.reason is not None:
            said = _quoted(found.words, [word.position for word in piece.words])
            yield Reject(
                _piece_id(name, piece.span.start, piece.span.end), name, STEP, piece.reason, f"{piece.detail}: {said}"
            )
    for gap, sounds in found.gaps:
        yield _gap_reject(name, gap, sounds)
    runs: list[list[int]] = []
    for position in found.unsaid:
        if runs and position == runs[-1][-1] + 1:
            runs[-1].append(position)
        else:
            runs.append([position])
    for run in runs:
        identity = f"{name}-word-{run[0]:07d}-{run[-1]:07d}"
        yield Reject(identity, name, STEP, Reason.not_said, f"{len(run)} words: {_quoted(found.words, run)}")


def _gap_reject(name: str, gap: Gap, sounds: bool) -> Reject:
    reason, detail = (Reason.text_missing, "sounds, without text") if sounds else (Reason.silent, "a long pause")
    return Reject(
        _piece_id(name, gap.start, gap.end), name, STEP, reason, f"{gap.end - gap.start:.2f} s of audio: {detail}"
    )


def _quoted(words: Sequence[Word], positions: Sequence[int]) -> str:
    shown = " ".join(words[position].text for position in positions[:MOST_WORDS])
    return f"'{shown}{' ...' if len(positions) > MOST_WORDS else ''}'"


def _piece_id(name: str, start: Seconds, end: Seconds) -> str:
    return f"{name}-{round(start * 100):08d}-{round(end * 100):08d}"
