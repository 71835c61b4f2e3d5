"""The whole of `soundwave ablate`: grids -> plans -> trainings and evaluations side by side -> rows, curve, next run.

OUTPUT/plans/KEY/{mixture.yaml,plan.parquet,lock.json}
OUTPUT/settings/STAGE-KEY.yaml          the whole stage, as trained
OUTPUT/runs/STAGE-KEY/                  shared by all grids with this OUTPUT; earlier versions had other keys there
OUTPUT/evaluations/STAGE-KEY-KEY.json
OUTPUT/logs/                            what the processes printed
OUTPUT/GRID/{grid.json,results.jsonl,results.parquet}
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import pyarrow as pa

from curation.catalog import catalog_fingerprint
from curation.plan import make_plan
from manifests.disk.alone import alone
from manifests.disk.faults import NEW
from manifests.errors import InputError, OccupiedError
from manifests.files import claim_folder, is_aside, read_object, write_json, write_text
from manifests.fingerprint import fingerprint
from manifests.plans import LOCK
from manifests.runs import METRICS, RUN
from manifests.settings import Overrides, stored
from manifests.settings.core_yaml import yaml_text
from manifests.settings.differences import Difference, compare
from manifests.switch import replaced, settle, switched
from soundwave.ablation.claims.claim import claims_of
from soundwave.ablation.claims.study import Study, figures_of
from soundwave.ablation.commands import (
    COMMANDS,
    Commands,
    EvalTask,
    TrainTask,
    one_thread,
    read_or_none,
    training_key,
)
from soundwave.ablation.execute import Job, Outcome, run_jobs
from soundwave.ablation.fits.size import FitResult, fit_arm
from soundwave.ablation.grid import GRIDS, Grid, load_grid
from soundwave.ablation.next_cell import next_cell
from soundwave.ablation.nodes import Cell, Expansion, Node, PlanSpec, expand
from soundwave.ablation.results import GRID, flat_metrics, unique_hours, write_results
from soundwave.ablation.results import METRICS as RATE_COLUMNS
from soundwave.evaluate.metric import Figure
from soundwave.evaluate.registry import RATES, find_figure

GridOverrides: TypeAlias = Overrides | Mapping[str, Overrides]
"""For all grids; or for each grid its own, by its name."""
RESULTS_OF_GRID = "results of a grid"
LLM_COST = 6.0  # measured on the demo: a second of audio through the LLM, relative to one through adapter and CTC alone
EVAL_WEIGHT = 0.2  # of a training's length; only the order of starting depends on it


@dataclass
class AblationSummary:
    """What a run of `soundwave ablate` did."""

    output: Path
    rows: list[dict[str, Any]] = field(default_factory=list)
    reports: dict[str, dict[str, Any]] = field(default_factory=dict)  # grid name -> what grid.json says
    trained: int = 0
    reused: int = 0
    failed: dict[str, Path] = field(default_factory=dict)  # title of a failed job -> its log


class Ablation:
    """Grids over one catalog, with their files under one output folder."""

    def __init__(
        self,
        names: Sequence[str],
        catalog: Path,
        output: Path,
        commands: Commands = COMMANDS,
        *,
        overrides: GridOverrides = (),
    ) -> None:
        self.catalog, self.output, self.commands = catalog, output, commands
        files = {GRIDS.find(name).stem: GRIDS.find(name) for name in names}
        if len(files) < len(names):
            raise InputError(f"Two of the grids have the same name: {', '.join(names)}. Rename one: results go by it.")
        self.grids: dict[str, Grid] = {
            name: load_grid(path, overrides.get(name, ()) if isinstance(overrides, Mapping) else overrides)
            for name, path in files.items()
        }
        self.expansion: Expansion = expand(
            self.grids,
            catalog_fingerprint=catalog_fingerprint(catalog),
            roots={name: path.parent for name, path in files.items()},
        )

        self._aside: set[str] = set()  # grids whose name is that of another one's results
        self._found: dict[str, Path] = {}  # runs under another name than their node's, by the node's key

    def claim(self, *, aside: bool = False) -> None:
        """Take the output folder, and in it a folder for each grid's results.

        Args:
            aside: results of another grid of the same name are moved to GRID.old-1, or the next number that is free,
                when there are new ones.

        Raises:
            OccupiedError: other files are there, or results that these grids would not give again. Nothing is touched.
        """
        claim_folder(self.output, "a folder of ablations", known=(f"*/{GRID}", f"plans/*/{LOCK}"))
        for name, grid in self.grids.items():
            folder = self.output / name
            settle(folder)
            if lost := lost_results(folder, grid):
                if not aside:
                    differs = "\n  ".join(map(str, lost))
                    raise OccupiedError(
                        f"{folder} holds results of another grid of this name. It differs in:\n  {differs}\n"
                        "Nothing was touched.",
                        movable=True,
                    )
                self._aside.add(name)
            claim_folder(folder, RESULTS_OF_GRID, known=(GRID,))

    def write(self, name: str, rows: Sequence[Mapping[str, Any]], report: Mapping[str, Any]) -> None:
        """Write a grid's results: until they are whole, those that were there stay."""
        grid = self.grids[name]
        with self._results(self.output / name) as folder:
            write_results(folder, rows, grid.metric)
            write_json(folder / GRID, report)

    @contextmanager
    def _results(self, target: Path) -> Iterator[Path]:
        if target.name not in self._aside:
            with switched(target) as switch:
                yield switch.made
            return
        with replaced(target) as folder:
            claim_folder(folder, RESULTS_OF_GRID)
            yield folder

    def run_folder(self, node: Node) -> Path:
        """Where a node's run is, or is to be."""
        return self._found.get(node.key, self.output / "runs" / node.run_name)

    def find_runs(self) -> None:
        """Find runs that are these very trainings under other names: earlier versions named them by another key."""
        known: dict[str, Path] = {}
        for path in sorted(self.output.glob(f"runs/*/{RUN}"), key=lambda path: (is_aside(path.parent), path)):
            if path.parent.name.endswith(NEW):  # it is to take the place of another one
                continue
            known.setdefault(str((read_or_none(path) or {}).get("key")), path.parent)
        for node in self.expansion.nodes.values():  # what a node starts from comes before it
            task = self.task(node)
            try:
                key = training_key(node.settings, task.plan, task.init)
            except InputError:  # what it starts from is still to be trained
                continue
            if key in known:
                self._found[node.key] = known[key]

    def settings_file(self, node: Node) -> Path:
        """Where a node's whole stage settings stand."""
        return self.output / "settings" / f"{self.run_folder(node).name}.yaml"

    def task(self, node: Node) -> TrainTask:
        """A node's training, as files."""
        parent = self.run_folder(self.expansion.nodes[node.parent]) if node.parent else None
        return TrainTask(self.settings_file(node), self.plan_folder(node.plan), self.run_folder(node), parent)

    def plan_folder(self, plan: PlanSpec) -> Path:
        """Where a node's plan lives."""
        return self.output / "plans" / plan.key

    def evaluation_file(self, node: Node, grid: Grid) -> Path | None:
        """Where a node's evaluation is; None when this stage gives nothing of what is asked for."""
        decode, metrics = measurable(node, grid)
        if not decode and not metrics:
            return None
        asked = grid.evaluate.model_dump(mode="json") | {"decode": decode} | ({"metrics": metrics} if metrics else {})
        key = fingerprint(asked)[:8]
        return self.output / "evaluations" / f"{self.run_folder(node).name}-{key}.json"

    def make_plans(self) -> None:
        """Make every plan that is not there yet, find the runs that are there, and write every stage's settings.

        Raises:
            MixtureError: a mixture that the catalog cannot give; nothing has been trained then.
        """
        for node in self.expansion.nodes.values():
            folder = self.plan_folder(node.plan)
            make_plan(node.plan.mixture, self.catalog, folder)  # keeps a plan that is current
            _write_yaml(folder / "mixture.yaml", node.plan.mixture.model_dump(mode="json", exclude={"select"}))
        self.find_runs()
        for node in self.expansion.nodes.values():
            _write_yaml(self.settings_file(node), node.settings.model_dump(mode="json"))

    def jobs(self) -> list[Job]:
        """Every training and every evaluation, each once."""
        jobs = {node.key: self._training(node) for node in self.expansion.nodes.values()}
        for cell in self.expansion.cells:
            for key in cell.chain:
                job = self._evaluation(self.expansion.nodes[key], self.grids[cell.grid])
                if job is not None:
                    jobs.setdefault(job.key, job)
        return list(jobs.values())

    def _training(self, node: Node) -> Job:
        task = self.task(node)
        return Job(
            key=node.key,
            title=f"train {node.title}",
            command=self.commands.train(task),
            log=self.output / "logs" / f"{task.output.name}.log",
            done=lambda: self.commands.trained(task),
            needs=(node.parent,) if node.parent else (),
            weight=self._cost(node),
            metrics=task.output / METRICS,
        )

    def _evaluation(self, node: Node, grid: Grid) -> Job | None:
        target = self.evaluation_file(node, grid)
        if target is None:
            return None
        task = EvalTask(self.run_folder(node), self.catalog, grid.evaluate, *measurable(node, grid))
        return Job(
            key=target.stem,
            title=f"eval {node.title}",
            command=self.commands.evaluate(task),
            log=self.output / "logs" / f"{target.stem}.log",
            done=lambda: read_or_none(target) is not None,
            needs=(node.key,),
            weight=EVAL_WEIGHT * self._cost(node),
            stdout=target,
        )

    def _cost(self, node: Node) -> float:
        """How long a training takes, in audio seconds of a stage that runs no LLM: orders the starts only."""
        lock = read_object(self.plan_folder(node.plan) / LOCK)
        planned = int(lock.get("steps") or 1)
        audio = float(lock.get("seconds") or planned) * (node.settings.steps or planned) / planned
        return audio * (LLM_COST if node.settings.lm_weight > 0 else 1.0)

    def rows(self) -> list[dict[str, Any]]:
        """A row for every cell and stage that has been trained, evaluated where it was asked for."""
        rows = []
        for cell in self.expansion.cells:
            chain = [self.expansion.nodes[key] for key in cell.chain]
            for position in range(1, len(chain) + 1):
                if not all(self.commands.trained(self.task(node)) for node in chain[:position]):
                    break
                rows.append(self._row(cell, chain, position))
        return rows

    def _row(self, cell: Cell, chain: Sequence[Node], position: int) -> dict[str, Any]:
        node, so_far = chain[position - 1], chain[:position]
        infos = [read_object(self.run_folder(part) / RUN) for part in so_far]
        grid = self.grids[cell.grid]
        target = self.evaluation_file(node, grid)
        evaluation = (read_or_none(target) if target else None) or {}
        seen = [(part.plan.key, info.get("steps")) for part, info in zip(so_far, infos, strict=True)]
        return {
            "grid": cell.grid,
            "cell": cell.name,
            "arm": cell.arm,
            "fraction": cell.fraction,
            "seed": cell.seed,
            "stage": node.stage,
            "position": position,
            "last": position == len(chain),
            "hours": unique_hours(self.output / "plans", seen, self.catalog),
            "steps": infos[-1].get("steps"),
            "wall_seconds": _total(infos, "seconds"),
            "cpu_seconds": _total(infos, "cpu_seconds"),
            **flat_metrics(evaluation, grid.metric),
            "run": str(self.run_folder(node).relative_to(self.output)),
            "plan": node.plan.key,
            "evaluation": str(target.relative_to(self.output)) if target and evaluation else None,
            "key": node.key,
        }


