"""What a corpus that is split by hash shares with the corpora beside it: their splits stand, and its groups follow.

That holds of official splits and of splits by hash alike: what was prepared first decides. So the order of preparing
may change which split a linked group has, never that it has one.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Any

from manifests.files import read_jsonl
from manifests.lines.supervisions import PADDING, spoken
from manifests.lines.values import as_list, walk
from manifests.linked.groups import Grouped, Grouping, Linked
from manifests.linked.same import Readings, speaker_keys, text_keys
from manifests.linked.sounds import sound_links
from manifests.rows import TEXTS, corpus_folders, cut_rows
from manifests.units import Hours

Row = Mapping[str, Any]  # a cut, as JSON of its manifest
MOST_HOURS: Hours = 20.0  # of corpora beside that are decoded for re-encoded copies: a few minutes


@dataclass(frozen=True)
class Beside:
    """The rows of other corpora, fixed, and what the new one's cuts share with them and each other by their sound."""

    rows: Callable[[], Iterator[Linked]]
    sounds: Mapping[int, list[str]] = field(default_factory=dict)  # place of a cut of the new corpus -> values

    def split(self, rows: Callable[[], Iterable[Linked]], corpus: str) -> Grouped:
        """The splits of the new corpus's rows; how many go with other corpora is said on standard error."""
        grouping = Grouping()
        for row in rows():
            grouping.add(row)
        alone, count = grouping.split(rows), len(grouping)
        for row in self.rows():
            grouping.add(row)
        if len(grouping) == count:
            return alone
        grouped = grouping.split(lambda: chain(rows(), self.rows()))
        splits = grouped.splits[:count]
        moved = sum(one != other for one, other in zip(alone.splits, splits, strict=True))
        if moved:
            print(
                f"{corpus}: {moved:,} of {count:,} rows go to the split of rows that they are linked with in the "
                "corpora beside it, which stay as they are (with the setting `beside` false: "
                "as if this corpus were alone).",
                file=sys.stderr,
            )
        return replace(grouped, splits=splits)


def look_beside(
    cuts: Callable[[], Iterable[Row]],
    output: Path | None,
    *,
    corpus: str,
    links: Collection[str],
    readings: Readings | None,
) -> Beside:
    """What the other corpora of a folder share with a new one.

    Args:
        cuts: gives those of the new corpus, the same whenever it is called.
        output: the folder of corpora; None: nothing beside counts.
        corpus: the new one's name.
        links: those of `LINKS` that count. For `audio` all cuts are decoded, of others those of MOST_HOURS at most.
        readings: ways to say a text with numbers.
    """
    folders = [] if output is None else [folder for folder in corpus_folders(output) if folder.name != corpus]
    if "audio" not in links or not any(True for _ in cuts()):
        return Beside(lambda: _rows(folders, links, readings, {}))
    heard = list(_heard(folders, corpus))
    count = 0

    def counted() -> Iterator[Row]:
        nonlocal count
        for count, row in enumerate(cuts(), 1):  # noqa: B007 - it is read when all are through
            yield row

    sounds = sound_links(chain(counted(), heard))
    known = {str(row["id"]): sounds[count + at] for at, row in enumerate(heard) if count + at in sounds}
    own = {place: values for place, values in sounds.items() if place < count}
    return Beside(lambda: _rows(folders, links, readings, known), own)


def cut_links(
    row: Row, links: Collection[str], sound: Sequence[str] = (), readings: Readings | None = None
) -> dict[str, list[str]]:
    """What a cut shares with others: link -> values."""
    tracks = [track for track in as_list(row.get("tracks")) if walk(track, ("type",)) != PADDING]
    base = row if "recording" in row or not tracks else walk(tracks[0], ("cut",)) or {}
    facts = row.get("custom") or walk(base, ("custom",)) or {}
    corpus = str(facts.get("corpus"))
    said = [one.fields for one in spoken(row, as_list(row.get("tracks")))]
    speaker = next(filter(None, (walk(one, ("speaker",)) for one in said)), None)
    language = next(filter(None, (walk(one, ("language",)) for one in said)), None)
    text = " ".join(text for one in said if isinstance(text := walk(one, ("text",)), str))
    sources = [_file(walk(source, ("source",)), corpus) for source in as_list(walk(base, ("recording", "sources")))]
    digest = [str(facts["audio_sha256"])] if facts.get("audio_sha256") else []
    values = {
        "recording": [f"{corpus}/{walk(base, ('recording', 'id'))}", *sources, *digest],
        "speaker": speaker_keys(corpus, speaker),
        "text": text_keys(text, language, readings),
        "audio": [*digest, *sound],
    }
    return {link: found for link, found in values.items() if link in links}


def _file(source: object, corpus: str) -> str:
    """A file's path; one that is relative says something within its corpus alone."""
    path = str(source)
    return path if path.startswith("/") or "://" in path else f"{corpus}/{path}"


def text_links(
    text: str | None, language: str | None, links: Collection[str], readings: Readings | None
) -> dict[str, list[str]]:
    """What a text-only row shares with others: link -> values."""
    return {"text": text_keys(text, language, readings)} if "text" in links else {}


def _rows(
    folders: Sequence[Path], links: Collection[str], readings: Readings | None, sounds: Mapping[str, list[str]]
) -> Iterator[Linked]:
    for folder in folders:
        for row in cut_rows(folder):
            own, split = str(row["id"]), walk(row, ("custom", "split"))
            yield Linked(own, str(split), cut_links(row, links, sounds.get(own, ()), readings), fixed=True)
        for row in read_jsonl(folder / TEXTS) if (folder / TEXTS).is_file() else ():
            found = text_links(row["text"], row.get("language"), links, readings)
            yield Linked(row["id"], row["split"], found, fixed=True)


def _heard(folders: Sequence[Path], corpus: str) -> Iterator[Row]:
    """The cuts of the corpora that are decoded; corpora beyond MOST_HOURS are said."""
    hours = 0.0
    for folder in folders:
        rows: list[Row] = []
        for row in cut_rows(folder):
            rows.append(row)
            hours += float(row.get("duration") or 0.0) / 3600
            if hours > MOST_HOURS:
                print(
                    f"{corpus}: of {folder.name} beside it ids, files, speakers and texts are compared, not sounds: "
                    f"more than {MOST_HOURS:g} hours are not decoded for that. `soundwave label fingerprint` and "
                    "`soundwave audit` find copies that are encoded again.",
                    file=sys.stderr,
                )
                hours -= sum(float(row.get("duration") or 0.0) for row in rows) / 3600
                break
        else:
            yield from rows
