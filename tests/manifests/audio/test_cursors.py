"""Cuts of a long recording that cannot be entered in the middle: decoded once, and bit for bit the same."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from manifests.audio import cursors, decode, streams

RATE = 48_000


def webm(path: Path, seconds: float, seed: int = 0) -> Path:
    """Opus in Matroska, whose time stamps do not tell the sample."""
    noise = (np.random.default_rng(seed).standard_normal((1, round(RATE * seconds))) * 3000).astype(np.int16)
    with av.open(str(path), "w", format="webm") as container:
        stream = container.add_stream("libopus", rate=RATE, layout="mono")
        for at in range(0, noise.shape[1], 960):
            frame = av.AudioFrame.from_ndarray(noise[:, at : at + 960], format="s16", layout="mono")
            frame.sample_rate = RATE
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.fixture
def recording(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, list[float]]:
    """A recording, and how often it was decoded from its beginning."""
    begun: list[float] = []
    real = streams._from_beginning

    def counted(path):  # type: ignore[no-untyped-def]
        begun.append(1)
        return real(path)

    monkeypatch.setattr(streams, "_from_beginning", counted)
    cursors._kept.clear()
    return webm(tmp_path / "long.webm", 20.0), begun


def spans(path: Path, starts: list[float]) -> list[bytes]:
    return [decode(path, start=start, duration=0.9)[0].tobytes() for start in starts]


def alone(path: Path, starts: list[float]) -> list[bytes]:
    found = []
    for start in starts:
        cursors._kept.clear()
        found += spans(path, [start])
    return found


def test_cuts_in_order_are_decoded_once(recording: tuple[Path, list[float]]) -> None:
    path, begun = recording
    starts = [1.0 + at for at in range(16)]
    expected = alone(path, starts)
    assert len(set(expected)) == len(starts) == len(begun)
    cursors._kept.clear()
    begun.clear()
    assert spans(path, starts) == expected
    assert len(begun) == 1


def test_cuts_that_overlap_or_go_back_are_the_same(
    recording: tuple[Path, list[float]], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, begun = recording
    monkeypatch.setattr(cursors, "BEHIND", 3.0)
    starts = [5.0, 4.5, 6.0, 5.2, 1.0, 12.0, 9.5, 2.0]
    expected = alone(path, starts)
    cursors._kept.clear()
    begun.clear()
    assert spans(path, starts) == expected
    assert 1 < len(begun) < 5  # too far back begins anew


def test_another_file_of_the_name_is_another_recording(recording: tuple[Path, list[float]]) -> None:
    path, _ = recording
    first = spans(path, [4.0])
    webm(path, 20.0, seed=1)
    assert spans(path, [6.0]) == alone(path, [6.0])
    assert spans(path, [4.0]) != first


def test_only_some_decoders_stay_open(tmp_path: Path) -> None:
    cursors._kept.clear()
    for number in range(cursors.OPEN + 3):
        spans(webm(tmp_path / f"{number}.webm", 3.0, seed=number), [1.0])
    assert len(cursors._kept) == cursors.OPEN
    cursors._kept.clear()
