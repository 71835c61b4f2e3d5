"""Options of commands that ask workspaces, and the catalog that goes with them."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from curation.catalog.studies import Studies

CATALOG = Path("demo/catalog")
WorkspaceOption: TypeAlias = Annotated[
    list[Path] | None,
    typer.Option(
        help="Output folder of `soundwave ablate`, a run, or a folder that holds such; for `results`, `runs`, "
        "`ledger`, `plans`, `locks` and what they say. May be repeated."
    ),
]
CatalogOption: TypeAlias = Annotated[
    Path | None,
    typer.Option(help="The catalog; demo/catalog by default, or that of the workspace.", show_default=False),
]
RunsOption: TypeAlias = Annotated[
    list[Path] | None,
    typer.Option(help="Runs, or folders of runs, for `runs`, `ledger` and what they say; may be repeated."),
]


def asked(
    workspace: "Sequence[Path] | None", runs: "Sequence[Path] | None", catalog: Path | None
) -> "tuple[Path | None, list[Path], Studies | None]":
    """The catalog, the runs and the studies that options ask for; the catalog is None where a workspace has none.

    Raises:
        MissingFileError: a place that is neither a workspace nor a run.
    """
    from curation.catalog.runs import find_runs
    from curation.catalog.studies import find_studies

    if not workspace:
        return catalog or CATALOG, find_runs(runs or []), None
    studies = find_studies([*workspace, *(runs or [])])  # runs of one name get a name each there
    return catalog or _catalog(studies), [], studies


def _catalog(studies: "Studies") -> Path | None:
    """The catalog that lies in a workspace, or else that of its first run that has one."""
    found = studies.folders("catalogs")
    if len(found) > 1:
        print(f"note: the catalog is {found[0]}; name another one as --catalog", file=sys.stderr)
    if found:
        return found[0]
    from manifests.errors import InputError
    from soundwave.train.runs.places import run_catalog

    said = ""
    for run in studies.folders("runs"):
        try:
            place, change = run_catalog(run)
        except InputError as error:
            said = said or str(error)
            continue
        if change:
            print(f"note: {change}", file=sys.stderr)
        return place
    print(f"note: no catalog, so its tables are empty. {said or 'Name it as --catalog.'}", file=sys.stderr)
    return None
