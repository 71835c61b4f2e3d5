"""A mixture: what to train on (a SQL query) and how much of each domain (a few numbers)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TypeAlias

from pydantic import BaseModel, Field, field_validator, model_validator

from curation.catalog.folds import Folds
from curation.duck.headers import read_header
from curation.rules import FOLDER as RULES
from manifests.errors import MixtureError, SettingsError
from manifests.files import need_file, read_text
from manifests.fingerprint import fingerprint
from manifests.settings import Overrides, SettingsFiles
from manifests.settings.beside import file_beside
from manifests.settings.fields import STRICT
from manifests.units import Seconds

Unit: TypeAlias = Literal["samples", "hours", "frames", "llm_tokens"]


class StepSize(BaseModel):
    """One optimiser step, over all ranks."""

    model_config = STRICT

    seconds: Seconds = Field(ge=0.001, le=1e6)
    """Audio a step holds on average; a single step holds at most about this and its longest row."""
    rows: int | None = Field(default=None, ge=1)
    """At most this many rows a step, for corpora of very short clips."""


class Temperature(BaseModel):
    """Shares from sizes: p_k proportional to size_k ** (1 / T), with T = start + add_per_epoch x epoch."""

    model_config = STRICT

    start: float = Field(default=1.0, gt=0)
    """T in the first epoch; 1 is proportional to size, a large T is uniform."""
    add_per_epoch: float = Field(default=0.0, ge=0)
    """Added to T after each epoch (the paper's stage II adds 5)."""


class Mixture(BaseModel):
    """What a stage's plan is made from. Every key of the YAML file is a field here."""

    model_config = STRICT

    name: str = ""
    """Defaults to the file's name."""
    stage: Literal["alignment", "shrinking", "sft"]
    """Which training stage it is for."""
    select: str | None = None
    """SQL file beside the YAML or below it, or a bundled one: one SELECT that returns cut_id and domain."""
    query: str | None = None
    """The SELECT itself, in place of `select`."""
    rules: str | None = None
    """SQL file of cleaning rules (see curation/rules), found as `select` is: the query may select from `kept`."""
    rules_query: str | None = None
    """The rules themselves, in place of `rules`."""
    rule: dict[str, float | str] = Field(default_factory=dict)
    """Settings that replace those of the rules' file, or of the query's own header (`-- setting: name = 0.1`)."""
    leave_out: tuple[str, ...] = ()
    """Corpora of which nothing is drawn, whatever the query returns. A domain that has no others is left out too."""
    unit: Unit = "hours"
    """What shares and budget count."""
    budget: float | None = Field(default=None, gt=0)
    """How much to draw in all, in units."""
    epochs: float | None = Field(default=None, gt=0)
    """In place of `budget`: this many times the units of all candidates."""
    shares: dict[str, float] | None = None
    """Domain -> share of the units. Domains nest: `asr: {share: 0.8, of: {read: 3, talk: 1}}` shares the 0.8 out to the
    domains asr/read and asr/talk, 3 to 1, which are what the query is to return."""
    temperature: Temperature | None = None
    """In place of `shares`."""
    max_repeats: int = Field(default=1, ge=1)
    """The most times any row may be used, in all its domains together."""
    batch: StepSize
    """What a step holds."""
    window: int = Field(default=64, ge=1)
    """Steps within which shares hold and lengths may be sorted."""
    seed: int = 0
    """Of the order; another seed draws other rows."""
    fraction: float = Field(default=1.0, gt=0, le=1)
    """Use only this share of each domain's candidates; the rows of 0.25 are among the rows of 0.5."""
    repeats: Literal["matched", "free"] | None = None
    """What a `fraction` keeps. `matched`: the passes over each row, so that less is drawn of less data; `free`: how
    much is drawn, so that fewer rows are passed over more often. Null: `free` with a budget, `matched` with epochs."""
    folds: Folds | None = None
    """A corpus of which one fold is held out, whatever the query returns; its other cuts are in the split `train` for
    the query. Which fold: `folds.fold`, or the remainder of `seed`."""
    text_seconds_per_token: Seconds = Field(default=0.3, gt=0)
    """What a token of a text-only row counts in audio seconds (read English is about 0.3 s a token)."""
    frame_rate: float = Field(default=50.0, gt=0)
    """Encoder frames a second, for unit `frames` where no pass has counted them."""

    @field_validator("shares", mode="before")
    @classmethod
    def _flatten(cls, value: Any) -> Any:
        return flat_shares(value) if isinstance(value, dict) else value

    @model_validator(mode="after")
    def _fits_together(self) -> Mixture:
        for a, b in (("select", "query"), ("budget", "epochs"), ("shares", "temperature")):
            given = [name for name in (a, b) if getattr(self, name) is not None]
            if len(given) != 1:
                raise ValueError(f"give `{a}` or `{b}`, one of the two (found {' and '.join(given) or 'neither'})")
        if self.rules is not None and self.rules_query is not None:
            raise ValueError("give `rules` or `rules_query`, one of the two (found both)")
        if self.rule and not (self.rules or self.rules_query or self.select or header_settings(self.query or "")):
            raise ValueError("`rule` sets what a file of rules reads, and there is no `rules`")
        for domain, share in (self.shares or {}).items():
            if not (math.isfinite(share) and share >= 0):
                raise ValueError(f"the share of {domain} is {share}, expected a number >= 0")
        if self.shares is not None and not sum(self.shares.values()) > 0:
            raise ValueError("the shares sum to 0, expected at least one above it")
        return self

    @property
    def sha256(self) -> str:
        """Fingerprint of every setting, the query's text included; the name does not count."""
        return fingerprint(self.stated(exclude={"name", "select", "rules"}))

    def stated(self, *, exclude: set[str]) -> dict[str, Any]:
        """All settings but `exclude` and, since a mixture without rules is what it was before there were any, those."""
        nothing = {name for name in ("rules", "rules_query", "rule", "leave_out", "folds") if not getattr(self, name)}
        return self.model_dump(exclude=exclude | nothing | (set() if self.changes_repeats else {"repeats"}))

    @property
    def held_fold(self) -> Folds | None:
        """The folds with the one that is held out; None: the catalog's splits stand."""
        return None if self.folds is None else self.folds.of_seed(self.seed)

    @property
    def changes_repeats(self) -> bool:
        """Whether `repeats` says something else than the mixture would do without it."""
        by_default = "free" if self.epochs is None else "matched"
        return self.fraction < 1 and (self.repeats or by_default) != by_default


MIXTURES = SettingsFiles(
    Mixture,
    Path(__file__).parents[1] / "mixtures",
    what="mixture",
    either_or=(("select", "query"), ("rules", "rules_query"), ("budget", "epochs"), ("shares", "temperature")),
)


def load_mixture(name: str | Path, overrides: Overrides | Mapping[str, Any] = ()) -> Mixture:
    """A mixture from its YAML file or by its bundled name, with the SQL of `select` and `rules` read.

    The path in `select` (`rules`) is relative to the file that says it; one from an override is relative to the
    mixture's file. It leads to a .sql file in that folder or below it, or is the name of a bundled one.

    Raises:
        MissingFileError: no such mixture, or no such SQL file.
        SettingsError: unknown key, wrong type, keys that do not fit together, or a `select` that leads elsewhere.
    """
    found = MIXTURES.resolve(name, overrides)
    file, mixture = found.files[0], found.settings
    if not mixture.name or found.origin(("name",)).kind == "extended file":  # plans of two mixtures need two names
        mixture = mixture.model_copy(update={"name": file.stem})
    for key, content, bundled in (("select", "query", MIXTURES.folder), ("rules", "rules_query", RULES)):
        if (named := getattr(mixture, key)) is not None:
            said_by = found.origin((key,)).path or file
            mixture = mixture.model_copy(update={content: _read_sql(key, named, said_by, bundled)})
    if mixture.rule and mixture.rules_query is None and not header_settings(mixture.query or ""):
        raise SettingsError(f"{file}: `rule` sets what a file of rules reads, and there is no `rules`.")
    return mixture


def header_settings(sql: str) -> dict[str, float | str]:
    """The settings that a SQL text declares in its header, with their defaults."""
    return read_header("the SQL", sql).settings


def _read_sql(key: str, name: str, said_by: Path, folder: Path) -> str:
    """The SQL in the file that a mixture's file names, or of that name in the folder of bundled ones."""
    where = f"`{key}` of {said_by}"
    path = file_beside(said_by.parent, name, where=where)
    if path.suffix != ".sql":
        raise SettingsError(f"{where} names {name!r}, expected a file that ends in .sql.")
    if not path.is_file() and (bundled := folder / name).is_file():
        path = bundled
    return read_text(need_file(path, what="SQL file", hint=f"{where} names it."))


def flat_shares(value: Mapping[str, Any], *, inside: str = "") -> dict[str, Any]:
    """Nested shares as leaf domain -> share: inner numbers are normalised within their domain.

    What is no nesting stays as it is, for the settings to judge.

    Raises:
        ValueError: shares inside a domain that are no numbers >= 0, or of which none is above 0.
    """
    flat: dict[str, Any] = {}
    for name, share in value.items():
        leaf = f"{inside}/{name}" if inside else str(name)
        if not (isinstance(share, Mapping) and set(share) == {"share", "of"} and isinstance(share["of"], Mapping)):
            flat[leaf] = share
            continue
        inner = flat_shares(share["of"], inside=leaf)
        for key, number in {leaf: share["share"], **inner}.items():
            if not _is_share(number):
                raise ValueError(f"the share of {key} is {number!r}, expected a number >= 0")
        total = math.fsum(inner.values())
        if not total > 0:
            raise ValueError(f"the shares inside {leaf} sum to 0, expected at least one above it")
        flat |= {key: float(share["share"]) * number / total for key, number in inner.items()}
    return flat


def _is_share(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value >= 0


def temperature_shares(sizes: Mapping[str, float], temperature: float) -> dict[str, float]:
    """p_k = size_k ** (1 / T) / sum over k, normalised (the paper's formula as printed is not).

    Raises:
        MixtureError: a size that is not above 0.
    """
    bad = {name: size for name, size in sizes.items() if not size > 0}
    if bad:
        raise MixtureError(f"Temperature shares need sizes above 0, found {bad}.")
    peak = max(sizes.values())
    weights = {name: (size / peak) ** (1.0 / temperature) for name, size in sizes.items()}
    total = sum(weights.values())
    return {name: weight / total for name, weight in weights.items()}