def ablate(
    names: Sequence[str],
    catalog: Path,
    output: Path,
    *,
    workers: int | None = None,
    overrides: GridOverrides = (),
    commands: Commands = COMMANDS,
    aside: bool = False,
) -> AblationSummary:
    """Run grids (paths, or names of bundled ones): train what is missing, evaluate, write rows.

    Several grids share what they have in common. When something fails the rest goes on, and the rows of what there
    is are written; `failed` of the summary says what. `overrides` replace keys of the grids.

    aside: results of another grid of the same name are moved aside, not refused.

    Raises:
        InputError: a grid, stage, mixture or catalog that is wrong; nothing has been trained then.
        OccupiedError: see `Ablation.claim`; or another process is at work there.
    """
    ablation = Ablation(names, catalog, output, commands, overrides=overrides)
    with alone(output, "runs ablations there"):
        return _run(ablation, workers=workers, aside=aside)


def _run(ablation: Ablation, *, workers: int | None, aside: bool) -> AblationSummary:
    """`ablate`, as the only process in the output folder."""
    output = ablation.output
    ablation.claim(aside=aside)
    ablation.make_plans()
    jobs = ablation.jobs()
    side_by_side = workers or max(grid.workers for grid in ablation.grids.values())
    outcome = run_jobs(jobs, side_by_side, environment=one_thread())
    summary = AblationSummary(output, rows=ablation.rows())
    for name, grid in ablation.grids.items():
        mine = [row for row in summary.rows if row["grid"] == name]
        summary.reports[name] = describe(name, grid, mine)
        ablation.write(name, mine, summary.reports[name])
    _count(summary, jobs, outcome)
    return summary


