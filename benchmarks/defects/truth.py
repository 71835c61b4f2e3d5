"""What is wrong with the files of two Debian packages, found without the product: bytes, waves, lists are read anew.

Ids are the product's, since they are compared; nothing else of it is used. Whether a voice says the article that is
written was judged by another recogniser than the pass's (see `articles`).
"""

from __future__ import annotations

import csv
import gzip
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import soundfile

from recipes.common import slug

STAMPS = "usr/share/tuxpaint/stamps"
PROMPTS = "usr/share/doc/asterisk-core-sounds-en/core-sounds-en.txt.gz"
SOUNDS = "usr/share/asterisk/sounds/en_US_f_Allison"
ARTICLES = Path(__file__).with_name("articles.csv")
QUIET = 0.001  # of full scale: 60 dB below it
CREST = 0.002  # seconds: crests that far apart are two
CRESTS = 3  # of them at full scale are a ceiling: a voice that was made as loud as can be reaches it once or twice

Ids = set[str]


def silent(files: Mapping[str, Path]) -> Ids:
    """Files whose loudest sample is below QUIET."""
    return {key for key, path in files.items() if _peak(_wave(path)[0]) < QUIET}


def clipped(files: Mapping[str, Path]) -> Ids:
    """Files with a ceiling: CRESTS different crests reach full scale."""
    return {key for key, path in files.items() if _crests(*_wave(path)) >= CRESTS}


def copies(files: Mapping[str, Path]) -> Ids:
    """Files whose bytes are those of one with an id before theirs."""
    alike: dict[bytes, list[str]] = defaultdict(list)
    for key, path in files.items():
        alike[path.read_bytes()].append(key)
    return {key for keys in alike.values() for key in sorted(keys)[1:]}


def one_word(texts: Mapping[str, str]) -> Ids:
    """Texts of one word."""
    return {key for key, text in texts.items() if len(text.split()) == 1}


def articles() -> dict[str, bool]:
    """Id -> whether the article that is written is said, of English captions and prompts that begin with one.

    PocketSphinx judged them, with a grammar of two ways: the words with the article, and without. Clips with words that
    its dictionary lacks are `unknown` in the file, and left out here.
    """
    with ARTICLES.open(encoding="utf-8", newline="") as stream:
        return {row["cut_id"]: row["said"] == "yes" for row in csv.DictReader(stream) if row["said"] != "unknown"}


def stamps(root: Path) -> tuple[dict[str, Path], dict[str, Path]]:
    """Id -> file, of sounds and of spoken captions."""
    found: tuple[dict[str, Path], dict[str, Path]] = ({}, {})
    for path in sorted((root / STAMPS).rglob("*.ogg")):
        spoken = "_desc" in path.stem
        name = slug(path.relative_to(root / STAMPS).with_suffix("").as_posix())
        found[spoken][f"{'tuxpaint_captions' if spoken else 'tuxpaint'}-{name}"] = path
    return found


def captions(files: Mapping[str, Path]) -> dict[str, str]:
    """Id -> the text of a spoken caption; no entry: there is none."""
    return {key: text for key, path in files.items() if (text := _caption(path))}


def language(path: Path) -> str:
    """Of a spoken caption, by its name."""
    return path.stem.rpartition("_desc")[2].strip("_").partition("_")[0] or "en"


def no_partner_captions(files: Mapping[str, Path], texts: Mapping[str, str]) -> Ids:
    """Spoken captions without a text."""
    return files.keys() - texts.keys()


def no_partner_prompts(root: Path) -> Ids:
    """Prompts of asterisk that only the list has, or only the folder."""
    with gzip.open(root / PROMPTS, "rt", encoding="utf-8", errors="replace") as stream:
        lines = [line.split(":", 1) for line in stream if ":" in line and not line.startswith(";")]
    listed = {name.strip(): text.strip() for name, text in lines}
    there = {str(path.relative_to(root / SOUNDS).with_suffix("")) for path in (root / SOUNDS).rglob("*.g722")}
    untold = {name for name in there & listed.keys() if not listed[name]}
    return {f"asterisk-{slug(name)}" for name in (there ^ listed.keys()) | untold}


def _caption(path: Path) -> str:
    stem, _, code = path.stem.rpartition("_desc")
    text = path.with_name(f"{stem}.txt")
    lines = text.read_text(encoding="utf-8", errors="replace").splitlines() if text.is_file() else []
    wanted = code.strip("_")
    said = lines[:1] if not wanted else [line.split("=", 1)[1] for line in lines if line.startswith(f"{wanted}.utf8=")]
    return " ".join(said[-1].split()) if said and re.search(r"[^\W_]", said[-1]) else ""


def _wave(path: Path) -> tuple[np.ndarray, int]:
    samples, rate = soundfile.read(path, dtype="float64", always_2d=True)
    return samples, rate


def _peak(samples: np.ndarray) -> float:
    return float(np.abs(samples).max(initial=0.0))


def _crests(samples: np.ndarray, rate: int) -> int:
    """How many crests reach full scale, of the channel that has the most."""
    most = 0
    for channel in samples.T:
        at = np.flatnonzero(np.abs(channel) >= 0.999)
        most = max(most, int(bool(len(at))) + int((np.diff(at) > CREST * rate).sum()))
    return most


def by_language(keys: Ids, files: Mapping[str, Path]) -> Iterator[tuple[str, Ids]]:
    """The ids of each language, in order."""
    for code in sorted({language(path) for path in files.values()}):
        yield code, {key for key in keys if key in files and language(files[key]) == code}
