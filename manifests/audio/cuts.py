"""What a cut sounds like: the one way from a cut to samples, for passes, training, exports, evaluation and reports.

A cut names its recording's sources and channels, its span, and transforms; `CutSound` holds what a reader needs of
them, read from a manifest's row or from a row of the catalog. What cannot be heard as it says is refused.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from manifests.audio.channels import Channels, need_channels, one_signal
from manifests.audio.decode import decode, to_rate
from manifests.errors import AudioError, InputError, StoreError
from manifests.places import PLACE, as_sound, is_place
from manifests.units import SAMPLE_RATE, SLACK, Seconds

if TYPE_CHECKING:
    from lhotse.augmentation import AudioTransform
    from numpy.typing import NDArray

MODE = "channel_mode"  # in `cut.custom`: what a cut with several channels hears of them, as `Channels`
SOUND_COLUMNS = ("cut_id", "source_path", "start", "duration", "decoding")  # of `cuts`: what `of_catalog` reads
HEARD_KINDS = ("MonoCut", "MultiCut")  # Lhotse's kinds of cut that are a span of one recording
HERE = ("file", PLACE)  # types of sources that are read
LONGEST: Seconds = 1e9  # 31 years: what no recording reaches, and every count of samples holds
TRANSFORMS = ("Speed", "Resample", "Volume")  # of Lhotse: those that give the same samples on every machine


@dataclass(frozen=True)
class SoundFile:
    """One file of a recording."""

    path: Path
    channels: tuple[int, ...] = ()  # the recording's numbers of the file's channels, in order; (): not told


@dataclass(frozen=True)
class CutSound:
    """Where a cut's samples are, which channels of them are heard, and what is done to them."""

    cut_id: str
    files: tuple[SoundFile, ...]
    start: Seconds  # of the recording as it is after its transforms
    duration: Seconds
    channels: tuple[int, ...] = ()  # that are heard; (): all
    mode: Channels = "reject"  # of several channels
    transforms: tuple[Mapping[str, Any], ...] = ()  # as Lhotse writes them
    rate: int | None = None  # Hz after the transforms

    @classmethod
    def of_manifest(cls, row: Mapping[str, Any]) -> CutSound:
        """Of a manifest's row (JSON of a Lhotse cut).

        Raises:
            AudioError: a source, transform or channel that cannot be heard; `.reason` is the reject code.
            InputError: a row that breaks the contract.
        """
        try:
            return _read_row(row)
        except (ArithmeticError, AttributeError, KeyError, TypeError, ValueError) as error:
            detail = f"{type(error).__name__}: {error}"
            raise InputError(f"{row.get('id')}: the row does not say what its cut sounds like ({detail}).") from error

    @classmethod
    def of_catalog(cls, row: Mapping[str, Any]) -> CutSound:
        """Of a row of the catalog's `cuts` with at least SOUND_COLUMNS; `decoding` is NULL for plain mono files.

        Raises:
            AudioError, InputError: as `of_manifest`.
        """
        if row["decoding"]:
            return cls.of_manifest(json.loads(row["decoding"]))
        path = as_sound(str(row["source_path"]))
        return cls(str(row["cut_id"]), (SoundFile(path),), float(row["start"]), float(row["duration"]))

    @property
    def plain(self) -> bool:
        """One file of one channel, as it is: what needs no choice."""
        return len(self.files) == 1 and len(self.files[0].channels) < 2 and not self.transforms

    @property
    def exact(self) -> bool:
        """Are the samples a file's own, neither mixed nor transformed?"""
        return not self.transforms and (self.mode != "mix" or len(self.channels) == 1 or self.plain)


def read_cut(sound: CutSound, *, rate: int = SAMPLE_RATE) -> NDArray[np.float32]:
    """Samples (N,) of a cut at `rate` Hz, N > 0.

    Raises:
        AudioError: as `decode_channels`; channels that differ; no sample at all.
    """
    samples, own = decode_cut(sound)
    found = to_rate(samples, own, rate)
    if len(found) == 0:
        raise AudioError(f"cut {sound.cut_id!r}: {len(samples)} samples are too short to hear.", reason="too_short")
    return found


def decode_cut(sound: CutSound) -> tuple[NDArray[np.float32], int]:
    """Samples (N,) of a cut at its recording's own rate, and that rate in Hz.

    Raises:
        AudioError: as `decode_channels`; channels that differ.
    """
    samples, rate = decode_channels(sound)
    return heard(sound, samples, rate), rate


