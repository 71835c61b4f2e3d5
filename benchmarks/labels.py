"""Do labels say what they are to say? On the real prompts (asterisk), against defects that are planted.

    python -m benchmarks.labels --clips 200 --json
    python -m benchmarks.labels --only speech tag

Each clip of 1 s and 3 words and more is heard once with its own text and scored with three texts: its own, that of
another clip, and its own with one word replaced by another of the corpus. Area under the curve: how often a right text
ranks above a wrong one (1: always, 0.5: by chance).

Copies of a clip (COPIES: other codecs, another volume, 5 % trimmed, noise 20 dB below) stand among all clips and all
other copies; the marks of the label `fingerprint` are to find each clip's own copies and nothing else.

Rows (ratio: how many times fewer pairs ours ranks wrongly):
    agree_shuffled_auc         right texts against those of other clips, by `score`; peer: by `wer`, as is usual
    agree_one_word_auc         right texts against those with one word replaced; peer: by `wer`
    agree_audio_hours          audio hours an hour on one core, hearing and scoring one text
    dedup_recall               copies that are found of those that there are; dedup_recall_KIND of one kind
    dedup_precision            pairs of a clip and its copy among all pairs that are found
    dedup_clips                clips (copies too) marked and compared a second on one core

What belongs together has a name for `--only` (GROUPS; by default agree and copies). Further rows are explained in
benchmarks/scores: speech (snr_*, vad_*, bandwidth_*), mos (mos_*), tag (tag_*), speaker (speaker_*), scale (dedup_*_N,
of --fingerprints), speed (PASS_hours_WORKERS).
"""

from __future__ import annotations

import argparse
import io
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import soundfile
from sklearn.metrics import roc_auc_score

from benchmarks.rows import Row, row, show
from benchmarks.scores.dedup import measure_dedup
from benchmarks.scores.speech import measure_mos, measure_speech
from benchmarks.scores.speed import measure_speed
from benchmarks.scores.tags import measure_tags
from benchmarks.scores.voices import measure_voices
from curation.passes.agree import compared
from curation.passes.base import cut_audio
from curation.recognise import MOONSHINE, Heard, load_recogniser
from manifests.audio.landmarks import alike_pairs, landmarks
from manifests.rows import cut_rows
from recipes import prepare

COPIES = ("ogg", "mp3", "volume", "trimmed", "noise")
LEAST_WORDS, LEAST_SECONDS = 3, 1.0
KINDS = ("own", "shuffled", "one_word")
GROUPS = ("agree", "copies", "speech", "mos", "tag", "speaker", "scale", "speed")
MOS_CLIPS = 10  # half a second of processor time a clip and level


def wrong_texts(texts: list[str], seed: int) -> tuple[list[str], list[str]]:
    """Of each text: another clip's, never the same; and itself with one word replaced by another."""
    random = np.random.default_rng(seed)
    shift = 1 + int(random.integers(len(texts) - 1))
    words = sorted({word.strip(".,!?").lower() for text in texts for word in text.split()})
    changed = []
    for text in texts:
        parts = text.split()
        at = int(random.integers(len(parts)))
        others = [word for word in words if word != parts[at].strip(".,!?").lower()]
        changed.append(" ".join([*parts[:at], others[int(random.integers(len(others)))], *parts[at + 1 :]]))
    return texts[shift:] + texts[:shift], changed


def real_clips(clips: int, seed: int) -> tuple[list[np.ndarray], list[str]]:
    """Samples (N,) at 16 kHz and texts of so many prompts."""
    with tempfile.TemporaryDirectory() as folder:
        prepare("asterisk", Path(folder))
        rows = [row for row in cut_rows(Path(folder) / "asterisk") if _fits(row)]
        chosen = [rows[at] for at in np.random.default_rng(seed).permutation(len(rows))[:clips]]
        return [cut_audio(row) for row in chosen], [str(row["supervisions"][0]["text"]) for row in chosen]


def copies(samples: np.ndarray, random: np.random.Generator) -> list[np.ndarray]:
    """One of each of COPIES."""
    noise = random.standard_normal(len(samples)).astype(np.float32)
    edge = len(samples) // 40
    return [
        _encoded(samples, "OGG", "VORBIS"),
        _encoded(samples, "MP3", "MPEG_LAYER_III"),
        samples * np.float32(0.3),
        samples[edge : len(samples) - edge],
        samples + noise * np.float32(0.1 * np.sqrt(np.mean(samples**2))),
    ]


def _encoded(samples: np.ndarray, kind: str, subtype: str) -> np.ndarray:
    """Through a lossy codec at its middle quality."""
    stream = io.BytesIO()
    soundfile.write(stream, samples, 16_000, format=kind, subtype=subtype, compression_level=0.5)
    stream.seek(0)
    return soundfile.read(stream, dtype="float32")[0]


