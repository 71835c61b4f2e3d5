"""Voices compared by blocks: the same as pair by pair, whatever the block."""

from __future__ import annotations

import numpy as np
import pytest

from curation.audit.voices import nearest_seen, own_and_other


def unit(vectors: np.ndarray) -> np.ndarray:
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(params=[3, 4096])
def block(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr("curation.audit.voices.BLOCK", request.param)
    return request.param


@pytest.mark.usefixtures("block")
def test_nearest_is_what_all_pairs_say() -> None:
    random = np.random.default_rng(0)
    held, seen = unit(random.standard_normal((10, 8))), unit(random.standard_normal((17, 8)))
    best, likeness = nearest_seen(held, seen)
    pairs = [[float(one @ other) for other in seen] for one in held]
    assert best.tolist() == [int(np.argmax(row)) for row in pairs]
    np.testing.assert_allclose(likeness, [max(row) for row in pairs], atol=1e-6)


@pytest.mark.usefixtures("block")
def test_own_voice_leaves_the_clip_itself_out() -> None:
    random = np.random.default_rng(1)
    vectors = unit(random.standard_normal((9, 8)))
    names = ["a", "b", "a", "c", "b", "a", "b", "b", "a"]
    own, others, likeness = own_and_other(vectors, names)
    for place, name in enumerate(names):
        mates = [at for at, mate in enumerate(names) if mate == name and at != place]
        expected = vectors[place] @ unit(vectors[mates].sum(axis=0)[None])[0] if mates else np.nan
        assert own[place] == pytest.approx(float(expected), abs=1e-6, nan_ok=True)
        centres = {
            other: unit(vectors[[at for at, mate in enumerate(names) if mate == other]].sum(axis=0)[None])[0]
            for other in set(names) - {name}
        }
        best = max(centres, key=lambda other: float(vectors[place] @ centres[other]))
        assert others[place] == best and likeness[place] == pytest.approx(
            float(vectors[place] @ centres[best]), abs=1e-6
        )


def test_one_voice_alone_has_no_other() -> None:
    own, others, likeness = own_and_other(unit(np.ones((2, 4))), ["a", "a"])
    assert own == pytest.approx([1, 1]) and others == ["", ""] and np.isnan(likeness).all()