def heard(sound: CutSound, samples: NDArray[np.float32], rate: int) -> NDArray[np.float32]:
    """The one signal (N,) that a cut hears of its channels (N, C), which `decode_channels` gave.

    Raises:
        AudioError: channels that differ, and nothing says what to hear of them.
    """
    where = f"cut {sound.cut_id!r} ({', '.join(str(file.path) for file in sound.files)})"
    return one_signal(samples, sound.mode, where=where, rate=rate)


def decode_channels(sound: CutSound) -> tuple[NDArray[np.float32], int]:
    """Samples (N, C) of the channels that a cut hears, at its recording's own rate, and that rate in Hz.

    Raises:
        AudioError: audio that is missing, broken, shorter than the cut or not finite; a channel that no file has.
        InputError: transforms that cannot be applied.
    """
    steps = [_transform(sound, facts) for facts in sound.transforms]
    start, duration = sound.start, sound.duration
    for step in reversed(steps):
        start, duration = step.reverse_timestamps(offset=start, duration=duration, sampling_rate=_rate(sound))
    found: dict[int, NDArray[np.float32]] = {}
    rates = set()
    for file in sound.files:
        if not file.channels or not sound.channels or set(file.channels) & set(sound.channels):
            samples, rate = _decoded(sound, file, start, duration)
            rates.add(rate)
            found |= _columns(sound, file, samples, rate)
    if len(rates) > 1:
        raise _unsupported(sound.cut_id, f"its files have different rates: {', '.join(map(str, sorted(rates)))} Hz")
    wanted = [found[channel] for channel in sound.channels or sorted(found)]
    shortest = min(len(column) for column in wanted)
    samples = np.stack([column[:shortest] for column in wanted], axis=1)
    return _transformed(sound, steps, samples, rates.pop())


def _decoded(sound: CutSound, file: SoundFile, start: Seconds, duration: Seconds) -> tuple[NDArray[np.float32], int]:
    try:
        return decode(file.path, start=start, duration=duration)
    except AudioError as error:
        kind = StoreError if isinstance(error, StoreError) else AudioError
        raise kind(f"cut {sound.cut_id!r}: {error}", reason=error.reason, decoded=error.decoded) from error


def _read_row(row: Mapping[str, Any]) -> CutSound:
    cut_id = str(row.get("id"))
    if row.get("type", "MonoCut") not in HEARD_KINDS:
        raise _unsupported(cut_id, f"a {row['type']} has no recording of its own")
    recording = row["recording"]
    files = tuple(_files(cut_id, recording["sources"]))
    rate = recording.get("sampling_rate")
    start, duration = float(row.get("start") or 0.0), float(row["duration"])
    if not (0 <= start < LONGEST and 0 < duration < LONGEST):  # false for NaN too
        raise InputError(f"{cut_id}: the cut spans {duration} s from {start} s, expected seconds >= 0 and > 0.")
    return CutSound(
        cut_id,
        files,
        start=start,
        duration=duration,
        channels=_heard(row, [channel for file in files for channel in file.channels]),
        mode=need_channels((row.get("custom") or {}).get(MODE, "reject")),
        transforms=tuple(recording.get("transforms") or ()),
        rate=None if rate is None else int(rate),
    )


def _columns(
    sound: CutSound, file: SoundFile, samples: NDArray[np.float32], rate: int
) -> dict[int, NDArray[np.float32]]:
    """Channel -> samples (N,) of one file."""
    count = samples.shape[1]
    if len(file.channels) == count:
        return {channel: samples[:, column] for column, channel in enumerate(file.channels)}
    if len(file.channels) > 1:
        raise AudioError(
            f"cut {sound.cut_id!r}: {file.path} has {count} channels, its manifest lists {list(file.channels)}.",
            reason="channel_missing",
        )
    channel = file.channels[0] if file.channels else 0
    return {channel: one_signal(samples, sound.mode, where=f"cut {sound.cut_id!r}: {file.path}", rate=rate)}


def _files(cut_id: str, sources: Sequence[Mapping[str, Any]]) -> list[SoundFile]:
    named = [isinstance(source.get("source"), str) for source in sources if source.get("type") in HERE]
    if not sources or not all(named):
        raise InputError(f"{cut_id}: its recording has {str(sources)[:200]}, expected sources with files.")
    if odd := [source.get("type") for source in sources if source.get("type") not in HERE]:
        raise _unsupported(cut_id, f"its recording comes from a source of type `{odd[0]}`")
    files = [SoundFile(_place(cut_id, source), _numbers(cut_id, source.get("channels"))) for source in sources]
    known = [channel for file in files for channel in file.channels]
    if len(set(known)) < len(known) or (len(files) > 1 and not all(file.channels for file in files)):
        raise InputError(f"{cut_id}: its sources have the channels {known}, expected each once.")
    return files


