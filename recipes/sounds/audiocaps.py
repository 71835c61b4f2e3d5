"""AudioCaps: clips of AudioSet of ten seconds, described in sentences.

    dataset/train.csv (val.csv, test.csv):   audiocap_id,youtube_id,start_time,caption
                                             91139,r1nicOVtvkQ,130,A woman talks nearby as water pours
    audio/r1nicOVtvkQ_130.wav                (or .flac, .mp3, .m4a, .ogg)

The makers publish the captions, not the audio: who has the clips puts them in audio/, named by video and start in
seconds. A row is one caption: clips of val and test have five. Captions are no labels: the domain is `captions`.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from manifests.rows import Reject
from recipes.common import Expected, Item, Recipe, collapse
from recipes.sounds.audioset_strong import ENDS
from recipes.speech.sources import SourceTree
from recipes.tables import Row, file_name, quoted

CORPUS = "audiocaps"
PARTS = ("train", "val", "test")
OBTAIN = (
    "Get the captions from https://github.com/cdjkim/audiocaps, and name the folder that holds dataset/ and, with the "
    "clips, audio/."
)


def items(root: Path) -> Iterator[Item | Reject]:
    """Every caption of the parts that are there, whose clips may be missing."""
    source = SourceTree(CORPUS, root)
    found = [part for part in PARTS if (root / "dataset" / f"{part}.csv").is_file()]
    if not found:
        raise source.nothing("dataset/train.csv, dataset/val.csv or dataset/test.csv", OBTAIN)
    need = ("audiocap_id", "youtube_id", "start_time", "caption")
    for part in found:
        yield from quoted(source, root / "dataset" / f"{part}.csv", partial(_caption, source, part), need=need)


def _caption(source: SourceTree, part: str, place: str, row: Row) -> Item:
    clip = f"{file_name(row['youtube_id'])}_{int(row['start_time'])}"
    said = collapse(row["caption"])
    if not said:
        raise ValueError("no caption")
    folder = source.root / "audio"
    audio = next((path for end in ENDS if (path := folder / f"{clip}{end}").exists()), folder / f"{clip}.wav")
    return Item(
        key=f"{int(row['audiocap_id'])}",
        place=place,
        recording=clip,
        audio=audio,
        split=part,
        domain="captions",
        target_text=said,
        target_language="en",
        sound_original=clip,
    )


RECIPE = Recipe(
    corpus=CORPUS,
    title="AudioCaps, clips of AudioSet described in sentences",
    task="sound",
    license="LicenseRef-AudioCaps-noncommercial",
    makers="users of YouTube (clips); Chris Dongjoo Kim, Byeongchang Kim, Hyunmin Lee, Gunhee Kim (captions)",
    items=items,
    obtain=OBTAIN,
    expected={"train": Expected(49_838), "val": Expected(2_475), "test": Expected(4_875)},
    channels="mix",
)
