"""Units. Names carry them: `Seconds` in manifests, hours in what people read, frames in models."""

from __future__ import annotations

Seconds = float
Hours = float

SAMPLE_RATE = 16_000  # Hz; every model in the house hears 16 kHz mono
SLACK: Seconds = 0.05  # a file may hold so much less than it declares: seeking in Ogg lands up to a packet late


def hours(seconds: Seconds) -> Hours:
    """Seconds to hours."""
    return seconds / 3600.0


def clock(seconds: Seconds) -> str:
    """`3725.4` -> `1h02m05s`; `12.3` -> `12.3s`. For tables that people read."""
    if seconds < 60:
        return f"{seconds:.1f}s"
    minutes, rest = divmod(round(seconds), 60)
    whole_hours, minutes = divmod(minutes, 60)
    return f"{whole_hours}h{minutes:02d}m{rest:02d}s" if whole_hours else f"{minutes}m{rest:02d}s"