def _place(cut_id: str, source: Mapping[str, Any]) -> Path:
    if source["type"] != PLACE:
        return Path(source["source"])
    if not is_place(source["source"]):
        raise InputError(f"{cut_id}: its place is {source['source'][:200]!r}, expected s3://... or tar:...#...")
    return as_sound(source["source"])


def _heard(row: Mapping[str, Any], known: Sequence[int]) -> tuple[int, ...]:
    """The channels that a cut hears: its own, and of them those that its supervisions speak of; (): all."""
    cut_id = str(row.get("id"))
    own = _numbers(cut_id, row.get("channel"))
    if known and (absent := [channel for channel in own if channel not in known]):
        raise AudioError(f"cut {cut_id!r} hears channel {absent[0]}, its recording has {known}.", "channel_missing")
    spoken = [_numbers(cut_id, said.get("channel")) for said in row.get("supervisions") or []]
    for channels in spoken:
        if own and channels and not set(channels) & set(own):
            raise AudioError(
                f"cut {cut_id!r} hears channel {', '.join(map(str, own))}, a supervision is of channel "
                f"{', '.join(map(str, channels))}.",
                reason="other_channel",
            )
    if not known or not spoken or not all(spoken):
        return own
    return tuple(channel for channel in own or known if any(channel in channels for channels in spoken))


def _numbers(cut_id: str, value: Any) -> tuple[int, ...]:
    """Channel numbers: one, a list of them, or none."""
    listed = value if isinstance(value, list) else [] if value is None else [value]
    if any(isinstance(item, bool) or not isinstance(item, int) or item < 0 for item in listed):
        raise InputError(f"{cut_id}: the channel is {value!r}, expected a number from 0, or a list of them.")
    return tuple(listed)


def _transform(sound: CutSound, facts: Mapping[str, Any]) -> AudioTransform:
    from lhotse.augmentation import AudioTransform  # it loads torch, which plain cuts do not need

    name = facts.get("name")
    if name not in TRANSFORMS:
        raise _unsupported(sound.cut_id, f"its recording has the transform {name}, known are {', '.join(TRANSFORMS)}")
    try:
        step = AudioTransform.from_dict(dict(facts))
        step.reverse_timestamps(offset=1.0, duration=1.0, sampling_rate=_rate(sound))
    except (ArithmeticError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{sound.cut_id}: the transform {dict(facts)} cannot be applied ({error}).") from error
    return step


def _transformed(
    sound: CutSound, steps: Sequence[AudioTransform], samples: NDArray[np.float32], rate: int
) -> tuple[NDArray[np.float32], int]:
    """Samples (N, C) after the transforms, and their rate."""
    if not steps:
        return samples, rate
    own = next((step.source_sampling_rate for step in steps if hasattr(step, "source_sampling_rate")), _rate(sound))
    if own != rate:
        raise _unsupported(sound.cut_id, f"its files have {rate:,} Hz, its transforms begin at {own:,} Hz")
    planes = np.ascontiguousarray(samples.T)
    for step in steps:
        planes = np.asarray(step(planes, _rate(sound)), dtype=np.float32)
    if not np.isfinite(planes).all():
        raise AudioError(f"cut {sound.cut_id!r}: its transforms give samples that are not finite.", "not_finite")
    wanted = round(sound.duration * _rate(sound))
    if planes.shape[1] < wanted - SLACK * _rate(sound):
        raise AudioError(f"cut {sound.cut_id!r}: its transforms give {planes.shape[1]} of {wanted} samples.")
    return np.ascontiguousarray(planes[:, :wanted].T), _rate(sound)


def _rate(sound: CutSound) -> int:
    if not sound.rate:
        raise InputError(f"{sound.cut_id}: its recording has transforms and no sampling_rate.")
    return sound.rate


def _unsupported(cut_id: str, what: str) -> AudioError:
    return AudioError(
        f"cut {cut_id!r}: {what}, which is not decoded here. Save its audio to a file first (Lhotse's `save_audio`).",
        reason="unsupported_audio",
    )
