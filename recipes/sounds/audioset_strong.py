"""AudioSet with times (strong labels): single sounds in clips of ten seconds, each with its start and end.

    audioset_train_strong.tsv (eval):   segment_id<tab>start_time_seconds<tab>end_time_seconds<tab>label
                                        b0RFKhbpFJA_30000<tab>0.000<tab>0.481<tab>/m/03m9d0z
    mid_to_display_name.tsv:            /m/03m9d0z<tab>Wind
    audio/b0RFKhbpFJA_30000.wav         (or .flac, .mp3, .m4a, .ogg)

Google publishes the labels, not the audio: who has the clips puts them in audio/, named by their segment's id. A row is
one sound: the part of the clip in which it is heard. Sounds overlap, so one second may stand in several rows. Ids that
the ontology lacks have the name of `mid_to_display_name.tsv`; the audit `unknown_labels` names them.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from manifests.lines import lines
from manifests.ontology import sound_names
from manifests.rows import Reject
from recipes.common import Expected, Item, Recipe, need_inside
from recipes.sounds.labels import heard
from recipes.speech.sources import SourceTree, span
from recipes.tables import Row, file_name, need_filled

CORPUS = "audioset_strong"
SETS = ("train", "eval")
ENDS = (".wav", ".flac", ".mp3", ".m4a", ".ogg", ".opus")
OBTAIN = (
    "Get the labels from https://research.google.com/audioset/download_strong.html, and name the folder that holds "
    "them and audio/ with the clips."
)


def items(root: Path) -> Iterator[Item | Reject]:
    """Every sound of the sets that are there, whose clips may be missing."""
    source = SourceTree(CORPUS, root)
    found = [name for name in SETS if (root / f"audioset_{name}_strong.tsv").is_file()]
    if not found:
        raise source.nothing("audioset_train_strong.tsv or audioset_eval_strong.tsv", OBTAIN)
    names = _names(root / "mid_to_display_name.tsv") | sound_names()
    for part in found:
        need = ("segment_id", "start_time_seconds", "end_time_seconds", "label")
        need_filled(root / f"audioset_{part}_strong.tsv")
        yield from source.table(root / f"audioset_{part}_strong.tsv", partial(_sound, source, names, part), need=need)


def _sound(source: SourceTree, names: dict[str, str], part: str, place: str, row: Row) -> Item:
    segment = file_name(row["segment_id"])
    start, length = span(row["start_time_seconds"], row["end_time_seconds"])
    clip = source.root / "audio" / segment
    # Names may hold dots, so the ending is put after the name, not in place of one.
    audio = next((path for end in ENDS if (path := clip.with_name(f"{segment}{end}")).exists()), None)
    label = row["label"]
    return Item(
        key=f"{segment}-{round(start * 1000)}-{round((start + length) * 1000)}-{label.strip('/').replace('/', '_')}",
        place=place,
        recording=segment,
        audio=audio or clip.with_name(f"{segment}.wav"),
        start=start,
        duration=length,
        split=part,
        **heard([names.get(label, label)], label),
    )


def _names(path: Path) -> dict[str, str]:
    """Id -> name of the labels that the ontology lacks."""
    if not path.is_file():
        return {}
    need_inside(path)
    rows = (line.text.split("\t") for line in lines(path))
    return {row[0].strip(): row[1].strip() for row in rows if len(row) > 1}


RECIPE = Recipe(
    corpus=CORPUS,
    title="AudioSet, sounds with their times",
    task="sound",
    license="CC-BY-4.0",
    makers="users of YouTube (clips); Shawn Hershey and others, Google (labels)",
    items=items,
    obtain=OBTAIN,
    expected={"train": Expected(934_821), "eval": Expected(139_538)},
    channels="mix",
)
