"""`soundwave mix`: mixtures to plans."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from soundwave.cli import _completion
from soundwave.cli._limits import MEMORY, SECONDS, MemoryOption, SecondsOption
from soundwave.cli._settings import MOST, SetOption, overrides

if TYPE_CHECKING:
    from manifests.plans import Lock

CatalogOption = Annotated[Path, typer.Option(help="The catalog to draw from.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
CATALOG = Path("demo/catalog")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    commands = typer.Typer(
        help="Mixtures: what a training stage sees, how much of it, in which order.", no_args_is_help=True
    )
    app.add_typer(commands, name="mix")
    for command in (plan, show, hear, diff, lint):
        commands.command()(command)


def plan(  # noqa: PLR0917 - options are keywords
    mixture: Annotated[
        str, typer.Argument(help="A YAML file, or alignment, shrinking, sft.", autocompletion=_completion.mixtures)
    ],
    catalog: CatalogOption = CATALOG,
    output: Annotated[
        Path | None, typer.Option(help="Folder of the plan; mixtures/NAME beside the catalog by default.")
    ] = None,
    set_: SetOption = None,
    force: Annotated[
        bool,
        typer.Option(
            "--force", help="Another mixture's plan that is in the folder is OUTPUT.old-1 when the new one is whole."
        ),
    ] = False,
    seconds: SecondsOption = SECONDS,
    memory: MemoryOption = MEMORY,
    json_: JsonOption = False,
) -> None:
    """Draw a mixture's plan and lock it. The same mixture and catalog give the same bytes; another mixture's plan in
    the folder is left alone.

    Example: soundwave mix plan alignment --catalog demo/catalog --output demo/mixtures/alignment
    """
    from curation.plan import make_plan
    from curation.plan.mixture import load_mixture
    from curation.storage import local
    from manifests.disk.names import need_name
    from manifests.errors import OccupiedError
    from soundwave.cli._limits import limits
    from soundwave.cli._tables import print_json

    loaded = load_mixture(mixture, overrides(set_))
    folder = output or catalog.parent / "mixtures" / need_name(loaded.name, setting="name")
    folder = local(folder, what="a plan (--output)")
    try:
        lock = make_plan(loaded, catalog, folder, aside=force, limits=limits(seconds, memory))
    except OccupiedError as error:
        hint = "\n--output names another folder, --force moves that plan aside." if error.movable else ""
        raise OccupiedError(f"{error}{hint}", movable=error.movable) from error
    print_json(lock.row()) if json_ else _show(lock, folder)


def show(
    plan: Annotated[Path, typer.Argument(help="Folder of a plan.")],
    *,
    windows: Annotated[bool, typer.Option("--windows", help="Also the shares of every window of steps.")] = False,
    repeats: Annotated[bool, typer.Option("--repeats", help="Also how many cuts are used how often.")] = False,
    picture: Annotated[
        Path | None, typer.Option(help="Draw shares by window and repeats (.svg, .png or .html).")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file that --picture names.")] = False,
    json_: JsonOption = False,
) -> None:
    """Planned and realised amounts of a plan: by domain, by window of steps, and how often rows are used.

    Example: soundwave mix show demo/mixtures/alignment --windows --picture alignment.svg
    """
    from curation.plan.show import draw, shares_by_window, uses
    from manifests.files import new_file
    from manifests.plans import read_lock
    from soundwave.cli._tables import print_json, print_rows

    lock = read_lock(plan)
    rows = shares_by_window(plan)
    if picture is not None:
        draw(plan, new_file(picture, force=force))
    if json_:
        print_json(lock.row() | {"windows": rows, "uses": uses(plan)})
        return
    _show(lock, plan)
    if windows:
        print_rows(rows, title="realised shares by window")
    if repeats:
        print_rows(uses(plan), title="cuts by how often they are used")


def hear(  # noqa: PLR0917 - options are keywords
    plan: Annotated[Path, typer.Argument(help="Folder of a plan.")],
    row: Annotated[int, typer.Option(min=0, max=MOST, help="Which row of the plan, from 0.")] = 0,
    joined: Annotated[
        bool, typer.Option("--joined", help="From there on the first row that is joined with others.")
    ] = False,
    output: Annotated[Path | None, typer.Option(help="Write the sound to this file (.wav, .flac or .ogg).")] = None,
    stage: Annotated[
        str | None, typer.Option(help="The stage that trains on it, a name or a YAML file; the plan's own by default.")
    ] = None,
    set_: SetOption = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file that --output names.")] = False,
    json_: JsonOption = False,
) -> None:
    """What a row of a plan sounds like in training, alone or joined with others, and what the model is to make of it.

    Example: soundwave mix hear demo/mixtures/alignment --joined --output sandwich.wav
    """
    from manifests.errors import InputError
    from manifests.files import new_file
    from manifests.plans import read_lock
    from soundwave.cli._tables import print_json, print_rows, say
    from soundwave.train.batches.hearing import hear as heard
    from soundwave.train.batches.hearing import save
    from soundwave.train.settings import load_stage

    target = None if output is None else new_file(output, force=force)
    found = heard(plan, load_stage(stage or read_lock(plan).stage, overrides(set_)), row, joined=joined)
    if target is not None and found.composed is None:
        raise InputError(f"Row {found.row:,} is text alone: there is nothing to write to {target}.")
    if target is not None and found.composed is not None:
        save(found.composed.samples, target)
    stretches = found.composed.stretches if found.composed else ()
    facts = {key: value for key, value in asdict(found).items() if key != "composed"}
    if json_:
        print_json(facts | {"stretches": [asdict(one) for one in stretches]})
        return
    rows = [{"from (s)": one.start, "to (s)": one.end, "cut": one.cut_id, "text": one.text} for one in stretches]
    if rows:
        print_rows(rows, title=f"row {found.row} (step {found.step}): {found.task}")
    say(f"CTC is to write: {'nothing' if found.target is None else found.target}")
    say(f"the LLM is to answer: {'nothing' if found.answer is None else found.answer}")


def diff(  # noqa: PLR0917 - options are keywords
    plan_a: Annotated[Path, typer.Argument(help="Folder of a plan.")],
    plan_b: Annotated[Path, typer.Argument(help="Folder of another plan.")],
    catalog: CatalogOption = CATALOG,
    most: Annotated[int, typer.Option(min=1, max=MOST, help="Rows to print of each dimension.")] = 12,
    seconds: SecondsOption = SECONDS,
    memory: MemoryOption = MEMORY,
    json_: JsonOption = False,
) -> None:
    """What plan B draws that plan A does not: hours by domain, corpus, language, label, speaker. Exit 1 if they differ.

    Example: soundwave mix diff demo/mixtures/shrinking demo/mixtures/sft --catalog demo/catalog
    """
    from curation.plan.diff import diff_plans
    from soundwave.cli._limits import limits
    from soundwave.cli._tables import print_json, print_rows

    changes = diff_plans(plan_a, plan_b, catalog, limits=limits(seconds, memory))
    if json_:
        print_json([asdict(change) for change in changes])
    else:
        for dimension in dict.fromkeys(change.dimension for change in changes):
            rows = [asdict(change) for change in changes if change.dimension == dimension]
            print_rows([{k: v for k, v in row.items() if k != "dimension"} for row in rows[:most]], title=dimension)
            if len(rows) > most:
                print(f"and {len(rows) - most} more; --most {len(rows)} prints them")
    if any(change.change or change.added or change.removed for change in changes):
        raise typer.Exit(1)


def lint(  # noqa: PLR0917 - options are keywords
    mixture: Annotated[
        str, typer.Argument(help="A YAML file, or alignment, shrinking, sft.", autocompletion=_completion.mixtures)
    ],
    catalog: CatalogOption = CATALOG,
    set_: SetOption = None,
    seconds: SecondsOption = SECONDS,
    memory: MemoryOption = MEMORY,
    json_: JsonOption = False,
) -> None:
    """Can this mixture be had from this catalog? Draws nothing. Exit 2 with the nearest that can, if it cannot.

    Example: soundwave mix lint shrinking --catalog demo/catalog --set max_repeats=2
    """
    from curation.plan import plan_schedule
    from curation.plan.mixture import load_mixture
    from soundwave.cli._limits import limits
    from soundwave.cli._tables import print_json, print_rows, say

    loaded = load_mixture(mixture, overrides(set_))
    schedule, pools = plan_schedule(loaded, catalog, limits=limits(seconds, memory))
    rows = [
        {
            "domain": name,
            "share": planned / schedule.budget,
            f"planned {loaded.unit}": planned,
            "candidates": pools[name].candidates,
            f"they hold {loaded.unit}": pools[name].units,
            "uses": planned / pools[name].units,
        }
        for name, planned in sorted(schedule.planned.items())
    ]
    if json_:
        print_json({"name": loaded.name, "budget": schedule.budget, "notes": schedule.notes, "domains": rows})
        return
    print_rows(rows, title=f"{loaded.name}: {schedule.budget:g} {loaded.unit} can be had")
    for note in schedule.notes:
        say(f"note: {note}")


def _show(lock: "Lock", folder: Path) -> None:
    """The planned/realised table, and the facts of the plan that are not in it."""
    from manifests.units import clock
    from soundwave.cli._tables import print_rows, say

    rows = [
        {
            "domain": name,
            "share": domain.share,
            "realised": domain.realised_share,
            f"planned {lock.unit}": domain.planned,
            f"realised {lock.unit}": domain.realised,
            "draws": domain.draws,
            "cuts": domain.unique,
            "of": domain.candidates,
            "most uses": domain.max_repeat,
        }
        for name, domain in lock.domains.items()
    ]
    print_rows(rows, title=f"{folder}: {lock.stage}, {lock.budget:g} {lock.unit}")
    print(
        f"{lock.draws:,} draws in {lock.steps:,} steps of {lock.batch_seconds:g} s ({clock(lock.seconds)}; "
        f"longest step {lock.longest_step:.1f} s), plan {lock.plan_sha256[:12]}"
    )
    passes = ["quality"] if lock.passes is None else lock.passes
    say(f"verdicts it went by: {', '.join(passes) or 'none'}")
    worst = lock.worst_window
    if worst:
        say(
            f"worst window of {lock.window} steps: number {worst.window}, {worst.domain} has {worst.share:.2%} for "
            f"{worst.share - worst.error:.2%} ({worst.off_by:+.4g} {lock.unit}; its longest row is "
            f"{worst.longest:.4g})"
        )
    for note in lock.notes:
        say(f"note: {note}")
