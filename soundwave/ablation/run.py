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
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, TypeAlias

import pyarrow as pa
from pydantic import TypeAdapter

from curation.catalog import catalog_fingerprint
from curation.catalog.folds import Folds
from curation.catalog.reviews import reviews_fingerprint
from curation.plan import make_plan
from manifests.disk.alone import alone
from manifests.disk.faults import NEW
from manifests.errors import InputError, MixtureError, OccupiedError
from manifests.files import claim_folder, is_aside, read_object, write_json, write_text
from manifests.fingerprint import fingerprint
from manifests.plans import LOCK, Lock
from manifests.runs import CHECKPOINTS, METRICS, RUN
from manifests.settings import Overrides, stored
from manifests.settings.core_yaml import yaml_text
from manifests.settings.differences import Difference, compare
from manifests.switch import replaced, settle, switched
from manifests.units import Seconds
from soundwave.ablation.axes.design import Design, design_points
from soundwave.ablation.axes.kinds import axis_labels, read_axis
from soundwave.ablation.claims.secondary import study_claims
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
from soundwave.ablation.execute import Job, Outcome, RunRules, run_jobs
from soundwave.ablation.fits.size import FitResult, fit_arm
from soundwave.ablation.grid import GRIDS, Grid, load_grid
from soundwave.ablation.next_cell import next_cell
from soundwave.ablation.nodes import Cell, Expansion, Node, PlanSpec, expand
from soundwave.ablation.results import GRID, write_results
from soundwave.ablation.results import METRICS as RATE_COLUMNS
from soundwave.ablation.running.branches import Branch, whole_settings
from soundwave.ablation.running.by_cell import CellByCell
from soundwave.ablation.running.cluster import cluster_launch
from soundwave.ablation.running.forks import forked_launch
from soundwave.ablation.running.held_out import refuse_any_held_out
from soundwave.ablation.running.known import other_catalogs, read_known
from soundwave.ablation.running.listing import ListedCommand, listed_commands
from soundwave.ablation.running.measured import (
    asked_of,
    clips_with_groups,
    figures,
    outcome_answers,
    question_key,
    write_clips,
)
from soundwave.ablation.running.rows import RowReader
from soundwave.evaluate.metric import Figure
from soundwave.train.runs.identity import Training
from soundwave.train.settings import StageSettings

GridOverrides: TypeAlias = Overrides | Mapping[str, Overrides]
"""For all grids; or for each grid its own, by its name."""
RESULTS_OF_GRID = "results of a grid"
LLM_COST = 6.0  # measured on the demo: a second of audio through the LLM, relative to one through adapter and CTC alone
CELLS = " A dry run lists all cells and what can be had; `infeasible: skip` in the grid leaves them out."
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
    failures: list[dict[str, Any]] = field(default_factory=list)  # rows of cells that have an error
    left: int = 0  # trainings and evaluations that the time did not suffice for
    taken: int = 0  # cells of a results table
    notes: list[str] = field(default_factory=list)  # what is odd about the grids


