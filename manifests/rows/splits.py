"""Names of splits: what `validation`, `testclean`, `eval92` or `tr05_simu` means, in one place.

A name is read word by word: separators, letter case and numbers do not count, nor do words that say something else
(`train-clean-100`, `gigaspeech_train_xl`). Names that are used for more than one thing have these meanings:

    eval, evaluation, devtest   test, as in AMI, CSJ, CHiME, WSJ and FLORES: neither trained on nor chosen on
    heldout, holdout            test, for the same reason
    cv, cross-validation        dev, as in Kaldi and WSJ0-2mix; in a longer name cv may be Common Voice: it says nothing
    tr, dt, et, tt              train, dev, test, test: only in names of WSJ0, CHiME and WSJ0-2mix, for they are codes
                                of languages too
    train_dev; train_nodev      dev; train, as in ESPnet

Any other name has no meaning here, nor has one that speaks of two splits or of none (`validated`, `other`,
`unlabeled`): whoever meets it asks (`split_map`), and never takes it for train.
"""

from __future__ import annotations

import re
import shlex
import unicodedata
from collections.abc import Iterable, Mapping
from functools import cache

from manifests.errors import SettingsError
from manifests.schema import allowed, in_words

SPLITS = allowed("cuts", "split")
HASH = "hash"  # train, dev or test by a hash of the speaker, or of the text where there is none
REJECT = "reject"  # the rows of that name are left out, each with a reject row
TARGETS = (*SPLITS, HASH, REJECT)  # what a name may be mapped to

_WORDS = {
    "train": "train training trn trainset",
    "dev": "dev devel development devset valid validation val vali valset crossvalidation crossval xval",
    "test": "test testing tst testset eval evaluation evl evltest evalset heldout holdout devtest",
}
STRONG = {word: split for split, words in _WORDS.items() for word in words.split()}
WEAK = {"tr": "train", "cv": "dev", "dt": "dev", "et": "test", "tt": "test"}
WEAK_COMPANY = frozenset(
    (
        "si",
        "s",
        "05",
        "20",
        "real",
        "simu",
        "multi",
        "clean",
        "noisy",
        "isolated",
        "mix",
        "min",
        "max",
        "both",
        "single",
    )
)
PHRASES = (  # several words that mean one thing; the first that fits counts
    ("held out", "heldout"),
    ("hold out", "heldout"),
    ("cross validation", "crossvalidation"),
    ("cross val", "crossval"),
    ("pre train", "pretrain"),
    ("train no dev", "train"),
    ("train nodev", "train"),
    ("tr no dev", "train"),
    ("tr nodev", "train"),
    ("train dev", "dev"),
    ("traindev", "dev"),
    ("trainnodev", "train"),
    ("test dev 93", "dev"),  # of WSJ, as the next
    ("test eval 92", "test"),
    ("test eval 93", "test"),
    ("dev test", "devtest"),
)
NEGATIONS = frozenset(("no", "not", "non", "un", "without", "except", "minus", "ex"))
UNCLEAR = {  # what they are where they are used, for whoever is asked
    "validated": "Common Voice: all clips that voters approved, those of train, dev and test among them",
    "invalidated": "Common Voice: clips that voters refused",
    "reported": "Common Voice: clips that somebody complained of",
    "trainval": "it speaks of dev and train",
}
NO_SPLIT = {  # the same, but they say nothing beside a word that names a split: test-other
    "other": "Common Voice: clips that nobody has checked yet",
    **dict.fromkeys(
        ("unlabeled", "unlabelled", "unsupervised", "unsup", "unlab", "untranscribed"), "audio without labels"
    ),
}
_GLUED = re.compile(r"(train|training|dev|valid|validation|val|test|eval)(clean|other|data|split|noisy|real|simu)")


def known_split(name: str) -> str | None:
    """`train`, `dev` or `test` if the name means one of them, else None."""
    return _read(name)[0]


def doubt(name: str) -> str | None:
    """Why a name that is one of a split's has no meaning here; None for names that mean a split or say nothing."""
    return _read(name)[1]


