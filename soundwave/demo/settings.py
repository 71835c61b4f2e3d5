"""What a demo is: its corpora, its labels and its ablations. Every YAML under demos/ is one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field

from curation.plan.mixture import MIXTURES, Mixture, load_mixture
from manifests.errors import SettingsError
from manifests.names import hint
from manifests.settings import Layer, Override, Overrides, SettingsFiles
from manifests.settings.fields import STRICT
from recipes import registry
from soundwave.ablation.grid import GRIDS, load_grid
from soundwave.train.settings import STAGES, load_stage


class DemoSettings(BaseModel):
    """One demo. Its grids name bundled stages and mixtures; what is replaced here holds for every arm."""

    model_config = STRICT

    workers: int = Field(default=2, ge=1)
    """Processes side by side, one thread each."""
    corpora: tuple[str, ...] = Field(min_length=1)
    """Recipes of the corpora."""
    counts: dict[str, int] = Field(default_factory=dict)
    """Corpus that a synthesiser speaks -> how many sentences; the others: as many as the recipe says."""
    aligned: tuple[str, ...] = ("asterisk",)
    """Corpora whose words get their times. The aligner that comes with the demo speaks English."""
    speeds: dict[str, tuple[float, ...]] = Field(default_factory=dict)
    """Corpus -> at which speeds it is encoded, which stages may draw from; the others: at 1 alone."""
    grids: tuple[str, ...] = Field(min_length=1)
    """Ablations that are run: bundled names or .yaml files."""
    seeds: tuple[int, ...] | None = None
    """Seeds of all grids; null: their own."""
    stages: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """Stage -> what is replaced in its settings: `stages.shrinking.steps`."""
    mixtures: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """Mixture -> what is replaced in it: `mixtures.demo/alignment.budget`. What an arm says itself comes on top."""

    def check(self) -> None:
        """Refuse what the demo would stop at later.

        Raises:
            MissingFileError: a grid that is not there.
            SettingsError: a corpus, stage or mixture that is not there, or a wrong key or value in one.
        """
        for name in self.corpora:
            registry.sized(name, self.counts.get(name))
        for key in ("counts", "aligned", "speeds"):
            if odd := sorted(set(getattr(self, key)) - set(self.corpora)):
                raise SettingsError(f"The demo's `{key}` names {odd[0]}, expected one of {', '.join(self.corpora)}.")
        for what, named, files in (("stages", self.stages, STAGES), ("mixtures", self.mixtures, MIXTURES)):
            if odd := sorted(named.keys() - set(files.names())):
                raise SettingsError(
                    f"The demo's `{what}.{odd[0]}`: no such {files.what} ({hint(odd[0], files.names())})."
                )
        for name, values in self.stages.items():
            load_stage(name, [Layer(values, f"the demo's stages.{name}")])
        for name, values in self.mixtures.items():
            load_mixture(name, [Layer(values, f"the demo's mixtures.{name}")])
        overrides = self.grid_overrides()
        for name in self.grids:
            load_grid(name, overrides[GRIDS.find(name).stem])

    def first_mixtures(self) -> dict[str, Mixture]:
        """Stage -> what the first arm of the first grid trains it on; `alignment-2` is a stage that it trains again."""
        file = GRIDS.find(self.grids[0])
        grid = load_grid(file, self.grid_overrides()[file.stem])
        found: dict[str, Mixture] = {}
        for number, step in enumerate(next(iter(grid.arms.values())), 1):
            mixture = load_mixture(MIXTURES.find(step.mixture, beside=file.parent), grid.mixture_layers(step))
            found[mixture.stage if mixture.stage not in found else f"{mixture.stage}-{number}"] = mixture
        return found

    def grid_overrides(self) -> dict[str, Overrides]:
        """What is replaced in each grid, by the grid's name: only stages and mixtures that it trains."""
        found: dict[str, Overrides] = {}
        for file in (GRIDS.find(name) for name in self.grids):
            grid = load_grid(file)
            layers = [
                Layer({what: {name: values for name, values in named.items() if name in grid.named(what)}}, "the demo")
                for what, named in (("stages", self.stages), ("mixtures", self.mixtures))
            ]
            seeds = [] if self.seeds is None else [Override("seeds", list(self.seeds), "the demo's seeds")]
            found[file.stem] = [*layers, *seeds]
        return found


DEMOS = SettingsFiles(DemoSettings, Path(__file__).with_name("demos"), what="demo")


def load_demo(name: str | Path = "short", overrides: Overrides = ()) -> DemoSettings:
    """A demo's settings by the name of a bundled one (`short`, `long`) or by file, with `overrides` on top.

    Raises:
        MissingFileError: no such demo.
        SettingsError: an unknown key or wrong value, with the nearest keys.
    """
    return DEMOS.load(name, overrides)