@dataclass(frozen=True)
class Running:
    """How an ablation is run. None of it changes a result."""

    retries: int | None = None
    """Of what fails; None: as the grids say."""
    keep_going: bool = True
    """What fails keeps nothing else from starting."""
    seconds: Seconds | None = None
    """When to stop; the same call goes on later."""
    dask: str | None = None
    """Address of a scheduler whose workers train, one job each; `processes`: workers of this machine."""
    resources: Mapping[str, float] = field(default_factory=dict)
    """Of a Dask worker, that a job takes: {GPU: 1}."""
    results: Path | None = None
    """A results table: cells that are finished there are not trained again."""
    any_catalog: bool = False
    """Take also those that were trained on another build of the catalog."""


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
        results: Path | None = None,
        any_catalog: bool = False,
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
            roots=(roots := {name: path.parent for name, path in files.items()}),
            marks=reviews_fingerprint(catalog),
        )
        self.roots = roots
        self.aside: set[str] = set()  # grids whose name is that of another one's results
        self._found: dict[str, Path] = {}  # runs under another name than their node's, by the node's key
        self.branches: dict[str, Branch] = {}
        self._settings: dict[str, StageSettings] = {}  # where they differ from the node's
        self._same: dict[str, str] = {}  # node -> the one before it whose training is the very same
        self.known = read_known(results, any_catalog=any_catalog)
        self.taken: dict[str, list[dict[str, Any]]] = self._take()  # GRID/CELL -> rows of another table
        chains = {key for cell in self.expansion.cells if _id(cell) not in self.taken for key in cell.chain}
        self.nodes = {key: node for key, node in self.expansion.nodes.items() if key in chains}

    def _take(self) -> dict[str, list[dict[str, Any]]]:
        """The cells all of whose stages are finished in another table."""
        found: dict[str, list[dict[str, Any]]] = {}
        for cell in self.expansion.cells if self.known else ():
            rows = [self._known_row(cell, self.expansion.nodes[key]) for key in cell.chain]
            if rows and all(rows):
                found[_id(cell)] = [dict(row) for row in rows if row]
        return found

    def _known_row(self, cell: Cell, node: Node) -> dict[str, Any] | None:
        grid = self.grids[cell.grid]
        asked = asked_of(grid, node.settings)
        needed = [outcome.name for outcome, _ in outcome_answers(grid, asked, ())]
        return self.known.find(node.key, node.design, question_key(grid, asked), needed) if self.known else None

    def settings(self, node: Node) -> StageSettings:
        """A node's whole settings, with the steps that it trains."""
        return self._settings.get(node.key, node.settings)

    def notes(self) -> list[str]:
        """What is odd about the grids: axes that change nothing, cells that are equal."""
        equal: dict[tuple[str, tuple[str, ...]], list[str]] = {}
        for cell in self.expansion.cells:
            chain = tuple(self._same.get(key, key) for key in cell.chain)
            if chain:
                equal.setdefault((cell.grid, chain), []).append(cell.name)
        said = [
            f"{grid}: equal cells, trained once: {', '.join(names)}"
            for (grid, _), names in equal.items()
            if len(names) > 1
        ]
        folds = [f"{name}: {note}" for name, grid in self.grids.items() for note in grid.fold_notes()]
        return [*self.expansion.notes, *folds, *said, *other_catalogs(self.taken, self.expansion.nodes)]

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
                self.aside.add(name)
            claim_folder(folder, RESULTS_OF_GRID, known=(GRID,))

    def jobs_of(self, cell: Cell) -> list[str]:
        """Keys of the trainings and evaluations that a cell's rows are made of; none of a cell that is not trained."""
        chain = cell.chain if _id(cell) not in self.taken else ()
        nodes = [self.nodes[self._same.get(key, key)] for key in chain]
        return [key for node in nodes for key in (node.key, self.evaluation_file(node, self.grids[cell.grid]).stem)]

    def clips(self, rows: Sequence[Mapping[str, Any]]) -> pa.Table:
        """What held-out clips gave to the outcomes of rows that have no error, as clips.parquet has it."""
        reader = RowReader(self, Outcome())
        return clips_with_groups([reader.clips(row) for row in rows], self.catalog)

    def write(self, name: str, rows: Sequence[Mapping[str, Any]], clips: pa.Table, report: Mapping[str, Any]) -> None:
        """Write a grid's results: until they are whole, those that were there stay."""
        with self._results(self.output / name) as folder:
            write_results(folder, rows, *(outcome.name for outcome in self.grids[name].wanted))
            write_clips(folder, clips)
            write_json(folder / GRID, report)

    @contextmanager
    def _results(self, target: Path) -> Iterator[Path]:
        if target.name not in self.aside:
            with switched(target) as switch:
                yield switch.made
            return
        with replaced(target) as folder:
            claim_folder(folder, RESULTS_OF_GRID)
            yield folder
        self.aside.discard(target.name)  # what is there now is this grid's

    def run_folder(self, node: Node) -> Path:
        """Where a node's run is, or is to be."""
        node = self.nodes.get(self._same.get(node.key, node.key), node)
        return self._found.get(node.key, self.output / "runs" / node.run_name)

    def find_runs(self) -> None:
        """Find runs that are these very trainings under other names: earlier versions named them by another key."""
        known: dict[str, Path] = {}
        for path in sorted(self.output.glob(f"runs/*/{RUN}"), key=lambda path: (is_aside(path.parent), path)):
            if path.parent.name.endswith(NEW):  # it is to take the place of another one
                continue
            known.setdefault(str((read_or_none(path) or {}).get("key")), path.parent)
        for node in self.nodes.values():  # what a node starts from comes before it
            task = self.task(node)
            try:
                key = training_key(self.settings(node), task.plan, task.init)
            except InputError:  # what it starts from is still to be trained
                continue
            if key in known:
                self._found[node.key] = known[key]

    def settings_file(self, node: Node) -> Path:
        """Where a node's whole stage settings stand."""
        return self.output / "settings" / f"{self.run_folder(node).name}.yaml"

    def task(self, node: Node) -> TrainTask:
        """A node's training, as files."""
        node = self.nodes[self._same.get(node.key, node.key)]
        parent = self.run_folder(self.nodes[node.parent]) if node.parent else None
        where = self.settings_file(node), self.plan_folder(node.plan), self.run_folder(node), parent
        return TrainTask(*where, branch=self.fork(node))

    def fork(self, node: Node) -> Path | None:
        """The checkpoint that a node's run branches off; None: it does not, or its trunk ended without keeping one."""
        branch = self.branches.get(node.key)
        if branch is None:
            return None
        trunk = self.run_folder(self.nodes[branch.trunk])
        path = trunk / CHECKPOINTS / f"step-{branch.step:07d}.safetensors"
        done = (read_or_none(trunk / RUN) or {}).get("status") == "done"
        return path if path.is_file() or not done else None

    def plan_folder(self, plan: PlanSpec) -> Path:
        """Where a node's plan lives."""
        return self.output / "plans" / plan.key

    def evaluation_file(self, node: Node, grid: Grid) -> Path:
        """Where a node's evaluation is."""
        key = question_key(grid, asked_of(grid, self.settings(node)))
        return self.output / "evaluations" / f"{self.run_folder(node).name}-{key}.json"

    def make_plans(self) -> None:
        """Make every plan that is not there yet, find the runs that are there, and write every stage's settings.

        Raises:
            MixtureError: a mixture that the catalog cannot give, or a plan that draws held-out clips.
            SettingsError: a ladder of branches that cannot be one. Nothing has been trained then.
        """
        self._refuse_infeasible()
        locks: dict[str, Lock] = {}
        for node in list(self.nodes.values()):
            folder = self.plan_folder(node.plan)
            if node.plan.key in locks or node.key not in self.nodes:
                continue
            try:
                locks[node.plan.key] = make_plan(node.plan.mixture, self.catalog, folder)  # keeps a current one
            except MixtureError as error:
                self._cannot(node, str(error))
                continue
            _write_yaml(folder / "mixture.yaml", node.plan.mixture.model_dump(mode="json", exclude={"select"}))
        uses = ((plan.key, folds) for plan, folds in self.plan_uses() if plan.key in locks)
        refuse_any_held_out(self.output / "plans", uses, self.catalog)
        self._settings, self.branches = whole_settings(self.nodes, locks)
        self._same = _same_trainings(self.nodes, self._settings, locks)
        self.find_runs()
        for node in self.nodes.values():
            _write_yaml(self.settings_file(node), self.settings(node).model_dump(mode="json"))

    def plan_uses(self) -> Iterator[tuple[PlanSpec, Folds | None]]:
        """The plans that are trained on, each with what a cell that does so holds out; the same ones more than once."""
        for cell in self.expansion.cells:
            for key in cell.chain:
                if key in self.nodes:
                    yield self.nodes[key].plan, self.grids[cell.grid].held_fold(cell.seed)

    def _refuse_infeasible(self) -> None:
        for cell in self.expansion.cells:
            if cell.infeasible and self.grids[cell.grid].infeasible == "refuse":
                raise MixtureError(f"{cell.grid}: the cell {cell.name} cannot be had. {cell.infeasible}{CELLS}")

    def _cannot(self, node: Node, why: str) -> None:
        """A plan that cannot be had: its cells are infeasible, and what nobody else needs is not trained.

        Raises:
            MixtureError: a grid refuses such cells.
        """
        cells = self.expansion.cells
        for place, cell in enumerate(cells):
            if any(key in self.nodes and self.nodes[key].plan.key == node.plan.key for key in cell.chain):
                cells[place] = replace(cell, chain=(), infeasible=why)
        self._refuse_infeasible()
        left = {key for cell in cells if _id(cell) not in self.taken for key in cell.chain}
        self.nodes = {key: one for key, one in self.nodes.items() if key in left}

    def jobs(self) -> list[Job]:
        """Every training and every evaluation, each once."""
        jobs = {node.key: self._training(node) for node in self.nodes.values() if node.key not in self._same}
        for cell in self.expansion.cells:
            for key in cell.chain if _id(cell) not in self.taken else ():
                job = self._evaluation(self.nodes[self._same.get(key, key)], self.grids[cell.grid])
                jobs.setdefault(job.key, job)
        return list(jobs.values())

    def _training(self, node: Node) -> Job:
        task = self.task(node)
        trunk = self.branches[node.key].trunk if task.branch else None
        needs = [self._same.get(key, key) for key in (node.parent, trunk) if key]
        return Job(
            key=node.key,
            title=f"train {node.title}",
            command=self.commands.train(task),
            log=self.output / "logs" / f"{task.output.name}.log",
            done=lambda: self.commands.trained(task),
            needs=tuple(dict.fromkeys(needs)),
            weight=self._cost(node),
            metrics=task.output / METRICS,
        )

    def _evaluation(self, node: Node, grid: Grid) -> Job:
        target, asked = self.evaluation_file(node, grid), asked_of(grid, self.settings(node))
        further = [question.values() for question in asked.further]
        also = self.output / "settings" / f"questions-{fingerprint(further)[:12]}.yaml"
        if not also.is_file():
            _write_yaml(also, further)
        own = (tuple(asked.main.decode), tuple(asked.main.metrics)) if asked.main else ((), ())
        run, clips = self.run_folder(node), target.with_suffix(".parquet")
        return Job(
            key=target.stem,
            title=f"eval {node.title}",
            command=self.commands.evaluate(EvalTask(run, self.catalog, grid.evaluate, *own, also, clips)),
            log=self.output / "logs" / f"{target.stem}.log",
            done=lambda: read_or_none(target) is not None,
            needs=(node.key,),
            weight=EVAL_WEIGHT * self._cost(node),
            soon=True,
            stdout=target,
            note=lambda: _said(figures(grid, asked, read_or_none(target) or {}), grid.outcome_name),
        )

    def _cost(self, node: Node) -> float:
        """How long a training takes, in audio seconds of a stage that runs no LLM: orders the starts only."""
        lock = read_object(self.plan_folder(node.plan) / LOCK)
        planned = int(lock.get("steps") or 1)
        audio = float(lock.get("seconds") or planned) * (self.settings(node).steps or planned) / planned
        return audio * (LLM_COST if node.settings.lm_weight > 0 else 1.0)

    def rows(self, outcome: Outcome | None = None) -> list[dict[str, Any]]:
        """A row for every cell and stage that has been trained; those with an `error` have no figures.

        outcome: what became of the jobs; None: nothing was run, so what is not there is no failure.
        """
        reader = RowReader(self, outcome or Outcome())
        return [row for cell in self.expansion.cells for row in reader.cell(cell)]


