"""`soundwave report`: one page of a workspace."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(report)


def report(
    workspace: Annotated[Path, typer.Argument(help="Folder with corpora/, catalog/, ablation/, ...")] = Path("demo"),
    output: Annotated[Path | None, typer.Option(help="The page (default: WORKSPACE/report.html).")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON as well.")] = False,
) -> None:
    """Build one self-contained HTML page of a workspace, and summary.json beside it.

    Corpora, rejects, mixtures, audits, alignments, training curves, ablations, transcripts, times, provenance. What
    is missing is said to be missing.

    Example: `soundwave report demo --output demo/report.html`
    """
    from manifests.files import read_object
    from soundwave.cli._tables import print_json, say
    from soundwave.report.page import SUMMARY, write_report

    page = write_report(workspace, output or workspace / "report.html")
    facts = read_object(page.with_name(SUMMARY), "missing")
    if as_json:
        print_json(facts)
        return
    say(f"{page} and {page.with_name(SUMMARY)} written")
    if facts["missing"]:
        say(f"missing in this workspace: {', '.join(facts['missing'])}")