def lost_results(folder: Path, grid: Grid) -> list[Difference]:
    """In what the grid whose results are in `folder` is not part of `grid`; more arms, sizes and seeds lose nothing."""
    path = folder / GRID
    if not path.is_file():
        return []
    values = {name: value for name, value in read_object(path).items() if name in Grid.model_fields}
    try:
        found = stored(Grid, values, where=str(path), go_on="").model_dump(mode="json")
    except InputError:
        found = values
    asked = grid.model_dump(mode="json")
    for name in ("fractions", "seeds"):
        if set(found.get(name, ())) <= set(asked[name]):
            asked[name] = found.get(name)
    asked["arms"] = {arm: steps for arm, steps in asked["arms"].items() if arm in found.get("arms", {})}
    free = {"question", "workers"}  # they change no row
    free |= {"metric"} if found.get("metric") in RATE_COLUMNS else set()  # these columns are there for any metric
    kept = [{name: value for name, value in values.items() if name not in free} for values in (found, asked)]
    return list(compare(*kept))


def describe(name: str, grid: Grid, rows: Sequence[Mapping[str, Any]], clips: pa.Table | None = None) -> dict[str, Any]:
    """What a grid asked and found, for grid.json: settings, what may be claimed, curves or why there are none, and what
    to run next.

    clips: what each held-out clip gave to the outcomes, as clips.parquet has it.
    """
    asked = {
        "name": name,
        **grid.model_dump(mode="json"),
        "figure": asdict(grid.figure) | {"needs": sorted(grid.figure.needs)},
    }
    figures = figures_of(asked)
    cell = next_cell(Study(Path(name), asked, [dict(row) for row in rows], clips, figures))
    return {
        **asked,
        "claims": claims_of(rows, figures, clips).report(),
        "fits": {arm: _fit_summary(fit_arm(rows, arm, grid.figure), grid.figure) for arm in grid.arms},
        "next": cell.sentence if cell else None,
    }