def ablate(
    names: Sequence[str],
    catalog: Path,
    output: Path,
    *,
    workers: int | None = None,
    overrides: GridOverrides = (),
    commands: Commands = COMMANDS,
    aside: bool = False,
    running: Running = Running(),
) -> AblationSummary:
    """Run grids (paths, or names of bundled ones): train what is missing, evaluate, write rows.

    Several grids share what they have in common. When something fails the rest goes on, and the rows of what there
    is are written; `failed` of the summary says what. `overrides` replace keys of the grids.

    aside: results of another grid of the same name are moved aside, not refused.
    running: where it runs, retries, and when to stop.

    Raises:
        InputError: a grid, stage, mixture or catalog that is wrong; nothing has been trained then.
        OccupiedError: see `Ablation.claim`; or another process is at work there.
    """
    ablation = Ablation(
        names, catalog, output, commands, overrides=overrides, results=running.results, any_catalog=running.any_catalog
    )
    with alone(output, "runs ablations there"):
        ablation.claim(aside=aside)
        ablation.make_plans()
        return _run(ablation, workers=workers, running=running)


def list_commands(ablation: Ablation, *, aside: bool = False) -> list[ListedCommand]:
    """What is to be run, as lines for a shell or a scheduler; plans and settings are written for them.

    Raises:
        InputError, OccupiedError: as `ablate`.
    """
    with alone(ablation.output, "runs ablations there"):
        ablation.claim(aside=aside)
        ablation.make_plans()
        return listed_commands(ablation.jobs())


