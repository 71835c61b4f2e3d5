"""One signal of several channels: the one that a cut names, or what a setting says of a recording that names none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from manifests.errors import AudioError, SettingsError

if TYPE_CHECKING:
    from numpy.typing import NDArray

Channels = Literal["reject", "mix", "first"]
"""What to hear of several channels that differ: nothing, their mean, or the first. Equal ones are one signal."""


def need_channels(value: str) -> Channels:
    """Check the setting.

    Raises:
        SettingsError: any other value.
    """
    for known in get_args(Channels):
        if value == known:
            return known  # type: ignore[no-any-return]
    raise SettingsError(f"The setting `channels` is {value!r}, expected one of {', '.join(get_args(Channels))}.")


def one_signal(samples: NDArray[np.float32], how: Channels, *, where: str, rate: int) -> NDArray[np.float32]:
    """One signal (N,) of samples (N, channels).

    Args:
        samples: decoded.
        how: as `Channels`.
        where: what a message calls the recording.
        rate: of the samples in Hz, for a message's time.

    Raises:
        AudioError: how is "reject" and the channels differ.
    """
    if how == "mix" and samples.shape[1] > 1:
        return np.asarray(samples.mean(axis=1), dtype=np.float32)
    if how == "reject" and (differ := (samples != samples[:, :1]).any(axis=1)).any():
        most = float(np.ptp(samples, axis=1).max())
        raise AudioError(
            f"{where} has {samples.shape[1]} channels that differ, first at {int(differ.argmax()) / rate:.3f} s and by "
            f"up to {most:.3g}: no cut says which one is heard. Change the setting `channels` to mix or first, or "
            "choose a channel in the manifest.",
            reason="channels_differ",
        )
    return samples[:, 0]
