"""`soundwave report`: one page of a workspace."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(report)


def report(
    workspace: Annotated[
        Path, typer.Argument(help="Folder with corpora/, catalog/, ablation/, ...; or of a study.")
    ] = Path("demo"),
    output: Annotated[Path | None, typer.Option(help="The page (default: WORKSPACE/report.html).")] = None,
    examples: Annotated[
        int, typer.Option(min=0, max=50, help="Clips of a kind (best, worst, ...) to listen to, of each outcome.")
    ] = 2,
    sound_mb: Annotated[
        float, typer.Option(min=0, max=14, help="Megabytes for sounds; the page stays below 15 in any case.")
    ] = 8.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON as well.")] = False,
) -> None:
    """Build one self-contained HTML page of a workspace, and summary.json beside it.

    Claims, curves, surfaces and trade-offs of ablations; clips to listen to; mixtures, losses by domain, corpora,
    audits, and where each figure comes from. What is missing is said to be missing. The workspace may be the output of
    `soundwave ablate`, or one grid's results in it.

    Example: `soundwave report demo --output demo/report.html --examples 3`
    """
    from manifests.files import read_object
    from soundwave.cli._tables import print_json, say
    from soundwave.report.page import SUMMARY, ReportOptions, write_report

    page = write_report(workspace, output or workspace / "report.html", ReportOptions(examples, sound_mb))
    facts = read_object(page.with_name(SUMMARY), "missing")
    if as_json:
        print_json(facts)
        return
    say(f"{page} and {page.with_name(SUMMARY)} written")
    if facts["missing"]:
        say(f"missing in this workspace: {', '.join(facts['missing'])}")
