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
    import json

    from manifests.files import write_json, write_text
    from manifests.switch import switched
    from soundwave.report.page import claim_page, render
    from soundwave.report.summary import claim_summary, summarise
    from soundwave.report.workspace import open_workspace

    page = output or workspace / "report.html"
    summary = page.with_name("summary.json")
    claim_summary(summary)  # before the page is written: both or neither
    claim_page(page)
    html, facts = render(open_workspace(workspace)), summarise(workspace)
    with switched(page.parent) as switch:
        write_text(switch.path(page.name), html)
        write_json(switch.path(summary.name), facts)
    if as_json:
        print(json.dumps(facts, indent=2))
        return
    print(f"{page} and {page.with_name('summary.json')} written")
    if facts["missing"]:
        print(f"missing in this workspace: {', '.join(facts['missing'])}")
