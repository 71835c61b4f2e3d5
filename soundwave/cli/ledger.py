"""`soundwave ledger`: what runs really trained on, and what they made of it."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from soundwave.cli._limits import MEMORY, SECONDS, MemoryOption, SecondsOption
from soundwave.cli._settings import MOST

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(ledger)


def ledger(
    runs: Annotated[list[Path], typer.Argument(help="Runs, or folders of runs.", show_default=False)],
    *,
    catalog: Annotated[
        Path | None,
        typer.Option(help="For texts and hours; by default that on which the first run was trained, if it is there."),
    ] = None,
    plans: Annotated[
        Path | None,
        typer.Option(help="Folder of plans; by default that of the first run, or mixtures beside the catalog."),
    ] = None,
    seconds: SecondsOption = SECONDS,
    memory: MemoryOption = MEMORY,
    bins: Annotated[int, typer.Option(min=1, max=MOST, help="Stretches of steps to average losses over.")] = 6,
    uses: Annotated[
        int, typer.Option(min=2, max=MOST, help="`Never learn` looks at rows trained at least this often.")
    ] = 3,
    most: Annotated[int, typer.Option(min=1, max=MOST, help="Rows to print of those that never learn.")] = 10,
    json_: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
) -> None:
    """Planned against realised by domain, loss by domain over the steps, and rows that never learn.

    Exit 1 if a run trained something other than its plan.

    Example: soundwave ledger demo/runs --catalog demo/catalog --plans demo/mixtures
    """
    from curation.catalog import ledger as ledgers
    from curation.catalog.runs import find_runs
    from curation.duck import limited
    from soundwave.cli._limits import limits
    from soundwave.cli._tables import print_json

    allowed = limits(seconds, memory)
    where, folder = _places(find_runs(runs)[0])
    where = catalog or where
    folder = plans or folder or (where.parent / "mixtures" if where else None)
    found = folder if folder is not None and folder.is_dir() else None
    with (
        ledgers.open_ledger(runs, catalog=where, plans=found, limits=allowed) as con,
        limited(con, allowed, where="the ledgers"),
    ):
        facts: dict[str, Any] = {
            "runs": _runs(con),
            "planned_realised": ledgers.planned_realised(con),
            "loss_by_domain": ledgers.loss_by_domain(con, bins=bins),
            "never_learn": ledgers.never_learn(con, uses=uses, most=None if json_ else most),
            "off_plan": ledgers.off_plan(con),
            "plan_not_found": ledgers.runs_without_plan(con),
        }
    print_json(facts) if json_ else _show(facts, uses)
    if facts["off_plan"]:
        raise typer.Exit(1)


def _places(run: Path) -> tuple[Path | None, Path | None]:
    """The catalog and the folder of plans of a run; None for what is gone: texts, hours and units stay empty."""
    from manifests.errors import InputError
    from soundwave.train.runs.places import plans_folder, run_catalog

    try:
        found, change = run_catalog(run)
    except InputError as error:
        found, change = None, str(error)
    if change:
        print(f"note: {change}", file=sys.stderr)
    try:
        return found, plans_folder(run)
    except InputError:  # the tables say more of such a run
        return found, None


def _runs(con: Any) -> list[dict[str, Any]]:
    from curation.duck import records

    columns = "run, stage, parse_filename(parent) AS parent, steps"
    query = f"SELECT {columns}, (SELECT count(DISTINCT step) FROM ledger WHERE ledger.run = runs.run) AS trained_steps"
    return records(con.execute(f"{query}, seconds FROM runs ORDER BY run"))


def _show(facts: "Mapping[str, Any]", uses: int) -> None:
    from soundwave.cli._tables import print_rows, say

    print_rows(facts["runs"], title="runs")
    for run in facts["runs"]:
        rows = [row for row in facts["planned_realised"] if row["run"] == run["run"]]
        unit = next((row["unit"] for row in rows if row["unit"]), "units")
        title = f"{run['run']}: planned and realised, as shares and in {unit}"
        print_rows([_short(row) for row in rows], title=title)
    for kind, title in (("loss", "next-token loss"), ("ctc_loss", "CTC loss"), ("kept_share", "frames kept")):
        rows = by_stretch(facts["loss_by_domain"], kind)
        if rows:
            print_rows(rows, title=f"{title} by domain, over the steps of each run")
    for run in dict.fromkeys(row["run"] for row in facts["never_learn"]):
        rows = [_life(row) for row in facts["never_learn"] if row["run"] == run]
        print_rows(rows, title=f"{run}: rows that never learn (trained {uses} times or more), worst first")
    if not facts["never_learn"]:
        print(f"no row trained {uses} times or more kept a high loss")
    for run in facts["plan_not_found"]:
        say(f"note: the plan of {run} was not found, so its units are unknown (--plans names a folder of plans)")
    if facts["off_plan"]:
        print_rows(facts["off_plan"][:20], title=f"{len(facts['off_plan']):,} rows where training left its plan")
    elif len(facts["plan_not_found"]) < len(facts["runs"]):
        print("every trained draw is the plan's")


def _short(row: "Mapping[str, Any]") -> dict[str, Any]:
    """A row of planned_realised as wide as a terminal."""
    names = {"due_units": "due by now", "realised_units": "trained", "most_uses": "most uses"}
    left_out = {"run", "unit"} | ({"hours"} if row["unit"] == "hours" else set())
    return {names.get(name, name): value for name, value in row.items() if name not in left_out}


def _life(row: "Mapping[str, Any]") -> dict[str, Any]:
    """A row of never_learn as wide as a terminal."""
    names = {"first_loss": "first", "last_loss": "last", "domain_loss": "median"}
    return {names.get(name, name): value for name, value in row.items() if name not in ("run", "fell")}


def by_stretch(rows: "Sequence[Mapping[str, Any]]", kind: str) -> list[dict[str, Any]]:
    """One row per run and domain with a column per stretch of steps, for what has any value of this kind."""
    stretches = sorted({row["stretch"] for row in rows})
    last = {stretch: max(row["last_step"] for row in rows if row["stretch"] == stretch) for stretch in stretches}
    same = len({row["run"] for row in rows}) == 1
    names = {stretch: f"to step {last[stretch]}" if same else f"part {stretch + 1}" for stretch in stretches}
    table: dict[tuple[str, str], dict[str, Any]] = {}
    for row in rows:
        empty = {"run": row["run"], "domain": row["domain"]} | dict.fromkeys(names.values())
        table.setdefault((row["run"], row["domain"]), empty)[names[row["stretch"]]] = row[kind]
    return [row for row in table.values() if any(row[name] is not None for name in names.values())]
