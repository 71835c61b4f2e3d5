"""What a study measured, as arrays: one outcome's figure by cell and seed, and each clip's part in it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from manifests.errors import InputError
from soundwave.ablation.results import Z95
from soundwave.evaluate.metric import Figure

Floats = NDArray[np.float64]
Setting: TypeAlias = str | float | int | bool | None
RowKey: TypeAlias = tuple[str, str, str]
"""Grid, cell, stage."""

CLIPS = "clips.parquet"
CLIP_COLUMNS = ("grid", "cell", "stage", "outcome", "item", "group", "value", "weight")
ARM, SIZE, REPEATS = "arm", "size", "repeats"
BLOCKS = 2000  # groups of clips beyond this are joined at random: the variance keeps its expectation
SAME_FIGURE = 0.02  # a figure out of clips that is further off than this share of itself is another figure
_ORDER = 20  # seed of the order in which groups are joined


@dataclass(frozen=True)
class CellSettings:
    """A cell without its seed: what was asked of it, by axis."""

    settings: tuple[tuple[str, Setting], ...]

    @property
    def values(self) -> dict[str, Setting]:
        """Axis -> value; `arm` and `size` among them."""
        return dict(self.settings)

    def named(self, axes: Sequence[str]) -> str:
        """For people: the values of `axes`."""
        return ", ".join(value_name(axis, self.values.get(axis)) for axis in axes)


@dataclass(frozen=True)
class MeasuredOutcome:
    """One outcome of a study. A cell is a row of `values`, a seed a column."""

    outcome: str
    figure: Figure
    cells: tuple[CellSettings, ...]
    seeds: tuple[int, ...]
    values: Floats
    """(cells, seeds) the figure; NaN where there is no result."""
    parts: Floats | None
    """(cells, seeds, groups) how far the figure moves when a group of clips is drawn once more; they sum to 0 in every
    cell and seed. None: nobody wrote down clips."""
    spread: Floats
    """(cells,) variance over test clips, from the rows' own bands; NaN where a row has none."""
    clips: int
    """Test clips, or groups of them."""
    notes: tuple[str, ...] = field(default=())
    """What is not as it should be, in sentences."""
    adds: Floats | None = None
    """(cells, seeds, groups) what each group of clips adds to the figure, where `parts` are known."""

    @property
    def axes(self) -> list[str]:
        """Names of the axes along which cells differ, arms and sizes first."""
        names = list(dict.fromkeys(name for cell in self.cells for name, _ in cell.settings))
        return [name for name in names if len({cell.values.get(name) for cell in self.cells}) > 1]


def value_name(axis: str, value: Setting) -> str:
    """For people: a value of an axis."""
    if axis == ARM:
        return str(value)
    if axis == SIZE and isinstance(value, int | float):
        return f"{value * 100:g} % of the data"
    return f"{axis} {value:g}" if isinstance(value, float) else f"{axis} {value}"


def read_clips(folder: Path, name: str = CLIPS) -> pa.Table | None:
    """The table of clips in a study's folder; None where there is none, as of earlier versions.

    name: of its file.

    Raises:
        InputError: a table that is damaged, or lacks columns.
    """
    path = folder / name
    if not path.is_file():
        return None
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{path} cannot be read as Parquet ({error}). Run the study's command again.") from error
    if lacking := [name for name in CLIP_COLUMNS if name not in table.column_names]:
        raise InputError(
            f"{path} has no column {lacking[0]!r}, expected {', '.join(CLIP_COLUMNS)}. Run the study's command again."
        )
    return table


def measure(
    rows: Sequence[Mapping[str, Any]], outcome: str, figure: Figure, clips: pa.Table | None = None
) -> MeasuredOutcome | None:
    """What `rows` of a study (their last stages) say of one outcome; None when no row has it.

    clips: as `read_clips` gives them.
    """
    usable = [row for row in rows if row.get("last") and _finite(row.get(outcome))]
    if not usable:
        return None
    places: dict[CellSettings, int] = {}
    for row in usable:
        places.setdefault(cell_settings(row), len(places))
    seeds = sorted({int(row["seed"]) for row in usable})
    values, spread = np.full((len(places), len(seeds)), np.nan), np.full((len(places), len(seeds)), np.nan)
    where: dict[RowKey, tuple[int, int]] = {}
    for row in usable:
        place = places[cell_settings(row)], seeds.index(int(row["seed"]))
        values[place] = row[outcome]
        spread[place] = _variance(row.get(f"{outcome}_low"), row.get(f"{outcome}_high"))
        where[str(row.get("grid")), str(row.get("cell")), str(row.get("stage"))] = place
    found, notes = (None, ()) if clips is None else _parts(clips, outcome, where, values)
    parts, adds = found or (None, None)
    counted = [int(row["clips"]) for row in usable if row.get("clips")]
    return MeasuredOutcome(
        outcome=outcome,
        figure=figure,
        cells=tuple(places),
        seeds=tuple(seeds),
        values=values,
        parts=parts,
        spread=_row_means(spread),
        clips=parts.shape[2] if parts is not None else min(counted, default=0),
        notes=notes,
        adds=adds,
    )


