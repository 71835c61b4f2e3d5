"""Clips as the page shows them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from soundwave.report.clips.chosen import KINDS, Kind
from soundwave.report.clips.compared import ComparedClips, ComparedLine, compare_clips
from soundwave.report.clips.marked import Marked, marked
from soundwave.report.clips.sounds import HEIGHT, WIDTH, PageClip, fit_into, hear_clips
from soundwave.report.outcome import GridResult
from soundwave.report.workspace import Workspace

Row = dict[str, Any]
MOST_GRIDS = 8  # of which clips are shown
MOST_WORDS = 250  # of a transcript
TITLES: dict[Kind, str] = {
    "improved": "Most improved",
    "worsened": "Most worsened",
    "worst": "Worst",
    "median": "In the middle",
    "best": "Best",
}


@dataclass
class ShownClips:
    """What the page shows of clips; `page` is asked when it is known which sounds have room."""

    compared: list[ComparedClips]
    aligned: list[str]
    """Clips that show how words were aligned."""
    heard: dict[str, PageClip] = field(default_factory=dict)

    def make_room(self, room: int) -> None:
        """Leave out sounds until those that are left take no more than `room` bytes of the page."""
        fit_into(list(self.heard.values()), room)

    def page(self) -> Row:
        """For the templates: `sets` (one for each outcome of each grid, with its clips by kind), `aligned_clips`, and
        `counts`. A sound that is shown again has its place at the first time.
        """
        numbers = Numbering()
        sets = [self._set(one, numbers) for one in self.compared]
        aligned = [_clip(self.heard[clip], numbers) for clip in self.aligned if clip in self.heard]
        return {"sets": sets, "aligned_clips": aligned, "counts": self.counts()}

    def counts(self) -> Row:
        """Of all clips: how many are heard, were left out for want of room, or cannot be heard; their reasons."""
        clips = list(self.heard.values())
        unheard = [clip for clip in clips if clip.url is None and clip.small_enough]
        return {
            "clips": len(clips),
            "heard": sum(clip.url is not None for clip in clips),
            "no_room": sum(not clip.small_enough for clip in clips),
            "unheard": len(unheard),
            "bytes": sum(len(clip.url or "") for clip in clips),
            "timed": sum(bool(clip.words) for clip in clips),
        }

    def _set(self, one: ComparedClips, numbers: Numbering) -> Row:
        kinds = one.chosen.kinds()
        groups = []
        for kind in KINDS:
            mine = [clip for clip, whys in kinds.items() if whys[0] == kind]
            mine.sort(key=one.chosen.ids.get(kind, []).index)
            if mine:
                clips = [_compared_clip(one, self.heard[clip], kinds[clip], numbers) for clip in mine]
                groups.append({"title": TITLES[kind], "means": _means(kind, one), "clips": clips})
        return {
            "grid": one.grid,
            "title": one.figure.title,
            "is_speech": one.is_speech,
            "groups": groups,
            "lines": [line.name for line in one.lines],
            "clips": len(one.compared[0].scores),
        }


class Numbering:
    """Ids of elements of the page, and at which of them a sound stands that is shown again."""

    def __init__(self) -> None:
        self._count = 0
        self._first: dict[str, str] = {}

    def of(self, clip: str) -> tuple[str, str | None]:
        """(id of this place, id of the place where the clip was shown before)."""
        self._count += 1
        name = f"clip-{self._count}"
        before = self._first.get(clip)
        self._first.setdefault(clip, name)
        return name, before


def shown_clips(workspace: Workspace, grids: Sequence[GridResult], *, each: int, budget: int) -> ShownClips:
    """Choose clips of the grids and of the aligner, and hear them.

    each: so many of a kind; budget: bytes of the page for all sounds.
    """
    compared = [one for grid in grids[:MOST_GRIDS] for one in compare_clips(grid.study, each=each)] if each else []
    aligned = aligned_clips(workspace)
    shown = ShownClips(compared, aligned)
    shown.heard = hear_clips(workspace, [*_in_turn(compared), *aligned], budget)
    return shown


def _in_turn(compared: Sequence[ComparedClips]) -> Iterator[str]:
    """The clips in the order in which they get room: of each set and kind the first, then the second, and so on."""
    lists = [one.chosen.ids.get(kind, []) for kind in KINDS for one in compared]
    for place in range(max(map(len, lists), default=0)):
        yield from (clips[place] for clips in lists if place < len(clips))


def aligned_clips(workspace: Workspace, count: int = 3) -> list[str]:
    """Clips with words of `count` lengths (short, middle, long), chosen by hash."""
    rows = workspace.rows(
        """
        WITH spoken AS (
          SELECT cut_id, count(*) AS words FROM words GROUP BY cut_id, backend HAVING count(*) BETWEEN 4 AND 14
        ), banded AS (
          SELECT cut_id, ntile(?) OVER (ORDER BY duration, cut_id) AS band
          FROM cuts WHERE duration BETWEEN 1 AND 8 AND source_path IS NOT NULL AND cut_id IN (SELECT cut_id FROM spoken)
        )
        SELECT cut_id FROM banded QUALIFY row_number() OVER (PARTITION BY band ORDER BY md5(cut_id)) = 1 ORDER BY band
        """,
        [count],
    )
    return [str(row["cut_id"]) for row in rows]


def _means(kind: Kind, one: ComparedClips) -> str:
    """What a kind of clips is, in a sentence."""
    lines = one.compared
    first, last = lines[0].name, lines[-1].name
    return {
        "improved": f"{first} gains most on {last}.",
        "worsened": f"{first} loses most on {last}.",
        "worst": f"{first} does worst.",
        "median": f"Half of the clips go better with {first}, half go worse.",
        "best": f"{first} does best; the longest of those that go equally well.",
    }[kind]


def _clip(heard: PageClip, numbers: Numbering) -> Row:
    """A clip without what was heard of it."""
    name, before = numbers.of(str(heard.row["cut_id"]))
    seconds = heard.seconds or float(heard.row.get("duration") or 0)
    scale = WIDTH / seconds if seconds else 0.0
    return {
        "id": name,
        "before": before,
        "cut_id": heard.row["cut_id"],
        "corpus": heard.row.get("corpus"),
        "language": heard.row.get("language"),
        "text": heard.row.get("text"),
        "sound": heard.row.get("sound") or [],
        "duration": heard.row.get("duration"),
        "seconds": seconds,
        "cut_off": heard.cut_off and heard.wave != "",
        "wave": heard.wave,
        "width": WIDTH,
        "height": HEIGHT,
        "words": [
            word | {"x": round(word["start"] * scale, 1), "width": round((word["end"] - word["start"]) * scale, 1)}
            for word in heard.words
        ],
        "url": heard.url,
        "why": heard.why,
        "also": [],
        "lines": [],
        "reference": heard.row.get("text"),
    }


def _compared_clip(one: ComparedClips, heard: PageClip, kinds: Sequence[Kind], numbers: Numbering) -> Row:
    view = _clip(heard, numbers)
    clip = str(view["cut_id"])
    texts = [line.texts[clip] for line in one.lines if clip in line.texts]
    view["also"] = [TITLES[kind].lower() for kind in kinds[1:]]
    if one.is_speech and texts:
        view["reference"] = texts[0].reference
        view["language"] = view["language"] or texts[0].language
    words = " ".join(one["symbol"] for one in view["words"])
    if words and not view["cut_off"] and _letters(view["reference"]) == _letters(words):
        view["reference"] = None  # its words stand there already
    view["lines"] = [row for line in one.lines if (row := _line(one, line, clip)) is not None]
    return view


def _letters(text: str | None) -> str:
    return "".join(letter for letter in (text or "").lower() if letter.isalnum())


def _line(one: ComparedClips, line: ComparedLine, clip: str) -> Row | None:
    """What one of those compared made of a clip: `name`, `words` (marked, or None), `more` words, `said` of it."""
    text, score = line.texts.get(clip), line.scores.get(clip)
    if text is None and score is None:
        return None
    words: Marked | None = None
    said = ""
    if text is not None:
        words = marked(*text.compared)
        expected = sum(kind != "extra" for kind, _ in words)
        said = f"{sum(kind != 'same' for kind, _ in words)} of {expected} wrong"
    if score is not None and not one.is_speech:
        said = "named" if score.rate == 1 else "not named" if score.rate == 0 else f"named by {score.rate:.0%} of seeds"
    elif score is not None and (line.seeds > 1 or text is None):
        said += f"{', ' if said else ''}{score.rate:.2f} over {line.seeds} seed{'s' if line.seeds > 1 else ''}"
    shown = None if words is None else words[:MOST_WORDS]
    return {"name": line.name, "words": shown, "more": max(0, len(words or ()) - MOST_WORDS), "said": said}