def measure_copies(sounds: list[np.ndarray], seed: int) -> list[Row]:
    """The rows of the label `fingerprint`."""
    random = np.random.default_rng(seed)
    clips, names = [], []  # a name: which clip, and 0 for itself or a copy's number
    for number, sound in enumerate(sounds):
        clips += [sound, *copies(sound, random)]
        names += [(number, kind) for kind in range(len(COPIES) + 1)]
    begun = time.process_time()
    pairs = list(alike_pairs([landmarks(clip) for clip in clips]))
    spent = time.process_time() - begun
    right = [(names[one], names[other]) for one, other, _ in pairs if names[one][0] == names[other][0]]
    found = {(one[0], max(one[1], other[1])) for one, other in right if 0 in (one[1], other[1])}
    recalls = {
        kind: sum((number, at) in found for number in range(len(sounds))) / len(sounds)
        for at, kind in enumerate(COPIES, 1)
    }
    return [
        row("dedup_recall", float(np.mean([*recalls.values()])), None, "share of copies", better="high"),
        *(
            row(f"dedup_recall_{kind}", share, None, "share of copies", better="high")
            for kind, share in recalls.items()
        ),
        row("dedup_precision", len(right) / max(1, len(pairs)), None, "share of pairs", better="high"),
        row("dedup_clips", len(clips) / spent, None, "clips a second", better="high"),
    ]


def measure(clips: int, seed: int, only: Sequence[str], fingerprints: Sequence[int]) -> list[Row]:
    """The rows of some of GROUPS."""
    sounds, texts = real_clips(clips, seed)
    groups: dict[str, Callable[[], list[Row]]] = {
        "agree": lambda: measure_agreement(sounds, texts, seed),
        "copies": lambda: measure_copies(sounds, seed),
        "speech": lambda: measure_speech(sounds, seed),
        "mos": lambda: measure_mos(sounds, seed, MOS_CLIPS),
        "tag": measure_tags,
        "speaker": lambda: measure_voices(clips, seed),
        "scale": lambda: measure_dedup(sounds, fingerprints, seed),
        "speed": lambda: measure_speed(sounds, texts),
    }
    return [found for name in only for found in groups[name]()]


def measure_agreement(sounds: list[np.ndarray], texts: list[str], seed: int) -> list[Row]:
    """The rows of the pass `agree`."""
    shuffled, changed = wrong_texts(texts, seed)
    recogniser = load_recogniser(MOONSHINE)
    recogniser.hear(sounds[:1], texts[:1], "en")  # loads the weights
    begun = time.process_time()
    own = recogniser.hear(sounds, texts, "en")
    spent = time.process_time() - begun
    found: dict[str, list[dict[str, float]]] = {kind: [] for kind in KINDS}
    for kind, asked in zip(KINDS, (texts, shuffled, changed), strict=True):
        told = own if kind == "own" else recogniser.hear(sounds, asked, "en")
        # What it hears does not depend on the text that it is asked about.
        found[kind] = [
            compared(text, Heard(first.text, heard.score), "en")
            for text, first, heard in zip(asked, own, told, strict=True)
        ]
    hours = sum(map(len, sounds)) / 16_000 / 3600
    return [
        *(_auc(found["own"], found[kind], f"agree_{kind}_auc") for kind in KINDS[1:]),
        row("agree_audio_hours", hours / (spent / 3600), None, "audio hours an hour", better="high"),
    ]


def _auc(right: list[dict[str, float]], wrong: list[dict[str, float]], name: str) -> Row:
    truth = [1] * len(right) + [0] * len(wrong)
    score, rate = (
        float(roc_auc_score(truth, [sign * found[key] for found in (*right, *wrong)]))
        for key, sign in (("score", 1), ("wer", -1))
    )
    ratio = (1 - rate) / (1 - score) if score < 1 else None
    return row(name, score, rate, "area under the curve", better="high", ratio=ratio)


def _fits(cut: dict) -> bool:
    return cut["duration"] >= LEAST_SECONDS and len(cut["supervisions"][0]["text"].split()) >= LEAST_WORDS


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.labels", description=__doc__.split("\n")[0])
    parser.add_argument("--clips", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="+", choices=GROUPS, default=["agree", "copies"], help="groups of rows")
    parser.add_argument("--fingerprints", type=int, nargs="+", default=[1_000, 10_000], help="sizes for `scale`")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    show(measure(options.clips, options.seed, options.only, options.fingerprints), as_json=options.json)


if __name__ == "__main__":
    main()
