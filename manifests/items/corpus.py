"""Items become a corpus while they are read: the one way of recipes and imports.

    with Gathering.of(folder, about) as rows:
        rows.read(items, splits)         # window by window: measured, made cuts or rejects, written down
        rows.share(sharing)              # splits by hash: what is linked goes together
        with switched(folder) as switch:
            rows.write(switch, info)     # sorted by id: the corpus's files, all at once

Rows stand in a hidden folder beside the corpus's files until then. In memory are a few windows of items, so many
characters of rows as `spill` says, and of every row some 40 bytes (by hash estimated 300 more). A killed
command leaves that folder, which is of no use and goes by itself (`manifests.files`), and what it measured, with which
the next one goes on.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from manifests.audio.settle import settle_channels
from manifests.disk.faults import disk_error
from manifests.disk.left import remove
from manifests.errors import ManifestError
from manifests.files import temporary_name
from manifests.items import About, Item
from manifests.items.cuts import Claim, Taken, chooses_channel, left_out, make_cut
from manifests.items.measure import MEASURED, ItemWindow, measured_windows
from manifests.items.spill import Sorter, Spill
from manifests.items.splits import Sharing, Splittable, shared_splits
from manifests.progress import progress_bar
from manifests.reasons import Reason
from manifests.rows import CorpusInfo, Reject, TextRow, row_line, write_corpus_lines
from manifests.rows.repeats import clashing, repeated
from manifests.rows.speech import as_cut
from manifests.rows.splits import HASH, REJECT
from manifests.rows.validate import row_problems
from manifests.switch import Switch

if TYPE_CHECKING:
    from lhotse import MonoCut, MultiCut

CUT, TEXT, REFUSED = "cut", "text", "reject"
NAMED = 3  # bad rows that a message shows


class Gathering:
    """Rows of a corpus on their way from its source to its files."""

    def __init__(self, folder: Path, about: About, scratch: Path, *, strict: bool) -> None:
        """`gathering` makes one."""
        self._folder, self._about, self._scratch, self._strict = folder, about, scratch, strict
        self._rows = Spill(scratch / "rows.gz")
        self._ids, self._recordings, self._sounds = array("q"), array("q"), array("q")  # hashes; 0: none
        self._problems: list[str] = []
        self._bad = 0
        self.usable = self.rejected = 0  # rows, before repeats are refused
        self._free = 0  # rows whose split is that of their hash
        self._others: dict[int, Reject] = {}  # number of a row -> what it becomes
        self._moved: dict[int, str] = {}  # number of a row -> its split
        self.parts: dict[str, dict[str, float]] = {}

    def read(
        self,
        items: Iterable[Item | TextRow | Reject],
        splits: Mapping[str, str],
        *,
        total: int | None = None,
        free_texts: bool = False,
    ) -> None:
        """Take all items of a source.

        Args:
            items: in the same order each time; what a killed command measured is found by it.
            splits: a split's name in the source ("": items without one) -> train, dev, test, hash or reject.
            total: how many there are, for the display.
            free_texts: splits of text-only rows are those of their hash.
        """
        with progress_bar() as bar:
            task = bar.add_task(self._about.corpus, total=total, note="")
            for window in measured_windows(items, self._audio(splits), self._folder):
                self._take(window, splits, free_texts)
                bar.advance(task, len(window.items))

    def _audio(self, splits: Mapping[str, str]) -> Callable[[Any], Path | None]:
        def path_of(item: Any) -> Path | None:
            wanted = isinstance(item, Item) and splits[item.split or ""] != REJECT
            return item.audio if wanted else None

        return path_of

    def _take(self, window: ItemWindow, splits: Mapping[str, str], free_texts: bool) -> None:
        made = [(item, self._made(item, window, splits)) for item in window.items]
        several = [
            found[0]
            for item, found in made
            if isinstance(found, tuple) and not chooses_channel(item) and len(found[0]["recording"]["channel_ids"]) > 1
        ]
        settled = iter(settle_channels(list(map(as_cut, several)), self._about.channels)) if several else iter(())
        waiting = {id(row) for row in several}
        for item, found in made:
            part = (item.split or "") if isinstance(item, Item) else ""
            if isinstance(found, TextRow):
                self.text(found, free=free_texts)
            elif isinstance(found, Reject):
                self.reject(found, part=part)
            else:
                row, claim = found
                heard = next(settled) if id(row) in waiting else row
                if isinstance(heard, Reject):
                    self.reject(heard, claim=claim, part=part)
                else:
                    self.cut(heard, free=splits[part] == HASH, claim=claim, part=part)

    def _made(
        self, item: Item | TextRow | Reject, window: ItemWindow, splits: Mapping[str, str]
    ) -> tuple[dict[str, Any], Claim] | TextRow | Reject:
        if not isinstance(item, Item):
            return item
        split = splits[item.split or ""]
        return (
            left_out(item, self._about) if split == REJECT else make_cut(item, window[item.audio], self._about, split)
        )

    def cut(
        self,
        cut: MonoCut | MultiCut | dict[str, Any],
        *,
        free: bool = False,
        claim: Claim | None = None,
        part: str | None = None,
    ) -> None:
        """Take a cut, Lhotse's or its row. claim: ids that it takes, if others may have them; part: its split there."""
        row = cut if isinstance(cut, dict) else cut.to_dict()
        self._check(row)
        self._free += free
        self._add(CUT, row["id"], row_line(row), claim, free=free, seconds=float(row["duration"]), part=part)

    def text(self, text: TextRow, *, free: bool = False) -> None:
        """Take a text-only row."""
        row = asdict(text)
        self._check(row)
        self._free += free
        self._add(TEXT, text.id, row_line(row), free=free)

    def reject(self, reject: Reject, *, claim: Claim | None = None, part: str | None = None) -> None:
        """Take a reject. claim: of a cut whose channels cannot be settled."""
        self._add(REFUSED, reject.cut_id, row_line(reject.row()), claim, part=part)

    def _add(
        self,
        kind: str,
        row_id: str,
        line: str,
        claim: Claim | None = None,
        *,
        free: bool = False,
        seconds: float = 0.0,
        part: str | None = None,
    ) -> None:
        self.usable += kind != REFUSED
        self.rejected += kind == REFUSED
        takes = kind != REFUSED or claim is not None
        self._ids.append((hash(row_id) or 1) if takes else 0)
        self._recordings.append((hash(claim.recording) or 1) if claim else 0)
        self._sounds.append(hash((claim.recording, claim.digest)) if claim else 0)
        taken = list(vars(claim).values()) if claim else None
        self._rows.add([kind, row_id, taken, free, seconds, part], line)

    def _check(self, row: Mapping[str, Any]) -> None:
        for problem in row_problems(row) if self._strict else ():
            self._bad_row(str(row.get("id")), problem)

    def _bad_row(self, row_id: str, problem: str) -> None:
        self._bad += 1
        if len(self._problems) < NAMED:
            self._problems.append(f"{row_id}: {problem}")

    def share(self, sharing: Sharing) -> None:
        """Refuse ids that stand for two things; then give linked rows one split where splits are made by hash.

        Raises:
            ManifestError: rows that break the contract, where that is checked: a bug of what made them.
        """
        self._rows.close()
        self._refuse_repeats()
        if self._bad:
            raise ManifestError(
                f"The recipe `{self._about.corpus}` made {self._bad:,} bad rows, e.g. {'; '.join(self._problems)}. "
                "Every row must follow manifests/rows: correct the recipe."
            )
        if not self._free:
            return
        splits = shared_splits(lambda: (one for _, one in self._splittable()), sharing, self._about.corpus)
        for (number, one), split in zip(self._splittable(), splits, strict=True):
            if split != one.split:
                self._moved[number] = split

    def _splittable(self) -> Iterator[tuple[int, Splittable]]:
        for number, ((kind, _, _, free, _, _), line) in enumerate(self._rows):
            if kind != REFUSED and number not in self._others:
                yield number, Splittable(json.loads(line), text=kind == TEXT, free=free)

    def _refuse_repeats(self) -> None:
        ids, recordings, sounds = (
            np.frombuffer(found, np.int64) if len(found) else np.zeros(0, np.int64)
            for found in (self._ids, self._recordings, self._sounds)
        )
        suspects = {*repeated(ids), *clashing(recordings, sounds)}
        if not suspects:
            return
        taken, whole = Taken(self._about), set()
        for number, ((_, row_id, claimed, _, _, _), _) in enumerate(self._rows):
            if number not in suspects:
                continue
            refused = taken.refuse(Claim(*claimed)) if claimed else None
            if refused is not None:
                self._others[number] = refused
            elif row_id in whole and self._strict:
                self._bad_row(row_id, "the id occurs twice, expected once in a catalog")
            elif row_id in whole:
                detail = "a row without sound, or another one, has the id and was kept"
                self._others[number] = Reject(row_id, self._about.corpus, "prepare", Reason.duplicate_id, detail)
            whole.add(row_id)

    def write(self, switch: Switch, info: CorpusInfo) -> CorpusInfo:
        """Write the corpus's files, sorted by id; return `info` with the real counts, hours and parts."""
        sorters = {kind: Sorter(self._scratch / kind) for kind in (CUT, TEXT, REFUSED)}
        for number, ((kind, row_id, claimed, _, seconds, part), line) in enumerate(self._rows):
            if number in self._others:
                self._count(part, REFUSED, 0.0)
                sorters[REFUSED].add([row_id, 0, number, 0.0], row_line(self._others[number].row()))
                continue
            self._count(part, kind, seconds)
            last = int(kind == REFUSED and claimed is not None)  # of one id: what is found when channels are settled
            moved = self._moved.get(number)
            row = line if moved is None else _with_split(line, moved, text=kind == TEXT)
            sorters[kind].add([row_id, last, number, seconds], row)
        total = _Sum()
        lines = (total.add(key[3], line) for key, line in sorters[CUT])
        others = ((line for _, line in sorters[kind]) for kind in (TEXT, REFUSED))
        info = replace(info, parts=self.parts)
        return write_corpus_lines(switch, info, lines, *others, seconds=lambda: total.seconds)

    def _count(self, part: str | None, kind: str, seconds: float) -> None:
        if part:
            counts = self.parts.setdefault(part, {"cuts": 0, "rejects": 0, "hours": 0.0})
            counts["rejects" if kind == REFUSED else "cuts"] += 1
            counts["hours"] += 0.0 if kind == REFUSED else seconds / 3600


