"""What would become of items: how many cuts, and which rejects. Nothing is made or written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from manifests.audio import AudioFacts, map_in_context
from manifests.audio.probing import threads
from manifests.audio.settle import settle_channels
from manifests.items import About, Item
from manifests.items.cuts import Taken, chooses_channel, claim, left_out, plain_row
from manifests.items.measure import Found, measure
from manifests.rows import Reject
from manifests.rows.speech import as_cut
from manifests.rows.splits import REJECT


def judge_items(items: Sequence[Item | Reject], about: About, splits: Mapping[str, str]) -> tuple[int, list[Reject]]:
    """How many cuts items would become, and the rejects. Lhotse is loaded only where channels must be compared.

    splits: a split's name in the source ("": items without one) -> train, dev, test, hash or reject.
    """
    taken, count, compared = Taken(about), 0, []
    rejects = [item for item in items if isinstance(item, Reject)]
    rest = [item for item in items if isinstance(item, Item)]
    for item, facts in zip(rest, _facts([item.audio for item in rest]), strict=True):
        split = splits[item.split or ""]
        found = left_out(item, about) if split == REJECT else claim(item, facts, about)
        refused = found if isinstance(found, Reject) else taken.refuse(found)
        if refused is not None:
            rejects.append(refused)
        elif isinstance(facts, AudioFacts) and facts.channels > 1 and not chooses_channel(item):
            compared.append(as_cut(plain_row(item, facts, about, split)))
        else:
            count += 1
    settled = settle_channels(compared, about.channels) if compared else []
    differ = [cut for cut in settled if isinstance(cut, Reject)]
    return count + len(settled) - len(differ), rejects + differ


def _facts(paths: Sequence[Path]) -> list[Found]:
    """Of each file, measured once, in threads."""
    different = list(dict.fromkeys(paths))
    with ThreadPoolExecutor(threads()) as pool:
        found = dict(zip(different, map_in_context(pool, lambda path: measure(path).found, different), strict=True))
    return [found[path] for path in paths]