def plain(name: str) -> str:
    """The name without separators, in lower case: names of equal `plain` are the same name."""
    return "".join(_words(name))


def as_split(value: str, *, setting: str, others: tuple[str, ...] = ()) -> str:
    """The value of a setting that names a split: a known name, or one of `others`, in any letter case.

    Raises:
        SettingsError: no such split.
    """
    folded = value.strip().casefold()
    found = folded if folded in others else known_split(value)
    if found is None:
        raise SettingsError(f"{setting} is {value!r}, expected {in_words((*SPLITS, *others))}.")
    return found


def read_split_map(given: Mapping[str, str]) -> dict[str, str]:
    """A `split_map` with its values checked, by the names' `plain`.

    Raises:
        SettingsError: a name without letters or digits, or a value that is none of TARGETS.
    """
    found = {}
    for name, value in given.items():
        if not plain(name):
            raise SettingsError(f"split_map has the name {name!r}, expected letters or digits.")
        found[plain(name)] = as_split(value, setting=f"split_map of {name!r}", others=(HASH, REJECT))
    return found


def map_splits(names: Mapping[str, str], given: Mapping[str, str]) -> dict[str, str]:
    """What each name of a source means: name -> one of TARGETS.

    Args:
        names: name -> where it stands (for messages).
        given: the setting `split_map`, which goes before the known names.

    Raises:
        SettingsError: names without a meaning (all of them are said), or a name of `split_map` that the source lacks.
    """
    asked = read_split_map(given)
    found = {name: asked.get(plain(name)) or known_split(name) for name in names}
    unknown = [name for name, split in found.items() if split is None]
    if unknown:
        raise SettingsError(_question(unknown, names))
    absent = [name for name in given if plain(name) not in map(plain, names)]
    if absent:
        raise SettingsError(
            f"split_map names {', '.join(map(repr, absent))}, but the source has "
            f"{', '.join(map(repr, names)) or 'no names of splits'}."
        )
    return {name: split for name, split in found.items() if split is not None}


def _question(unknown: Iterable[str], places: Mapping[str, str]) -> str:
    lines = [f"{places[name]}: split {name!r}" + (f" ({why})" if (why := doubt(name)) else "") for name in unknown]
    maps = " ".join(shlex.quote(f"{name}=train") for name in unknown)
    return (
        "Names of splits that are not known:\n  " + "\n  ".join(lines) + "\n"
        f"Expected {in_words(SPLITS)}, or a name that means one (validation, testclean, eval92, ...). Say what they "
        f"are with the setting `split_map`, once for each: {maps} (or {in_words(TARGETS[1:])}). Nothing was written."
    )


@cache
def _read(name: str) -> tuple[str | None, str | None]:
    """A name's meaning, or else why it has none; (None, None) where it says nothing of splits."""
    words = _words(name)
    text = f" {' '.join(words)} "
    for phrase, meaning in PHRASES:
        text = text.replace(f" {phrase} ", f" {meaning} ")
    words = text.split()
    families = sorted({split for word in words if (split := _family(word))})
    unclear = [why for word in words if (why := UNCLEAR.get(word))]
    if not unclear and len(families) > 1:
        unclear = [f"it speaks of {' and '.join(families)}"]
    elif not unclear and families and NEGATIONS & set(words):
        unclear = ["it says what it is not"]
    elif not families:
        unclear += [why for word in words if (why := NO_SPLIT.get(word))]
    if unclear:
        return None, unclear[0]
    return (families[0] if families else _weak(words)), None


def _weak(words: list[str]) -> str | None:
    """What a name of codes means that say little by themselves."""
    codes = [word for word in words if word in WEAK]
    return WEAK[codes[0]] if len(codes) == 1 and set(words) - set(codes) <= WEAK_COMPANY else None


def _family(word: str) -> str | None:
    glued = _GLUED.fullmatch(word)
    return STRONG.get(glued[1] if glued else word)


def _words(name: str) -> list[str]:
    """Runs of letters and runs of digits, in lower case; a capital after a small letter begins a word."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", unicodedata.normalize("NFKC", name))
    return re.findall(r"[^\W\d_]+|\d+", spaced.casefold())
