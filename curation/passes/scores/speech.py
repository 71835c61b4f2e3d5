"""How much of a cut is speech, over how much noise, up to which Hz."""

from __future__ import annotations

from typing import ClassVar

from curation.passes.base import SettledPass, label
from curation.passes.shards import Row, ShardResult
from curation.speech.bandwidth import bandwidth
from curation.speech.noise import snr
from curation.speech.voice_activity import WHEEL, spoken_samples, voice_activity
from manifests.audio import CutSound, decode_cut, read_cut
from manifests.errors import Rejected
from manifests.reasons import Reason
from manifests.settings.makers import Maker
from manifests.units import SAMPLE_RATE


class Speech(SettledPass):
    """Labels snr (dB), speech_share and speech_seconds (by a voice activity detector), bandwidth (Hz).

    bandwidth is measured at the file's own rate: far below half of `cuts.sampling_rate`, the audio was made of a
    slower one, or comes out of a codec.
    """

    name: ClassVar[str] = "speech"
    version: ClassVar[str] = "1"

    def check(self) -> None:
        """Raise MissingPackageError or InputError when the detector's weights are not here."""
        voice_activity()

    def label_shard(self, rows: list[Row]) -> ShardResult:
        """Measure each row."""
        voice_activity()  # a machine without it is no fault of the rows
        return self.each(rows, self._measure)

    def _measure(self, row: Row, result: ShardResult) -> None:
        sound = CutSound.of_manifest(row)
        own, rate = decode_cut(sound)
        samples = own if rate == SAMPLE_RATE else read_cut(sound)
        if len(samples) == 0:
            raise Rejected(Reason.too_short, "no samples")
        spoken = spoken_samples(voice_activity().chances(samples), len(samples))
        found = {
            "snr": snr(samples),
            "bandwidth": bandwidth(own, rate),
            "speech_share": spoken / len(samples),
            "speech_seconds": spoken / SAMPLE_RATE,
        }
        result.labels += [label(self.name, row, key, value) for key, value in found.items()]


PASS = Maker(Speech, lambda job: job, WHEEL.needs)