def cell_settings(row: Mapping[str, Any]) -> CellSettings:
    """What a row's cell was asked: arm, size, and the values in its `axes`, which earlier tables lack."""
    said = row.get("axes") or {}
    settings: dict[str, Setting] = {ARM: row["arm"], SIZE: row["fraction"]}
    if row.get(REPEATS) is not None:
        settings[REPEATS] = row[REPEATS]
    for name, value in (json.loads(said) if isinstance(said, str) else said).items():
        if isinstance(value, Mapping):
            settings |= {f"{name}.{part}": _setting(share) for part, share in value.items()}
        elif name not in ("seed", "seeds", ARM, SIZE, REPEATS):
            settings[name] = _setting(value)
    return CellSettings(tuple(settings.items()))


def _setting(value: object) -> Setting:
    return value if isinstance(value, str | int | float | bool | None) else json.dumps(value, sort_keys=True)


def _finite(value: object) -> bool:
    return isinstance(value, int | float) and bool(np.isfinite(value))


def _variance(low: object, high: object) -> float:
    if not (isinstance(low, int | float) and isinstance(high, int | float)):
        return float("nan")
    return ((high - low) / (2 * Z95)) ** 2


def _row_means(values: Floats) -> Floats:
    known = np.isfinite(values)
    sums = np.where(known, values, 0.0).sum(axis=1)
    return np.where(known.any(axis=1), sums / np.maximum(1, known.sum(axis=1)), np.nan)


def _parts(
    clips: pa.Table,
    outcome: str,
    where: Mapping[RowKey, tuple[int, int]],
    values: Floats,
    by: tuple[str, ...] = ("group", "item"),
) -> tuple[tuple[Floats, Floats] | None, tuple[str, ...]]:
    """Parts of the clips in each figure and what they add to it, or None and why; and what is to be said of them.

    by: columns that name the groups, the first that is there in a row. Clips that are all of one group, as those of one
    speaker, are groups of their own.
    """
    table = clips.filter(pc.equal(clips["outcome"], outcome))
    group = pc.coalesce(*(table[name].cast(pa.string()) for name in by))
    table = pa.table(
        {name: table[name].cast(pa.string()) for name in ("grid", "cell", "stage")}
        | {"group": group}
        | {name: table[name].cast(pa.float64()) for name in ("value", "weight")}
    )
    sums = table.group_by(["grid", "cell", "stage", "group"]).aggregate([("value", "sum"), ("weight", "sum")])
    keys = zip(*(sums[name].to_pylist() for name in ("grid", "cell", "stage")), strict=True)
    found = [where.get(key) for key in keys]
    kept = np.array([place is not None for place in found], dtype=bool)
    if not kept.any():
        return None, ()
    cell, seed = np.array([place for place in found if place is not None]).T
    names, number = np.unique(np.array(sums["group"].to_pylist(), dtype=object)[kept].astype(str), return_inverse=True)
    if len(names) < 2:
        if by != ("item",):
            parts, notes = _parts(clips, outcome, where, values, by=("item",))
            alone = f"All clips of {outcome} are of one group ({names[0]}): what holds for it may not hold for another."
            return parts, (alone, *notes)
        return None, (f"{outcome} has one clip ({names[0]}): what another one would say is unknown.",)
    blocks = min(len(names), BLOCKS)
    number = (np.random.default_rng(_ORDER).permutation(len(names)) % blocks)[number] if blocks < len(names) else number
    errors, weights = np.zeros((*values.shape, blocks)), np.zeros((*values.shape, blocks))
    np.add.at(errors, (cell, seed, number), sums["value_sum"].to_numpy()[kept])
    np.add.at(weights, (cell, seed, number), sums["weight_sum"].to_numpy()[kept])
    return _influences(errors, weights, values, outcome)


def _influences(
    errors: Floats, weights: Floats, values: Floats, outcome: str
) -> tuple[tuple[Floats, Floats] | None, tuple[str, ...]]:
    """First-order parts of groups in sum(errors) / sum(weights), and what they add to it."""
    total, known = weights.sum(axis=2), np.isfinite(values)
    bad = ~np.isfinite(errors).all(axis=2) | ~np.isfinite(weights).all(axis=2) | (total <= 0)
    if (bad & known).any():
        return None, (f"Clips of {outcome} are missing in some cells, so that clips are not paired.",)
    safe = np.where(total > 0, total, 1.0)
    figures = errors.sum(axis=2) / safe
    scale = np.maximum(np.abs(values), np.nanmax(np.abs(values)) * SAME_FIGURE)
    if (np.abs(figures - values) > SAME_FIGURE * scale)[known].any():
        return None, (f"Clips of {outcome} do not add up to its figures, so that they are not used.",)
    parts = (errors - figures[:, :, None] * weights) / safe[:, :, None]
    adds = errors / safe[:, :, None]
    return (np.where(known[:, :, None], parts, 0.0), np.where(known[:, :, None], adds, 0.0)), ()