def measurable(node: Node, grid: Grid) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Of what a grid asks, what says something of a node's stage: decodings, and metrics beside the error rates."""
    weights = {"llm": node.settings.lm_weight, "ctc": node.settings.ctc_weight}
    untrained = {part for part, weight in weights.items() if weight <= 0}
    decode = tuple(name for name in grid.decode if not find_figure(f"{name}_wer")[1].needs & untrained)
    family, figure = find_figure(grid.metric)
    return decode, () if family == RATES or figure.needs & untrained else (family,)


def _fit_summary(fit: FitResult, figure: Figure) -> dict[str, Any]:
    curve = fit.curve
    if curve is None:
        return {"curve": None, "reason": fit.reason}
    shown = ("offset", "scale", "exponent", "smallest", "largest", "sizes", "points", "rmse", "band_from")
    return {
        "curve": {name: getattr(curve, name) for name in shown},
        "formula": figure.formula(curve.formula),
        "reason": fit.reason,
    }


def _count(summary: AblationSummary, jobs: Sequence[Job], outcome: Outcome) -> None:
    by_key = {job.key: job for job in jobs}
    trainings = {job.key for job in jobs if job.stdout is None}
    summary.trained = len(trainings.intersection(outcome.finished))
    summary.reused = len(trainings.intersection(outcome.reused))
    summary.failed = {by_key[key].title: by_key[key].log for key in outcome.failed}


def _total(infos: Sequence[Mapping[str, Any]], name: str) -> float | None:
    values = [info.get(name) for info in infos]
    return None if any(value is None for value in values) else sum(float(value) for value in values if value)


def _write_yaml(path: Path, value: Mapping[str, Any]) -> None:
    write_text(path, yaml_text(dict(value)))
