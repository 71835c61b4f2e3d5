"""The benchmark's voices: single words recorded by real people, from Debian packages (`curation.align.concatenated`).

`allison` speaks asterisk's digits, letters and phonetic alphabet, and is the voice that the demo trains on; `american`
and `british` speak the letters and short words of klettres-data, `toys` the words of ktuberling-data. The other
languages of those packages are left out: the models here hear English.
"""

from __future__ import annotations

import re
import sys
from functools import cache
from pathlib import Path

from curation.align.concatenated import Recording, trim
from curation.text import normalise
from manifests.audio import read_audio
from manifests.files import cache_dir
from recipes.apt import fetch_debian, marker
from recipes.debian_asterisk import SOUNDS, TRANSCRIPTS, read_transcripts, spoken

PACKAGES = ("klettres-data", "ktuberling-data", "asterisk-core-sounds-en", "asterisk-core-sounds-en-g722")
TRAINED_VOICE = "allison"
OTHER_VOICES = ("american", "british", "toys")
VOICES = (TRAINED_VOICE, *OTHER_VOICES)
# Not single words (the recording says "palm tree"), sounds of letter pairs, or another voice than the rest (tv_).
LEFT_OUT = re.compile(r"egypt_palmtree|moon_fallingstar|moon_ufo|tv_.*|aw|ch|th")
SPELLED = {"broccolli": "broccoli", "sphynx": "sphinx", "fourtieth": "fortieth", "xray": "x-ray"}


@cache
def recordings(voice: str) -> tuple[Recording, ...]:
    """The voice's single words; fetches the packages on first use."""
    root = _root()
    found = []
    for spelled, path in files(voice, root):
        samples, words = trim(read_audio(path)), normalise(SPELLED.get(spelled, spelled))
        if samples is not None and len(words) == 1:
            found.append(Recording(words[0], samples))
    return tuple(found)


def _root() -> Path:
    """Where the packages are unpacked."""
    missing = [name for name in PACKAGES if not marker(name, cache_dir()).is_file()]
    if missing:
        print(
            f"Fetching {', '.join(missing)} from Debian's archive: recordings that only this benchmark uses. "
            "docs/data-licences.md names their makers and terms.",
            file=sys.stderr,
        )
    return fetch_debian(PACKAGES, cache_dir())


def files(voice: str, root: Path) -> list[tuple[str, Path]]:
    """Word and file of each recording of a voice."""
    share = root / "usr" / "share"
    if voice == "allison":
        return _asterisk(root)
    folder = {
        "toys": share / "ktuberling/sounds/en",
        "american": share / "klettres/en",
        "british": share / "klettres/en_GB",
    }[voice]
    paths = [path for path in sorted(folder.rglob("*.ogg")) if not LEFT_OUT.fullmatch(path.stem)]
    zed = {"z": "zed"} if voice == "british" else {}
    return [(zed.get(path.stem, path.stem.rpartition("_")[2].lower()), path) for path in paths]


def _asterisk(root: Path) -> list[tuple[str, Path]]:
    found = []
    for key, text in sorted(read_transcripts(root / TRANSCRIPTS).items()):
        path = root / SOUNDS / f"{key}.g722"
        word = spoken(text).lower()
        if key.split("/")[0] in ("digits", "letters", "phonetic") and re.fullmatch(r"[a-z]+", word) and path.is_file():
            found.append((word, path))
    return found