def _run(ablation: Ablation, *, workers: int | None, running: Running) -> AblationSummary:
    """`ablate`, as the only process in the output folder, once it is known what is to be trained."""
    grids = ablation.grids.values()
    jobs = ablation.jobs()
    retries = max(grid.retries for grid in grids) if running.retries is None else running.retries
    rules = RunRules(retries, running.keep_going, running.seconds)
    outcome = start_jobs(ablation, jobs, workers or max(grid.workers for grid in grids), rules, running)
    found = ablation.rows(outcome)
    summary = AblationSummary(
        ablation.output, notes=ablation.notes(), taken=len(ablation.taken), left=len(outcome.left)
    )
    summary.rows = [row for row in found if not row["error"]]
    summary.failures = [row for row in found if row["error"]]
    for name, grid in ablation.grids.items():
        mine = [row for row in summary.rows if row["grid"] == name]
        clips = ablation.clips(mine)
        summary.reports[name] = describe(name, grid, mine, clips)
        ablation.write(name, [row for row in found if row["grid"] == name], clips, summary.reports[name])
    _count(summary, jobs, outcome)
    return summary


def start_jobs(ablation: Ablation, jobs: Sequence[Job], workers: int, rules: RunRules, running: Running) -> Outcome:
    """Run the jobs here, or on a Dask cluster; rows are written as cells are finished."""
    watch = CellByCell(ablation, asked_for)
    if running.dask is None:
        environment = one_thread()
        with forked_launch(jobs, environment) as launch:
            return run_jobs(jobs, workers, environment=environment, rules=rules, launch=launch, watch=watch)
    with cluster_launch(running.dask, ablation.output, ablation.catalog, workers, running.resources) as (launch, width):
        return run_jobs(jobs, width, rules=rules, launch=launch, watch=watch)


