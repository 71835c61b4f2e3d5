"""`soundwave doctor`: what works on this machine, and what to install for the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from soundwave.cli._settings import QuietOption

if TYPE_CHECKING:
    from soundwave.doctor.health import HealthCheck


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(doctor)


def doctor(
    *,
    quiet: QuietOption = False,
    json_: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
) -> None:
    """Say what works here, and what installs the rest: packages, devices, caches, disk, Dask, optional parts.

    Imports every package in a process of its own, and starts a Dask worker: half a minute. Exit 1: something that every
    command needs does not work. What is optional may be missing.

    Example: `soundwave doctor`
    """
    from soundwave.cli._tables import print_json
    from soundwave.doctor import examine, works

    with _telling() as told:
        found = examine(told)
    good = works(found)
    if json_:
        print_json({"works": good, "checks": [one.row() for one in found]})
    else:
        _show(found)
        print("\nAll that the commands need works." if good else "\nSomething that the commands need does not work.")
    if not good:
        raise typer.Exit(1)


@contextmanager
def _telling() -> Iterator[Callable[[str], None]]:
    """A bar of the looks; none where what draws it is broken."""
    try:
        from manifests.progress import progress_bar
        from soundwave.doctor import LOOKS

        bar = progress_bar()
        task = bar.add_task("doctor", total=len(LOOKS), note="")
    except Exception:  # whatever a broken package raises; it is a finding
        yield lambda name: None
        return
    with bar:
        yield lambda name: bar.update(task, advance=1, note=name)


def _show(found: Sequence[HealthCheck]) -> None:
    """A table a kind; plain lines where what prints tables is broken."""
    try:
        from soundwave.cli._tables import print_rows

        for kind in dict.fromkeys(one.kind for one in found):
            rows = [one for one in found if one.kind == kind]
            print_rows([{kind: one.name, "state": one.state, "what was found": one.said} for one in rows])
            print()
    except Exception:  # as above
        for one in found:
            print(ascii(f"{one.kind} {one.name}: {one.state}: {one.said}"))
    for one in found:
        if one.do:
            print(f"{one.name}: {one.do}")
