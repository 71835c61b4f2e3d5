"""Which channels a recipe's or an import's cuts hear: settled once, when the corpus is prepared, and written down."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

from manifests.audio.channels import Channels
from manifests.audio.cuts import MODE, CutSound, decode_cut
from manifests.audio.probing import threads
from manifests.errors import AudioError
from manifests.reasons import Reason
from manifests.rows import Reject

if TYPE_CHECKING:
    from lhotse import MonoCut, MultiCut


def settle_channels(cuts: Sequence[MonoCut], how: Channels) -> list[MonoCut | MultiCut | Reject]:
    """Each cut as it is heard; cuts of mono recordings stay as they are.

    Args:
        cuts: that name no channel of their own choice.
        how: "first" keeps a MonoCut of the first channel, "mix" makes a MultiCut whose channels are averaged, "reject"
            keeps the first channel where all are equal and rejects the cut where they differ.
    """
    with ThreadPoolExecutor(threads()) as pool:
        return list(pool.map(partial(_settled, how), cuts))


def _settled(how: Channels, cut: MonoCut) -> MonoCut | MultiCut | Reject:
    if cut.recording.num_channels == 1 or how == "first":
        return cut
    mixed = _every_channel(cut, how)
    if how == "mix":
        return mixed
    try:
        decode_cut(CutSound.of_manifest(mixed.to_dict()))
    except AudioError as error:
        return Reject(cut.id, str((cut.custom or {}).get("corpus")), "prepare", Reason(error.reason), str(error))
    return cut


def _every_channel(cut: MonoCut, how: Channels) -> MultiCut:
    from lhotse import MultiCut

    channels = list(cut.recording.channel_ids)
    said = [type(one).from_dict({**one.to_dict(), "channel": channels}) for one in cut.supervisions]
    return MultiCut(
        id=cut.id,
        start=cut.start,
        duration=cut.duration,
        channel=channels,
        supervisions=said,
        recording=cut.recording,
        custom={**(cut.custom or {}), MODE: how},
    )