def lost_results(folder: Path, grid: Grid) -> list[Difference]:
    """In what the grid whose results are in `folder` is not part of `grid`; more arms, sizes and seeds lose nothing."""
    path = folder / GRID
    if not path.is_file():
        return []
    values = {name: value for name, value in read_object(path).items() if name in Grid.model_fields}
    if values.get("outcomes"):
        values.pop("metric", None)  # which is the first outcome's name
    try:
        found = stored(Grid, values, where=str(path), go_on="").model_dump(mode="json")
    except InputError:
        found = values
    asked = grid.model_dump(mode="json")
    for name in ("fractions", "seeds"):
        if set(found.get(name, ())) <= set(asked[name]):
            asked[name] = found.get(name)
    asked["arms"] = {arm: steps for arm, steps in asked["arms"].items() if arm in found.get("arms", {})}
    if _points(found) <= _points(asked):
        for name in ("axes", "design", "fractions"):
            asked[name] = found.get(name)
    free = {"question", "workers", "retries", "infeasible"}  # they change no row
    free |= {"metric"} if found.get("metric") in RATE_COLUMNS else set()  # these columns are there for any metric
    kept = [{name: value for name, value in values.items() if name not in free} for values in (found, asked)]
    return list(compare(*kept))


def _points(grid: Mapping[str, Any]) -> set[str]:
    """The points of a grid's axes, as text."""
    try:
        axes = [read_axis(name, said) for name, said in (grid.get("axes") or {}).items()]
        points = design_points(axes, TypeAdapter(Design).validate_python(grid.get("design") or "full"))
    except ValueError:
        return {str(grid.get("axes"))}
    return {str([axis_labels(axis, point[axis.name]) for axis in axes]) for point in points}


def describe(name: str, grid: Grid, rows: Sequence[Mapping[str, Any]], clips: pa.Table | None = None) -> dict[str, Any]:
    """What a grid asked and found, for grid.json: settings, what may be claimed, curves or why there are none, and what
    to run next.

    clips: what each held-out clip gave to the outcomes, as clips.parquet has it.
    """
    asked = asked_for(name, grid)
    known = figures_of(asked)
    cell = next_cell(Study(Path(name), asked, [dict(row) for row in rows], clips, known))
    return {
        **asked,
        "claims": study_claims(rows, known, clips).report(),
        "fits": {arm: _fit_summary(fit_arm(rows, arm, grid.figure), grid.figure) for arm in grid.arms},
        "next": cell.sentence if cell else None,
    }


def asked_for(name: str, grid: Grid) -> dict[str, Any]:
    """What a grid asks, for grid.json."""
    return {
        "name": name,
        **grid.model_dump(mode="json", exclude=set() if grid.folds else {"folds"}),
        "metric": grid.outcome_name,
        "figure": asdict(grid.figure) | {"needs": sorted(grid.figure.needs)},
    }


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


def _id(cell: Cell) -> str:
    return f"{cell.grid}/{cell.name}"


def _same_trainings(
    nodes: Mapping[str, Node], settings: Mapping[str, StageSettings], locks: Mapping[str, Lock]
) -> dict[str, str]:
    """Nodes whose plan came out as another's, with all else equal: by key, the first such node."""
    keys: dict[str, str] = {}
    first: dict[str, str] = {}
    same: dict[str, str] = {}
    for key, node in nodes.items():  # what a node starts from comes before it
        made = Training(settings[key], locks[node.plan.key].plan_sha256, keys[node.parent] if node.parent else None)
        keys[key] = made.key
        if first.setdefault(made.key, key) != key:
            same[key] = first[made.key]
    return same


def _said(row: Mapping[str, Any], name: str) -> str:
    value = row.get(name)
    return "" if value is None else f"{name} {value:.3f}"


def _write_yaml(path: Path, value: Any) -> None:
    write_text(path, yaml_text(dict(value) if isinstance(value, Mapping) else value))
