"""Colours of series: far enough apart for eyes that lack a kind of cone, and from the paper."""

import re
from itertools import combinations

import numpy as np
import pytest

from soundwave.report.drawing.theme import SERIES
from soundwave.report.page import TEMPLATES

# What is seen without one kind of cones, in linear RGB (Machado, Oliveira and Fernandes 2009, severity 1).
SIGHT = {
    "all cones": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
XYZ = [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
WHITE = np.array([0.95047, 1.0, 1.08883])
APART = 12.0  # CIE Lab; about 2 can just be told apart side by side
CONTRAST = 3.0  # of WCAG, for what is drawn


def palettes():
    """Paper and series of the light and of the dark page."""
    css = (TEMPLATES / "style.css").read_text(encoding="utf-8")
    roots = re.findall(r":root \{(.*?)\}", css, re.DOTALL)[:2]
    named = [dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", root)) for root in roots]
    return [(one["paper"], [one[f"series-{n}"] for n in range(1, len(SERIES) + 1)]) for one in named]


def linear(colour):
    value = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def lab(light):
    x, y, z = (
        np.cbrt(part) if part > 216 / 24389 else (24389 / 27 * part + 16) / 116
        for part in np.array(XYZ) @ np.clip(light, 0, 1) / WHITE
    )
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("sight", SIGHT)
def test_series_can_be_told_apart(sight):
    for _, colours in palettes():
        seen = [lab(np.array(SIGHT[sight]) @ linear(colour)) for colour in colours]
        nearest = min(combinations(range(len(seen)), 2), key=lambda pair: np.linalg.norm(seen[pair[0]] - seen[pair[1]]))
        assert np.linalg.norm(seen[nearest[0]] - seen[nearest[1]]) >= APART, [colours[n] for n in nearest]


def test_series_stand_out_from_the_paper():
    for paper, colours in palettes():
        for colour in colours:
            high, low = sorted((linear(one) @ np.array(XYZ[1]) for one in (paper, colour)), reverse=True)
            assert (high + 0.05) / (low + 0.05) >= CONTRAST, colour
