"""What may be replaced in the demo: how much is trained, with which settings, and on how many cores."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from curation.plan.mixture import MIXTURES, Mixture, load_mixture
from manifests.errors import SettingsError
from manifests.names import hint
from manifests.settings import Layer, Override, Overrides
from manifests.settings.fields import STRICT
from soundwave.ablation.grid import GRIDS, load_grid
from soundwave.train.settings import STAGES, load_stage


class DemoSettings(BaseModel):
    """The demo. Its stages and mixtures are bundled files of those names; what is replaced here holds for every arm."""

    model_config = STRICT

    workers: int = Field(default=2, ge=1)
    """Processes side by side, one thread each."""
    speeds: tuple[float, ...] = Field(default=(1.0, 0.9, 1.1), min_length=1)
    """At which the English prompts are encoded: speed perturbation triples them, of which there are few."""
    grids: tuple[str, ...] = Field(default=("demo-stage1", "demo-ladder"), min_length=1)
    """Ablations that are run: bundled names or .yaml files."""
    seeds: tuple[int, ...] | None = None
    """Seeds of all grids; null: their own."""
    stages: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """Stage -> what is replaced in its settings: `stages.sft.steps`."""
    mixtures: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """Mixture -> what is replaced in it: `mixtures.alignment.budget`. An arm's own mixture_settings come on top."""

    def check(self) -> None:
        """Refuse what the demo would stop at later.

        Raises:
            MissingFileError: a grid that is not there.
            SettingsError: a stage or mixture that is not there, or a wrong key or value in one.
        """
        for what, named, files in (("stages", self.stages, STAGES), ("mixtures", self.mixtures, MIXTURES)):
            if odd := sorted(named.keys() - set(files.names())):
                raise SettingsError(
                    f"The demo's `{what}.{odd[0]}`: no such {files.what} ({hint(odd[0], files.names())})."
                )
        for name, values in self.stages.items():
            load_stage(name, [Layer(values, f"the demo's stages.{name}")])
        for name in self.mixtures:
            self.mixture(name)
        overrides = self.grid_overrides()
        for name in self.grids:
            load_grid(name, overrides[GRIDS.find(name).stem])

    def mixture(self, name: str) -> Mixture:
        """A bundled mixture with what is replaced in it."""
        return load_mixture(name, [Layer(self.mixtures.get(name, {}), f"the demo's mixtures.{name}")])

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