class _Sum:
    def __init__(self) -> None:
        self.seconds = 0.0

    def add(self, seconds: float, line: str) -> str:
        self.seconds += seconds
        return line


def _with_split(line: str, split: str, *, text: bool) -> str:
    row = json.loads(line)
    (row if text else row["custom"])["split"] = split
    return row_line(row)


def names_of(items: Iterable[Item | TextRow | Reject]) -> tuple[dict[str, str], int]:
    """Name of a split ("" for none) -> the first place that has it; and how many items there are."""
    found: dict[str, str] = {}
    count = 0
    for count, item in enumerate(items, 1):  # noqa: B007 - it is read when all are through
        if isinstance(item, Item):
            found.setdefault(item.split or "", item.place)
    return found, count


@contextmanager
def gathering(folder: Path, about: About, *, strict: bool = False) -> Iterator[Gathering]:
    """A Gathering for the corpus in `folder`, which is there; what it measured is kept until the block succeeds.

    strict: rows that break the contract are an error of the code that made them.

    Raises:
        DiskError: the system does not let the rows be written.
    """
    scratch = temporary_name(folder / "rows")
    try:
        scratch.mkdir()
        yield Gathering(folder, about, scratch, strict=strict)
    except Exception as error:
        if found := disk_error(error, folder, scratch / "probe"):
            raise found from error
        raise
    finally:
        remove(scratch)
    remove(folder / MEASURED)
